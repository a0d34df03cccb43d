"""The alerts' tables: what is wrong with which record, who was told in which message, and which rules failed."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from ros_sync.mirror.columns import BigKey, Instant, Json
from ros_sync.mirror.rows import Stored


class AlertState(StrEnum):
    """Where an alert stands."""

    PENDING = "pending"
    """The rule fires, but not yet for as long as it asks for (`for:`)."""
    OPEN = "open"
    """The rule fires."""
    RESOLVED = "resolved"
    """The rule no longer fires."""


class Alert(Stored, table=True):
    """One rule firing on one record, once. When it fires anew after its end, that is the next episode.

    At most one alert of a rule and record is not resolved.
    """

    __table_args__ = (
        Index(
            "ix_alert_unresolved",
            "rule_id",
            "source",
            "record_id",
            unique=True,
            sqlite_where=text("state != 'resolved'"),
            postgresql_where=text("state != 'resolved'"),
        ),
        Index("ix_alert_record", "object", "source", "record_id"),
        Index(
            "ix_alert_notification_due",
            "next_notification_at",
            sqlite_where=text("next_notification_at IS NOT NULL"),
            postgresql_where=text("next_notification_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    rule_id: str
    object: str
    source: str
    record_id: str
    episode: int
    state: str
    shadow: bool = Field(default=False, description="of a rule that is on trial: nobody is told")
    severity: str
    since_at: datetime = Field(sa_type=Instant, description="when the rule was first seen to fire")
    opened_at: datetime | None = Field(default=None, sa_type=Instant)
    resolved_at: datetime | None = Field(default=None, sa_type=Instant)
    resolution: str | None = Field(default=None, description="why it ended, in words")
    owner: str | None = Field(default=None, description="the record's owner as of the last look: an id, or a name")
    routes: str = Field(default="", description="the routes of its rule as of the last look")
    headline: str = Field(description="the record's name when the alert opened")
    lead: str = Field(default="", description="its amount, or what else leads")
    text: str = Field(description="the rule's message, filled in when the alert opened")
    seen: list[dict[str, Any]] = Field(
        default_factory=list,
        sa_type=Json,
        description="for each line of the rule, what it saw; of alerts opened before `facts` was kept",
    )
    facts: dict[str, Any] | None = Field(
        default=None, sa_type=Json, description="the values that the rule read when it fired, by field, in stored form"
    )
    next_notification_at: datetime | None = Field(
        default=None, sa_type=Instant, description="when the next route of its rule is due; empty when all are told"
    )


class AlertNotification(Stored, table=True):
    """Somebody was told of an alert by one route of its rule, in the message with that key; or nobody was, and why."""

    __tablename__ = "alert_notification"
    __table_args__ = (
        Index("ix_alert_notification_message", "message_key"),
        Index("ix_alert_notification_recipient", "recipient"),
    )

    alert_id: int = Field(primary_key=True, foreign_key="alert.id", sa_type=BigKey)
    route: str = Field(primary_key=True, description="which route of the rule")
    recipient: str = Field(
        primary_key=True, description="a person's key or `#channel`; empty where there is nobody to be told"
    )
    message_key: str | None = Field(default=None, description="empty where they know already, or there is nobody")
    notified_at: datetime = Field(sa_type=Instant)
    text: str = Field(description="the rule's message as it was true when it was told")
    reason: str = Field(description="why this recipient, or why nobody")


class MessageDue(Stored, table=True):
    """A message that has to be composed: somebody is newly told in it, or something it says has changed.

    Written with what makes it due, and removed with the message that it becomes, so that a tick may be cut off
    anywhere.
    """

    __tablename__ = "message_due"

    message_key: str = Field(primary_key=True)
    address: dict[str, Any] | None = Field(
        default=None, sa_type=Json, description="whom it goes to; empty where it stands and keeps its address"
    )
    rule_id: str | None = Field(default=None, description="of a direct message: the rule whose findings it gathers")


class RuleFailure(Stored, table=True):
    """A rule that could not be evaluated. Its alerts keep their last state until it can."""

    __tablename__ = "rule_failure"

    rule_id: str = Field(primary_key=True)
    since_at: datetime = Field(sa_type=Instant, description="when it first failed")
    reason: str = Field(description="why, in words that hold nothing of the CRM's")
