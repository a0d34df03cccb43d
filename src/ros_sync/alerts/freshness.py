"""How fresh the mirror is: which sources were read completely a short while ago, and which were not.

What is read by imports has no state of its own here and is never stale: it is as of the moment that its export says. A
source that is followed over its API is stale where its last complete moment lies too long ago, and as long as its
back-fill has not come to its end: half a mirror says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, select, true

from ros_sync.mirror.bookkeeping import SOURCE_STATE

if TYPE_CHECKING:
    from sqlmodel import Session  # loading it costs more than most commands do


_UNITS = (("day", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """How a source that is followed stands: `complete_at` is None before its first complete cycle.

    `problems` are what the last look at the account found wanting, as they are stored.
    """

    source: str
    complete_at: datetime | None
    quota_exhausted_until: datetime | None = None
    trouble: str | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)

    def lag(self, now: datetime) -> timedelta | None:
        """How long ago everything was here; None where that has never been so."""
        return None if self.complete_at is None else max(now - self.complete_at, timedelta(0))

    def is_stale(self, now: datetime, stale_seconds: int) -> bool:
        """Whether nothing may be concluded from it at `now`."""
        lag = self.lag(now)
        return lag is None or lag > timedelta(seconds=stale_seconds)

    def reading(self, now: datetime) -> str:
        """When it was last read completely, in words that hold nothing of the CRM's: `… 3 h ago (09:12 UTC)`."""
        if self.complete_at is None:
            return f"{self.source} hasn't been fully read yet"
        return f"{self.source} was last fully read {span(now - self.complete_at)} ago ({at(self.complete_at, now)})"

    def hampered(self) -> str | None:
        """That the last look could not read all of it, in words that hold nothing of the CRM's; None where it could."""
        return f"the last sync of {self.source} was incomplete" if self.trouble else None

    def words(self, now: datetime) -> str:
        """When it was last read completely, with what keeps it from being read."""
        quota_exhausted = self.quota_exhausted_until is not None and self.quota_exhausted_until > now
        again = (
            f"; resumes automatically at {at(self.quota_exhausted_until, now)}"
            if quota_exhausted and self.quota_exhausted_until
            else ""
        )
        return f"{self.reading(now)}{f': {self.trouble}' if self.trouble else ''}{again}"


def followed(on: Connection | Session) -> list[SourceStanding]:
    """Every source that is followed over its API, by name."""
    names = ("source", "complete_at", "quota_exhausted_until", "trouble", "problems")
    query = select(*(SOURCE_STATE.c[name] for name in names)).order_by(SOURCE_STATE.c.source)
    return [
        SourceStanding(source, complete_at, quota_exhausted_until, trouble, problems or [])
        for source, complete_at, quota_exhausted_until, trouble, problems in on.execute(query)
    ]


def stale_sources(on: Connection | Session, now: datetime, stale_seconds: int) -> list[SourceStanding]:
    """The sources of which nothing may be concluded at `now`, by name."""
    return [standing for standing in followed(on) if standing.is_stale(now, stale_seconds)]


def outside(source: ColumnElement[Any], stale: Collection[str]) -> ColumnElement[bool]:
    """Whether a record is of another source than the stale ones."""
    return source.not_in(sorted(stale)) if stale else true()


def span(passed: timedelta) -> str:
    """A stretch of time in its largest unit that fits: `3 h`, `20 min`, `2 days`; `less than 1 min`."""
    for unit, length in _UNITS:
        if (number := passed // length) > 0:
            return f"{number} {unit}{'s' if unit == 'day' and number > 1 else ''}"
    return "less than 1 min"


def at(instant: datetime, now: datetime) -> str:
    """An instant as it is told at `now`: `09:12 UTC` of the same day, else with the day."""
    shown = instant.astimezone(UTC)
    return f"{shown:%H:%M} UTC" if shown.date() == now.astimezone(UTC).date() else f"{shown:%Y-%m-%d %H:%M} UTC"
