"""What no webhook told, and no poll can find: archived before it was seen, restored, merged and archived.

A day is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine
from tests.integration.chaos.follower import SharedClock
from tests.integration.chaos.happenings import Happenings
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import CONTEXT, NOW, Followed

from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer
from ros_sync.sandbox.hubspot.company import define
from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sandbox.hubspot.tokens import SCOPES
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.audit.report import AuditReport
from ros_sync.sync.follow import event_inbox
from ros_sync.sync.follow.deletion_scan import DeletionScan
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.stream_state import save_scan

Make = Callable[..., str]
DAY = 86_400


def a_day_later(hubspot: Followed, syncer: Syncer) -> None:
    """A day passes, and the hour until search knows everything of it."""
    for seconds in (DAY, 3_600):
        hubspot.clock.advance(seconds)
        assert syncer.cycle().trouble is None


def audited(hubspot: Followed, engine: Engine) -> AuditReport:
    return Auditor(engine, hubspot.source(), CONTEXT, now=hubspot.clock, history=True).run()


@pytest.mark.parametrize("kind", ["calls", "deals"])
def test_archived_before_it_was_ever_seen_and_restored(hubspot: Followed, engine: Engine, kind: str) -> None:
    """It comes back with its old modified date; that it is no longer listed as archived tells."""
    made = hubspot.account.create(kind, {"hs_timestamp": "2026-03-01T09:00:00Z"} if kind == "calls" else {})
    hubspot.account.archive(kind, made)
    hubspot.clock.advance(7_200)
    syncer = hubspot.syncer(engine)
    assert syncer.cycle().trouble is None
    a_day_later(hubspot, syncer)
    assert [each.pick("stream", "id") for each in mirror_of(engine).archived_records()] == [
        (kind, made if kind == "deals" else f"calls/{made}")
    ]
    hubspot.account.restore(kind, made)
    a_day_later(hubspot, syncer)
    assert audited(hubspot, engine).shown == []
    a_day_later(hubspot, syncer)
    assert mirror_of(engine).archived_records() == []


def test_restored_while_the_first_back_fill_was_under_way(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """What is archived is looked at before the first page too: it may be back before the last one."""
    made = [deal() for _ in range(80)]
    hubspot.account.archive("deals", made[0])
    hubspot.clock.advance(7_200)
    source = hubspot.source()
    listed = source.listed

    def restored_meanwhile(stream: Any, **more: Any) -> Any:
        for page in listed(stream, **more):
            yield page
            if stream.name == "deals" and page.ids:
                hubspot.account.restore("deals", made[0])

    source.listed = restored_meanwhile  # type: ignore[method-assign]  # something happens in between
    assert hubspot.syncer(engine, source=source).cycle().trouble is None
    assert mirror_of(engine).count("deal", deleted=False) == 80


def test_a_webhook_about_an_archived_record_is_remembered(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Created and archived before a poll came, and restored: the deletion was told, the restore was not."""
    syncer = hubspot.syncer(engine)
    assert syncer.cycle().trouble is None
    made = deal()
    hubspot.account.archive("deals", made)
    event = {"eventId": 1, "subscriptionType": "deal.deletion", "objectId": int(made)}
    found, _ = hubspot.source().change_events(orjson.dumps([event]))
    event_inbox.keep(engine, "hubspot", found, hubspot.clock())
    syncer.process_change_events()
    hubspot.account.restore("deals", made)
    a_day_later(hubspot, syncer)
    assert [each.id for each in mirror_of(engine).deals(deleted=False)] == [made]


def test_modified_and_archived_before_a_poll_and_restored(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The mirror never saw it archived and has the values of before; a poll of that time did not list it."""
    made = deal()
    syncer = hubspot.syncer(engine)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(3_600)
    hubspot.account.update("deals", made, {"amount": "77"})
    hubspot.account.archive("deals", made)
    for _ in range(3):
        hubspot.clock.advance(3_600)
        assert syncer.cycle().trouble is None
    hubspot.account.restore("deals", made)
    assert syncer.cycle().trouble is None
    assert mirror_of(engine).deal().amount_minor == 100_000
    a_day_later(hubspot, syncer)
    assert mirror_of(engine).deal().amount_minor == 7_700
    assert audited(hubspot, engine).shown == []


def test_merged_into_a_record_that_was_archived_at_once(hubspot: Followed, engine: Engine) -> None:
    """No poll sees the new record; the list of archived ones says what it was made of."""
    first, other = (hubspot.account.create("companies", {"name": name}) for name in ("Mill", "Mill Ltd"))
    syncer = hubspot.syncer(engine)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(60)
    new = hubspot.account.merge("companies", first, other)
    hubspot.account.archive("companies", new)
    a_day_later(hubspot, syncer)
    redirects = [each.pick("old_id", "new_id") for each in mirror_of(engine).redirects()]
    assert sorted(redirects) == [(first, new), (other, new)]
    assert mirror_of(engine).count("account", deleted=False) == 0
    assert audited(hubspot, engine).shown == []
    hubspot.account.restore("companies", new)
    a_day_later(hubspot, syncer)
    assert [each.id for each in mirror_of(engine).accounts(deleted=False)] == [new]
    assert audited(hubspot, engine).shown == []


def test_who_was_merged_into_a_person_that_was_erased_is_erased(hubspot: Followed, engine: Engine) -> None:
    """The one that took them in was archived, restored and erased, and was never here itself."""
    first, other = (hubspot.account.create("contacts", {"firstname": name}) for name in ("Quirina", "Quirin"))
    syncer = hubspot.syncer(engine)
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(60)
    new = hubspot.account.merge("contacts", first, other)
    hubspot.account.archive("contacts", new)
    a_day_later(hubspot, syncer)
    assert mirror_of(engine).count("contact") == 2
    hubspot.account.restore("contacts", new)
    hubspot.account.erase("contacts", new)
    a_day_later(hubspot, syncer)
    assert mirror_of(engine).contacts() == []
    assert audited(hubspot, engine).shown == []


def test_archived_records_that_were_never_here_may_go_for_good(hubspot: Followed, engine: Engine) -> None:
    """Eighty persons leave the recycle bin at once.

    Nobody here is erased, nobody is warned, and nobody is asked for again.
    """
    made = [hubspot.account.create("contacts", {"firstname": str(number)}) for number in range(80)]
    for each in made:
        hubspot.account.archive("contacts", each)
    syncer = hubspot.syncer(engine)
    assert syncer.cycle().trouble is None
    for each in made:
        hubspot.account.erase("contacts", each)
    hubspot.clock.advance(DAY)
    report = syncer.cycle()
    assert (report.trouble, report.problems, report.total("erased")) == (None, [], 0)
    assert mirror_of(engine).archived_records() == []


def test_a_stream_whose_archive_cannot_be_read_stops_no_other(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The look goes on with the next stream, says which one failed, and is repeated."""
    made = deal()
    syncer = hubspot.syncer(engine)
    assert syncer.cycle().trouble is None
    hubspot.account.archive("deals", made)
    hubspot.clock.advance(DAY)
    first = syncer.source.streams[0].name
    assert first != "deals"
    hubspot.account.tokens.limit_scopes(tuple(scope for scope in SCOPES if f"objects.{first}.read" not in scope))
    report = syncer.cycle()
    assert first in str(report.trouble)
    assert mirror_of(engine).count("deal", deleted=False) == 0
    hubspot.account.tokens.limit_scopes(SCOPES)
    hubspot.clock.advance(60)
    before = len(hubspot.account.calls)
    assert syncer.cycle().trouble is None
    assert sum(call.object_type == first for call in hubspot.account.calls[before:]) > 1


@pytest.mark.parametrize("seed", [8])
def test_two_quiet_days_are_enough_without_a_single_webhook(tmp_path: Path, engine: Engine, seed: int) -> None:
    """A random history, polled now and then: what is left is what the weekly listing alone can tell."""
    clock = SharedClock(tmp_path / "clock", NOW)
    account = HubSpotAccount(now=clock, search_lag_seconds=45.0)
    define(account)
    for number in range(1, 4):
        account.add_owner(str(number), f"o{number}@loom.example", "Owner", str(number))
    happenings = Happenings(account, clock, seed)
    for _ in range(250):
        happenings.happen()
    with HubSpotServer(account) as server:
        source = Followed(account, clock, None, server.url).source()  # type: ignore[arg-type]
        syncer = Syncer(engine, source, CONTEXT, now=clock)
        for turn in range(60):
            for _ in range(turn * 7 % 16):
                happenings.happen()
            assert syncer.cycle().trouble is None
        for _ in range(2):
            clock.advance(timedelta(days=1).total_seconds())
            assert syncer.cycle().trouble is None
        report = Auditor(engine, source, CONTEXT, now=clock, history=True, keep=10_000).run()
        late = ("links", "link_fields", "erased")
        assert [str(each) for each in report.shown if each.kind not in late] == []


def test_restored_a_moment_before_the_look(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Neither the list nor search knows it then; the search of an hour later does."""
    hubspot.account.search_lag_seconds = 45.0
    made = deal()
    hubspot.clock.advance(7_200)
    syncer = hubspot.syncer(engine)
    for _ in range(2):
        assert syncer.cycle().trouble is None
        hubspot.clock.advance(3_600)
    hubspot.account.update("deals", made, {"amount": "77"})
    hubspot.account.archive("deals", made)
    for _ in range(7):
        hubspot.clock.advance(10_800)
        assert syncer.cycle().trouble is None
    hubspot.clock.advance(3_580)
    hubspot.account.restore("deals", made)
    hubspot.clock.advance(20)
    for _ in range(3):
        assert syncer.cycle().trouble is None
        hubspot.clock.advance(3_600)
    assert mirror_of(engine).deal().amount_minor == 7_700


def test_a_clock_that_was_ahead_stops_nothing(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """After one cycle a year ahead, the look back, the passes and the look at the account go on as before."""
    made = deal()
    offset = [timedelta()]
    source = hubspot.source()

    def now() -> datetime:
        return hubspot.clock() + offset[0]

    source._client._now = now
    syncer = Syncer(engine, source, CONTEXT, now=now)
    for ahead in (0, 365, 0):
        offset[0] = timedelta(days=ahead)
        assert syncer.cycle().trouble is None
        hubspot.clock.advance(60)
    hubspot.account.archive("deals", made)
    for _ in range(9):
        hubspot.clock.advance(10_800)
        report = syncer.cycle()
        assert report.trouble is None
    assert mirror_of(engine).count("deal", deleted=False) == 0
    watermarks = [each.watermark for each in report.streams.values()]
    assert all(each is not None and timedelta() < hubspot.clock() - each < timedelta(hours=3) for each in watermarks)


@pytest.mark.parametrize(
    "listed, searched, expected",
    [
        (timedelta(days=365), timedelta(days=365), (timedelta(0), -timedelta(days=1))),
        (timedelta(days=365), -timedelta(days=3), (timedelta(0), -timedelta(days=3))),
        (timedelta(0), -timedelta(hours=1), (timedelta(0), -timedelta(hours=1))),
    ],
    ids=["both ahead", "the list alone", "none"],
)
def test_a_look_that_was_noted_by_a_clock_ahead_is_taken_for_a_day_old(
    hubspot: Followed, engine: Engine, listed: timedelta, searched: timedelta, expected: tuple[timedelta, timedelta]
) -> None:
    """It was made within the day, by whatever clock; what was searched before that stands."""
    syncer = hubspot.syncer(engine)
    deals = next(stream for stream in syncer.source.streams if stream.name == "deals")
    syncer.source.describe()
    now, present = hubspot.clock(), syncer.source.present
    instants = {"listed_at": present + listed, "searched_until": present + searched}
    with engine.begin() as connection:
        save_scan(connection, "hubspot", "deals", "deletions", now, **instants)
    scanned = DeletionScan(syncer._work, now)._scanned(deals)
    assert scanned is not None
    assert expected == (scanned.listed_at - present, scanned.searched_until - present)


def test_a_source_that_was_parked_by_a_clock_ahead_goes_on(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The end of a day that lies a year ahead is believed by nobody, and neither is a complete moment in the future."""
    deal()
    offset = [timedelta()]
    source = hubspot.source()

    def now() -> datetime:
        return hubspot.clock() + offset[0]

    source._client._now = now
    syncer = Syncer(engine, source, CONTEXT, now=now)
    assert syncer.cycle().trouble is None
    offset[0] = timedelta(days=365)
    assert syncer.cycle().trouble is None
    hubspot.faults.next("search", Fault("daily_limit"))
    assert syncer.cycle().quota_exhausted_until is not None
    offset[0] = timedelta()
    hubspot.clock.advance(60)
    hubspot.account.tokens.limit_scopes(())
    report = syncer.cycle()
    assert (report.quota_exhausted_until, report.complete_at, "allow" in str(report.trouble)) == (None, None, True)
    hubspot.account.tokens.limit_scopes(SCOPES)
    assert syncer.cycle().trouble is None


def test_a_stream_that_stays_forbidden_costs_a_call_or_two(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The others are looked back at once a day all the same, not with each poll."""
    made = [deal() for _ in range(30)]
    syncer = hubspot.syncer(engine)
    assert syncer.cycle().trouble is None
    hubspot.account.tokens.limit_scopes(tuple(scope for scope in SCOPES if "objects.companies.read" not in scope))
    for each in made:
        hubspot.account.update("deals", each, {"amount": "5"})
    for seconds in (60, DAY, 3_600):
        hubspot.clock.advance(seconds)
        assert "companies" in str(syncer.cycle().trouble)
    for days in (0, 8):  # the weekly listing of the others is done once, too
        for seconds in (days * DAY, 3_600):
            hubspot.clock.advance(seconds)
            syncer.cycle()
        hubspot.calls()
        for _ in range(2):
            hubspot.clock.advance(60)
            syncer.cycle()
            assert sum(hubspot.calls().values()) <= len(syncer.source.streams) + 2
