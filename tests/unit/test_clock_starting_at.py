"""A clock that starts at a chosen moment."""

from __future__ import annotations

from datetime import UTC, datetime

from ros_sync.clock import starting_at


def test_a_clock_can_start_anywhere() -> None:
    """A story's clock shows its moment, and goes on."""
    moment = datetime(2026, 3, 2, 9, tzinfo=UTC)
    story = starting_at(moment)
    first = story()
    assert moment <= first <= story()
