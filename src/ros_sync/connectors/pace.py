"""How fast a vendor may be called: one bucket of calls for each of its limits, shared by everybody who calls.

`take` waits for a call's turn; what the vendor answers is told to `slow_down`, `learn` and `exhaust_quota`, so that the
pace follows what the account really allows. A turn is given in advance: whoever asks is told its moment, waits until
then, and checks whether the vendor has refused somebody meanwhile. Where the buckets are kept (`BucketStore`) is
another matter: in this process's memory here, in the database in `sync.rates`.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Lock
from types import MappingProxyType
from typing import Protocol

from ros_sync.connectors.buckets import UNPACED, Allowance, Bucket, eased, lowered, rate, refused, reserved
from ros_sync.errors import RateLimitedError

PATIENCE_SECONDS = 600.0  # a call whose turn is further away is given up: its work is done in a later cycle
LAPSES = 3  # turns that a thread may miss by waking late before it takes one all the same
OTHERS_SLACK = 0.05  # share of a limit by which two countings of the same calls may differ
EASED_BY = 1.02  # a rate within this of what others leave is left as it is
KEPT_TURNS = 4_096
TICK_SECONDS = 1e-6  # what a clock can show: a shorter wait may be none, and would be waited for again and again


class Pace(Protocol):
    """Lets calls pass at the pace that limits allow."""

    def take(self, limit: str) -> None:
        """Wait until a call that counts against `limit` may be made, and count it.

        RateLimitedError where that would take more than ten minutes.
        """

    def slow_down(self, limit: str, seconds: float) -> None:
        """No call against `limit` for so long, whoever makes it: the vendor refused one."""

    def learn(self, limit: str, *, maximum: int, interval_seconds: float, remaining: int | None = None) -> None:
        """The vendor said how many calls it allows in how long, and how many of them are left to all who share them."""

    def exhaust_quota(self, until: datetime) -> None:
        """No call at all before then, whoever makes it: the day's are used up."""

    @property
    def quota_exhausted_until(self) -> datetime | None:
        """The last moment given to `exhaust_quota`, as it was known when the last turn was taken."""

    @property
    def use(self) -> Mapping[str, Use]:
        """The calls that were let pass here, by limit."""

    @property
    def waited_seconds(self) -> float:
        """How long calls have waited for their turn, all together."""


@dataclass(frozen=True, slots=True)
class Use:
    """Calls that were made against a limit, and how many it allows in a second."""

    calls: int
    per_second: float
    interval_seconds: float


def used_share(before: Mapping[str, Use], after: Mapping[str, Use], seconds: float) -> float | None:
    """The share (0 to 1) of what a limit allowed in `seconds` that was used, of the limit that was used most.

    None where nothing was called, or where no limit is kept. A stretch shorter than a limit's window counts as one.
    """
    shares = []
    for limit, use in after.items():
        calls = use.calls - (before[limit].calls if limit in before else 0)
        if calls:
            shares.append(min(1.0, calls / (use.per_second * max(seconds, use.interval_seconds))))
    return max(shares, default=None)


RateLimits = Mapping[str, Allowance]
"""What a vendor allows by the name of each of its limits, before it has said anything.

A limit that is missing is not paced.
"""


class BucketStore(Protocol):
    """Where buckets are kept. Moments are seconds of the store's own clock, which is one for all who share them."""

    lead_seconds: float  # how long a look at a bucket takes

    def now(self) -> float:
        """The moment; never later than it really is."""

    def change(self, limit: str, act: Callable[[Bucket, float], Bucket]) -> Bucket:
        """Replace a bucket by what `act` makes of it and of the moment, alone; what it raises leaves all as it was."""

    def read(self, limit: str) -> Bucket:
        """The bucket as it stands."""

    def exhaust_quota(self, until: datetime) -> None:
        """Keep the moment, unless there is a later one."""

    @property
    def quota_exhausted_until(self) -> datetime | None:
        """The moment that is kept, as it was at the last change or look."""


class BucketPace:
    """The pace that follows from buckets in a store. Safe for threads."""

    def __init__(self, limits: RateLimits, store: BucketStore, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._allowances = dict(limits)
        self._store = store
        self._sleep = sleep
        self._lock = Lock()
        self._calls: Counter[str] = Counter()
        self._turns: dict[str, deque[tuple[float, int]]] = {}
        self._waited = 0.0

    @property
    def waited_seconds(self) -> float:
        """How long calls have waited for their turn, all together."""
        return self._waited

    @property
    def quota_exhausted_until(self) -> datetime | None:
        """Until when no call may be made at all."""
        return self._store.quota_exhausted_until

    @property
    def use(self) -> Mapping[str, Use]:
        """The calls that were let pass here, by limit; limits that are not paced are left out."""
        with self._lock:
            return {
                limit: Use(self._calls[limit], allowed.maximum / allowed.interval_seconds, allowed.interval_seconds)
                for limit, allowed in self._allowances.items()
            }

    def take(self, limit: str) -> None:
        """Wait until a call that counts against `limit` may be made; turns are given in the order of asking."""
        lapses_left, give_up_at = LAPSES, self._store.now() + PATIENCE_SECONDS
        while True:
            allowance = self._allowances.get(limit, UNPACED)
            bucket = self._store.change(limit, partial(_reserved, limit, allowance, give_up_at))
            self._note_turn(limit, bucket)
            late = self._wait_for(limit, bucket.at)
            if late is None:  # somebody was refused meanwhile, and the turn lies before the end of that pause
                continue
            if late <= allowance.late_seconds or not lapses_left:
                with self._lock:
                    self._calls[limit] += 1
                return
            lapses_left -= 1

    def slow_down(self, limit: str, seconds: float) -> None:
        """No call against `limit` for so long; refused again and again, calls become fewer."""
        allowance = self._allowances.get(limit, UNPACED)
        self._store.change(limit, lambda bucket, now: refused(bucket, allowance, now, seconds))

    def exhaust_quota(self, until: datetime) -> None:
        """No call at all before then."""
        self._store.exhaust_quota(until)

    def learn(self, limit: str, *, maximum: int, interval_seconds: float, remaining: int | None = None) -> None:
        """Follow what the vendor says that it allows; a limit that is not paced stays so."""
        if maximum <= 0 or interval_seconds <= 0 or limit not in self._allowances:
            return
        told = Allowance(maximum, interval_seconds)
        with self._lock:
            held, self._allowances[limit] = self._allowances[limit], told
        if told.per_second < held.per_second:
            self._store.change(limit, lambda bucket, now: lowered(bucket, held, told, now))
        if remaining is not None:
            self._leave_to_others(limit, told, remaining)

    # ---- inside

    def _wait_for(self, limit: str, turn: float) -> float | None:
        """Wait for a turn; by how much it was missed, or None where it is none any more."""
        store, started = self._store, self._store.now()
        if started >= turn:
            return started - turn
        is_void = False
        if turn - started > store.lead_seconds:  # else a look takes longer than what there is to wait
            while (seconds := turn - store.lead_seconds - store.now()) > 0:
                self._sleep(max(seconds, TICK_SECONDS))
            is_void = store.read(limit).not_before > turn
        while not is_void and (seconds := turn - store.now()) > 0:
            self._sleep(max(seconds, TICK_SECONDS))
        at = store.now()
        with self._lock:
            self._waited += at - started
        return None if is_void else at - turn

    def _note_turn(self, limit: str, bucket: Bucket) -> None:
        with self._lock:
            turns = self._turns.setdefault(limit, deque(maxlen=KEPT_TURNS))
            if turns and turns[-1][0] == bucket.at:
                turns.pop()  # several at once
            if not turns or turns[-1][0] < bucket.at:
                turns.append((bucket.at, bucket.used))

    def _leave_to_others(self, limit: str, allowance: Allowance, remaining: int) -> None:
        """Slow down where the vendor counts more calls than all of ours: other apps use the account's limit too."""
        now = self._store.now()
        ours = self._ours(limit, now - allowance.interval_seconds, now)
        if ours is None:
            return
        others = allowance.maximum - remaining - ours
        if others <= OTHERS_SLACK * allowance.maximum + allowance.burst:
            return
        target = allowance.left_by(others)

        def slower(bucket: Bucket, at: float) -> Bucket:
            return eased(bucket, allowance, at, target) if rate(bucket, allowance, at) > target * EASED_BY else bucket

        if rate(self._store.read(limit), allowance, now) > target * EASED_BY:
            self._store.change(limit, slower)

    def _ours(self, limit: str, since: float, until: float) -> float | None:
        """How many turns all who share the store were given in a stretch; None where it reaches back too far."""
        with self._lock:
            turns = list(self._turns.get(limit, ()))
        if not turns or turns[0][0] > since:
            return None
        return _used_by(turns, until) - _used_by(turns, since)


def _reserved(limit: str, allowance: Allowance, give_up_at: float, bucket: Bucket, now: float) -> Bucket:
    taken = reserved(bucket, allowance, now)
    if taken.at > give_up_at:
        raise RateLimitedError(
            f"the limit of {limit} leaves no room for a call in {PATIENCE_SECONDS / 60:.0f} minutes",
            retry_after_seconds=max(0.0, taken.at - now),
        )
    return taken


def _used_by(turns: list[tuple[float, int]], at: float) -> float:
    """How many turns had been given by then; in between two that are known, evenly."""
    before = turns[0]
    for turn in turns:
        if turn[0] > at:
            share = (at - before[0]) / (turn[0] - before[0])
            return before[1] + share * (turn[1] - before[1])
        before = turn
    return before[1]


class MemoryBucketStore:
    """Buckets of one process. They begin empty: the process before may have used them up a moment ago."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.lead_seconds = 0.0
        self._monotonic = monotonic
        self._lock = Lock()
        self._started = monotonic()
        self._buckets: dict[str, Bucket] = {}
        self._quota_exhausted: datetime | None = None

    @property
    def quota_exhausted_until(self) -> datetime | None:
        """The moment that is kept."""
        return self._quota_exhausted

    def now(self) -> float:
        """The moment."""
        return self._monotonic()

    def change(self, limit: str, act: Callable[[Bucket, float], Bucket]) -> Bucket:
        """Replace a bucket."""
        with self._lock:
            bucket = self._buckets.get(limit) or Bucket(at=self._started)
            made = self._buckets[limit] = act(bucket, self._monotonic())
            return made

    def read(self, limit: str) -> Bucket:
        """The bucket."""
        with self._lock:
            return self._buckets.get(limit) or Bucket(at=self._started)

    def exhaust_quota(self, until: datetime) -> None:
        """Keep the moment."""
        with self._lock:
            self._quota_exhausted = max(until, self._quota_exhausted) if self._quota_exhausted else until


class MemoryPace(BucketPace):
    """The pace of one process."""

    def __init__(
        self,
        limits: RateLimits = MappingProxyType({}),
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(limits, MemoryBucketStore(monotonic), sleep=sleep)
