"""Whether the jobs are doing their work.

What each run came to, and the judgement "ready, degraded or unready, and why". Ages are judged by a monotonic clock, so
that a system's clock that is set neither hides a job that stands still nor accuses one that runs. Instants are kept
beside them, for people.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ros_sync.jobs.run_failures import Failure

STALE_AFTER_INTERVALS = 3  # one late run is nothing; three in a row is a process that does not do its work
LATE_SECONDS = 60.0  # for jobs that run every few seconds: what is later than this is late
LONG_RUN_SECONDS = 3_600.0  # a run may take long (a back-fill); one that takes longer than this is told


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job has been doing. `vital` jobs decide readiness.

    `good_seconds` and `begun_seconds` are moments of the monotonic clock: of the last good run's end, and of the
    beginning of the run that is under way. `failure` is the last run's; None where it went well.
    """

    every: timedelta
    vital: bool = False
    last_good_at: datetime | None = None
    last_run_at: datetime | None = None
    failures_in_a_row: int = 0
    failure: Failure | None = None
    good_seconds: float | None = None
    begun_seconds: float | None = None
    running_since: datetime | None = None


class Standing(StrEnum):
    """How a process stands."""

    READY = "ready"
    """Everything does its work."""
    DEGRADED = "degraded"
    """The rules are evaluated, and something beside that does not work."""
    UNREADY = "unready"
    """The rules are not evaluated."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The reasons for which a process is unready (`fatal`) or degraded, in words without names or secrets.

    Anybody may read them.
    """

    fatal: tuple[str, ...] = ()
    lesser: tuple[str, ...] = ()

    @property
    def standing(self) -> Standing:
        """How the process stands."""
        return Standing.UNREADY if self.fatal else Standing.DEGRADED if self.lesser else Standing.READY

    @property
    def ready(self) -> bool:
        """Whether it does its work, be it degraded."""
        return not self.fatal

    @property
    def reasons(self) -> tuple[str, ...]:
        """All of them, the worst first."""
        return (*self.fatal, *self.lesser)


def readiness(jobs: Mapping[str, JobState], seconds: float, also: Iterable[str] = ()) -> Readiness:
    """Judge at the moment `seconds` of the monotonic clock.

    Each vital job has run well, and no longer ago than three of its intervals: else the process is unready. What other
    jobs lack, and the reasons in `also`, make it degraded.
    """
    fatal: list[str] = []
    lesser: list[str] = []
    for name, job in jobs.items():
        failed = _failures(job)
        if job.vital and job.good_seconds is None:
            fatal.append(f"{name} has not run yet{failed}")
        elif (late := _late(job, seconds)) is not None:
            where = fatal if job.vital else lesser
            where.append(f"{name} last succeeded {_minutes(late)} ago{failed}")
        elif failed:
            lesser.append(f"{name}{failed.removeprefix('; it')}")
        if (long := _long(job, seconds)) is not None:
            lesser.append(f"{name} has been running for {_minutes(long)}")
    lesser += also
    return Readiness(tuple(fatal), tuple(lesser))


def _failures(job: JobState) -> str:
    if not job.failures_in_a_row:
        return ""
    times = "once" if job.failures_in_a_row == 1 else f"{job.failures_in_a_row} times in a row"
    why = f": {job.failure.public}" if job.failure else ""
    return f"; it has failed {times}{why}"


def _minutes(seconds: float) -> str:
    minutes = int(seconds // 60)
    return "1 minute" if minutes == 1 else f"{minutes:,} minutes"


def _late(job: JobState, seconds: float) -> float | None:
    """How long ago the last good run ended, where that is too long ago; a run that is under way may take its time."""
    if job.good_seconds is None or (job.begun_seconds is not None and not job.vital):
        return None
    age = seconds - job.good_seconds
    allowed = STALE_AFTER_INTERVALS * job.every.total_seconds()
    return age if age > (allowed if job.vital else max(allowed, LATE_SECONDS)) else None


def _long(job: JobState, seconds: float) -> float | None:
    if job.begun_seconds is None:
        return None
    age = seconds - job.begun_seconds
    return age if age > max(LONG_RUN_SECONDS, STALE_AFTER_INTERVALS * job.every.total_seconds()) else None


class Health:
    """The state of all jobs of this process; written by the scheduler's threads, read by the web's.

    `troubles` are reasons of the process itself, each under a name of its own: the disk is nearly full, say.
    """

    def __init__(self, jobs: Mapping[str, JobState], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._jobs = dict(jobs)
        self._lock = threading.Lock()
        self._monotonic = monotonic
        self._troubles: dict[str, str] = {}

    def began(self, name: str, at: datetime) -> None:
        """Note that a run began."""
        with self._lock:
            self._jobs[name] = replace(self._jobs[name], begun_seconds=self._monotonic(), running_since=at)

    def succeeded(self, name: str, at: datetime) -> bool:
        """Note a run that went well; whether the one before had not."""
        with self._lock:
            job, seconds = self._jobs[name], self._monotonic()
            self._jobs[name] = replace(
                job, last_good_at=at, last_run_at=at, failures_in_a_row=0, failure=None, good_seconds=seconds,
                begun_seconds=None, running_since=None,
            )  # fmt: skip
            return job.failures_in_a_row > 0 or job.last_good_at is None

    def failed(self, name: str, at: datetime, failure: Failure) -> bool:
        """Note a run that raised; whether that is news: the one before went well, or failed of something else."""
        with self._lock:
            job = self._jobs[name]
            self._jobs[name] = replace(
                job, last_run_at=at, failures_in_a_row=job.failures_in_a_row + 1, failure=failure, begun_seconds=None,
                running_since=None,
            )  # fmt: skip
            return job.failure is None or job.failure.kind != failure.kind

    def trouble(self, name: str, words: str | None) -> None:
        """Note a reason of the process itself, or that there is none any more. `words` may be read by anybody."""
        with self._lock:
            if words is None:
                self._troubles.pop(name, None)
            else:
                self._troubles[name] = words

    def jobs(self) -> dict[str, JobState]:
        """The state of every job at this moment."""
        with self._lock:
            return dict(self._jobs)

    def troubles(self) -> list[str]:
        """The reasons of the process itself."""
        with self._lock:
            return list(self._troubles.values())

    def readiness(self, also: Iterable[str] = ()) -> Readiness:
        """The judgement at this moment; `also` are reasons from elsewhere."""
        return readiness(self.jobs(), self._monotonic(), [*self.troubles(), *also])
