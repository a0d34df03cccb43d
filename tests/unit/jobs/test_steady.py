"""Jobs keep their pace while the system's clock is set."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from apscheduler.schedulers import base
from structlog.testing import capture_logs

from ros_sync import clock
from ros_sync.jobs import steady
from ros_sync.jobs.schedule import Job, Schedule

PATIENCE_SECONDS = 10.0
HOURS = [-30 * 24.0, -3.0, -1.0, -0.02, 0.02, 1.0, 3.0, 30 * 24.0]


class WallClock:
    """The system's clock, which can be set; the monotonic one goes on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """Give a system's clock that can be set, for APScheduler and for us."""
    wall = WallClock()

    class Settable(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return wall().astimezone(tz)

    monkeypatch.setattr(base, "datetime", Settable)
    monkeypatch.setattr(clock, "now", wall)
    monkeypatch.setattr(steady, "LOOK_SECONDS", 0.05)  # much less than the tests' intervals, as it is in life
    return wall


@pytest.mark.parametrize("hours", HOURS)
def test_a_job_keeps_its_interval_when_the_clock_is_set(wall: WallClock, hours: float) -> None:
    """Set by hours in either direction, a job runs again after its interval.

    Neither for hours not at all, nor at once.
    """
    every = 0.5
    ran: list[float] = []
    thrice = threading.Event()

    def work(_now: datetime) -> None:
        ran.append(time.monotonic())
        if len(ran) == 1:
            wall.ahead = timedelta(hours=hours)
        if len(ran) == 3:
            thrice.set()

    with capture_logs(), Schedule([Job("tick", every, work)]):
        assert thrice.wait(PATIENCE_SECONDS)
    # On a busy machine a run may begin late, and the one after it is that much nearer; "at once" is within a look at
    # the clock.
    assert [True, True] == [later - earlier > every / 4 for earlier, later in pairwise(ran)]


def test_a_job_far_apart_stays_so(wall: WallClock) -> None:
    """Set forward by three days, a job that is due in a day does not run."""
    ran: list[datetime] = []
    quick = threading.Semaphore(0)

    def work(_now: datetime) -> None:
        wall.ahead = timedelta(days=3)
        quick.release()

    with capture_logs(), Schedule([Job("daily", 86_400, ran.append), Job("quick", 0.1, work)]):
        assert [quick.acquire(timeout=PATIENCE_SECONDS) for _ in range(15)] == [True] * 15
    assert len(ran) == 1


def test_steps_add_up(wall: WallClock) -> None:
    """A clock that is set back and forward again and again leaves the pace as it was."""
    runs = threading.Semaphore(0)
    steps = iter([-3.0, 5.0, -7.0, 2.0, -48.0])

    def work(_now: datetime) -> None:
        wall.ahead += timedelta(hours=next(steps, 0.0))
        runs.release()

    with capture_logs(), Schedule([Job("tick", 0.05, work)]):
        assert [runs.acquire(timeout=PATIENCE_SECONDS) for _ in range(8)] == [True] * 8


def test_the_step_is_logged(wall: WallClock) -> None:
    """That the clock was set is one line, with by how much."""
    runs = threading.Semaphore(0)

    def work(_now: datetime) -> None:
        wall.ahead = timedelta(hours=-1)
        runs.release()

    with capture_logs() as logged, Schedule([Job("tick", 0.05, work)]):
        assert [runs.acquire(timeout=PATIENCE_SECONDS) for _ in range(3)] == [True] * 3
    assert [-3600.0] == [entry["seconds"] for entry in logged if entry["event"] == "clock_was_set"]


@pytest.mark.parametrize("hours", [1.0, -1.0, 72.0])
def test_a_clock_that_is_set_between_the_look_and_the_run_keeps_no_job_waiting(
    wall: WallClock, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    """Set after both clocks were compared and before what is due is started.

    The job is planned by the new time already.
    """
    runs = threading.Semaphore(0)
    look = steady.SteadyScheduler._follow_the_clock
    looks = iter(range(1_000_000))

    def look_and_be_set(self: steady.SteadyScheduler) -> None:
        look(self)
        if next(looks) == 3:
            wall.ahead = timedelta(hours=hours)

    monkeypatch.setattr(steady.SteadyScheduler, "_follow_the_clock", look_and_be_set)
    with capture_logs(), Schedule([Job("tick", 0.1, lambda _now: runs.release())]):
        assert [runs.acquire(timeout=PATIENCE_SECONDS) for _ in range(8)] == [True] * 8
