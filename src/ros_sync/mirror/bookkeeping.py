"""The tables in which the mirror keeps its own books: runs, places, what was set aside, webhooks, limits, write-backs."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from ros_sync.mirror.columns import BigKey, Instant, Json, Stored


class SyncRun(Stored, table=True):
    """One run of a sync or import: what it read and what it did."""

    __tablename__ = "sync_run"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    source: str
    kind: str = Field(description="import, or the kind of poll")
    what: str = Field(description="the files or objects read")
    as_of: datetime = Field(sa_type=Instant, description="the moment whose state was read")
    started_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    rows_read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    older: int = Field(default=0, description="rows older than what is stored, left alone")
    set_aside: int = 0
    error: str | None = None


class Cursor(Stored, table=True):
    """How far a source's object has been followed."""

    source: str = Field(primary_key=True)
    object: str = Field(primary_key=True)
    value: str = Field(description="opaque to everything but its connector")
    complete_until: datetime | None = Field(
        default=None, sa_type=Instant, description="the durable watermark: everything up to then is here for certain"
    )
    polled_until: datetime | None = Field(
        default=None, sa_type=Instant, description="how far the last finished poll has read; see `complete_until`"
    )
    updated_at: datetime = Field(sa_type=Instant)


class SetAsideRow(Stored, table=True):
    """A row of a file that could not be read: where it stands, what was in it, and why."""

    __tablename__ = "set_aside_row"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    run_id: int = Field(sa_type=BigKey, index=True)
    source: str
    file: str = Field(description="the file; for a record of a CRM's API the stream it came by")
    line: int = Field(description="where the row begins; 0 for a record of a CRM's API")
    record_id: str | None = Field(default=None, description="the record, where it was read over a CRM's API")
    column: str | None = None
    value: str | None = None
    reason: str


class SourceState(Stored, table=True):
    """How a source that is followed over its API is doing."""

    __tablename__ = "source_state"

    source: str = Field(primary_key=True)
    complete_at: datetime | None = Field(
        default=None, sa_type=Instant, description="the moment up to which the last complete cycle read every stream"
    )
    parked_until: datetime | None = Field(
        default=None, sa_type=Instant, description="no calls before then: the day's are used up"
    )
    trouble: str | None = Field(
        default=None, description="what keeps it from being read, in words; None while it works"
    )
    problems: list[dict[str, Any]] | None = Field(
        default=None, sa_type=Json, description="what the last look at the account found wanting"
    )
    described_at: datetime | None = Field(default=None, sa_type=Instant)
    reconciled_at: datetime | None = Field(default=None, sa_type=Instant)
    linked_at: datetime | None = Field(default=None, sa_type=Instant, description="when all links were last read")
    updated_at: datetime = Field(sa_type=Instant)


class WebhookEvent(Stored, table=True):
    """An event that a CRM sent: stored before it is answered, worked off in batches, a hint and no truth."""

    __tablename__ = "webhook_event"
    __table_args__ = (
        Index("uq_webhook_event_key", "source", "key", unique=True),
        Index("ix_webhook_event_open", "source", "done_at"),
        Index("ix_webhook_event_record", "source", "stream", "record_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    source: str
    key: str = Field(description="what makes it the same event when it is sent again")
    kind: str = Field(description="the vendor's name of what happened, such as `deal.propertyChange`")
    stream: str = Field(description="the stream it is about; empty where it is about none that is mirrored")
    record_id: str
    occurred_at: datetime | None = Field(default=None, sa_type=Instant)
    received_at: datetime = Field(sa_type=Instant)
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = None
    body: dict[str, Any] | None = Field(default=None, sa_type=Json)


class RateBucket(Stored, table=True):
    """Calls that a limit of a vendor still allows; shared by every process that calls."""

    __tablename__ = "rate_bucket"

    source: str = Field(primary_key=True)
    name: str = Field(primary_key=True, description="the limit, such as `calls` or `search`")
    capacity: float = Field(description="calls that may be made at once")
    per_second: float = Field(description="calls that are allowed again each second")
    tokens: float
    at: datetime = Field(sa_type=Instant, description="when `tokens` was right")
    not_before: datetime | None = Field(default=None, sa_type=Instant, description="no call before then")
    used: int = Field(default=0, sa_type=BigKey, description="calls made in all")


class WriteBack(Stored, table=True):
    """A change that a person asked for here and that is written to the CRM: the audit trail."""

    __tablename__ = "write_back"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    source: str
    object: str
    record_id: str
    changes: dict[str, Any] = Field(sa_type=Json, description="by canonical field, in carried form")
    expected: dict[str, Any] = Field(sa_type=Json, description="what the person saw, by canonical field")
    asked_by: str = Field(description="e-mail address of the person who asked")
    os_user: str | None = Field(
        default=None, description="the user of the machine who ran the command; `asked_by` is what they said"
    )
    asked_at: datetime = Field(sa_type=Instant)
    state: str = Field(description="open, done, partly, refused or conflict")
    attempts: int = 0
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = Field(default=None, description="what became of it, in words")


class JobHealth(Stored, table=True):
    """How a job of `ros-sync serve` is doing, as that process wrote it last; `seen_at` is when."""

    __tablename__ = "job_health"

    name: str = Field(primary_key=True)
    every_seconds: float
    vital: bool
    last_good_at: datetime | None = Field(default=None, sa_type=Instant)
    last_run_at: datetime | None = Field(default=None, sa_type=Instant)
    running_since: datetime | None = Field(default=None, sa_type=Instant)
    failures_in_a_row: int = 0
    reason: str | None = Field(default=None, description="why the last run failed, in words")
    seen_at: datetime = Field(
        sa_type=Instant, description="when the process wrote this; an old one cannot write, or is gone"
    )
    stopped_at: datetime | None = Field(default=None, sa_type=Instant, description="when the process was stopped")


class DeletionWave(Stored, table=True):
    """Deletions of one stream that were too many to be believed without a person: held, and decided on as one."""

    __tablename__ = "deletion_wave"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    source: str
    stream: str
    opened_at: datetime = Field(sa_type=Instant)
    known: int = Field(sa_type=BigInteger, description="how many records the stream had then")
    state: str = Field(description="held, confirmed, rejected or withdrawn")
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_by: str | None = None
    taken_over: int | None = Field(
        default=None, sa_type=BigInteger, description="records deleted here after it was confirmed"
    )


class Deletion(Stored, table=True):
    """A record that the CRM says has ended: carried out here within the last day, or held by a wave."""

    __tablename__ = "deletion"
    __table_args__ = (
        Index("ix_deletion_noted", "source", "stream", "noted_at"),
        Index("ix_deletion_wave", "wave_id"),
    )

    source: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    way: str = Field(
        description="what told of it: list, unreadable, poll, webhook, merge, repair, account, values, links"
    )
    kind: str = Field(description="archived, merged, gone or no longer")
    ended_at: int | None = Field(
        default=None, sa_type=BigInteger, description="microseconds, where the CRM says since when"
    )
    merged_into: str | None = None
    noted_at: datetime = Field(sa_type=Instant)
    wave_id: int | None = Field(default=None, sa_type=BigInteger, description="empty where it was carried out")


class Unlinked(Stored, table=True):
    """A record whose associations with a stream could not be read and are still to be."""

    __tablename__ = "unlinked"

    source: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    to_stream: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Instant)


class FilledFields(Stored, table=True):
    """Which fields of an object the records of a source come with. A source that is not here may fill every field."""

    __tablename__ = "filled_fields"

    source: str = Field(primary_key=True)
    object: str = Field(primary_key=True)
    fields: list[str] = Field(sa_type=Json, description="in alphabetical order")
