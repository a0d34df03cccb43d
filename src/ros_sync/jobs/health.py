"""Whether the jobs are doing their work: what each run came to, and the judgement "ready or not, and why"."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

STALE_AFTER_INTERVALS = 3  # one late run is nothing; three in a row is a process that does not do its work


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job has been doing. `vital` jobs decide readiness."""

    every: timedelta
    vital: bool = False
    last_good_at: datetime | None = None
    last_run_at: datetime | None = None
    failures_in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the process does its work, and where not, the reasons in words without names or secrets."""

    ready: bool
    reasons: tuple[str, ...]


def readiness(jobs: Mapping[str, JobState], now: datetime) -> Readiness:
    """Judge: each vital job has run well, and no longer ago than three of its intervals."""
    reasons = []
    for name, job in jobs.items():
        if not job.vital:
            continue
        failed = f"; it has failed {job.failures_in_a_row} times in a row" if job.failures_in_a_row else ""
        if job.last_good_at is None:
            reasons.append(f"{name} has not run yet{failed}")
        elif now - job.last_good_at > STALE_AFTER_INTERVALS * job.every:
            minutes = (now - job.last_good_at) // timedelta(minutes=1)
            reasons.append(f"{name} last went well {minutes} minutes ago{failed}")
    return Readiness(ready=not reasons, reasons=tuple(reasons))


class Health:
    """The state of all jobs of this process; written by the scheduler's threads, read by the web's."""

    def __init__(self, jobs: Mapping[str, JobState]) -> None:
        self._jobs = dict(jobs)
        self._lock = threading.Lock()

    def succeeded(self, name: str, at: datetime) -> None:
        """Note a run that went well."""
        with self._lock:
            self._jobs[name] = replace(self._jobs[name], last_good_at=at, last_run_at=at, failures_in_a_row=0)

    def failed(self, name: str, at: datetime) -> None:
        """Note a run that raised."""
        with self._lock:
            job = self._jobs[name]
            self._jobs[name] = replace(job, last_run_at=at, failures_in_a_row=job.failures_in_a_row + 1)

    def jobs(self) -> dict[str, JobState]:
        """The state of every job at this moment."""
        with self._lock:
            return dict(self._jobs)

    def readiness(self, now: datetime) -> Readiness:
        """The judgement at `now`."""
        return readiness(self.jobs(), now)
