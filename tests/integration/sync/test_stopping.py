"""Stopping in the middle of a cycle: nothing more is asked of the CRM, and the next process goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of
from tests.integration.sync.conftest import CONTEXT, Followed

from ros_sync.errors import StoppedError
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.reports import Progress
from ros_sync.sync.policy import SyncPolicy

Make = Callable[..., str]
DAY = 90_000  # seconds, a little more than one


@pytest.mark.parametrize(
    "kind, number",
    [("search", 1), ("search", 2), ("search", 3), ("list", 1)],
    ids=["the poll", "the sweep", "the search of looking back", "the list of what is archived"],
)
def test_stopping_makes_no_further_call(
    hubspot: Followed, sqlite_engine: Engine, deal: Make, kind: str, number: int
) -> None:
    """The call that was under way is the last one, wherever in a day's work it is; what it told is read again later."""
    for _ in range(2):
        deal()
        assert hubspot.syncer(sqlite_engine).cycle().trouble is None
        hubspot.clock.advance(DAY)
    deal()
    hubspot.clock.advance(DAY)
    hubspot.account.calls.clear()

    def made() -> list[int]:
        """The places of these calls about deals among all calls."""
        calls = enumerate(hubspot.account.calls)
        return [place for place, call in calls if (call.kind, call.object_type) == (kind, "deals")]

    stopping = Syncer(
        sqlite_engine, hubspot.source(), CONTEXT, now=hubspot.clock, stopping=lambda: len(made()) >= number
    )
    with pytest.raises(StoppedError):
        stopping.cycle()
    assert (number, len(hubspot.account.calls) - 1) == (len(made()), made()[-1])
    assert hubspot.syncer(sqlite_engine).cycle().trouble is None
    assert mirror_of(sqlite_engine).count("deal") == 3


@pytest.mark.parametrize("ids", [[], ["1"]], ids=["nothing", "a record"])
def test_stopping_reads_no_record_by_its_id(hubspot: Followed, sqlite_engine: Engine, ids: list[str]) -> None:
    """What was asked for is left alone; where nothing was, there is nothing to stop."""
    syncer = Syncer(sqlite_engine, hubspot.source(), CONTEXT, now=hubspot.clock, stopping=lambda: True)
    deals = next(stream for stream in syncer.source.streams if stream.name == "deals")
    if ids:
        with pytest.raises(StoppedError):
            syncer.read_again(deals, ids)
    else:
        syncer.read_again(deals, ids)
    assert [] == [call for call in hubspot.account.calls if call.object_type == "deals" and call.kind == "batch_read"]


def broken_off(hubspot: Followed, engine: Engine, deal: Make) -> list[Progress]:
    """Begin to read 300 deals and stop at the first page of them that is written; what was told of it."""
    for _ in range(300):
        deal()
    told: list[Progress] = []
    stopping = Syncer(
        engine,
        hubspot.source(),
        CONTEXT,
        now=hubspot.clock,
        policy=SyncPolicy(backfill_seconds=0.0),
        progress=told.append,
        stopping=lambda: any(each.stream == "deals" for each in told),
    )
    with pytest.raises(StoppedError):
        stopping.cycle()
    return told


def test_what_has_waited_for_long_enough_is_written_before_more_is_read(
    hubspot: Followed, sqlite_engine: Engine, deal: Make
) -> None:
    """However few records a page has: a kill costs what was read within some seconds, and nothing before that."""
    told = broken_off(hubspot, sqlite_engine, deal)
    (first,) = (each for each in told if each.stream == "deals")
    assert (first.read, True) == (mirror_of(sqlite_engine).count("deal"), first.read < 300)


def test_a_back_fill_that_was_broken_off_goes_on_where_it_was(
    hubspot: Followed, sqlite_engine: Engine, deal: Make
) -> None:
    """The next process asks for no page again that was written."""
    broken_off(hubspot, sqlite_engine, deal)
    written = mirror_of(sqlite_engine).count("deal")
    hubspot.account.calls.clear()
    hubspot.clock.advance(60)
    report = hubspot.syncer(sqlite_engine).cycle()
    assert report.trouble is None
    assert (300 - written, 300) == (
        report.of("deals").created,
        mirror_of(sqlite_engine).count("deal"),
    )
    assert report.of("deals").unchanged == 0
