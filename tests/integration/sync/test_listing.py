"""When everything is listed anew, what a day's look costs, and what is asked of the account once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of, put
from tests.integration.sync.conftest import CONTEXT, NOW, Followed, asked_nothing

from ros_sync import clock
from ros_sync.sync.ingest.applier import Applier
from ros_sync.sync.ingest.reports import StreamReport
from ros_sync.sync.policy import SyncPolicy

Make = Callable[..., str]
DAY = 86_400  # seconds


def alive(engine: Engine) -> int:
    """How many deals are here and not deleted."""
    return mirror_of(engine).count("deal", deleted=False)


def test_once_a_week_everything_is_listed_anew(hubspot: Followed, sqlite_engine: Engine, deal: Make) -> None:
    """What has vanished without a word is found then, and by nothing before; a week after that it is time again."""
    made = [deal() for _ in range(3)]
    syncer = hubspot.syncer(sqlite_engine)
    assert syncer.cycle().trouble is None
    left = []
    for each in made[:2]:
        hubspot.account.erase("deals", each)
        for seconds in (7 * DAY - 60, 60):
            hubspot.clock.advance(seconds)
            assert syncer.cycle().trouble is None
            left.append(alive(sqlite_engine))
    assert [3, 2, 2, 1] == left


def test_what_is_still_archived_costs_no_call(hubspot: Followed, sqlite_engine: Engine, deal: Make) -> None:
    """It is in the day's list; only what is not there any more is asked about by its id."""
    made = [deal() for _ in range(2)]
    syncer = hubspot.syncer(sqlite_engine)
    assert syncer.cycle().trouble is None
    for each in made:
        hubspot.account.archive("deals", each)
    hubspot.clock.advance(DAY + 60)
    assert (None, 0) == (syncer.cycle().trouble, alive(sqlite_engine))
    asked = []
    for restored in ([], made[:1]):
        for each in restored:
            hubspot.account.restore("deals", each)
        hubspot.clock.advance(DAY + 60)
        hubspot.calls()
        assert syncer.cycle().trouble is None
        asked.append((hubspot.calls()["batch_read deals"] > 0, alive(sqlite_engine)))
    assert [(False, 0), (True, 1)] == asked


def test_looking_back_asks_for_histories_alone(hubspot: Followed, sqlite_engine: Engine, deal: Make) -> None:
    """The pass asks for the associations of what was modified, once for each stream that deals have some with."""
    made = deal()
    syncer = hubspot.syncer(sqlite_engine, policy=SyncPolicy(links_seconds=10**9))
    assert syncer.cycle().trouble is None
    hubspot.clock.advance(DAY)
    hubspot.account.update("deals", made, {"hs_next_step": "again"})
    asked = []
    for seconds in (60, DAY, DAY):
        hubspot.clock.advance(seconds)
        hubspot.account.calls.clear()
        assert syncer.cycle().trouble is None
        paths = [call.path for call in hubspot.account.calls]
        histories = sum(path.startswith("/crm/v3/objects/deals/batch") for path in paths)
        asked.append((histories, sum(path.startswith("/crm/v4/associations/deals/") for path in paths)))
    links = next(stream.links for stream in syncer.source.streams if stream.name == "deals")
    assert [(0, 0), (1, len(links)), (1, 0)] == asked


def test_the_account_is_looked_at_once_in_a_cycle(hubspot: Followed, sqlite_engine: Engine, deal: Make) -> None:
    """Also where a record names an owner whom nobody knows.

    In a later cycle it is looked at for a new stranger, and once.
    """
    syncer, looks = hubspot.syncer(sqlite_engine), []
    for stranger in ("98", "99", "99"):
        deal(hubspot_owner_id=stranger)
        hubspot.account.calls.clear()
        assert syncer.cycle().trouble is None
        looks.append(sum(call.path == "/crm/v3/pipelines/deals" for call in hubspot.account.calls))
        hubspot.clock.advance(60)
    assert [1, 1, 0] == looks


@pytest.mark.parametrize(
    "after, back", [(timedelta(0), True), (timedelta(microseconds=1), False)], ids=["at that instant", "after it"]
)
def test_a_listing_brings_back_what_was_deleted_before_it_began(
    sqlite_engine: Engine, after: timedelta, back: bool
) -> None:
    """What was deleted while it was under way was so after its page had been read, perhaps."""
    source = asked_nothing()
    deals = next(stream for stream in source.streams if stream.name == "deals")
    with sqlite_engine.begin() as connection:
        put(connection, "deal", source="hubspot", id="1", valid_from=NOW, deleted_at=NOW + after)
        applier = Applier(connection, source, CONTEXT, run_id=1, now=clock.to_micros(NOW) + 10)
        applier.endings.revive(deals, ["1"], StreamReport("deals"), before=clock.to_micros(NOW))
        assert back == (mirror_of(connection).deal().deleted_at is None)
