"""How fast a vendor may be called: one bucket of calls for each of its limits, shared by everybody who calls.

`take` waits for a call's turn; what the vendor answers is told to `slow_down` and `learn`, so that the pace follows what
the account really allows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

CALLS, SEARCH = "calls", "search"
USED_SHARE = 0.985  # of what a limit allows: calls arrive with jitter, and one too many costs a wait


class Pace(Protocol):
    """Lets calls pass at the pace that limits allow."""

    def take(self, limit: str) -> None:
        """Wait until a call that counts against `limit` may be made, and count it."""

    def slow_down(self, limit: str, seconds: float) -> None:
        """No call against `limit` for so long: the vendor refused one."""

    def learn(self, limit: str, *, maximum: int, interval_seconds: float) -> None:
        """The vendor said how many calls it allows in how long."""

    @property
    def waited_seconds(self) -> float:
        """How long calls have waited for their turn, all together."""


@dataclass(slots=True)
class _Bucket:
    """Calls of one limit: the earliest moment of the next one, `spacing` seconds apart, `burst` of them at once."""

    maximum: int
    interval_seconds: float
    burst: int
    next_at: float = 0.0
    not_before: float = 0.0

    @property
    def spacing(self) -> float:
        """Seconds from one call to the next, so that no window holds more than is allowed, the burst included."""
        return self.interval_seconds / max(1.0, self.maximum * USED_SHARE - (self.burst - 1))


@dataclass(slots=True)
class Rates:
    """The limits that are kept before the vendor has said anything; None asks for no pace at all."""

    calls_per_ten_seconds: int | None = 100  # HubSpot, "API usage guidelines": 100 for the smallest accounts, 190 above
    search_per_second: int | None = 5  # HubSpot, "Search the CRM": five requests a second for an account


class MemoryPace:
    """The pace of one process."""

    def __init__(
        self,
        rates: Rates | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        rates = rates or Rates()
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = Lock()
        self._waited = 0.0
        self._buckets: dict[str, _Bucket] = {}
        if rates.calls_per_ten_seconds:
            self._buckets[CALLS] = _Bucket(rates.calls_per_ten_seconds, 10.0, burst=3)
        if rates.search_per_second:
            self._buckets[SEARCH] = _Bucket(rates.search_per_second, 1.0, burst=1)

    @property
    def waited_seconds(self) -> float:
        """How long calls have waited for their turn, all together."""
        return self._waited

    def take(self, limit: str) -> None:
        """Wait until a call that counts against `limit` may be made; turns are given in the order of asking."""
        while (seconds := self._turn(limit)) > 0:
            self._sleep(seconds)

    def slow_down(self, limit: str, seconds: float) -> None:
        """No call against `limit` for so long."""
        with self._lock:
            bucket = self._buckets.setdefault(limit, _Bucket(1_000_000, 1.0, burst=1))
            bucket.not_before = max(bucket.not_before, self._monotonic() + seconds)

    def learn(self, limit: str, *, maximum: int, interval_seconds: float) -> None:
        """The vendor said how many calls it allows in how long."""
        with self._lock:
            bucket = self._buckets.get(limit)
            if bucket is not None and maximum > 0 and interval_seconds > 0:
                bucket.maximum, bucket.interval_seconds = maximum, interval_seconds

    def _turn(self, limit: str) -> float:
        """Seconds until the call's turn; 0 where it is now, and the turn is taken."""
        with self._lock:
            bucket = self._buckets.get(limit)
            if bucket is None:
                return 0.0
            now = self._monotonic()
            earliest = max(bucket.not_before, bucket.next_at - (bucket.burst - 1) * bucket.spacing)
            if now >= earliest:
                bucket.next_at = max(bucket.next_at, now) + bucket.spacing
                return 0.0
            self._waited += earliest - now
            return earliest - now
