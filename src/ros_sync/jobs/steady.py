"""APScheduler's background scheduler, made steady: its jobs keep their pace when the system's clock is set.

APScheduler plans by wall time. Set back by an hour, the clock would keep every job waiting for that hour; set forward,
all of them would run at once. So the plan is moved by whatever the wall clock and the monotonic one have come apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import TIMEOUT_MAX
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_STOPPED

from ros_sync import clock

# A wait that began before the clock was set ends by then at the latest: the step is noticed and the plan is moved.
LOOK_SECONDS = 1.0
STEP = timedelta(
    milliseconds=500
)  # less than this is drift that a time server is correcting, and is made good here as well

log = structlog.stdlib.get_logger(__name__)


class SteadyScheduler(BackgroundScheduler):  # type: ignore[misc]  # apscheduler 3 has no types
    """A scheduler whose intervals are stretches of time and not of the wall clock.

    `wall` and `monotonic` are the two clocks; `wall` has to be the one that APScheduler reads.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = clock.now,
        monotonic: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._wall = wall
        self._monotonic = monotonic
        self._ahead = self._difference()

    def _main_loop(self) -> None:
        """Wait and run what is due, as the library's own loop does, and look at both clocks first.

        `_process_jobs` starts what is due and returns the seconds until the next run (APScheduler's user guide,
        "Extending APScheduler", custom schedulers).
        """
        wait_seconds = TIMEOUT_MAX
        while self.state != STATE_STOPPED:
            self._event.wait(min(wait_seconds, LOOK_SECONDS))
            self._event.clear()
            self._follow_the_clock()
            found = self._process_jobs()
            wait_seconds = TIMEOUT_MAX if found is None else found

    def _difference(self) -> timedelta:
        """By how much the wall clock is ahead of the monotonic one, seen as a date."""
        return (self._wall() - clock.EPOCH) - timedelta(seconds=self._monotonic())

    def _follow_the_clock(self) -> None:
        """Move the plan where the wall clock was set."""
        difference = self._difference()
        step = difference - self._ahead
        if abs(step) < STEP:
            return
        self._ahead = difference
        log.warning("clock_was_set", seconds=round(step.total_seconds(), 1))
        with self._jobstores_lock:
            for job in self.get_jobs():
                if job.next_run_time is not None:
                    # A job that was planned anew between the step and this look waits for its interval, and no longer.
                    latest = self._wall() + job.trigger.interval
                    job.modify(next_run_time=min(job.next_run_time + step, latest))
