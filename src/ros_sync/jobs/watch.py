"""What a process does about its own health, once a minute.

Looks around, writes it down, and tells an outside monitor.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ros_sync import clock
from ros_sync.errors import RosSyncError
from ros_sync.jobs.health import Health, Readiness, Standing
from ros_sync.jobs.health_table import HealthTable
from ros_sync.jobs.run_failures import failure_of
from ros_sync.jobs.surroundings import (
    ANOTHER_SERVE,
    FileGuard,
    SoleServe,
    database_file,
    free_bytes,
    short_of_room,
)

log = structlog.stdlib.get_logger(__name__)

Reasons = Callable[[], list[str]]
"""Reasons from elsewhere that make the process degraded."""


class Ping(Protocol):
    """Tells an outside monitor that all is well; its silence is the alarm."""

    def __call__(self) -> None:
        """Send it; what goes wrong is logged and goes no further."""


class Watch:
    """Keeps an eye on a process. `reasons` are asked for what else degrades it; `ping` is sent while it is ready."""

    def __init__(
        self,
        engine: Engine,
        *,
        now: Callable[[], datetime] = clock.now,
        reasons: Reasons = list,
        ping: Ping | None = None,
    ) -> None:
        self.guard = FileGuard(path := database_file(engine))
        self._path = path
        self._now = now
        self._health_table = HealthTable(engine)
        self._sole = SoleServe(engine)
        self._reasons = reasons
        self._ping = ping
        self._health: Health | None = None
        self._told: str | None = None

    def begin(self, health: Health) -> None:
        """Take over a process's health, and say what is wrong from the start."""
        self._health = health
        self._write(lambda: self._health_table.begin(health.jobs()))
        self._look_around(health)

    def turn(self, _now: datetime | None = None) -> None:
        """The minute's turn: look around, write how all jobs are doing, and ping while all is well."""
        health = self._health
        if health is None:
            return
        self._look_around(health)
        self._write(lambda: self._health_table.write(health.jobs(), self._now()))
        if self._ping is not None and self.readiness().standing is Standing.READY:
            self._ping()

    def changed(self, name: str) -> None:
        """A job began or ceased to fail: that is written at once."""
        health = self._health
        if health is not None:
            self._write(lambda: self._health_table.write({name: health.jobs()[name]}, self._now()))

    def end(self) -> None:
        """Note that the process stops."""
        self._write(lambda: self._health_table.stopped(self._now()))
        self._sole.close()

    def readiness(self) -> Readiness:
        """The judgement at this moment, with all reasons there are."""
        assert self._health is not None
        return self._health.readiness(self._reasons())

    def _look_around(self, health: Health) -> None:
        folder = self._path.parent if self._path is not None else None
        health.trouble("disk", short_of_room(free_bytes(folder)) if folder is not None else None)
        alone = self._sole.alone()
        if not alone and ANOTHER_SERVE not in health.troubles():
            log.warning("another_serve", reason=ANOTHER_SERVE)
        health.trouble("another_serve", None if alone else ANOTHER_SERVE)

    def _write(self, act: Callable[[], None]) -> None:
        """Write to the table where that is possible; where it is not, the process says so itself."""
        words: str | None = None
        try:
            self.guard.check()
            act()
        except (SQLAlchemyError, RosSyncError) as error:
            failure = failure_of(error)
            words = f"can't record job health: {failure.public}"
            if failure.words != self._told:
                # its words say it all
                log.error("health_not_written", error=failure.words, kind=failure.kind)  # noqa: TRY400
            self._told = failure.words
        else:
            self._told = None
        if self._health is not None:
            self._health.trouble("health table", words)
