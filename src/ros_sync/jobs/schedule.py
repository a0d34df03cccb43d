"""Runs jobs again and again, each in its own time, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from ros_sync import clock
from ros_sync.errors import RosSyncError
from ros_sync.jobs.health import Health, JobState

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done every so often. `run` is given the present instant; the process is ready by `vital` jobs."""

    name: str
    every_seconds: float
    run: Callable[[datetime], object]
    vital: bool = False


class Schedule:
    """Fires jobs from a background thread while it is entered; the first run of each is at once.

    A job never overlaps with itself, and runs that were missed meanwhile become one. What a job raises is logged and
    noted in `health`, and the job is run again at its next time. Leaving waits for the jobs that are running.
    """

    def __init__(self, jobs: Sequence[Job], *, now: Callable[[], datetime] = clock.now) -> None:
        self.jobs = tuple(jobs)
        self.health = Health({job.name: JobState(timedelta(seconds=job.every_seconds), job.vital) for job in jobs})
        self._now = now
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(max_workers=max(1, len(self.jobs)))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def __enter__(self) -> Self:
        for job in self.jobs:
            self._scheduler.add_job(
                self.run_once, "interval", args=[job], id=job.name, seconds=job.every_seconds, next_run_time=clock.now()
            )
        self._scheduler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._scheduler.shutdown(wait=True)

    def run_once(self, job: Job) -> None:
        """Run a job now, in this thread; what it raises is logged and noted, and goes no further."""
        started_at = self._now()
        with structlog.contextvars.bound_contextvars(job=job.name):
            try:
                job.run(started_at)
            except RosSyncError as error:
                log.error("job_failed", error=str(error), kind=type(error).__name__)  # noqa: TRY400  # its message says it all
                self.health.failed(job.name, self._now())
            except Exception:
                log.exception("job_failed")
                self.health.failed(job.name, self._now())
            else:
                finished_at = self._now()
                self.health.succeeded(job.name, finished_at)
                log.debug("job_done", seconds=round((finished_at - started_at).total_seconds(), 3))
