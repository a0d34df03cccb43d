"""The pace in the database: each account's own rows, what they begin with, and the database's clock."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.databases import PostgresqlDatabases
from tests.integration.mirror_reader import mirror_of

from ros_sync.connectors.buckets import UNPACED
from ros_sync.connectors.hubspot.call_limits import CALLS, SEARCH, limits_of
from ros_sync.connectors.pace import RateLimits
from ros_sync.sync.rates import CLOCK_STEP_SECONDS, DRIFT_SECONDS, DatabasePace, SharedBucketStore

MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)


def kept(engine: Engine, column: str, *, limit: str = SEARCH) -> dict[str, Any]:
    """What a column of the rows of a limit says, by source."""
    return dict(each.pick("source", column) for each in mirror_of(engine).rate_buckets(name=limit))


def test_each_account_has_a_pace_of_its_own(engine: Engine) -> None:
    """A pause and the end of the day's calls of one are none of the other's, for the next process neither."""
    hubspot, other = (DatabasePace(engine, source, limits_of(100, 5)) for source in ("hubspot", "other"))
    for pace in (hubspot, other):
        pace.take(SEARCH)
    hubspot.slow_down(SEARCH, 600.0)
    other.slow_down(SEARCH, 60.0)
    hubspot.exhaust_quota(MIDNIGHT)
    paused = kept(engine, "not_before")
    assert 500 < (paused["hubspot"] - paused["other"]).total_seconds() < 580
    quota_exhausted = [
        DatabasePace(engine, source, limits_of(100, 5)).quota_exhausted_until for source in ("hubspot", "other")
    ]
    assert [MIDNIGHT, None] == quota_exhausted


def test_the_later_of_two_moments_stands_in_the_database(engine: Engine) -> None:
    """Whichever process heard of it first."""
    for hours in (0, 2, 1):
        DatabasePace(engine, "hubspot", limits_of(100, 5)).exhaust_quota(MIDNIGHT + timedelta(hours=hours))
    assert MIDNIGHT + timedelta(hours=2) == DatabasePace(engine, "hubspot").quota_exhausted_until
    assert {"hubspot": MIDNIGHT + timedelta(hours=2)} == kept(engine, "not_before", limit="day")


@pytest.mark.parametrize("limits", [limits_of(40, 2), limits_of()], ids=["given", "the smallest account's"])
def test_rows_begin_with_what_is_allowed(engine: Engine, limits: RateLimits) -> None:
    """By the limits that are given; a limit that nobody paces is kept as such."""
    pace = DatabasePace(engine, "hubspot", limits)
    for limit in (CALLS, SEARCH, "another"):
        pace.slow_down(limit, 0.01)
    for limit in (CALLS, SEARCH, "another"):
        allowed = limits.get(limit, UNPACED)
        assert {"hubspot": float(allowed.burst)} == kept(engine, "capacity", limit=limit)


@pytest.fixture
def store(postgresql_databases: PostgresqlDatabases) -> Iterator[SharedBucketStore]:
    """The books of one process on PostgreSQL."""
    with postgresql_databases.lend() as engine:
        yield SharedBucketStore(engine, "hubspot", limits_of(100, 5))


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "seen, expected",
    [
        (50.0 + CLOCK_STEP_SECONDS / 2, 50.0 + CLOCK_STEP_SECONDS / 2),
        (50.0 - CLOCK_STEP_SECONDS / 2, 50.0 - DRIFT_SECONDS),
        (50.0, 50.0),
        (50.0 + 2 * CLOCK_STEP_SECONDS, 50.0 + 2 * CLOCK_STEP_SECONDS),
        (50.0 - 2 * CLOCK_STEP_SECONDS, 50.0 - 2 * CLOCK_STEP_SECONDS),
    ],
    ids=["a quicker answer", "a slower answer", "the same", "set forward", "set back"],
)
def test_the_database_s_clock_is_read_by_the_quickest_answer(
    store: SharedBucketStore, seen: float, expected: float
) -> None:
    """An answer that took longer says less; where the clock was set, the new one counts at once."""
    store._ahead = 50.0
    store._set_clock(seen)
    assert expected == store._ahead


@pytest.mark.postgresql
def test_the_database_s_clock_is_followed(store: SharedBucketStore) -> None:
    """As seconds since 1970; the first look sets it, however far from this process's own."""
    assert store.now() == pytest.approx(time.time(), abs=60)
    store._ahead = -math.inf
    store.read(SEARCH)
    assert store.now() == pytest.approx(time.time(), abs=60)
