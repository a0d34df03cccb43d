"""Lanes with a speed limit, kept in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session

from ros_sync.outbox.rate_limits import free_at, hold, take_turn

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_lane_is_closed_after_a_turn(engine: Engine) -> None:
    """A second turn within the second is told when the rate key is free; after it, the turn is given."""
    with Session(engine) as session:
        turns = [take_turn(session, "post:D1", at, 1.0) for at in (NOW, NOW + SECOND / 2, NOW + SECOND)]
    assert [None, NOW + SECOND, None] == turns


def test_lanes_do_not_wait_for_each_other(engine: Engine) -> None:
    """A turn in one rate key leaves the others open."""
    with Session(engine) as session:
        assert [None, None] == [take_turn(session, rate_key, NOW, 1.0) for rate_key in ("post:D1", "post:D2")]


def test_a_longer_hold_stands(engine: Engine) -> None:
    """Holding a rate key for a shorter time does not open it earlier."""
    with Session(engine) as session:
        hold(session, "post:D1", NOW + 30 * SECOND, NOW)
        hold(session, "post:D1", NOW + 5 * SECOND, NOW)
        assert NOW + 30 * SECOND == free_at(session, "post:D1", NOW)
