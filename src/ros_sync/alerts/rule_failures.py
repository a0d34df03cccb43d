"""A rule that fails stops itself alone: its alerts keep their last state, and the other rules go on.

What fails because of the database (it is locked, full, gone) fails for every rule alike, and ends the tick.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection, Table, delete, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlmodel import Session

from ros_sync.alerts.tables import RuleFailure
from ros_sync.errors import RosSyncError
from ros_sync.rules.language import Moment

failure_table: Table = RuleFailure.metadata.tables["rule_failure"]
_SQLITE_ERROR = 1  # SQLite result codes: what is wrong with a statement; all others are about the database itself
_QUERY_CANCELED = "57014"  # PostgreSQL error codes: statement_timeout, which one rule's condition may run into

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class RuleFailures:
    """The rules that failed in this tick, with the reason of each."""

    session: Session
    reasons: dict[str, str] = field(default_factory=dict)

    def __contains__(self, rule_id: object) -> bool:
        return rule_id in self.reasons

    @contextmanager
    def alone(self, rule_id: str) -> Iterator[None]:
        """Let what is done for one rule fail without ending the tick; what its open portion wrote is taken back."""
        try:
            yield
        except Exception as error:
            if is_of_the_database(error):
                raise
            self.session.rollback()
            self.reasons.setdefault(rule_id, in_words(error))

    def keep(self, rule_ids: Collection[str], moment: Moment) -> None:
        """Make the table say what failed; nothing is written where it says so already.

        `rule_ids` are those that were looked at. The caller owns the transaction.
        """
        connection = self.session.connection()
        c = failure_table.c
        # dict() takes a result for a mapping
        known = {rule_id: reason for rule_id, reason in connection.execute(select(c.rule_id, c.reason))}  # noqa: C416
        recovered = [rule_id for rule_id in known if rule_id not in self.reasons]
        if recovered:
            connection.execute(delete(failure_table).where(c.rule_id.in_(recovered)))
        for rule_id, reason in self.reasons.items():
            if rule_id not in known:
                values = {"rule_id": rule_id, "since_at": moment.now, "reason": reason}
                connection.execute(insert(failure_table).values(**values))
            elif known[rule_id] != reason:
                connection.execute(update(failure_table).where(c.rule_id == rule_id).values(reason=reason))
            if known.get(rule_id) != reason:
                log.error("rule_failed", rule=rule_id, reason=reason)
        if again := [rule_id for rule_id in recovered if rule_id in rule_ids]:
            log.info("rules_recovered", rules=again)


@dataclass(frozen=True, slots=True)
class FailedRule:
    """A rule that cannot be evaluated, since when, and why."""

    rule_id: str
    since_at: datetime
    reason: str

    @property
    def public(self) -> str:
        """Which rule stands still and since when, in words that anybody may read."""
        return (
            f"rule {self.rule_id} has been failing since {self.since_at:%Y-%m-%d %H:%M} UTC; its alerts keep their "
            "last state"
        )

    @property
    def words(self) -> str:
        """The same with the reason, for those who run ros-sync."""
        return f"{self.public}: {self.reason}"


def failed_rules(on: Connection | Session) -> list[FailedRule]:
    """The rules that cannot be evaluated, by id; none where the table is not there yet."""
    connection = on.connection() if isinstance(on, Session) else on
    if not inspect(connection).has_table(failure_table.name):
        return []
    c = failure_table.c
    return [FailedRule(*row) for row in connection.execute(select(c.rule_id, c.since_at, c.reason).order_by(c.rule_id))]


def is_of_the_database(error: Exception) -> bool:
    """Whether the database itself is the trouble, and not what one rule asks of it."""
    if isinstance(error, InterfaceError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    if not isinstance(error, OperationalError):
        return isinstance(error, OSError | MemoryError)
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", None) != _SQLITE_ERROR
    return getattr(error.orig, "sqlstate", None) != _QUERY_CANCELED


def in_words(error: Exception) -> str:
    """Why, without a value of the CRM's: the texts of databases and of Python quote what they stumbled over."""
    if isinstance(error, RosSyncError):
        return str(error)
    if isinstance(error, DBAPIError):
        return f"the database rejected its query: {type(error.orig).__name__}"
    return f"it could not be evaluated: {type(error).__name__}"
