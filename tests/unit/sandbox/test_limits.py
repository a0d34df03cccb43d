"""Rate limits as token buckets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ros_sync.sandbox.slack.faults import FaultKind, Faults
from ros_sync.sandbox.slack.limits import Limits, Meter, Tier

NOON = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)


def test_nothing_is_limited_by_default() -> None:
    """Without limits a thousand messages pass at one instant."""
    meter = Meter()
    assert {meter.wait_for_message("C1", NOON) for _ in range(1000)} == {0}


def test_a_channel_takes_a_burst_and_then_one_a_second() -> None:
    """After the burst the next message waits, and may go a second later."""
    meter = Meter(Limits(messages_per_second=1.0, message_burst=2))
    waits = [meter.wait_for_message("C1", NOON + timedelta(seconds=second)) for second in (0, 0, 0, 1, 1)]
    assert waits == [0, 0, 1, 0, 1]


def test_channels_are_limited_apart() -> None:
    """A full channel does not hold up another."""
    meter = Meter(Limits(messages_per_second=1.0, message_burst=1))
    assert [meter.wait_for_message(channel, NOON) for channel in ("C1", "C2", "C1")] == [0, 0, 1]


def test_a_tier_gives_its_calls_a_minute() -> None:
    """Tier 2 takes 20 calls at once and tells the 21st to wait for the next twentieth of a minute."""
    meter = Meter(Limits.like_slack())
    waits = [meter.wait_for_method("token", "users.list", Tier.TIER_2, NOON) for _ in range(21)]
    assert waits == [0] * 20 + [3]


def test_faults_come_in_the_order_asked_for() -> None:
    """Each call takes one; other methods are not touched."""
    faults = Faults()
    faults.next("chat.postMessage", FaultKind.SLOW)
    faults.next("chat.postMessage", "drop_after", times=2)
    taken = [faults.take(method) for method in ("users.list", *["chat.postMessage"] * 4)]
    assert [fault.kind.value if fault else None for fault in taken] == [None, "slow", "drop_after", "drop_after", None]


def test_an_unknown_fault_is_refused() -> None:
    """A misspelt kind is a ValueError, not a fault that never comes."""
    with pytest.raises(ValueError, match="explode"):
        Faults().next("chat.postMessage", "explode")
