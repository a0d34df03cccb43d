"""What a cycle says of itself in figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ros_sync.sync.ingest.reports import CycleReport

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def report() -> CycleReport:
    """A cycle that read 500 records of two streams with five calls."""
    report = CycleReport("hubspot", NOW, calls={"search": 3, "read": 2})
    report.of("deals").read = 200
    report.of("contacts").read = 300
    return report


def test_calls_are_counted_for_each_thousand_records(report: CycleReport) -> None:
    """All calls, over the records of all streams."""
    assert (5, 10.0) == (report.call_count, report.calls_per_thousand)


def test_nothing_read_has_no_share_of_calls() -> None:
    assert CycleReport("hubspot", NOW, calls={"account": 1}).calls_per_thousand is None


def test_how_long_a_cycle_took(report: CycleReport) -> None:
    """Nothing is said before it has ended."""
    unfinished = report.seconds
    report.finished_at = NOW + timedelta(seconds=90)
    assert (0.0, 90.0) == (unfinished, report.seconds)


def test_how_far_a_cycle_lags(report: CycleReport) -> None:
    """From the moment up to which all was read until the end of the cycle, or its beginning while it is under way."""
    unknown = report.lag
    report.complete_at = NOW - timedelta(minutes=2)
    underway = report.lag
    report.finished_at = NOW + timedelta(minutes=1)
    assert (None, timedelta(minutes=2), timedelta(minutes=3)) == (unknown, underway, report.lag)
