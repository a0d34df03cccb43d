"""What deals were worth at home in the past that HubSpot tells of: by the rates of then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from tests.integration.mirror_reader import mirror_of, remove
from tests.integration.sync.conftest import CONTEXT, NOW, Followed
from tests.integration.sync.kills import PAST, killed_at

from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.restating import restate_amounts

Make = Callable[..., str]
HOUR = timedelta(hours=1)
LOWER = replace(CONTEXT, rates={"USD": Decimal("0.5")})


def cycled(hubspot: Followed, engine: Engine, context: DealContext = CONTEXT, *, full: bool = False) -> int:
    """One cycle by these rates; how many values of deals it found changed in HubSpot."""
    report = Syncer(engine, hubspot.source(), context, now=hubspot.clock).cycle(full=full)
    assert report.trouble is None
    return report.streams["deals"].changes


def moves(engine: Engine, made: str) -> list[tuple[Any, ...]]:
    """Each movement of what a deal is worth at home, in the order of their instants."""
    found = mirror_of(engine).changes("deal", made, "amount_home_minor")
    return [each.pick("at", "old", "new", "cause") for each in sorted(found, key=lambda one: (one.at, one.id))]


def amounts(hubspot: Followed, engine: Engine, deal: Make) -> str:
    """A deal whose amount was changed an hour before rates changed, and again an hour after."""
    made = deal(amount="1000", deal_currency_code="USD")
    hubspot.clock.advance(HOUR.total_seconds())
    cycled(hubspot, engine)
    hubspot.account.update("deals", made, {"amount": "2000"})
    hubspot.clock.advance(HOUR.total_seconds())
    cycled(hubspot, engine)
    restate_amounts(engine, LOWER, hubspot.clock())
    hubspot.clock.advance(HOUR.total_seconds())
    hubspot.account.update("deals", made, {"amount": "3000"})
    hubspot.clock.advance(60)
    cycled(hubspot, engine, LOWER)
    return made


EXPECTED = [
    (NOW + HOUR, "92000", "184000", None),
    (NOW + 2 * HOUR, "184000", "100000", "currency"),
    (NOW + 3 * HOUR, "100000", "150000", None),
]


def test_the_past_keeps_the_rates_of_then(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """HubSpot's own history of the amount is told by the rate of each moment, and the rate's move is its own."""
    made = amounts(hubspot, engine, deal)
    assert EXPECTED == moves(engine, made)
    at = [NOW + HOUR / 2, NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR]
    found = [[each.amount_home_minor for each in mirror_of(engine).as_of(moment, "deal")] for moment in at]
    assert [[92_000], [184_000], [100_000], [150_000]] == found


def test_a_mirror_that_is_filled_afterwards_has_the_same_past(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Read in one go, from HubSpot's history and the history of rates, it is what was polled all along."""
    made = amounts(hubspot, engine, deal)
    for kind in ("deal", "deal_version", "change", "stream_state", "source_state"):
        remove(engine, kind)
    cycled(hubspot, engine, LOWER)
    assert (EXPECTED, 150_000) == (moves(engine, made), mirror_of(engine).deal(made).amount_home_minor)


def test_a_deal_that_nobody_touches_has_the_same_past(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """The rates move after it was last modified, and then all of it is read anew."""
    made = deal(amount="1000", deal_currency_code="USD")
    hubspot.clock.advance(HOUR.total_seconds())
    cycled(hubspot, engine)
    restate_amounts(engine, LOWER, hubspot.clock())
    hubspot.clock.advance(HOUR.total_seconds())
    expected = [(NOW + HOUR, "92000", "50000", "currency")]
    found = [moves(engine, made)]
    for kind in ("deal", "deal_version", "change", "stream_state", "source_state"):
        remove(engine, kind)
    cycled(hubspot, engine, LOWER)
    assert [expected] * 2 == [*found, moves(engine, made)]


def test_reading_it_all_again_writes_nothing(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Deals that stand by the new rates are what HubSpot says; the audit agrees, with their histories."""
    made = amounts(hubspot, engine, deal)
    past = mirror_of(engine).versions("deal"), mirror_of(engine).changes("deal")
    hubspot.account.update("deals", made, {"amount": "3000"})  # read again, though nothing in it changed
    hubspot.clock.advance(60)
    assert 0 == cycled(hubspot, engine, LOWER, full=True)
    assert past == (mirror_of(engine).versions("deal"), mirror_of(engine).changes("deal"))
    audit = Auditor(engine, hubspot.source(), LOWER, now=hubspot.clock, history=True).run()
    assert (True, 0) == (audit.agrees, audit.total)


def test_a_poll_that_comes_first_restates_too(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """A source that is followed by the new rates before any tick says that the rate moved, and nothing else."""
    made = deal(amount="1000", deal_currency_code="USD")
    hubspot.clock.advance(60)
    cycled(hubspot, engine)
    hubspot.clock.advance(HOUR.total_seconds())
    at = hubspot.clock()
    changed = cycled(hubspot, engine, LOWER)
    assert ([(at, "92000", "50000", "currency")], 0) == (moves(engine, made), changed)


def test_an_audit_amid_a_change_of_rates_finds_no_difference(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """What a killed process left to be restated is, before anything is compared."""
    deal(amount="1000", deal_currency_code="USD")
    hubspot.clock.advance(60)
    cycled(hubspot, engine)
    with pytest.raises(OperationalError), killed_at(engine, 0, PAST):
        restate_amounts(engine, LOWER, hubspot.clock())
    audit = Auditor(engine, hubspot.source(), LOWER, now=hubspot.clock, history=True).run()
    assert (True, 0) == (audit.agrees, audit.total)


def test_an_audit_that_comes_first_finds_no_difference(hubspot: Followed, engine: Engine, deal: Make) -> None:
    """Amounts that stand by earlier rates are no difference from what HubSpot says."""
    deal(amount="1000", deal_currency_code="USD")
    hubspot.clock.advance(60)
    cycled(hubspot, engine)
    hubspot.clock.advance(HOUR.total_seconds())
    audit = Auditor(engine, hubspot.source(), LOWER, now=hubspot.clock, history=True).run()
    assert (True, 0) == (audit.agrees, audit.total)
