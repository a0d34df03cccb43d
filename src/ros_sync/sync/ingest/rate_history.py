"""The exchange rates by which amounts are told in the company's currency, and from when on each set of them holds.

The organisation file says what rates are; the rate history says by which of them the mirror's amounts stand. So every
writer goes by the same rates, whatever file it read when it began, and what was true in the past is told by the rates
of then.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

import orjson
from sqlalchemy import Connection, insert, select, update

from ros_sync import clock
from ros_sync.fields import MAX_WHOLE, StoredValue
from ros_sync.mirror.bookkeeping import EXCHANGE_RATE_VERSION
from ros_sync.mirror.property_history import Value, Whole
from ros_sync.money import Exchange

_COLUMNS = [EXCHANGE_RATE_VERSION.c[name] for name in ("id", "home_currency", "rates", "since", "restated_at")]
BEGINNING = clock.from_micros(0)


@dataclass(frozen=True)
class RateVersion:
    """What currencies are worth in the company's own from an instant on; `restated`: every deal's amount says so."""

    number: int
    home_currency: str
    rates: Mapping[str, Decimal]
    since: int  # microseconds
    restated: bool = True
    _exchanges: dict[str, Exchange | None] = field(default_factory=dict, compare=False, repr=False)

    def in_home_currency(self, minor: StoredValue, currency: StoredValue) -> int | None:
        """An amount in the company's currency.

        None where it is missing, its currency has no rate, or no column holds it.
        """
        if minor is None or currency is None:
            return None
        code = str(currency)
        if code not in self._exchanges:
            self._exchanges[code] = Exchange.between(code, self.home_currency, self.rates)
        exchange = self._exchanges[code]
        worth = exchange.convert(int(minor)) if exchange else None
        return None if worth is None or abs(worth) > MAX_WHOLE else worth


@dataclass(frozen=True)
class RateHistory:
    """All versions, oldest first; before the first one, that one holds."""

    versions: Sequence[RateVersion] = ()

    @property
    def latest(self) -> RateVersion | None:
        """What holds at present; None in a mirror without amounts."""
        return self.versions[-1] if self.versions else None

    @cached_property
    def moves(self) -> frozenset[int]:
        """The instants (microseconds) at which rates changed."""
        return frozenset(each.since for each in self.versions if each.since > 0)

    @property
    def pending(self) -> bool:
        """Whether some amounts may still stand by earlier rates."""
        return any(not each.restated for each in self.versions)

    def version_at(self, instant: int) -> RateVersion:
        """The version that held at an instant (microseconds)."""
        place = bisect_right(self.versions, instant, key=lambda each: each.since)
        return self.versions[max(place - 1, 0)]

    def history_in_home_currency(self, amounts: Sequence[Value], currency: StoredValue) -> Whole:
        """The history of an amount in the company's currency: it moves with the amount, and where rates change."""
        moves = sorted(self.moves)
        found: list[Value] = []
        ends: list[int | None] = [*(each[0] for each in amounts[1:]), None]
        for (at, minor, by), end in zip(amounts, ends, strict=False):
            between = moves[bisect_right(moves, at) : None if end is None else bisect_left(moves, end)]
            for instant, who in ((at, by), *((move, None) for move in between)):
                worth = self.version_at(instant).in_home_currency(minor, currency)
                if not found or found[-1][1] != worth:
                    found.append((instant, worth, who))
        return Whole(found)


def read_rate_history(connection: Connection) -> RateHistory:
    """The rate history as it is; an empty one where no amount was told yet."""
    query = select(*_COLUMNS).order_by(EXCHANGE_RATE_VERSION.c.since, EXCHANGE_RATE_VERSION.c.id)
    return RateHistory(
        [
            RateVersion(number, home, _rates(rates), clock.to_micros(since), restated_at is not None)
            for number, home, rates, since, restated_at in connection.execute(query)
        ]
    )


def add_version(
    connection: Connection,
    home_currency: str,
    rates: Mapping[str, Decimal],
    since: datetime,
    restated_at: datetime | None,
) -> None:
    """Let these rates hold from an instant on."""
    text = orjson.dumps({name: str(rate) for name, rate in sorted(rates.items())}).decode()
    values = {"home_currency": home_currency, "rates": text, "since": since, "restated_at": restated_at}
    connection.execute(insert(EXCHANGE_RATE_VERSION).values(values))


def note_restated(connection: Connection, rate_history: RateHistory, now: datetime) -> None:
    """Every deal's amount stands by the versions of this history."""
    table = EXCHANGE_RATE_VERSION
    numbers = [each.number for each in rate_history.versions if not each.restated]
    connection.execute(update(table).where(table.c.id.in_(numbers)).values(restated_at=now))


def following(rate_history: RateHistory) -> list[tuple[RateVersion, int | None]]:
    """The versions by which amounts may not stand yet, each with when (microseconds) the next one begins."""
    pairs = [(one, other.since) for one, other in pairwise(rate_history.versions)]
    ends: list[tuple[RateVersion, int | None]] = [*pairs, *((each, None) for each in rate_history.versions[-1:])]
    return [(version, end) for version, end in ends if not version.restated]


def _rates(text: str) -> dict[str, Decimal]:
    return {name: Decimal(rate) for name, rate in orjson.loads(text).items()}
