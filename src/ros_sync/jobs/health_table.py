"""How the jobs are doing, kept in the database: one row a job, for whoever looks from outside the process.

A row is written when a job begins or ceases to fail, and else once a minute. So an idle process writes nothing but
these few rows, and one that cannot write any more (the disk is full, the database is locked) is seen by their age.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, insert, inspect, select, update

from ros_sync.jobs.health import STALE_AFTER_INTERVALS, JobState
from ros_sync.mirror.bookkeeping import JOB_HEALTH

WRITE_SECONDS = 60.0
SILENT_AFTER = timedelta(seconds=3 * WRITE_SECONDS)
LATE = timedelta(minutes=1)  # for jobs that run every few seconds


@dataclass(frozen=True, slots=True)
class JobStanding:
    """A job as its process wrote it last."""

    name: str
    every_seconds: float
    vital: bool
    last_good_at: datetime | None
    last_run_at: datetime | None
    running_since: datetime | None
    failures_in_a_row: int
    reason: str | None
    seen_at: datetime
    stopped_at: datetime | None = None

    def trouble(self) -> str | None:
        """What is wrong with the job by what was written, in words for those who run ros-sync.

        None where nothing is.
        """
        if self.stopped_at is not None:
            return None
        if self.failures_in_a_row:
            times = "once" if self.failures_in_a_row == 1 else f"{self.failures_in_a_row:,} times in a row"
            return f"{self.name} has failed {times}: {self.reason or 'see the log'}"
        if self.running_since is not None or self.last_good_at is None:
            return None
        allowed = max(timedelta(seconds=STALE_AFTER_INTERVALS * self.every_seconds), LATE)
        # By the row's own moment: one that is old says nothing about what happened since.
        if self.seen_at - self.last_good_at > allowed:
            minutes = (self.seen_at - self.last_good_at) // timedelta(minutes=1)
            return (
                f"{self.name} last succeeded {minutes:,} {'minute' if minutes == 1 else 'minutes'} before its last "
                "report"
            )
        return None

    def is_silent(self, now: datetime) -> bool:
        """Whether the process wrote nothing for minutes and was not stopped."""
        return self.stopped_at is None and now - self.seen_at > SILENT_AFTER


class HealthTable:
    """The table `job_health` as this process writes it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, jobs: Collection[str]) -> None:
        """Forget jobs that this process does not have."""
        with self._engine.begin() as connection:
            gone = set(connection.execute(select(JOB_HEALTH.c.name)).scalars()) - set(jobs)
            if gone:
                connection.execute(delete(JOB_HEALTH).where(JOB_HEALTH.c.name.in_(sorted(gone))))

    def write(self, jobs: dict[str, JobState], now: datetime) -> None:
        """Write how these jobs are doing, in one transaction."""
        with self._engine.begin() as connection:
            for name, job in jobs.items():
                values = {
                    "every_seconds": job.every.total_seconds(),
                    "vital": job.vital,
                    "last_good_at": job.last_good_at,
                    "last_run_at": job.last_run_at,
                    "running_since": job.running_since,
                    "failures_in_a_row": job.failures_in_a_row,
                    "reason": job.failure.words if job.failure else None,
                    "seen_at": now,
                    "stopped_at": None,
                }
                if not connection.execute(update(JOB_HEALTH).where(JOB_HEALTH.c.name == name).values(values)).rowcount:
                    connection.execute(insert(JOB_HEALTH).values(name=name, **values))

    def stopped(self, now: datetime) -> None:
        """Note that the process was stopped: its silence is nobody's trouble."""
        with self._engine.begin() as connection:
            connection.execute(update(JOB_HEALTH).values(seen_at=now, stopped_at=now, running_since=None))


def standings(connection: Connection) -> list[JobStanding]:
    """Every job that was written down, the vital ones first; none where the table does not exist yet."""
    if not inspect(connection).has_table("job_health"):
        return []
    names = tuple(JobStanding.__dataclass_fields__)
    query = select(*(JOB_HEALTH.c[name] for name in names))
    rows = connection.execute(query.order_by(JOB_HEALTH.c.vital.desc(), JOB_HEALTH.c.name))
    return [JobStanding(*row) for row in rows]


def troubles(found: Collection[JobStanding], now: datetime) -> list[str]:
    """What is wrong by what the process wrote, the silence of all of them first."""
    silent = [each for each in found if each.is_silent(now)]
    told = []
    if silent:
        newest = max(each.seen_at for each in silent)
        minutes = (now - newest) // timedelta(minutes=1)
        told.append(
            f"`ros-sync serve` hasn't reported for {minutes:,} minutes: it was killed, is hanging, or can't write "
            "(the disk is full, the database is locked)"
        )
    return told + [trouble for each in found if (trouble := each.trouble())]
