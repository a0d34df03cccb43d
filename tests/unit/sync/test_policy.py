"""When what is done now and then is due, by clocks that may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ros_sync import clock
from ros_sync.sync.policy import CLOCKS_DIFFER, due, floored, lies_ahead, quota_exhausted

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


@pytest.mark.parametrize(
    "last, is_due",
    [
        (None, True),
        (NOW - timedelta(seconds=60), True),
        (NOW - timedelta(seconds=60) + MICRO, False),
        (NOW, False),
        (NOW + CLOCKS_DIFFER, False),
        (NOW + CLOCKS_DIFFER + MICRO, True),
    ],
    ids=["never", "long enough ago", "too short ago", "now", "by another's clock", "by a wrong clock"],
)
def test_when_something_is_due(last: datetime | None, is_due: bool) -> None:
    """After its seconds have passed; and at once where it was last done at a moment that cannot have been."""
    assert is_due == due(last, NOW, 60)


def test_clocks_of_two_machines_may_differ_a_little() -> None:
    """Only what lies further ahead than clocks differ was noted by a wrong one."""
    assert (False, True) == (lies_ahead(NOW + CLOCKS_DIFFER, NOW), lies_ahead(NOW + CLOCKS_DIFFER + MICRO, NOW))


@pytest.mark.parametrize(
    "until, is_quota_exhausted",
    [
        (None, False),
        (NOW - MICRO, False),
        (NOW, False),
        (NOW + MICRO, True),
        (NOW + clock.LONGEST_DAY, True),
        (NOW + clock.LONGEST_DAY + MICRO, False),
    ],
)
def test_until_when_a_source_is_not_called(until: datetime | None, is_quota_exhausted: bool) -> None:
    """Before the moment, unless that is further ahead than a day can be."""
    assert is_quota_exhausted == quota_exhausted(until, NOW)


def test_what_a_cursor_does_not_hold_is_cut_off() -> None:
    """Microseconds below a millisecond, downwards also before 1970."""
    assert (1_234_000, 1_234_000, -2_000) == (floored(1_234_999), floored(1_234_000), floored(-1_001))
