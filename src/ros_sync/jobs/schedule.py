"""Runs jobs again and again, each in its own time, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.executors.pool import ThreadPoolExecutor

from ros_sync import clock
from ros_sync.jobs.health import Health, JobState
from ros_sync.jobs.run_failures import Failure, failure_of
from ros_sync.jobs.steady import SteadyScheduler

SAME_AGAIN_SECONDS = 60.0  # a failure that goes on is logged again after this long

log = structlog.stdlib.get_logger(__name__)

# What it says when a run is skipped names a function of ours and comes with each interval; `_on_skipped` tells it
# instead.
logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done every so often. `run` is given the present instant; the process is ready by `vital` jobs."""

    name: str
    every_seconds: float
    run: Callable[[datetime], object]
    vital: bool = False


class Schedule:
    """Fires jobs from a background thread while it is entered; the first run of each is at once.

    A job never overlaps with itself, and runs that were missed meanwhile become one. Intervals are stretches of time: a
    system's clock that is set changes nothing about them. What a job raises is logged and noted in `health`, and the
    job is run again at its next time. Leaving waits for the jobs that are running.

    `allowed` is asked before each run and may raise: then the job fails of that. `changed` is told the name of a job
    that begins or ceases to fail, and `observe` how many seconds each run took. The jobs `beside` look after the
    others: they run whatever `allowed` says, and nobody keeps account of them.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        beside: Sequence[Job] = (),
        now: Callable[[], datetime] = clock.now,
        monotonic: Callable[[], float] = time.monotonic,
        allowed: Callable[[], object] = lambda: None,
        changed: Callable[[str], object] = lambda _name: None,
        observe: Callable[[str, float], object] = lambda _name, _seconds: None,
    ) -> None:
        self.jobs = tuple(jobs)
        self._beside = tuple(beside)
        states = {job.name: JobState(timedelta(seconds=job.every_seconds), job.vital) for job in jobs}
        self.health = Health(states, monotonic=monotonic)
        self._now = now
        self._monotonic = monotonic
        self._allowed = allowed
        self._changed = changed
        self._observe = observe
        self._logged: dict[str, tuple[str, float]] = {}
        self._skipped: set[str] = set()
        self._lock = threading.Lock()
        self._scheduler = SteadyScheduler(
            wall=clock.now,
            monotonic=monotonic,
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(max_workers=max(1, len(self.jobs) + len(self._beside)))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._on_skipped, EVENT_JOB_MAX_INSTANCES)

    def __enter__(self) -> Self:
        for job in (*self.jobs, *self._beside):
            self._scheduler.add_job(
                self.run_once if job in self.jobs else self._run_beside,
                "interval",
                args=[job],
                id=job.name,
                name=job.name,
                seconds=job.every_seconds,
                next_run_time=clock.now(),
            )
        self._scheduler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._scheduler.shutdown(wait=True)

    def run_once(self, job: Job) -> None:
        """Run a job now, in this thread; what it raises is logged and noted, and goes no further."""
        started_at, begun = self._now(), self._monotonic()
        self.health.began(job.name, started_at)
        with structlog.contextvars.bound_contextvars(job=job.name):
            try:
                self._allowed()
                job.run(started_at)
            except Exception as error:  # noqa: BLE001  # whatever one run meets, the next one comes
                failure = failure_of(error)
                self._log_failure(job, failure, error)
                news = self.health.failed(job.name, self._now(), failure)
            else:
                news = self.health.succeeded(job.name, self._now())
                self._logged.pop(job.name, None)
                log.debug("job_done", seconds=round(self._monotonic() - begun, 3))
            self._observe(job.name, self._monotonic() - begun)
            with self._lock:
                self._skipped.discard(job.name)
            if news:
                self._changed(job.name)

    def _run_beside(self, job: Job) -> None:
        try:
            job.run(self._now())
        except Exception as error:  # noqa: BLE001  # as above
            with structlog.contextvars.bound_contextvars(job=job.name):
                self._log_failure(job, failure_of(error), error)

    def _log_failure(self, job: Job, failure: Failure, error: Exception) -> None:
        """One line; a failure that goes on is told now and then, and not every few seconds."""
        words, at = self._logged.get(job.name, ("", 0.0))
        if words == failure.words and self._monotonic() - at < SAME_AGAIN_SECONDS:
            return
        self._logged[job.name] = failure.words, self._monotonic()
        log.error("job_failed", error=failure.words, kind=failure.kind, exc_info=error if failure.is_ours else None)

    def _on_skipped(self, event: JobSubmissionEvent) -> None:
        """A job's time came while it still ran: said once for that run."""
        with self._lock:
            if event.job_id in self._skipped:
                return
            self._skipped.add(event.job_id)
        log.info("job_still_running", job=event.job_id)
