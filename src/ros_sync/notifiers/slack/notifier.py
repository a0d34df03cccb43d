"""Delivering to Slack: who is meant, posting, editing in place, and looking for what was never confirmed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from ros_sync.errors import PermanentError, RateLimitedError
from ros_sync.notifiers.notifier import DeliveryReceipt, MessageGoneError, OutgoingMessage, RateKey
from ros_sync.notifiers.slack import limits
from ros_sync.notifiers.slack.client import MissingScopeError, SlackClient
from ros_sync.notifiers.slack.render import render
from ros_sync.outbox import rate_limits, store
from ros_sync.outbox.tables import SlackAddress
from ros_sync.outbox.waits import CLOCKS_DIFFER

EVENT_TYPE = "ros_sync_message"

KNOWN_FOR = timedelta(days=7)  # an address may be given to another person, though seldom
UNKNOWN_FOR = timedelta(hours=1)  # so that thirty messages to somebody unknown are one question, not thirty


class SlackNotifier:
    """Slack as a `Notifier`. What is learnt of addresses is kept in the database of `engine`."""

    transport = "slack"

    def __init__(self, client: SlackClient, engine: Engine) -> None:
        self._client = client
        self._engine = engine

    def resolve(self, outgoing: OutgoingMessage, now: datetime) -> str:
        """Find the channel: where the message stands, a channel by name, or the person's direct message."""
        if outgoing.is_edit and outgoing.channel:
            return outgoing.channel
        address = _address(outgoing)
        known = self._known(address)
        if known is not None and _is_fresh(known, now):
            if known.error:
                raise PermanentError(known.error)
            if known.channel:
                return known.channel
        if address.startswith("#"):
            return address  # Slack takes the name; the id comes with the first receipt
        return self._look_up(address, outgoing, now)

    def rate_key(self, outgoing: OutgoingMessage, channel: str) -> RateKey:
        """Slack's limit for posts is per channel, for edits per method."""
        if outgoing.is_edit:
            return RateKey("chat.update", limits.SECONDS_BETWEEN_EDITS)
        return RateKey(f"chat.postMessage:{channel}", limits.SECONDS_BETWEEN_POSTS)

    def deliver(self, outgoing: OutgoingMessage, channel: str, now: datetime) -> DeliveryReceipt:
        """Post the document, or edit it where it stands."""
        drawn = render(outgoing.document)
        message = {"text": str(drawn.text), "blocks": list(drawn.blocks), "metadata": _metadata(outgoing)}
        try:
            if outgoing.ts is not None:
                posted = self._client.edit(channel, outgoing.ts, message)
            else:
                posted = self._client.post(channel, message)
        except MessageGoneError:
            raise
        except PermanentError:
            self._forget(_address(outgoing))
            raise
        if channel.startswith("#"):
            self._keep(SlackAddress(address=channel, channel=posted.channel, looked_up_at=now))
        return DeliveryReceipt(posted.channel, posted.ts)

    def find(self, outgoing: OutgoingMessage, channel: str) -> DeliveryReceipt | None:
        """Look in the channel's history for a message with this one's id in its metadata."""
        try:
            channel_id = self._client.channel_by_name(channel[1:]) if channel.startswith("#") else channel
            if channel_id is None:
                return None
            for message in self._client.history(channel_id):
                if _opaque_id(message) == outgoing.opaque_id:
                    return DeliveryReceipt(channel_id, str(message["ts"]))
        except MissingScopeError as error:
            # Posting works without the scopes for reading; one message in doubt must not stop all others.
            raise PermanentError(error.message, hint=error.hint) from error
        return None

    def _look_up(self, address: str, outgoing: OutgoingMessage, now: datetime) -> str:
        try:
            user_id = outgoing.slack_user or self._under_rate_key("users.lookupByEmail", now, address)
            channel = self._under_rate_key("conversations.open", now, user_id)
        except PermanentError as error:
            self._keep(SlackAddress(address=address, looked_up_at=now, error=error.message))
            raise
        self._keep(SlackAddress(address=address, user_id=user_id, channel=channel, looked_up_at=now))
        with Session(self._engine) as session:
            store.try_again(session, address, now)
            session.commit()
        return channel

    def _under_rate_key(self, method: str, now: datetime, argument: str) -> str:
        """Look something up, unless Slack has asked to wait with that method."""
        with Session(self._engine) as session:
            free_at = rate_limits.free_at(session, method, now)
        if free_at is not None:
            raise RateLimitedError(f"Slack rate-limited {method}", retry_after_seconds=(free_at - now).total_seconds())
        ask = self._client.user_by_email if method == "users.lookupByEmail" else self._client.open_dm
        try:
            return ask(argument)
        except RateLimitedError as error:
            with Session(self._engine) as session:
                held = min(error.retry_after_seconds, rate_limits.MAX_HOLD.total_seconds())
                rate_limits.hold(session, method, now + timedelta(seconds=held), now)
                session.commit()
            raise

    def _known(self, address: str) -> SlackAddress | None:
        with Session(self._engine) as session:
            return session.get(SlackAddress, address)

    def _keep(self, address: SlackAddress) -> None:
        with Session(self._engine) as session:
            session.merge(address)
            session.commit()

    def _forget(self, address: str) -> None:
        with Session(self._engine) as session:
            known = session.get(SlackAddress, address)
            if known is not None:
                session.delete(known)
                session.commit()


def _is_fresh(known: SlackAddress, now: datetime) -> bool:
    """Whether a look-up may be relied on; one that lies ahead was noted by a clock that was wrong."""
    age = now - known.looked_up_at
    return -CLOCKS_DIFFER <= age < (UNKNOWN_FOR if known.error else KNOWN_FOR)


def _address(outgoing: OutgoingMessage) -> str:
    """The name under which the recipient is looked up: `#channel`, a Slack user id, or an e-mail address."""
    if outgoing.recipient.startswith("#"):
        return outgoing.recipient
    if outgoing.slack_user:
        return outgoing.slack_user
    if outgoing.recipient_email:
        return outgoing.recipient_email
    raise PermanentError("this person has no e-mail address and no Slack user")


def _metadata(outgoing: OutgoingMessage) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"outbox_id": outgoing.opaque_id}}


def _opaque_id(message: dict[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    return (metadata.get("event_payload") or {}).get("outbox_id")
