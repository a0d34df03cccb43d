from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ros_sync.jobs.health import Health, JobState, Readiness, readiness

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERY = timedelta(seconds=300)


def test_not_ready_before_the_first_run() -> None:
    """A process whose vital job has not run is not ready, and says which job."""
    assert Readiness(ready=False, reasons=("tick has not run yet",)) == readiness(
        {"tick": JobState(EVERY, vital=True)}, NOON
    )


@pytest.mark.parametrize("seconds,ready", [(0, True), (899, True), (900, True), (901, False)])
def test_ready_for_three_intervals(seconds: int, ready: bool) -> None:
    """A good run makes ready for three intervals."""
    state = JobState(EVERY, vital=True, last_good_at=NOON - timedelta(seconds=seconds))
    assert ready == readiness({"tick": state}, NOON).ready


def test_stale_says_since_when_and_why() -> None:
    """The reason names the age of the last good run and the failures since."""
    state = JobState(EVERY, vital=True, last_good_at=NOON - timedelta(hours=1), failures_in_a_row=12)
    expected = "tick last went well 60 minutes ago; it has failed 12 times in a row"
    assert (expected,) == readiness({"tick": state}, NOON).reasons


def test_other_jobs_do_not_decide() -> None:
    """A job that is not vital does not hold readiness back."""
    assert readiness({"deliver": JobState(EVERY)}, NOON).ready


def test_failure_keeps_the_last_good_run() -> None:
    """A failure is counted and leaves the time of the last good run."""
    health = Health({"tick": JobState(EVERY, vital=True)})
    health.succeeded("tick", NOON)
    health.failed("tick", NOON + EVERY)
    assert {"tick": JobState(EVERY, True, NOON, NOON + EVERY, 1)} == health.jobs()


def test_success_ends_the_failures() -> None:
    """A good run sets the count of failures back."""
    health = Health({"tick": JobState(EVERY, vital=True)})
    health.failed("tick", NOON)
    health.succeeded("tick", NOON + EVERY)
    assert health.jobs()["tick"].failures_in_a_row == 0
