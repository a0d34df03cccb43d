"""Writing back while something fails: calls, answers, notes, other requests."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import alter, mirror_of
from tests.integration.sync.conftest import CONTEXT, Followed
from tests.integration.sync.writing_back import (
    Call,
    Make,
    after_the_next,
    before_that,
    instead_of_the_next,
    said,
    write,
)

from ros_sync.errors import AmbiguousError, PermanentError
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sandbox.hubspot.tokens import SCOPES
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow.engine import Syncer


@pytest.mark.parametrize("call", ["write", "batch_read"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status", "broken_json"])
def test_whatever_breaks_it_is_written_once_with_one_note(
    hubspot: Followed, syncer: Syncer, deal: Make, call: str, kind: str
) -> None:
    """A call that broke is made again, and a note that may be there is looked for first."""
    made = deal()
    syncer.cycle()
    hubspot.faults.next(call, Fault(kind, seconds=0.01), times=2)
    outcome = write(syncer, made, {"next_step": "Wait"})
    while outcome.state == "open":
        (outcome,) = syncer.execute_writes()
    held = [each.value for each in hubspot.account.history_of("deals", made, "hs_next_step")]
    assert (outcome.state, held, len(hubspot.account.snapshot("notes"))) == ("done", ["Wait"], 1)


def test_a_write_that_cannot_be_made_now_is_made_later(hubspot: Followed, syncer: Syncer, deal: Make) -> None:
    """While HubSpot is down the write-back request stays open and says why; when it is back it is carried out."""
    made = deal()
    syncer.cycle()
    hubspot.faults.next("*", Fault("status"), times=30)
    first = write(syncer, made, {"next_step": "Wait"})
    hubspot.faults.clear()
    (later,) = syncer.execute_writes()
    assert (first.state, "503" in first.words, later.state) == ("open", True, "done")
    assert syncer.execute_writes() == []


def test_a_write_whose_answer_was_lost_is_not_made_over_somebody_s_change(
    hubspot: Followed, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call was carried out, its answer lost, and somebody set something else: what they set stands."""
    made = deal(hs_next_step="Send offer")
    syncer.cycle()
    hubspot.clock.advance(60)

    def lost(update: Call) -> object:
        update()
        hubspot.clock.advance(1)
        hubspot.account.update("deals", made, {"hs_next_step": "Call Jane"}, by="8")
        raise AmbiguousError("the connection broke")

    instead_of_the_next(monkeypatch, "update", lost)
    outcome = write(syncer, made, {"next_step": "Wait"})
    held = [each.value for each in hubspot.account.history_of("deals", made, "hs_next_step")]
    assert (outcome.state, held) == ("done", ["Send offer", "Wait", "Call Jane"])


def test_a_change_that_was_overwritten_before_a_kill_is_put_back_by_the_next_attempt(
    hubspot: Followed, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our look and our write somebody was at it, and we ended before we could see that."""
    made = deal(hs_next_step="Send offer")
    syncer.cycle()
    hubspot.clock.advance(60)

    def killed(update: Call) -> object:
        hubspot.account.update("deals", made, {"hs_next_step": "Call Jane"}, by="8")
        hubspot.clock.advance(1)
        update()
        raise KeyboardInterrupt

    instead_of_the_next(monkeypatch, "update", killed)
    with pytest.raises(KeyboardInterrupt):
        write(syncer, made, {"next_step": "Wait"})
    (outcome,) = syncer.execute_writes()
    assert (outcome.state, hubspot.account.snapshot("deals")[made]["hs_next_step"]) == ("conflict", "Call Jane")


def test_one_wish_that_cannot_be_written_holds_up_no_other(hubspot: Followed, syncer: Syncer, deal: Make) -> None:
    """A value that is not a day is refused when it is asked for.

    One that slipped through is refused when its turn comes.
    """
    made = deal()
    syncer.cycle()
    with pytest.raises(PermanentError, match="is not of the kind date"):
        write(syncer, made, {"next_step_date": "next tuesday"})
    hubspot.faults.next("*", Fault("status"), times=30)
    first, second = (write(syncer, made, {"next_step_date": day}) for day in ("2026-03-09", "2026-03-10"))
    hubspot.faults.clear()
    alter(syncer.engine, "write_request", {"id": 1}, changes={"next_step_date": "soon"})
    alter(syncer.engine, "write_request", {"id": 2}, expected={"next_step_date": None})
    outcomes = [(each.number, str(each.state)) for each in syncer.execute_writes()]
    assert (str(first.state), str(second.state), outcomes) == ("open", "open", [(1, "refused"), (2, "done")])


def test_a_note_that_is_not_allowed_leaves_the_value_written(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make
) -> None:
    """Deals may be written and notes may not.

    The mirror has the value, and the outcome says what to do about the note.
    """
    made = deal()
    syncer.cycle()
    scope = "crm.objects.contacts.write"
    hubspot.account.tokens.limit_scopes(tuple(each for each in SCOPES if each != scope))
    outcome = write(syncer, made, {"amount": 900_000})
    assert ("9000.00", 900_000) == (
        hubspot.account.snapshot("deals")[made]["amount"], mirror_of(engine).deal().amount_minor,
    )  # fmt: skip
    assert ("done", outcome.words) == mirror_of(engine).record("write_request").pick("state", "outcome")
    assert outcome.words.startswith("written, but the note about who asked couldn't be added: ")
    assert f"give the service key or app the scopes {scope}" in outcome.words
    assert syncer.execute_writes() == []


@pytest.mark.parametrize("kind", ["status", "drop_before", "daily_limit"])
def test_a_note_that_cannot_be_left_now_is_left_later(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The mirror has the value at once and the write-back request says what is missing.

    The next attempt leaves the note and no more.
    """
    made = deal()
    syncer.cycle()
    after_the_next(monkeypatch, "update", lambda: hubspot.faults.next("write", Fault(kind), times=2))
    first = write(syncer, made, {"next_step": "Wait"})
    assert ("open", "Wait") == (first.state, mirror_of(engine).deal().next_step)
    assert first.words.startswith(
        "written, but the note about who asked couldn't be added yet; `ros-sync serve` tries again"
    )
    hubspot.faults.clear()
    hubspot.clock.advance(86_400)
    (later,) = syncer.execute_writes()
    assert ("done", "written", ["Wait"], 1) == (
        later.state, later.words, said(hubspot, made), len(hubspot.account.snapshot("notes")),
    )  # fmt: skip


@pytest.mark.parametrize("then", ["Send offer", "Call Jane"])
def test_what_is_set_while_the_note_waits_stands(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    """The write-back request was written once.

    Whoever sets the old value again, or another one, is not written over for the note's sake.
    """
    made = deal(hs_next_step="Send offer")
    syncer.cycle()
    hubspot.clock.advance(60)
    after_the_next(monkeypatch, "update", lambda: hubspot.faults.next("write", Fault("status")))
    write(syncer, made, {"next_step": "Wait"})
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"hs_next_step": then}, by="8")
    (outcome,) = syncer.execute_writes()
    assert ("done", ["Send offer", "Wait", then]) == (outcome.state, said(hubspot, made))
    assert (then, 1) == (mirror_of(engine).deal().next_step, len(hubspot.account.snapshot("notes")))


def test_a_record_that_cannot_be_read_after_the_write_is_read_later(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write-back request says that it was written, and is finished when HubSpot can be read again."""
    made = deal()
    syncer.cycle()
    after_the_next(monkeypatch, "update", lambda: hubspot.faults.next("batch_read", Fault("status"), times=30))
    first = write(syncer, made, {"next_step": "Wait"})
    assert ("open", True) == (first.state, first.words.startswith("written, but it couldn't be read back yet"))
    hubspot.faults.clear()
    (later,) = syncer.execute_writes()
    assert ("done", ["Wait"], 1) == (later.state, said(hubspot, made), len(hubspot.account.snapshot("notes")))
    assert mirror_of(engine).deal().next_step == "Wait"


def test_a_record_that_is_archived_right_after_the_write_was_written(
    hubspot: Followed, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not there to be read any more; the write-back request does not end as refused."""
    made = deal()
    syncer.cycle()
    after_the_next(monkeypatch, "update", lambda: hubspot.account.archive("deals", made))
    outcome = write(syncer, made, {"next_step": "Wait"})
    assert "done" == outcome.state
    assert outcome.words.startswith("written, but it couldn't be read back: ")
    assert "may have been" not in outcome.words


def test_a_record_that_is_gone_when_it_is_tried_again_may_have_been_written(
    hubspot: Followed, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell any more, and the outcome does not pretend to."""
    made = deal()
    syncer.cycle()
    after_the_next(monkeypatch, "update", lambda: hubspot.faults.next("batch_read", Fault("status"), times=30))
    write(syncer, made, {"next_step": "Wait"})
    hubspot.faults.clear()
    hubspot.account.archive("deals", made)
    (outcome,) = syncer.execute_writes()
    assert ("refused", True) == (outcome.state, "no longer exists; it may have been written before" in outcome.words)


def test_a_history_that_cannot_be_read_keeps_no_value_from_the_mirror(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is shown at once and the request ends; the history follows, and the audit finds nothing."""
    made = deal()
    syncer.cycle()
    hubspot.clock.advance(60)
    after_the_next(monkeypatch, "create", lambda: hubspot.faults.next("batch_read", Fault("status"), times=30))
    outcome = write(syncer, made, {"close_date": "2026-05-31"})
    assert ("done", "written", 1) == (
        outcome.state, outcome.words, mirror_of(engine).deal().push_count,
    )  # fmt: skip
    hubspot.faults.clear()
    hubspot.clock.advance(90_000)
    syncer.cycle()
    report = Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock, history=True).run()
    assert (report.trouble, list(report.shown)) == (None, [])


def test_a_write_that_was_not_made_is_not_taken_for_an_older_one(hubspot: Followed, syncer: Syncer, deal: Make) -> None:
    """An integration set the same value some time ago: a call that broke is made again all the same."""
    made = deal(hs_next_step="Call Jane")
    before_that(hubspot, made, ("Wait", "INTEGRATION"), ("Send offer", "CRM_UI"))
    syncer.cycle()
    hubspot.faults.next("write", Fault("status"))
    outcome = write(syncer, made, {"next_step": "Wait"})
    assert ("done", ["Call Jane", "Wait", "Send offer", "Wait"]) == (outcome.state, said(hubspot, made))


def test_what_was_never_tried_is_no_second_attempt(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make
) -> None:
    """The day's calls were used up with the first of two requests; meanwhile somebody did the second one themselves."""
    made = [deal(), deal()]
    syncer.cycle()
    hubspot.clock.advance(60)
    hubspot.faults.next("write", Fault("daily_limit"), 2)
    assert [write(syncer, each, {"next_step": "Wait"}).state for each in made] == ["open", "open"]
    hubspot.faults.clear()
    hubspot.clock.advance(90_000)
    hubspot.account.update("deals", made[1], {"hs_next_step": "Wait"}, by="8")
    outcomes = syncer.execute_writes()
    assert [(each.state, each.words) for each in outcomes] == [
        ("done", "written"),
        ("done", "it already had this value in HubSpot"),
    ]
    assert len(hubspot.account.snapshot("notes")) == 1
