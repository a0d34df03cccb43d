from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime

import pytest
from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from ros_sync.errors import PermanentError
from ros_sync.jobs.schedule import Job, Schedule

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PATIENCE_SECONDS = 10
DISK_FULL = "disk full: the database cannot be written"


def sqlite3_error(kind: str) -> sqlite3.Error:
    """What SQLite raises where the database may have no more pages (as on a full disk), or is locked."""
    with closing(sqlite3.connect(":memory:")) as connection, connection:
        connection.execute("PRAGMA max_page_count=2")
        try:
            connection.execute("CREATE TABLE big AS SELECT zeroblob(1000000)" if kind == "full" else "SELECT nothing")
        except sqlite3.Error as error:
            return error
    raise AssertionError(kind)


def test_first_run_is_at_once() -> None:
    """A job runs as soon as the schedule is entered, whatever its interval."""
    ran = threading.Event()
    with Schedule([Job("tick", 86_400, lambda _now: ran.set())]):
        assert ran.wait(PATIENCE_SECONDS)


def test_runs_again() -> None:
    """A job runs again after its interval."""
    runs = threading.Semaphore(0)
    with Schedule([Job("tick", 0.02, lambda _now: runs.release())]):
        assert [runs.acquire(timeout=PATIENCE_SECONDS) for _ in range(3)] == [True] * 3


def test_job_is_given_the_instant() -> None:
    """A job is given the present instant of the schedule's clock."""
    seen: list[datetime] = []
    Schedule([job := Job("tick", 1, seen.append)], now=lambda: NOON).run_once(job)
    assert seen == [NOON]


def test_leaving_waits_for_the_running_job() -> None:
    """Leaving the schedule waits until the job that runs has ended."""
    began, ended = threading.Event(), threading.Event()
    leave = threading.Event()

    def work(_now: datetime) -> None:
        began.set()
        leave.wait(PATIENCE_SECONDS)
        ended.set()

    with Schedule([Job("tick", 86_400, work)]):
        assert began.wait(PATIENCE_SECONDS)
        # Let go only once the schedule is being left.
        threading.Timer(0.05, leave.set).start()
    assert ended.is_set()


def test_job_does_not_overlap_with_itself() -> None:
    """A job whose next time comes while it still runs is not started a second time beside itself."""
    runs: list[datetime] = []
    turned_away = threading.Event()

    def work(now: datetime) -> None:
        runs.append(now)
        turned_away.wait(PATIENCE_SECONDS)

    schedule = Schedule([Job("tick", 0.01, work)])
    schedule._scheduler.add_listener(lambda _event: turned_away.set(), EVENT_JOB_MAX_INSTANCES)
    with schedule:
        assert turned_away.wait(PATIENCE_SECONDS)
        assert len(runs) == 1


def test_exception_does_not_end_the_schedule() -> None:
    """A job that raises is run again at its next time."""
    runs = threading.Semaphore(0)

    def work(_now: datetime) -> None:
        runs.release()
        raise ZeroDivisionError

    with capture_logs(), Schedule([Job("tick", 0.02, work)]):
        assert [runs.acquire(timeout=PATIENCE_SECONDS) for _ in range(2)] == [True] * 2


@pytest.mark.parametrize("error", [PermanentError("refused"), ZeroDivisionError()])
def test_exception_is_noted(error: Exception) -> None:
    """What a job raises is counted in the health of the process."""

    def work(_now: datetime) -> None:
        raise error

    schedule = Schedule([job := Job("tick", 1, work, vital=True)], now=lambda: NOON)
    with capture_logs():
        schedule.run_once(job)
    assert schedule.health.jobs()["tick"].failures_in_a_row == 1


def test_exception_is_logged_with_the_job() -> None:
    """What a job raises is logged as job_failed with its message."""

    def work(_now: datetime) -> None:
        raise PermanentError("refused", hint="ask again")

    schedule = Schedule([job := Job("tick", 1, work)], now=lambda: NOON)
    with capture_logs() as logged:
        schedule.run_once(job)
    assert [(entry["event"], entry["error"]) for entry in logged] == [("job_failed", "refused (ask again)")]


@pytest.mark.parametrize("error", [PermanentError("refused"), OperationalError("UPDATE", {}, sqlite3_error("full"))])
def test_a_known_failure_is_one_line_without_a_traceback(error: Exception) -> None:
    """What is no mistake of ours is logged in words alone, a full disk with the words that one searches for."""

    def work(_now: datetime) -> None:
        raise error

    schedule = Schedule([job := Job("tick", 1, work)])
    with capture_logs() as logged:
        schedule.run_once(job)
    words = [entry["error"].split(" (")[0] for entry in logged]
    assert ([None], True) == ([entry["exc_info"] for entry in logged], words[0] in ("refused", DISK_FULL))


def test_a_failure_that_goes_on_is_not_logged_every_time() -> None:
    """The same failure is told once a minute, another one at once."""
    seconds = [0.0]
    words = ["refused"]

    def work(_now: datetime) -> None:
        raise PermanentError(words[0])

    schedule = Schedule([job := Job("tick", 1, work)], monotonic=lambda: seconds[0])
    with capture_logs() as logged:
        for _ in range(5):
            schedule.run_once(job)
        words[0] = "refused in another way"
        schedule.run_once(job)
        seconds[0] += 61
        schedule.run_once(job)
    assert ["refused", "refused in another way", "refused in another way"] == [entry["error"] for entry in logged]


def test_a_run_that_is_not_allowed_fails() -> None:
    """Where the process must not work, a job is not run and fails of the reason."""
    ran: list[datetime] = []

    def allowed() -> None:
        raise PermanentError("the database file was moved away")

    schedule = Schedule([job := Job("tick", 1, ran.append)], allowed=allowed)
    with capture_logs() as logged:
        schedule.run_once(job)
    assert ([], ["the database file was moved away"]) == (ran, [entry["error"] for entry in logged])


def test_a_job_that_takes_longer_than_its_interval_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """A run that outlasts its interval is one line of ours with the job's name, and none of APScheduler's."""
    skipped = threading.Semaphore(0)
    leave = threading.Event()
    schedule = Schedule([Job("tick", 0.02, lambda _now: leave.wait(PATIENCE_SECONDS))])
    schedule._scheduler.add_listener(lambda _event: skipped.release(), EVENT_JOB_MAX_INSTANCES)
    with capture_logs() as logged, schedule:
        assert [skipped.acquire(timeout=PATIENCE_SECONDS) for _ in range(3)] == [True] * 3
        leave.set()
    told = [entry["job"] for entry in logged if entry["event"] == "job_still_running"]
    assert (["tick"], []) == (told[:1] + told[3:], [each for each in caplog.records if "apscheduler" in each.name])


def test_good_run_makes_ready() -> None:
    """A good run of the vital job makes the process ready."""
    schedule = Schedule([job := Job("tick", 300, lambda _now: None, vital=True)], now=lambda: NOON)
    schedule.run_once(job)
    assert schedule.health.readiness().ready
