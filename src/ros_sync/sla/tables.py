"""The tables of the clocks: one row for each clock that ever ran, and what happened to it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from ros_sync.mirror.columns import BigKey, Instant

_OPEN = text("stopped_at IS NULL")


class State(StrEnum):
    """How a clock stands. It is *open* until it has stopped; a breached one may still be open."""

    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    WITHDRAWN = "withdrawn"  # what it measured is gone: the record deleted, its start changed; neither met nor breached


class What(StrEnum):
    """What can happen to a clock."""

    STARTED = "started"
    RESTATED = "restated"
    MET = "met"
    BREACHED = "breached"
    STOPPED = "stopped"  # after it was breached
    WITHDRAWN = "withdrawn"


class SlaClock(SQLModel, table=True):
    """A clock on one record: it starts at an instant, is due at an instant, and stops at one or is still open."""

    __tablename__ = "sla_clock"
    __table_args__ = (
        UniqueConstraint("clock", "object", "source", "record_id", "started_at"),
        Index("ix_sla_clock_due", "clock", "state", "due_at"),
        # A breach is found by comparing instants, whatever the state column says yet; and open clocks are few.
        Index("ix_sla_clock_open", "clock", "due_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    clock: str = Field(description="the id of the rule that it belongs to")
    object: str
    source: str
    record_id: str
    owner_id: str | None = Field(default=None, description="whose clock it is: the record's owner while it ran")
    calendar: str | None = Field(default=None, description="calendar that its business time is counted in, if any")
    calendar_version: str | None = Field(default=None, description="fingerprint of that calendar's hours")
    within: str = Field(description="the time allowed, such as `1 business day`")
    started_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    stopped_at: datetime | None = Field(default=None, sa_type=Instant)
    state: str = Field(description="running, met, breached or withdrawn")
    episode: int = Field(description="1 for the first clock of this rule on this record, 2 for the next")


class SlaClockEvent(SQLModel, table=True):
    """Something that happened to a clock. `at` is when ros-sync saw it; the clock's own instants say when it was."""

    __tablename__ = "sla_clock_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    clock_id: int = Field(sa_type=BigKey, index=True, foreign_key="sla_clock.id")
    at: datetime = Field(sa_type=Instant)
    what: str = Field(description="started, restated, met, breached, stopped or withdrawn")
    why: str | None = Field(
        default=None, description="owner moved, calendar changed, deadline changed, record deleted …"
    )
    old_due_at: datetime | None = Field(default=None, sa_type=Instant)
    new_due_at: datetime | None = Field(default=None, sa_type=Instant)
