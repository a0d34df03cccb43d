"""Deletions that come in a wave are held until a person decides.

Whatever tells of them, over real HTTP and on both databases.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import CONTEXT, Followed
from tests.integration.sync.test_odd_answers import Between, Json, following
from tests.integration.sync.test_odd_answers import between as between  # noqa: PLC0414  # a fixture

from ros_sync import clock
from ros_sync.connectors.source import ChangeEvent
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow import event_inbox, page_writing
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.deletions import Wave, WaveState, decide, waves
from ros_sync.sync.policy import SyncPolicy

Make = Callable[..., str]
POLICY = SyncPolicy(deletion_share=0.10, deletion_at_least=3)
DAY = 90_000  # seconds, a little more than one


def alive(engine: Engine, kind: str = "deal") -> int:
    """How many records of an object are here and not deleted."""
    return mirror_of(engine).count(kind, deleted=False)


def syncer_of(hubspot: Followed, engine: Engine) -> Syncer:
    return Syncer(engine, hubspot.source(), CONTEXT, now=hubspot.clock, policy=POLICY)


def later(hubspot: Followed, syncer: Syncer, seconds: float = DAY, *, full: bool = False) -> list[str]:
    """Run a cycle later on; what is told of deletions that are held."""
    hubspot.clock.advance(seconds)
    report = syncer.cycle(full=full)
    assert report.trouble is None
    return [each.what for each in report.remarks if "are held" in each.what]


def open_waves(engine: Engine, *states: WaveState) -> list[Wave]:
    with engine.connect() as connection:
        return waves(connection, *states)


def decided(hubspot: Followed, engine: Engine, number: int, state: WaveState) -> bool:
    with engine.begin() as connection:
        return decide(connection, number, state, "ada@loom.example", hubspot.clock())


@pytest.fixture
def syncer(hubspot: Followed, engine: Engine) -> Syncer:
    return syncer_of(hubspot, engine)


@pytest.fixture
def deals(hubspot: Followed, syncer: Syncer, deal: Make) -> list[str]:
    """Twenty deals that have been followed for two days; three of them may be deleted in a day, and no fourth."""
    made = [deal() for _ in range(20)]
    for _ in range(2):
        later(hubspot, syncer)
    return made


def archive(hubspot: Followed, ids: list[str]) -> None:
    for each in ids:
        hubspot.account.archive("deals", each)


# ---- whatever tells of them


def by_the_list(hubspot: Followed, syncer: Syncer, ids: list[str]) -> None:
    archive(hubspot, ids)
    later(hubspot, syncer)


def by_a_listing(hubspot: Followed, syncer: Syncer, ids: list[str]) -> None:
    archive(hubspot, ids)
    later(hubspot, syncer, 60, full=True)


def by_webhooks(hubspot: Followed, syncer: Syncer, ids: list[str]) -> None:
    archive(hubspot, ids)
    events = [ChangeEvent(each, "deal.deletion", "deals", each, clock.to_micros(hubspot.clock())) for each in ids]
    event_inbox.keep(syncer.engine, "hubspot", events, hubspot.clock())
    syncer.process_change_events()


def by_merges(hubspot: Followed, syncer: Syncer, ids: list[str]) -> None:
    first = ids[0]
    for each in ids[1:]:
        first = hubspot.account.merge("deals", first, each)
    later(hubspot, syncer, 60)


def by_repair(hubspot: Followed, syncer: Syncer, ids: list[str]) -> None:
    archive(hubspot, ids)
    Auditor(syncer.engine, hubspot.source(), CONTEXT, now=hubspot.clock, policy=POLICY).run(repair=True)


def by_ids_that_are_unknown(hubspot: Followed, syncer: Syncer, ids: list[str]) -> None:
    for each in ids:
        hubspot.account.erase("deals", each)
    later(hubspot, syncer, 60, full=True)


WAYS = [by_the_list, by_a_listing, by_webhooks, by_merges, by_repair, by_ids_that_are_unknown]


@pytest.mark.parametrize("way", WAYS)
def test_a_wave_is_held_whatever_tells_of_it(
    hubspot: Followed,
    engine: Engine,
    syncer: Syncer,
    deals: list[str],
    way: Callable[[Followed, Syncer, list[str]], None],
) -> None:
    """Six of twenty: all of them stay live, as one wave."""
    way(hubspot, syncer, deals[:6])
    gone = [mirror_of(engine).deal(each).deleted_at for each in deals[:6]]
    found = open_waves(engine, WaveState.HELD)
    assert (gone, [(each.stream, each.records, each.known) for each in found]) == (
        [None] * 6,
        [("deals", 6, 20)],
    )


@pytest.mark.parametrize("way", WAYS[:3])
def test_a_few_are_believed(
    hubspot: Followed,
    engine: Engine,
    syncer: Syncer,
    deals: list[str],
    way: Callable[[Followed, Syncer, list[str]], None],
) -> None:
    """Two of twenty go at once."""
    way(hubspot, syncer, deals[:2])
    assert (alive(engine), open_waves(engine)) == (18, [])


def test_ways_are_counted_together_over_a_day(
    hubspot: Followed, engine: Engine, syncer: Syncer, deals: list[str]
) -> None:
    """Two by webhooks and two by a listing are four: the second two are held. A day later two more may go."""
    by_webhooks(hubspot, syncer, deals[:2])
    by_a_listing(hubspot, syncer, deals[2:4])
    assert (alive(engine), [each.records for each in open_waves(engine)]) == (18, [2])
    hubspot.clock.advance(timedelta(hours=25).total_seconds())
    by_webhooks(hubspot, syncer, deals[4:6])
    assert (alive(engine), [each.records for each in open_waves(engine)]) == (16, [2])


# ---- what people decide


def test_what_is_held_is_told_once_and_waits(
    hubspot: Followed, engine: Engine, syncer: Syncer, deals: list[str]
) -> None:
    """However often it is looked at: one wave, told when it came, and the audit calls it held and no difference."""
    archive(hubspot, deals[:6])
    told = [later(hubspot, syncer, full=full) for full in (False, True, False)]
    assert [len(each) for each in told] == [1, 0, 0]
    assert [each.records for each in open_waves(engine, WaveState.HELD)] == [6]
    report = Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock, policy=POLICY).run(repair=True)
    assert (report.agrees, report.held, alive(engine)) == (True, 6, 20)


def test_a_confirmed_wave_is_carried_out(hubspot: Followed, engine: Engine, syncer: Syncer, deals: list[str]) -> None:
    """The next cycle deletes what the CRM still says is deleted; who decided and when stays."""
    archive(hubspot, deals[:6])
    later(hubspot, syncer)
    hubspot.account.restore("deals", deals[0])
    wave = open_waves(engine)[0].number
    assert decided(hubspot, engine, wave, WaveState.CONFIRMED)
    assert not decided(hubspot, engine, wave, WaveState.REJECTED)
    later(hubspot, syncer, 60)
    found = open_waves(engine)[0]
    assert alive(engine) == 15
    assert (found.state, found.decided_by, found.records, found.taken_over) == ("confirmed", "ada@loom.example", 0, 6)
    assert found.decided_at is not None
    later(hubspot, syncer)
    assert (alive(engine), len(open_waves(engine))) == (15, 1)


def test_a_confirmed_wave_goes_on_after_a_kill(
    hubspot: Followed, engine: Engine, syncer: Syncer, deals: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was decided stands in the database: another process carries it out."""
    archive(hubspot, deals[:6])
    later(hubspot, syncer)
    decided(hubspot, engine, open_waves(engine)[0].number, WaveState.CONFIRMED)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(page_writing, "apply", killed)
        with pytest.raises(KeyboardInterrupt):
            syncer.cycle()
    assert alive(engine) == 20
    later(hubspot, syncer_of(hubspot, engine), 60)
    assert alive(engine) == 14


def test_a_rejected_wave_is_not_held_again(hubspot: Followed, engine: Engine, syncer: Syncer, deals: list[str]) -> None:
    """The same evidence changes nothing any more; an archiving that came after the decision counts anew."""
    archive(hubspot, deals[:6])
    later(hubspot, syncer)
    wave = open_waves(engine)[0].number
    decided(hubspot, engine, wave, WaveState.REJECTED)
    told = [later(hubspot, syncer, full=full) for full in (False, True)]
    assert (told, alive(engine), [each.number for each in open_waves(engine)]) == ([[], []], 20, [wave])
    hubspot.account.restore("deals", deals[0])
    later(hubspot, syncer, 60)
    hubspot.account.archive("deals", deals[0])
    later(hubspot, syncer)
    assert alive(engine) == 19


def active(engine: Engine) -> int:
    """How many deals have an activity."""
    return len([each for each in mirror_of(engine).deals() if each.last_activity_at is not None])


@pytest.mark.parametrize("end", [by_webhooks, by_a_listing])
@pytest.mark.parametrize("kind", ["notes", "calls"])  # listed before the deals, and after them
def test_what_is_held_keeps_what_it_is_associated_with(
    hubspot: Followed,
    engine: Engine,
    syncer: Syncer,
    deals: list[str],
    kind: str,
    end: Callable[[Followed, Syncer, list[str]], None],
) -> None:
    """The CRM tells of no association with an archived record.

    A held one keeps its activities all the same, also when rejected.
    """
    for each in deals[:6]:
        made = hubspot.account.create(kind, {"hs_timestamp": "2026-03-01T10:00:00Z"})
        hubspot.account.associate(kind, made, "deals", each)
    later(hubspot, syncer, full=True)
    assert active(engine) == 6
    end(hubspot, syncer, deals[:6])
    assert [each.records for each in open_waves(engine, WaveState.HELD)] == [6]
    for full in (True, False):
        later(hubspot, syncer, full=full)
        assert active(engine) == 6
    report = Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock, policy=POLICY).run(repair=False)
    assert (report.agrees, report.held) == (True, 6)
    decided(hubspot, engine, open_waves(engine)[0].number, WaveState.REJECTED)
    later(hubspot, syncer, full=True)
    assert (alive(engine), active(engine)) == (20, 6)


def test_records_that_are_there_again_wait_no_more(
    hubspot: Followed, engine: Engine, syncer: Syncer, deals: list[str]
) -> None:
    """A wave whose records the CRM has again is withdrawn by itself."""
    archive(hubspot, deals[:6])
    later(hubspot, syncer)
    for each in deals[:6]:
        hubspot.account.restore("deals", each)
    later(hubspot, syncer, full=True)
    assert [(each.state, each.records) for each in open_waves(engine)] == [("withdrawn", 0)]


# ---- persons


def people_of(hubspot: Followed, syncer: Syncer) -> list[str]:
    made = [hubspot.account.create("contacts", {"email": f"p{n}@mill.example"}) for n in range(20)]
    for _ in range(2):
        later(hubspot, syncer)
    return made


def test_persons_that_cannot_be_read_are_held_and_erased_when_confirmed(
    hubspot: Followed, engine: Engine, syncer: Syncer
) -> None:
    """Nothing of them is lost while nobody has decided."""
    people = people_of(hubspot, syncer)
    for each in people[:6]:
        hubspot.account.erase("contacts", each)
    later(hubspot, syncer, full=True)
    assert alive(engine, "contact") == 20

    decided(hubspot, engine, open_waves(engine)[0].number, WaveState.CONFIRMED)
    later(hubspot, syncer, 60)
    assert mirror_of(engine).count("contact") == 14


def test_an_explicit_privacy_deletion_never_waits(hubspot: Followed, engine: Engine, syncer: Syncer) -> None:
    """However many they are, and whether or not they are held already."""
    people = people_of(hubspot, syncer)
    for each in people[:12]:
        hubspot.account.erase("contacts", each)
    later(hubspot, syncer, 60, full=True)
    assert [each.records for each in open_waves(engine, WaveState.HELD)] == [12]
    at = clock.to_micros(hubspot.clock())
    events = [ChangeEvent(each, "contact.privacyDeletion", "contacts", each, at) for each in people[:12]]
    event_inbox.keep(engine, "hubspot", events, hubspot.clock())
    syncer.process_change_events()
    assert mirror_of(engine).count("contact") == 8
    assert [each.state for each in open_waves(engine)] == ["withdrawn"]


def test_owners_that_vanish_in_a_wave_are_held(hubspot: Followed, engine: Engine, syncer: Syncer) -> None:
    """A list of owners that is suddenly empty ends none of them."""
    for number in range(100, 110):
        hubspot.account.add_owner(str(number), f"{number}@loom.example", "Cy", str(number))
    later(hubspot, syncer)
    for number in range(100, 110):
        hubspot.account.owners.pop(str(number))
    later(hubspot, syncer)
    assert (alive(engine, "owner"), [(each.stream, each.records) for each in open_waves(engine)]) == (
        12,
        [("owner", 10)],
    )
    decided(hubspot, engine, 1, WaveState.CONFIRMED)
    later(hubspot, syncer, 60)
    assert (alive(engine, "owner"), [each.taken_over for each in open_waves(engine)]) == (2, [10])


# ---- answers that contradict themselves


def test_a_list_of_archived_records_that_are_not_is_not_believed(
    hubspot: Followed, engine: Engine, deal: Make, between: Between
) -> None:
    """Every record in it says `"archived": false`: none is taken for deleted, and somebody is told."""
    made = [deal() for _ in range(2)]
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(DAY)

    def ignore_archived(called: str, body: Json) -> Any:
        if "archived=true" not in called.lower() or "/objects/deals" not in called:
            return body
        records = [{"id": each, "properties": {}, "archived": False} for each in made]
        return {"results": records}

    between.answer = ignore_archived
    report = syncer.cycle()
    assert (report.trouble, alive(engine)) == (None, 2)
    assert ["contradicts itself" in each.what for each in report.remarks] == [True]


def test_a_list_of_archived_records_is_not_believed_where_the_record_is_there(
    hubspot: Followed, engine: Engine, deal: Make, between: Between
) -> None:
    """The list says archived, the record's own answer does not: it stays."""
    made = [deal() for _ in range(2)]
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(DAY)

    def wrong(called: str, body: Json) -> Any:
        if "archived=true" not in called.lower() or "/objects/deals?" not in called:
            return body
        at = "2026-03-02T10:00:00Z"
        return {"results": [{"id": each, "properties": {}, "archived": True, "archivedAt": at} for each in made]}

    between.answer = wrong
    assert (syncer.cycle().trouble, alive(engine)) == (None, 2)


def test_a_batch_read_that_leaves_out_records_deletes_none(
    hubspot: Followed, engine: Engine, deal: Make, between: Between
) -> None:
    """An answer without them and without a word that they are not there is no evidence: each is asked for by itself."""
    [deal() for _ in range(2)]
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(60)

    def forgetful(called: str, body: Json) -> Any:
        if "/objects/deals" in called and "search" not in called and "results" in body:
            return {
                **{name: value for name, value in body.items() if name not in ("errors", "numErrors")},
                "results": [],
            }
        return body

    between.answer = forgetful
    assert (syncer.cycle(full=True).trouble, alive(engine)) == (None, 2)


def test_a_merge_into_a_record_while_the_other_is_there_is_not_believed(
    hubspot: Followed, engine: Engine, deal: Make, between: Between
) -> None:
    """Two records that each say that the other went into it are both there, and so they stay."""
    made = [deal() for _ in range(2)]
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(60)

    def crossed(called: str, body: Json) -> Any:
        for each in body.get("results", ()) if "/objects/deals" in called else ():
            if each["id"] in made:
                each["properties"]["hs_merged_object_ids"] = made[1 - made.index(each["id"])]
        return body

    between.answer = crossed
    for each in made:
        hubspot.account.update("deals", each, {"amount": "3"})
    hubspot.clock.advance(60)
    report = syncer.cycle()
    assert (report.trouble, alive(engine), mirror_of(engine).redirects()) == (None, 2, [])
    assert any("contradicts itself" in each.what for each in report.remarks)


def test_another_record_than_the_one_asked_for_is_no_merge(
    hubspot: Followed, engine: Engine, deal: Make, between: Between
) -> None:
    """An answer with some other record's id, which says nothing of a merge, ends nothing."""
    first, other = deal(), deal()
    syncer = following(hubspot, engine, between)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(60)

    def swapped(called: str, body: Json) -> Any:
        if called.endswith("/objects/deals/batch/read") or "/objects/deals/batch/read?archived=False" in called:
            for each in body["results"]:
                each["id"] = other
        if "/objects/deals?" in called:
            body["results"] = [each for each in body["results"] if each["id"] != first]
        return body

    between.answer = swapped
    assert (syncer.cycle(full=True).trouble, alive(engine)) == (None, 2)
    assert mirror_of(engine).redirects() == []
