"""What a cycle did is counted, stream by stream, in its report and in the run that is kept of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import Followed

from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.reports import CycleReport

Make = Callable[..., str]
COUNTS = ("created", "updated", "deleted", "restored", "merged", "erased", "quarantined")
DAY = 90_000  # seconds, a little more than one


@pytest.fixture
def syncer(hubspot: Followed, sqlite_engine: Engine) -> Syncer:
    return hubspot.syncer(sqlite_engine)


def counted(report: CycleReport, stream: str) -> dict[str, int]:
    """The counts of a stream that are not nothing."""
    assert report.trouble is None
    return {name: number for name in COUNTS if (number := getattr(report.of(stream), name))}


def day(hubspot: Followed, syncer: Syncer) -> CycleReport:
    hubspot.clock.advance(DAY)
    return syncer.cycle()


def test_what_happens_to_deals_is_counted(hubspot: Followed, syncer: Syncer, deal: Make) -> None:
    """Each once, on the day on which it is seen; a quiet day counts nothing."""
    first, second, third = deal(), deal(), deal()
    assert {"created": 3} == counted(syncer.cycle(), "deals")
    hubspot.account.update("deals", first, {"hs_next_step": "again"})
    assert {"updated": 1} == counted(day(hubspot, syncer), "deals")
    for each in (first, second):
        hubspot.account.archive("deals", each)
    assert {"deleted": 2} == counted(day(hubspot, syncer), "deals")
    hubspot.account.restore("deals", first)
    assert {"restored": 1} == counted(day(hubspot, syncer), "deals")
    hubspot.account.merge("deals", first, third)
    assert {"created": 1, "merged": 2} == counted(day(hubspot, syncer), "deals")
    assert {} == counted(day(hubspot, syncer), "deals")


def test_persons_who_were_erased_are_counted(hubspot: Followed, syncer: Syncer) -> None:
    """A whole listing finds that they are unknown to the CRM."""
    person, _ = (hubspot.account.create("contacts", {"email": f"{name}@mill.example"}) for name in "ab")
    assert {"created": 2} == counted(syncer.cycle(), "contacts")
    hubspot.account.erase("contacts", person)
    hubspot.clock.advance(60)
    assert {"erased": 1} == counted(syncer.cycle(full=True), "contacts")


def test_a_run_keeps_what_was_counted(hubspot: Followed, sqlite_engine: Engine, syncer: Syncer, deal: Make) -> None:
    """Of all streams together, with their names; where nothing was written there is no run."""
    deal()
    hubspot.account.create("contacts", {"email": "a@mill.example"})
    first = syncer.cycle()
    hubspot.clock.advance(60)
    deal(amount="a lot")
    second = syncer.cycle()
    assert (True, 1) == (first.total("created") > 2, second.total("quarantined"))
    runs = mirror_of(sqlite_engine).runs()
    expected = [
        tuple(report.total(name) for name in ("read", "created", "updated", "quarantined"))
        for report in (first, second)
    ]
    assert expected == [run.pick("rows_read", "created", "updated", "quarantined") for run in runs]
    assert [True, True] == [run.finished_at >= run.started_at for run in runs]
    assert {"deals", "contacts"} <= set(runs[0].what.split(", "))
