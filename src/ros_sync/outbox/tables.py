"""The outbox's tables: messages, what was tried, who is who in Slack, and which rate keys have to wait."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from ros_sync.mirror.columns import BigKey, Instant, Json
from ros_sync.mirror.rows import Stored


class MessageState(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    """It, or its newest revision, is still to be delivered."""
    DELIVERED = "delivered"
    """Its newest revision is where it belongs."""
    UNDELIVERABLE = "undeliverable"
    """The other side refused; `reason` says why. Looked at again from `not_before` on."""
    UNCONFIRMED = "unconfirmed"
    """It was sent and no answer came: it is looked for before it is sent again."""
    WITHDRAWN = "withdrawn"
    """It was taken back before it reached anyone."""


class AttemptOutcome(StrEnum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class OutboxMessage(Stored, table=True):
    """One message to one recipient. Editing it raises `revision`; it is due while `delivered_revision` is behind."""

    __tablename__ = "outbox_message"
    __table_args__ = (Index("ix_outbox_message_due", "state", "not_before"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    key: str = Field(unique=True, description="what it is, in its writer's words; one message for each key")
    opaque_id: str = Field(
        unique=True, description="what the world outside knows it by; says nothing about its content"
    )
    recipient: str = Field(index=True, description="a person's key, or `#channel`")
    recipient_name: str | None = None
    recipient_email: str | None = Field(default=None, index=True)
    slack_user: str | None = None
    transport: str = Field(description="slack or console; the one it was delivered by, once it was")
    kind: str = Field(description="what sort of message: digest, alert")
    document: dict[str, Any] = Field(sa_type=Json, description="see ros_sync.outbox.document")
    revision: int = 1
    delivered_revision: int | None = None
    state: str = MessageState.WAITING
    not_before: datetime = Field(sa_type=Instant, description="nothing is tried before then")
    decided_at: datetime | None = Field(default=None, sa_type=Instant, description="when `not_before` was decided")
    created_at: datetime = Field(sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant, description="when it last reached its place")
    channel: str | None = Field(default=None, description="the place it went to, as its transport calls it")
    ts: str | None = Field(default=None, description="which message of that place it is")
    reason: str | None = Field(default=None, description="why it has not been delivered, in words")
    attempts: int = Field(default=0, description="calls made")
    failures: int = Field(default=0, description="failed tries since something last went well")
    looked_at: datetime | None = Field(
        default=None, sa_type=Instant, description="when an unconfirmed message was last looked for in vain"
    )


class DeliveryAttempt(Stored, table=True):
    """One call that says something. Written before the call: one without an end was cut short, and may have worked."""

    __tablename__ = "delivery_attempt"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    outbox_id: int = Field(foreign_key="outbox_message.id", sa_type=BigKey, index=True, ondelete="CASCADE")
    revision: int
    method: str = Field(description="post or edit")
    started_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = None
    error: str | None = None


class SlackAddress(Stored, table=True):
    """Whom or what Slack means by an address: an e-mail, a user id, or a `#channel`. A failed look-up is kept too."""

    __tablename__ = "slack_address"

    address: str = Field(primary_key=True)
    user_id: str | None = None
    channel: str | None = Field(default=None, description="the direct message's or the channel's id")
    looked_up_at: datetime = Field(sa_type=Instant)
    error: str | None = Field(default=None, description="why the address cannot be used, in words")


class RateState(Stored, table=True):
    """A rate key that has to wait, such as `chat.postMessage:D123`."""

    __tablename__ = "rate_state"

    key: str = Field(primary_key=True)
    not_before: datetime = Field(sa_type=Instant)
    decided_at: datetime | None = Field(default=None, sa_type=Instant, description="when `not_before` was decided")
