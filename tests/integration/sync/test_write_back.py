"""What people ask for is written to HubSpot once, by those who may, and never over what somebody else set meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from tests.integration.databases import ON_SQLITE
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import NOW, Followed
from tests.integration.sync.writing_back import (
    ADA,
    BO,
    CEM,
    REVOPS,
    Call,
    Make,
    before_that,
    instead_of_the_next,
    people,
    said,
    write,
)

from ros_sync import clock
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.errors import PermanentError
from ros_sync.fields import StoredValue
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sandbox.hubspot.tokens import SCOPES
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.write_back.requests import WriteBackRequest


def changes_of_it(engine: Engine) -> list[tuple[object, ...]]:
    """What changed in the deal, oldest first; not by its activities, of which the note is one."""
    changes = mirror_of(engine).changes()
    return [each.pick("field", "old", "new") for each in changes if not each.field.startswith("last")]


def test_every_field_of_a_deal_is_written_and_shown_at_once(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make
) -> None:
    """Next step and its date, close date, amount and stage stand in HubSpot, in the mirror and in its history."""
    made = deal()
    syncer.cycle()
    hubspot.clock.advance(60)
    changes: dict[str, StoredValue] = {"next_step": "Call <b>Jane</b>", "next_step_date": "2026-03-09",
                                   "close_date": "2026-05-31",
                                   "amount": 250_050, "stage": "Proposal"}  # fmt: skip
    assert write(syncer, made, changes).state == "done"
    held = hubspot.account.snapshot("deals")[made]
    names = ("hs_next_step", "next_step_date", "closedate", "amount", "dealstage")
    assert [held[name] for name in names] == [
        "Call <b>Jane</b>", "2026-03-09", "2026-05-31T00:00:00.000Z", "2500.50", "proposal",
    ]  # fmt: skip
    shown = mirror_of(engine).deal().pick("next_step", "stage", "amount_minor", "push_count", "stage_kind")
    assert shown == ("Call <b>Jane</b>", "Proposal", 250_050, 1, "open")
    hubspot.clock.advance(60)
    before = changes_of_it(engine)
    syncer.cycle()
    assert changes_of_it(engine) == before


def test_a_note_says_who_asked_and_carries_no_markup(hubspot: Followed, syncer: Syncer, deal: Make) -> None:
    """HubSpot shows notes as HTML: what a person typed is shown as it was typed."""
    made = deal()
    syncer.cycle()
    write(syncer, made, {"next_step": "<script>alert(1)</script>"})
    (note,) = hubspot.account.snapshot("notes").values()
    assert "&lt;script&gt;" in str(note["hs_note_body"])
    assert f"asked for by {ADA}" in str(note["hs_note_body"])
    assert len(hubspot.account.associations_of("deals", made, "notes")) == 1


def test_what_stands_there_already_gets_no_second_note(hubspot: Followed, syncer: Syncer, deal: Make) -> None:
    """The same write-back request again: nobody changed anything, so there is nothing that a note could tell of."""
    made = deal()
    syncer.cycle()
    hubspot.clock.advance(60)
    outcomes = [write(syncer, made, {"next_step": "Call Jane"}) for _ in range(2)]
    assert [each.words for each in outcomes] == ["written", "it already had this value in HubSpot"]
    assert (said(hubspot, made), len(hubspot.account.snapshot("notes"))) == (["Call Jane"], 1)


def test_a_change_made_meanwhile_is_shown_and_stands(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make
) -> None:
    """Who decided on an old value writes nothing; the mirror shows what is there, and by whom."""
    made = deal(hs_next_step="Send offer")
    syncer.cycle()
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"hs_next_step": "Call Jane"}, by="8")
    outcome = write(syncer, made, {"next_step": "Wait"})
    assert (outcome.state, outcome.found) == ("conflict", {"next_step": "Call Jane"})
    assert "next step is “Call Jane” now" in outcome.words
    assert hubspot.account.snapshot("deals")[made]["hs_next_step"] == "Call Jane"
    assert mirror_of(engine).deal().next_step == "Call Jane"
    assert hubspot.account.snapshot("notes") == {}


def test_a_change_in_the_very_moment_of_writing_is_put_back(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HubSpot has no conditional write: what somebody set between our look and our write is found and set again."""
    made = deal(hs_next_step="Send offer")
    syncer.cycle()

    def overtaken(update: Call) -> object:
        hubspot.clock.advance(1)
        hubspot.account.update("deals", made, {"hs_next_step": "Call Jane"}, by="8")
        hubspot.clock.advance(1)
        return update()

    instead_of_the_next(monkeypatch, "update", overtaken)
    outcome = write(syncer, made, {"next_step": "Wait"})
    assert (outcome.state, outcome.found) == ("conflict", {"next_step": "Call Jane"})
    assert hubspot.account.snapshot("deals")[made]["hs_next_step"] == "Call Jane"
    assert mirror_of(engine).deal().next_step == "Call Jane"


def test_mql_accepted_and_rejected_with_a_code(hubspot: Followed, engine: Engine, syncer: Syncer) -> None:
    """An answer to an MQL moves the lifecycle stage in HubSpot, and with it the lead's own fields here."""
    given = {"lifecyclestage": "marketingqualifiedlead", "hubspot_owner_id": "7"}
    good, bad = (hubspot.account.create("contacts", {"email": f"{n}@mill.example", **given}) for n in ("a", "b"))
    hubspot.clock.advance(3_600)
    syncer.cycle()
    hubspot.clock.advance(60)
    at = NOW + timedelta(minutes=61)
    carried = clock.to_micros(at)
    assert write(syncer, good, {"accepted": carried}, name="lead").state == "done"
    rejected: dict[str, StoredValue] = {"rejected": carried, "rejection_code": "No budget signal"}
    assert write(syncer, bad, rejected, name="lead").state == "done"
    assert mirror_of(engine).lead(good).pick("lifecycle_stage", "accepted_at") == ("SAL", at)
    told = mirror_of(engine).lead(bad).pick("lifecycle_stage", "rejected_at", "rejection_code")
    assert told == ("Rejected", at, "No budget signal")


@ON_SQLITE
@pytest.mark.parametrize(
    "by, granted", [(ADA, True), (CEM, True), (REVOPS, True), (BO, False), ("nobody@loom.example", False)]
)
def test_who_may_change_a_deal(syncer: Syncer, deal: Make, by: str, granted: bool) -> None:
    """The owner, whom they report to, and RevOps may.

    A colleague and a stranger may not, and nothing is kept of them.
    """
    made = deal()
    syncer.cycle()
    try:
        state = str(write(syncer, made, {"next_step": "Wait"}, by=by).state)
    except PermanentError as error:
        state = str(error)
    assert (state == "done", "isn't allowed to change this" in state) == (granted, not granted)
    assert ("their managers and RevOps can change it (`role: revops` in rules/organisation.yaml)" in state) == (
        by == BO
    )
    assert len(mirror_of(syncer.engine).write_requests()) == int(granted)


@ON_SQLITE
@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"name": "x"}, "can't be written back"),
        ({"stage": "Nosuch"}, "there is no stage 'Nosuch'"),
        ({}, "nothing to change"),
        ({"next_step": "x" * 70_000}, "is longer than"),
        ({"next_step": "Call\x1b[2J Jane"}, "holds a control character (U+001B, character 5)"),
        ({"next_step": "ring\x07"}, "holds a control character (U+0007"),
        ({"next_step": "end\0"}, "holds a control character (U+0000"),
        ({"next_step": "back\u202e"}, "holds a control character (U+202E"),
    ],
)
def test_what_cannot_be_written_is_said(
    hubspot: Followed, syncer: Syncer, deal: Make, changes: dict[str, StoredValue], reason: str
) -> None:
    """A field that can't be written back, an unknown stage, nothing at all.

    Each has its words, and HubSpot is left alone.
    """
    made = deal()
    syncer.cycle()
    hubspot.calls()
    try:
        words = write(syncer, made, changes).words
    except PermanentError as error:
        words = str(error)
    assert (reason in words, hubspot.calls()["write deals"]) == (True, 0)


def test_a_deal_that_was_archived_or_merged(hubspot: Followed, syncer: Syncer, deal: Make) -> None:
    """A deal that is gone is refused in words; one that was merged is written where it went."""
    gone, first, other = deal(), deal(), deal()
    syncer.cycle()
    hubspot.clock.advance(60)
    hubspot.account.archive("deals", gone)
    assert "no longer exists" in write(syncer, gone, {"next_step": "Wait"}).words
    new = hubspot.account.merge("deals", first, other)
    assert f"merged into {new}" in write(syncer, first, {"next_step": "Wait"}).words
    syncer.cycle()
    assert write(syncer, first, {"next_step": "Wait"}).state == "done"
    assert hubspot.account.snapshot("deals")[new]["hs_next_step"] == "Wait"


def test_a_note_is_found_among_very_many(
    hubspot: Followed, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deal with more notes than a page of associations holds gets one note for a request that was tried twice."""
    made = deal()
    syncer.cycle()

    def killed(create: Call) -> object:
        create()
        raise KeyboardInterrupt

    instead_of_the_next(monkeypatch, "create", killed)
    with pytest.raises(KeyboardInterrupt):
        write(syncer, made, {"next_step": "Wait"})
    for number in range(130):
        note = hubspot.account.create("notes", {"hs_note_body": f"Note {number}"})
        hubspot.account.associate("notes", note, "deals", made)
    (outcome,) = syncer.execute_writes()
    ours = [each for each in hubspot.account.snapshot("notes").values() if ADA in str(each["hs_note_body"])]
    assert (outcome.state, len(ours)) == ("done", 1)


def test_what_somebody_set_themselves_is_not_taken_for_ours(
    hubspot: Followed, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We ended before the write, and somebody set the same value.

    Nothing is put back, whatever an integration set once.
    """
    made = deal(hs_next_step="Call Jane")
    before_that(hubspot, made, ("Wait", "INTEGRATION"), ("Send offer", "CRM_UI"))
    syncer.cycle()

    def killed(_: Call) -> object:
        raise KeyboardInterrupt

    instead_of_the_next(monkeypatch, "update", killed)
    with pytest.raises(KeyboardInterrupt):
        write(syncer, made, {"next_step": "Wait"})
    hubspot.clock.advance(60)
    hubspot.account.update("deals", made, {"hs_next_step": "Wait"}, by="8")
    (outcome,) = syncer.execute_writes()
    assert ("done", ["Call Jane", "Wait", "Send offer", "Wait"]) == (outcome.state, said(hubspot, made))


def test_what_cannot_be_put_back_is_said(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody was at it in the very moment, and what they set may not be written any more."""
    made = deal(hs_next_step="Send offer")
    syncer.cycle()
    hubspot.clock.advance(60)

    def overtaken(update: Call) -> object:
        hubspot.account.update("deals", made, {"hs_next_step": "Call Jane"}, by="8")
        hubspot.clock.advance(1)
        answer = update()
        hubspot.account.tokens.limit_scopes(tuple(each for each in SCOPES if each != "crm.objects.deals.write"))
        return answer

    instead_of_the_next(monkeypatch, "update", overtaken)
    outcome = write(syncer, made, {"next_step": "Wait"})
    assert ("conflict", "Wait") == (outcome.state, mirror_of(engine).deal().next_step)
    assert "their change couldn't be restored" in outcome.words


def test_a_wish_of_what_is_followed_no_more_holds_up_no_other(
    hubspot: Followed, engine: Engine, syncer: Syncer, deal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connector file was edited: the write-back request is refused, in words."""
    made = deal()
    syncer.cycle()
    hubspot.faults.next("write", Fault("daily_limit"))
    assert write(syncer, made, {"next_step": "Wait"}).state == "open"
    hubspot.clock.advance(90_000)
    monkeypatch.setattr(HubSpotSource, "streams", ())
    (outcome,) = syncer.execute_writes()
    assert (outcome.state, "no longer syncs deals" in outcome.words) == ("refused", True)


def test_the_audit_trail_names_the_user_of_the_machine(hubspot: Followed, syncer: Syncer, deal: Make) -> None:
    """Beside who it is said to be for stands who ran the command, which nobody can choose."""
    made = deal()
    syncer.cycle()
    request = WriteBackRequest("deal", made, {"next_step": "Call Jane"}, REVOPS, os_user="mallory")
    syncer.write(request, people(syncer.engine))
    assert (REVOPS, "mallory") == mirror_of(syncer.engine).record("write_request").pick("asked_by", "os_user")
