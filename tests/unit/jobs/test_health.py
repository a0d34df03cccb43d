from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ros_sync.jobs.health import Health, JobState, Readiness, Standing, readiness
from ros_sync.jobs.run_failures import Failure

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERY = timedelta(seconds=300)
NOW = 1_000_000.0  # of the monotonic clock
REFUSED = Failure("AuthExpiredError", "Slack rejected the token of Ann", "The credentials are no longer accepted")


def tick(good: float | None, **more: object) -> JobState:
    """The vital job, last well at that monotonic moment."""
    return replace(JobState(EVERY, vital=True, good_seconds=good), **more)  # type: ignore[arg-type]  # fields by name


def test_not_ready_before_the_first_run() -> None:
    """A process whose vital job has not run is not ready, and says which job."""
    assert Readiness(("tick has not run yet",)) == readiness({"tick": tick(None)}, NOW)


@pytest.mark.parametrize("seconds,ready", [(0, True), (899, True), (900, True), (901, False)])
def test_ready_for_three_intervals(seconds: int, ready: bool) -> None:
    """A good run makes ready for three intervals."""
    assert ready == readiness({"tick": tick(NOW - seconds)}, NOW).ready


def test_stale_says_since_when_and_why() -> None:
    """The reason names the age of the last good run and the failures since, without what only operators may read."""
    state = tick(NOW - 3600, failures_in_a_row=12, failure=REFUSED)
    expected = (
        "tick last succeeded 60 minutes ago; it has failed 12 times in a row: The credentials are no longer accepted"
    )
    assert (expected,) == readiness({"tick": state}, NOW).reasons


@pytest.mark.parametrize("hours", [-3, -1, 1, 3])
def test_a_clock_that_is_set_changes_no_judgement(hours: int) -> None:
    """Whether a job ran lately is judged by the monotonic clock: instants that jump neither hide nor accuse."""
    fresh = tick(NOW, last_good_at=NOON + timedelta(hours=hours))
    dead = tick(NOW - 3600, last_good_at=NOON + timedelta(hours=hours))
    assert [True, False] == [readiness({"tick": each}, NOW).ready for each in (fresh, dead)]


def test_another_job_that_fails_degrades() -> None:
    """A job that is not vital and fails makes the process degraded at once, with the reason."""
    jobs = {"tick": tick(NOW), "deliver": JobState(EVERY, good_seconds=NOW, failures_in_a_row=1, failure=REFUSED)}
    expected = Readiness((), ("deliver has failed once: The credentials are no longer accepted",))
    assert expected == readiness(jobs, NOW)


def test_another_job_that_stands_still_degrades() -> None:
    """A job that has not run for three intervals is told, unless it is running."""
    still = JobState(timedelta(seconds=60), good_seconds=NOW - 181)
    running = replace(still, begun_seconds=NOW - 170)
    found = [readiness({"tick": tick(NOW), "sync": each}, NOW).reasons for each in (still, running)]
    assert [("sync last succeeded 3 minutes ago",), ()] == found


def test_a_single_minute_is_one() -> None:
    """A job of every few seconds that is late by a minute reads well."""
    late = JobState(timedelta(seconds=10), good_seconds=NOW - 70)
    assert ("sync last succeeded 1 minute ago",) == readiness({"tick": tick(NOW), "sync": late}, NOW).reasons


def test_a_run_that_does_not_end_degrades() -> None:
    """A run of more than an hour is told."""
    hung = JobState(EVERY, begun_seconds=NOW - 7200)
    assert ("sync has been running for 120 minutes",) == readiness({"tick": tick(NOW), "sync": hung}, NOW).reasons


def test_reasons_from_elsewhere_degrade() -> None:
    """What other parts of the program have to say makes the process degraded, and never unready."""
    expected = Readiness((), ("rules/deals.yaml cannot be used",))
    assert expected == readiness({"tick": tick(NOW)}, NOW, ["rules/deals.yaml cannot be used"])


@pytest.mark.parametrize(
    "fatal,lesser,expected",
    [((), (), "ready"), ((), ("x",), "degraded"), (("y",), (), "unready"), (("y",), ("x",), "unready")],
)
def test_how_a_process_stands(fatal: tuple[str, ...], lesser: tuple[str, ...], expected: str) -> None:
    """Without a reason it is ready, with lesser ones degraded, with a fatal one unready.

    The fatal ones are told first.
    """
    judgement = Readiness(fatal, lesser)
    assert (Standing(expected), (*fatal, *lesser)) == (judgement.standing, judgement.reasons)


def test_failure_keeps_the_last_good_run() -> None:
    """A failure is counted and leaves the time of the last good run."""
    health = Health({"tick": JobState(EVERY, vital=True)}, monotonic=lambda: NOW)
    health.succeeded("tick", NOON)
    health.failed("tick", NOON + EVERY, REFUSED)
    expected = JobState(EVERY, True, NOON, NOON + EVERY, 1, REFUSED, NOW)
    assert {"tick": expected} == health.jobs()


def test_success_ends_the_failures() -> None:
    """A good run sets the count of failures back."""
    health = Health({"tick": JobState(EVERY, vital=True)})
    health.failed("tick", NOON, REFUSED)
    health.succeeded("tick", NOON + EVERY)
    assert health.jobs()["tick"].failures_in_a_row == 0


def test_news_are_the_turns() -> None:
    """The first good run, a first failure, one of another kind and the next good run are news.

    The rest is more of the same.
    """
    other = replace(REFUSED, kind="DiskFullError")
    health = Health({"tick": JobState(EVERY)})
    turns = [health.succeeded("tick", NOON), health.succeeded("tick", NOON)]
    turns += [health.failed("tick", NOON, each) for each in (REFUSED, REFUSED, other)]
    assert [True, False, True, False, True, True] == [*turns, health.succeeded("tick", NOON)]


def test_a_trouble_of_the_process_ends() -> None:
    """A reason of the process stays until it is taken back."""
    health = Health({})
    health.trouble("disk", "the disk is nearly full")
    before = health.readiness().reasons
    health.trouble("disk", None)
    assert (("the disk is nearly full",), ()) == (before, health.readiness().reasons)
