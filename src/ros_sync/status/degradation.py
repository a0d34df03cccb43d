"""What does not work as it should while the rest goes on, asked of the database whenever somebody wants to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ros_sync.alerts.freshness import SourceStanding, followed, stale_sources
from ros_sync.alerts.rule_failures import failed_rules
from ros_sync.mirror.config_versions import broken_files

log = structlog.stdlib.get_logger(__name__)


def stale_in(engine: Engine, stale_seconds: int) -> Callable[[datetime], Sequence[SourceStanding]]:
    """Ask the database which sources are stale, at whatever moment."""

    def stale_at(now: datetime) -> list[SourceStanding]:
        with engine.connect() as connection:
            return stale_sources(connection, now, stale_seconds)

    return stale_at


def degraded_in(engine: Engine) -> Callable[[], Sequence[str]]:
    """Ask the database which files cannot be used, which rules cannot be evaluated, which CRMs could not be read."""

    def degraded() -> list[str]:
        try:
            with engine.connect() as connection:
                files = [each.reason for each in broken_files(connection)]
                unread = [words for each in followed(connection) if (words := each.hampered())]
                return [*files, *(each.public for each in failed_rules(connection)), *unread]
        except SQLAlchemyError as error:
            log.warning("degradation_unknown", error=type(error).__name__)
            return []

    return degraded
