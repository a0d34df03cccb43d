"""What a way to reach people has to offer, and what is handed to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ros_sync.errors import PermanentError
from ros_sync.outbox.document import Document
from ros_sync.outbox.tables import OutboxMessage


class MessageGoneError(PermanentError):
    """The message that was to be edited is no longer there."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message as it stood when it was taken up: a value, so that nothing changes under a call."""

    id: int
    opaque_id: str
    recipient: str
    recipient_name: str | None
    recipient_email: str | None
    slack_user: str | None
    transport: str
    document: Document
    revision: int
    delivered_revision: int | None
    state: str
    channel: str | None
    ts: str | None
    attempts: int
    failures: int
    looked_at: datetime | None

    @classmethod
    def of(cls, message: OutboxMessage) -> OutgoingMessage:
        """Take up a stored message; RosSyncError where its document cannot be read."""
        assert message.id is not None
        return cls(
            id=message.id,
            opaque_id=message.opaque_id,
            recipient=message.recipient,
            recipient_name=message.recipient_name,
            recipient_email=message.recipient_email,
            slack_user=message.slack_user,
            transport=message.transport,
            document=Document.from_dict(message.document),
            revision=message.revision,
            delivered_revision=message.delivered_revision,
            state=message.state,
            channel=message.channel,
            ts=message.ts,
            attempts=message.attempts,
            failures=message.failures,
            looked_at=message.looked_at,
        )

    @property
    def is_edit(self) -> bool:
        """Whether the message stands somewhere already and is to be changed there."""
        return self.ts is not None


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """Where a message stands now."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class RateKey:
    """A rate key that a call goes through, and for how long the call closes it."""

    name: str
    seconds: float


class Notifier(Protocol):
    """A way to reach people.

    Each method may raise the kinds of `ros_sync.errors`: Transient and RateLimited (nothing was said, try later),
    AuthExpired (nothing can be said at all), Permanent (this will not work), Ambiguous (it may have been said).
    """

    @property
    def transport(self) -> str:
        """The name under which messages ask for it."""

    def resolve(self, outgoing: OutgoingMessage, now: datetime) -> str:
        """Find the place (channel) for the outgoing message; never says anything to anyone."""

    def rate_key(self, outgoing: OutgoingMessage, channel: str) -> RateKey:
        """Name the rate key that delivering this outgoing message goes through."""

    def deliver(self, outgoing: OutgoingMessage, channel: str, now: datetime) -> DeliveryReceipt:
        """Say it: post it, or edit it where it stands (`outgoing.is_edit`)."""

    def find(self, outgoing: OutgoingMessage, channel: str) -> DeliveryReceipt | None:
        """Look whether a post that was never confirmed has arrived; never says anything to anyone."""
