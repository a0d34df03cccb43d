"""The pace of calls to a vendor, shared by every worker through the table `rate_bucket`.

On PostgreSQL each limit is a row, changed under its lock in a short transaction of its own; moments are those of the
database's clock, so that machines whose clocks differ keep one and the same pace. On SQLite there is one process: its
buckets are in memory, as a row could not be changed while another thread writes records for seconds; what the next
process has to know (until when the vendor wants no calls) is noted in the table when that is possible at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Lock
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Float,
    RowMapping,
    Select,
    Update,
    bindparam,
    cast,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import OperationalError

from ros_sync import clock
from ros_sync.connectors.buckets import UNPACED, Allowance, Bucket, sane
from ros_sync.connectors.pace import BucketPace, BucketStore, MemoryBucketStore, RateLimits
from ros_sync.mirror.bookkeeping import RATE_BUCKET
from ros_sync.mirror.database import BUSY_TIMEOUT_MS
from ros_sync.mirror.insertion import insert_or

DAY = "day"  # the row that says until when the day's calls are used up
NOTE_SECONDS = 60.0  # how often the calls made are noted on SQLite
MAX_LEAD_SECONDS = 0.25
LEAD_DECAY = 0.9  # a slow look at the database is forgotten in this measure with each quick one
CLOCK_STEP_SECONDS = 0.1  # the database's clock was set, rather than an answer late
DRIFT_SECONDS = 1e-4  # clocks may drift apart by this from one look to the next
_MOMENT = cast(func.extract("epoch", func.clock_timestamp()), Float)


class DatabasePace(BucketPace):
    """The pace of all workers on one database. `source` names the account whose limits these are.

    `monotonic` and `sleep` are the process's own time; on PostgreSQL moments are the database's.
    """

    def __init__(
        self,
        engine: Engine,
        source: str,
        limits: RateLimits = MappingProxyType({}),
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        store: BucketStore
        if engine.dialect.name == "postgresql":
            store = SharedBucketStore(engine, source, limits)
        else:
            store = NotedBucketStore(engine, source, limits, monotonic)
        super().__init__(limits, store, sleep=sleep)


class SharedBucketStore:
    """Buckets as rows of PostgreSQL. Moments are seconds since 1970 by the database's clock."""

    def __init__(self, engine: Engine, source: str, limits: RateLimits) -> None:
        self.lead_seconds = 0.0
        self.quota_exhausted_until: datetime | None = None
        self._engine = engine
        self._source = source
        self._allowances = limits
        self._lock = Lock()
        self._ahead = -math.inf  # of the database's clock before this process's monotonic one
        self._look, self._look_alone = _looking(source, lock=False), _looking(source, lock=True)
        self._write = _writing(source)
        self.read(DAY)

    def now(self) -> float:
        """The moment by the database's clock; what an answer takes makes it early, never late."""
        return time.monotonic() + self._ahead

    def change(self, limit: str, act: Callable[[Bucket, float], Bucket]) -> Bucket:
        """Change the row under its lock; `act` is given the moment at which the change will have been written."""
        with self._engine.begin() as connection:
            row = self._row(connection, self._look_alone, limit)
            begun = time.monotonic()
            values = _values(act(_bucket(row), float(row["moment"]) + self.lead_seconds))
            connection.execute(self._write, {"limit": limit, **{f"new_{name}": each for name, each in values.items()}})
        took = time.monotonic() - begun
        self.lead_seconds = min(MAX_LEAD_SECONDS, max(took, self.lead_seconds * LEAD_DECAY))
        return _bucket(values)  # as the row has it, to the microsecond

    def read(self, limit: str) -> Bucket:
        """The row as it stands; a fresh bucket where there is none."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return _bucket(self._row(connection, self._look, limit))

    def exhaust_quota(self, until: datetime) -> None:
        """Keep the moment for everybody."""
        with self._engine.begin() as connection:
            later = func.greatest(
                func.coalesce(RATE_BUCKET.c.not_before, clock.to_micros(until)), clock.to_micros(until)
            )
            where = (RATE_BUCKET.c.source == self._source, RATE_BUCKET.c.name == DAY)
            kept = connection.execute(
                update(RATE_BUCKET).where(*where).values(not_before=later).returning(RATE_BUCKET.c.not_before)
            ).scalar_one()
        self.quota_exhausted_until = kept

    def _row(self, connection: Connection, look: Select[Any], limit: str) -> RowMapping:
        """The row, made where it is missing; what else it tells is noted."""
        found = connection.execute(look, {"limit": limit}).mappings().first()
        if found is None:
            self._insert(connection, limit)
            found = connection.execute(look, {"limit": limit}).mappings().one()
        self._set_clock(float(found["moment"]) - time.monotonic())
        self.quota_exhausted_until = found["quota_exhausted_until"]
        return found

    def _set_clock(self, ahead: float) -> None:
        """Keep the largest difference that was seen.

        The one of the quickest answer, so the one nearest to the truth.
        """
        with self._lock:
            stepped = abs(ahead - self._ahead) > CLOCK_STEP_SECONDS
            self._ahead = ahead if stepped else max(ahead, self._ahead - DRIFT_SECONDS)

    def _insert(self, connection: Connection, limit: str) -> None:
        """A bucket that begins empty: whoever called before may have used it up a moment ago."""
        now = cast(_MOMENT * 1_000_000, BigInteger)
        values = {"source": self._source, "name": limit, "tokens": 0.0, "at": now, "used": 0}
        values |= _size(self._allowances.get(limit, UNPACED))
        connection.execute(insert_or(connection.dialect, RATE_BUCKET).values(values).on_conflict_do_nothing())


def _looking(source: str, *, lock: bool) -> Select[Any]:
    """A row of `rate_bucket`, with `moment` (the database's clock, read under the lock) and `quota_exhausted_until`."""
    held: Select[Any] = select(RATE_BUCKET).where(
        RATE_BUCKET.c.source == source, RATE_BUCKET.c.name == bindparam("limit")
    )
    quota_exhausted = (
        select(RATE_BUCKET.c.not_before)
        .where(RATE_BUCKET.c.source == source, RATE_BUCKET.c.name == DAY)
        .scalar_subquery()
    )
    row = (held.with_for_update() if lock else held).cte("held")
    return select(row, _MOMENT.label("moment"), quota_exhausted.label("quota_exhausted_until"))


def _writing(source: str) -> Update:
    """The statement that writes `_values`, each as `new_…`."""
    values: dict[Any, Any] = {RATE_BUCKET.c[name]: bindparam(f"new_{name}") for name in _values(Bucket())}
    return (
        update(RATE_BUCKET)
        .where(RATE_BUCKET.c.source == source, RATE_BUCKET.c.name == bindparam("limit"))
        .values(values)
    )


class NotedBucketStore(MemoryBucketStore):
    """Buckets in memory that begin with the pauses that the process before noted on SQLite, and are noted there."""

    def __init__(
        self, engine: Engine, source: str, limits: RateLimits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(monotonic)
        self._engine = engine
        self._source = source
        self._allowances = limits
        self._noted_at = self.now()
        self._unnoted: set[str] = set()
        self._take_up()

    def change(self, limit: str, act: Callable[[Bucket, float], Bucket]) -> Bucket:
        """Change the bucket; note a pause, or now and then how many calls were made."""
        paused_until = self.read(limit).not_before
        made = super().change(limit, act)
        if made.not_before > paused_until or self._unnoted or self.now() - self._noted_at > NOTE_SECONDS:
            self._unnoted.add(limit)
            self._note()
        return made

    def exhaust_quota(self, until: datetime) -> None:
        """Keep the moment, here and for the next process."""
        super().exhaust_quota(until)
        self._unnoted.add(DAY)
        self._note()

    def _take_up(self) -> None:
        """Begin where the process before ended."""
        ahead = clock.to_micros(clock.now()) / 1e6 - self.now()
        with self._engine.connect() as connection:
            rows = connection.execute(select(RATE_BUCKET).where(RATE_BUCKET.c.source == self._source)).mappings().all()
        for row in rows:
            if row["name"] == DAY:
                if row["not_before"] is not None:
                    super().exhaust_quota(row["not_before"])
            else:
                self._begin(row["name"], _bucket(row), ahead)

    def _begin(self, limit: str, noted: Bucket, ahead: float) -> None:
        """Begin with a bucket that is empty and keeps the pause that was noted."""
        fresh = Bucket(0.0, self.now(), noted.per_second, noted.not_before - ahead, noted.used)
        super().change(limit, lambda _, now: sane(fresh, now))

    def _note(self) -> None:
        """Write what is to be noted, unless somebody else is writing: it is tried again with the next call."""
        ahead = clock.to_micros(clock.now()) / 1e6 - self.now()
        names = set(self._unnoted)
        try:
            with self._engine.connect() as connection, _at_once(connection), connection.begin():
                for name in names:
                    self._write(connection, name, ahead)
        except OperationalError:  # locked, or out of room: a note is worth no waiting
            return
        self._unnoted -= names
        self._noted_at = self.now()

    def _write(self, connection: Connection, name: str, ahead: float) -> None:
        bucket = self.read(name)
        values = _values(replace(bucket, at=bucket.at + ahead, not_before=bucket.not_before + ahead))
        if name == DAY:
            values["not_before"] = self.quota_exhausted_until
        where = (RATE_BUCKET.c.source == self._source, RATE_BUCKET.c.name == name)
        if not connection.execute(update(RATE_BUCKET).where(*where).values(values)).rowcount:
            size = _size(self._allowances.get(name, UNPACED))
            connection.execute(insert(RATE_BUCKET).values({"source": self._source, "name": name, **size, **values}))


@contextmanager
def _at_once(connection: Connection) -> Iterator[None]:
    """On SQLite, fail rather than wait for whoever is writing."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA busy_timeout=0")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _size(allowance: Allowance) -> dict[str, float]:
    return {"capacity": float(allowance.burst), "per_second": allowance.per_second}


def _bucket(row: RowMapping | dict[str, Any]) -> Bucket:
    not_before = -math.inf if row["not_before"] is None else _seconds(row["not_before"])
    return Bucket(row["tokens"], _seconds(row["at"]), row["per_second"], not_before, row["used"])


def _values(bucket: Bucket) -> dict[str, Any]:
    paused = math.isfinite(bucket.not_before)
    return {
        "tokens": bucket.tokens,
        "at": _instant(bucket.at),
        "per_second": bucket.per_second,
        "not_before": _instant(bucket.not_before) if paused else None,
        "used": bucket.used,
    }


def _seconds(instant: datetime) -> float:
    return clock.to_micros(instant) / 1e6


def _instant(seconds: float) -> datetime:
    return clock.from_micros(round(seconds * 1e6))
