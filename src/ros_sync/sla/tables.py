"""The tables of the clocks: one row for each clock that ever ran, and what happened to it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from ros_sync.mirror.columns import BigKey, Instant
from ros_sync.mirror.rows import Stored

_OPEN = text("stopped_at IS NULL")


class ClockState(StrEnum):
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
    RESUMED = "resumed"  # after it had stopped: the stop was taken back, or the record is one of its kind again


class SlaClock(Stored, table=True):
    """The team's clock on one record: it starts at an instant, is due at an instant, and stops at one or is still open.

    It runs on when the record changes hands. The first owner's own clock is this one; each further owner has a
    `SlaOwnerClock` beside it.
    """

    __tablename__ = "sla_clock"
    __table_args__ = (
        UniqueConstraint("clock", "object", "source", "record_id", "started_at"),
        # A breach is found by comparing instants, whatever the state column says yet; and open clocks are few.
        Index(
            "ix_sla_clock_open",
            "clock",
            "object",
            "source",
            "record_id",
            "due_at",
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    clock: str = Field(description="the id of the rule that it belongs to")
    object: str
    source: str
    record_id: str
    owner_id: str | None = Field(
        default=None,
        description="the record's first owner, by whose calendar it is due, also when somebody else has the record",
    )
    held_by: str | None = Field(default=None, description="the record's owner as of the last look")
    calendar: str | None = Field(default=None, description="calendar that its business time is counted in, if any")
    calendar_version: str | None = Field(default=None, description="fingerprint of that calendar's hours")
    within: str = Field(description="the time allowed, such as `1 business day`")
    started_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    stopped_at: datetime | None = Field(default=None, sa_type=Instant)
    state: str = Field(description="running, met, breached or withdrawn")
    episode: int = Field(description="1 for the first clock of this rule on this record, 2 for the next")


class SlaOwnerClock(Stored, table=True):
    """The clock of an owner that a record was handed over to: it starts when they got it, beside the team's."""

    __tablename__ = "sla_owner_clock"
    __table_args__ = (
        UniqueConstraint("team_clock_id", "started_at"),
        Index(
            "ix_sla_owner_clock_open",
            "clock",
            "object",
            "source",
            "record_id",
            "due_at",
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    team_clock_id: int = Field(sa_type=BigKey, foreign_key="sla_clock.id")
    clock: str = Field(description="the id of the rule that it belongs to")
    object: str
    source: str
    record_id: str
    owner_id: str = Field(description="whose clock it is")
    calendar: str | None = Field(default=None, description="calendar that its business time is counted in, if any")
    calendar_version: str | None = Field(default=None, description="fingerprint of that calendar's hours")
    within: str = Field(description="the time allowed, such as `1 business day`")
    started_at: datetime = Field(sa_type=Instant, description="when the owner got the record")
    due_at: datetime = Field(sa_type=Instant)
    stopped_at: datetime | None = Field(default=None, sa_type=Instant)
    state: str = Field(description="running, met, breached or withdrawn")


class SlaClockEvent(Stored, table=True):
    """Something that happened to a clock. `at` is when ros-sync saw it; the clock's own instants say when it was.

    `clock_id` is the team's clock, also for what happened to an owner's beside it.
    """

    __tablename__ = "sla_clock_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    clock_id: int = Field(sa_type=BigKey, index=True, foreign_key="sla_clock.id")
    owner_clock_id: int | None = Field(
        default=None, sa_type=BigKey, description="the owner's clock that it happened to; empty where it was the team's"
    )
    at: datetime = Field(sa_type=Instant)
    what: str = Field(description="started, restated, met, breached, stopped, withdrawn or resumed")
    why: str | None = Field(
        default=None, description="owner moved, calendar changed, deadline changed, record deleted …"
    )
    old_due_at: datetime | None = Field(default=None, sa_type=Instant)
    new_due_at: datetime | None = Field(default=None, sa_type=Instant)
