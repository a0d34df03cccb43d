"""Hints as they are kept: each once, and for how long they make what was read before them doubtful."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import alter

from ros_sync import clock
from ros_sync.connectors.source import ChangeEvent
from ros_sync.mirror.portions import CHUNK
from ros_sync.sync.follow.event_inbox import announced_since, keep, waiting
from ros_sync.sync.policy import CLOCKS_DIFFER

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


def event(record_id: str, stream: str = "deals") -> ChangeEvent:
    return ChangeEvent(
        f"{stream}/{record_id}", "deal.propertyChange", stream, record_id, clock.to_micros(NOW), "amount"
    )


def test_each_hint_is_kept_once(sqlite_engine: Engine) -> None:
    """However many there are, told together or again; those of another source are counted apart."""
    events = [event(str(number)) for number in range(2 * CHUNK + 1)]
    assert 2 * CHUNK + 1 == keep(sqlite_engine, "hubspot", [*events, events[0]], NOW)
    assert (0, 1, 0) == (
        keep(sqlite_engine, "hubspot", events, NOW),
        keep(sqlite_engine, "other", events[:1], NOW),
        keep(sqlite_engine, "other", [], NOW),
    )
    with sqlite_engine.connect() as connection:
        assert (2 * CHUNK + 1, 1) == (waiting(connection, "hubspot"), waiting(connection, "other"))


@pytest.mark.parametrize(
    "received_at, processed_at, tells",
    [
        (NOW, None, True),
        (NOW - CLOCKS_DIFFER, None, True),
        (NOW - CLOCKS_DIFFER - MICRO, None, False),
        (NOW - timedelta(days=1), NOW, True),
        (NOW - timedelta(days=1), NOW - MICRO, False),
        (NOW, NOW - MICRO, False),
    ],
    ids=["came since", "by another's clock", "waits for longer", "done since", "done before", "done before it came"],
)
def test_what_makes_a_reading_doubtful(
    sqlite_engine: Engine, received_at: datetime, processed_at: datetime | None, tells: bool
) -> None:
    """One that came or was processed since the reading began; none that had waited, or was done before."""
    keep(sqlite_engine, "hubspot", [event("1")], received_at)
    with sqlite_engine.begin() as connection:
        alter(connection, "change_event", processed_at=processed_at)

        assert ({"1"} if tells else set()) == announced_since(connection, "hubspot", "deals", ["1", "2"], NOW)


def test_a_hint_makes_its_own_record_doubtful_alone(sqlite_engine: Engine) -> None:
    """Of its source, its stream and its id, however many are asked about."""
    keep(sqlite_engine, "hubspot", [event("1"), event("2", "contacts"), event("9")], NOW)
    keep(sqlite_engine, "other", [event("3")], NOW)
    ids = [str(number) for number in range(CHUNK + 10) if number != 9]
    with sqlite_engine.connect() as connection:
        assert {"1"} == announced_since(connection, "hubspot", "deals", ids, NOW)
        assert set() == announced_since(connection, "hubspot", "emails", ids, NOW)
