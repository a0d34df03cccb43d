"""Writing into the outbox, and asking what it holds.

Writers call `put` in the transaction of their decision. Putting the same thing again writes nothing; putting
something else under the same key makes a new revision, which edits the message where it already stands.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import case, func, update
from sqlmodel import Session, col, select

from ros_sync.outbox.document import Document
from ros_sync.outbox.tables import MessageState, OutboxMessage
from ros_sync.outbox.waits import over, wait

DUE_STATES = (MessageState.WAITING, MessageState.UNCONFIRMED, MessageState.UNDELIVERABLE)


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a message is for. `key` is the person's key or `#channel`; `transport` is slack or console."""

    key: str
    name: str | None = None
    email: str | None = None
    slack_user: str | None = None
    transport: str = "slack"


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """What the outbox holds: messages by state, and why they wait or cannot be delivered, most frequent first."""

    waiting: int = 0
    delivered: int = 0
    unconfirmed: int = 0
    withdrawn: int = 0
    undeliverable: int = 0
    undeliverable_by_reason: dict[str, int] = field(default_factory=dict)
    waiting_by_reason: dict[str, int] = field(default_factory=dict)


def put(
    session: Session,
    key: str,
    addressee: Addressee,
    document: Document,
    now: datetime,
    *,
    kind: str = "message",
    not_before: datetime | None = None,
) -> OutboxMessage:
    """Say `document` to `addressee` under `key`; the same again writes nothing, another document is a new revision.

    `not_before` holds a message (or its edit) back until then; it does not move one that is already waiting with the
    same document. A new document or address gives an undeliverable message another try at once.
    """
    wanted = document.to_dict()
    message = session.exec(select(OutboxMessage).where(OutboxMessage.key == key)).one_or_none()
    if message is None:
        message = OutboxMessage(
            key=key,
            opaque_id=uuid.uuid4().hex,
            recipient=addressee.key,
            transport=addressee.transport,
            kind=kind,
            document=wanted,
            created_at=now,
            not_before=not_before or now,
            decided_at=now,
        )
        _address(message, addressee)
        session.add(message)
        session.flush()
        return message
    moved = _address(message, addressee)
    changed = message.document != wanted
    if changed:
        message.document = wanted
        message.revision += 1
        message.kind = kind
    if changed or message.state == MessageState.WITHDRAWN or (moved and message.state == MessageState.UNDELIVERABLE):
        _make_due(session, message, wait(not_before or now, now))
    session.flush()
    return message


def _address(message: OutboxMessage, addressee: Addressee) -> bool:
    """Bring the address up to date; whether it moved. A transport that already carried the message is kept."""
    wanted = {
        "recipient": addressee.key,
        "recipient_name": addressee.name,
        "recipient_email": addressee.email.lower() if addressee.email else None,
        "slack_user": addressee.slack_user,
    }
    if message.delivered_revision is None and message.state != MessageState.UNCONFIRMED:
        wanted["transport"] = addressee.transport
    moved = False
    for name, value in wanted.items():
        if getattr(message, name) != value:
            setattr(message, name, value)
            moved = True
    return moved


def _make_due(session: Session, message: OutboxMessage, waiting: Mapping[str, datetime]) -> None:
    """Have the message tried after that wait, decided on the row as it is now and not as it was read.

    An unconfirmed message, or one whose call is under way this moment, may be there already: a new document does not
    excuse it from being looked for.
    """
    session.flush()
    session.execute(
        update(OutboxMessage)
        .where(col(OutboxMessage.id) == message.id, col(OutboxMessage.state) != MessageState.UNCONFIRMED)
        .values(state=MessageState.WAITING, reason=None, failures=0, **waiting)
        .execution_options(synchronize_session=False)
    )
    session.refresh(message)


def withdraw(session: Session, key: str, document: Document | None = None) -> bool:
    """Take back a message that has reached nobody; whether it is taken back now.

    `document` is what it would say by now: what is kept of it says no more than that. False where there is none, or
    where it was (or may have been) delivered: put a document that says so instead.
    """
    kept = {} if document is None else {"document": document.to_dict()}
    result = session.execute(
        update(OutboxMessage)
        .where(
            col(OutboxMessage.key) == key,
            col(OutboxMessage.delivered_revision).is_(None),
            col(OutboxMessage.state).in_((MessageState.WAITING, MessageState.UNDELIVERABLE, MessageState.WITHDRAWN)),
        )
        .values(state=MessageState.WITHDRAWN, reason=None, **kept)
    )
    return bool(getattr(result, "rowcount", 0))


def due(
    session: Session, now: datetime, limit: int, *, transports: Collection[str] | None = None
) -> Sequence[OutboxMessage]:
    """The messages that something is to be tried for at `now`, longest waiting first, at most `limit`."""
    waited = over(OutboxMessage.metadata.tables["outbox_message"].c, now)
    query = select(OutboxMessage).where(col(OutboxMessage.state).in_(DUE_STATES), waited)
    if transports is not None:
        query = query.where(col(OutboxMessage.transport).in_(tuple(transports)))
    return session.exec(query.order_by(col(OutboxMessage.not_before), col(OutboxMessage.id)).limit(limit)).all()


def keep_for_later(session: Session, now: datetime) -> None:
    """Let what was decided as of a moment ahead wait for that moment: it was meant, and no clock was wrong."""
    session.execute(update(OutboxMessage).where(col(OutboxMessage.decided_at) > now).values(decided_at=now))


def next_due_at(session: Session, transports: Collection[str]) -> datetime | None:
    """When something is to be tried next; None where nothing waits."""
    return session.exec(
        select(func.min(OutboxMessage.not_before)).where(
            col(OutboxMessage.state).in_(DUE_STATES),
            col(OutboxMessage.transport).in_(tuple(transports)),
        )
    ).one()


def counts(session: Session) -> OutboxCounts:
    """How many messages stand where, and why the undeliverable ones are."""
    by_state: dict[str, int] = {}
    reasons: dict[str, dict[str, int]] = {MessageState.UNDELIVERABLE: {}, MessageState.WAITING: {}}
    reason = case((col(OutboxMessage.state).in_(tuple(reasons)), col(OutboxMessage.reason)), else_=None)
    rows = session.exec(
        select(OutboxMessage.state, reason, func.count())
        .group_by(col(OutboxMessage.state), reason)
        .order_by(func.count().desc())
    )
    for state, why, number in rows:
        by_state[state] = by_state.get(state, 0) + number
        if state == MessageState.UNDELIVERABLE or (state == MessageState.WAITING and why is not None):
            reasons[state][str(why)] = number
    return OutboxCounts(
        waiting=by_state.get(MessageState.WAITING, 0),
        delivered=by_state.get(MessageState.DELIVERED, 0),
        unconfirmed=by_state.get(MessageState.UNCONFIRMED, 0),
        withdrawn=by_state.get(MessageState.WITHDRAWN, 0),
        undeliverable=by_state.get(MessageState.UNDELIVERABLE, 0),
        undeliverable_by_reason=reasons[MessageState.UNDELIVERABLE],
        waiting_by_reason=reasons[MessageState.WAITING],
    )


def try_again(session: Session, address: str, now: datetime) -> int:
    """Make the undeliverable messages to one e-mail address, Slack user or channel due at once; how many there were."""
    result = session.execute(
        update(OutboxMessage)
        .where(
            col(OutboxMessage.state) == MessageState.UNDELIVERABLE,
            col(OutboxMessage.not_before) > now,
            (col(OutboxMessage.recipient_email) == address)
            | (col(OutboxMessage.slack_user) == address)
            | (col(OutboxMessage.recipient) == address),
        )
        .values(**wait(now, now))
    )
    return int(getattr(result, "rowcount", 0))
