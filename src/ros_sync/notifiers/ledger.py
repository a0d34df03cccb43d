"""What delivery notes in the outbox: each method is one transaction of its own.

Writes say on which row they were decided (its number of attempts), so that of two workers with the same message one
wins and the other lets go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, case, update
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Session, col, select

from ros_sync.notifiers.notifier import DeliveryReceipt, OutgoingMessage, RateKey
from ros_sync.notifiers.outcomes import DeliveryOutcome
from ros_sync.outbox import rate_limits
from ros_sync.outbox.store import DUE_STATES
from ros_sync.outbox.tables import AttemptOutcome, DeliveryAttempt, MessageState, OutboxMessage
from ros_sync.outbox.waits import wait


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one call: its attempt has been recorded."""

    attempt_id: int


class Ledger:
    """The outbox as delivery writes it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def outgoing(self, message_id: int) -> OutgoingMessage | None:
        """Take up a message; None where it is gone or nothing is to be done any more. RosSyncError: unreadable."""
        with Session(self._engine) as session:
            message = session.get(OutboxMessage, message_id)
            return OutgoingMessage.of(message) if message is not None and message.state in DUE_STATES else None

    def postpone(self, message_id: int, reason: str, until: datetime, now: datetime) -> None:
        """Keep a message that cannot even be read as undeliverable."""
        with Session(self._engine) as session:
            session.execute(
                update(OutboxMessage)
                .where(col(OutboxMessage.id) == message_id)
                .values(state=MessageState.UNDELIVERABLE, reason=reason, **wait(until, now))
            )
            session.commit()

    def claim(
        self, outgoing: OutgoingMessage, channel: str, rate_key: RateKey, now: datetime, lease_until: datetime
    ) -> Claim | None:
        """Record, before a call, that it is going to be made; None where it must not be made now.

        From here on a post counts as unconfirmed: a crash needs nobody left alive to say so. The lease keeps other
        workers from taking the call under way for a dead one.
        """
        with Session(self._engine) as session:
            busy_until = rate_limits.take_turn(session, rate_key.name, now, rate_key.seconds)
            if busy_until is not None:
                self._update(session, outgoing, wait(busy_until, now))
                session.commit()
                return None
            claimed = {
                **wait(lease_until, now),
                "attempts": outgoing.attempts + 1,
                "channel": channel,
                "state": MessageState.WAITING if outgoing.is_edit else MessageState.UNCONFIRMED,
                "looked_at": None,
            }
            same = col(OutboxMessage.revision) == outgoing.revision
            if not self._update(session, outgoing, claimed, same, col(OutboxMessage.state) == outgoing.state):
                session.rollback()
                return None
            attempt = DeliveryAttempt(
                outbox_id=outgoing.id,
                revision=outgoing.revision,
                method="edit" if outgoing.is_edit else "post",
                started_at=now,
            )
            session.add(attempt)
            session.commit()
            assert attempt.id is not None
            return Claim(attempt.id)

    def delivered(self, outgoing: OutgoingMessage, claim: Claim, receipt: DeliveryReceipt, now: datetime) -> None:
        """Record that a call worked; a revision made meanwhile is due at once."""
        with Session(self._engine) as session:
            self._finish(session, claim.attempt_id, AttemptOutcome.DELIVERED, None, now)
            self._arrived(session, outgoing, outgoing.revision, receipt, now)
            session.commit()

    def found(self, outgoing: OutgoingMessage, receipt: DeliveryReceipt, now: datetime) -> None:
        """Record that an unconfirmed post has arrived after all, in the revision of its last attempt."""
        with Session(self._engine) as session:
            attempt = self._last_attempt(session, outgoing)
            revision = attempt.revision if attempt else outgoing.revision
            if attempt is not None and attempt.id is not None:
                self._finish(session, attempt.id, AttemptOutcome.DELIVERED, None, now)
            self._arrived(session, outgoing, revision, receipt, now)
            session.commit()

    def looked_in_vain(self, outgoing: OutgoingMessage, now: datetime, look_again_at: datetime) -> None:
        """Record that a message was looked for and not seen yet, and end the attempt that a crash cut short."""
        with Session(self._engine) as session:
            attempt = self._last_attempt(session, outgoing)
            if attempt is not None and attempt.id is not None and attempt.finished_at is None:
                self._finish(session, attempt.id, AttemptOutcome.UNCONFIRMED, "no result was recorded", now)
            self._update(session, outgoing, {"looked_at": now, **wait(look_again_at, now)})
            session.commit()

    def close_attempt(self, claim: Claim, outcome: DeliveryOutcome, now: datetime) -> None:
        """Record what became of a call that failed."""
        with Session(self._engine) as session:
            self._finish(session, claim.attempt_id, outcome.attempt, outcome.reason, now)
            session.commit()

    def failed(self, outgoing: OutgoingMessage, outcome: DeliveryOutcome, now: datetime, *, claimed: bool) -> None:
        """Record what a failure means for the message; a new document that came meanwhile is still tried at once."""
        values: dict[str, object] = {
            "state": outcome.state,
            "reason": outcome.reason,
            "failures": outgoing.failures + 1,
        }
        if outcome.not_before is not None:
            values |= wait(outcome.not_before, now)
        if outcome.forget_stream_state:
            values |= {"ts": None, "channel": None}
        if outcome.state is MessageState.DELIVERED:
            values |= {"delivered_revision": outgoing.revision, "failures": 0}
        attempts = outgoing.attempts + 1 if claimed else outgoing.attempts
        with Session(self._engine) as session:
            same = col(OutboxMessage.revision) == outgoing.revision
            if not self._update(session, outgoing, values, same, attempts=attempts) and claimed:
                state = MessageState.UNCONFIRMED if outcome.state is MessageState.UNCONFIRMED else MessageState.WAITING
                refused = (
                    outcome.attempt is AttemptOutcome.REFUSED
                )  # the old document was, which says nothing of the new
                until = now if refused else outcome.not_before or now
                late: dict[str, object] = {"state": state, **wait(until, now)}
                self._update(session, outgoing, late, attempts=attempts)
            session.commit()

    def hold(self, rate_key: RateKey, until: datetime, now: datetime) -> None:
        """Close a rate key as the other side asked."""
        with Session(self._engine) as session:
            rate_limits.hold(session, rate_key.name, until, now)
            session.commit()

    def explain(self, transport: str, reason: str, now: datetime) -> None:
        """Give every message of a transport that nothing can be said by its reason.

        Those that have it are not written.
        """
        waits = (col(OutboxMessage.transport) == transport) & (col(OutboxMessage.state) == MessageState.WAITING)
        new = col(OutboxMessage.reason).is_(None) | (col(OutboxMessage.reason) != reason)
        with Session(self._engine) as session:
            due = col(OutboxMessage.not_before) <= now
            session.execute(update(OutboxMessage).where(waits, due, new).values(reason=reason))
            session.commit()

    def _arrived(
        self, session: Session, outgoing: OutgoingMessage, revision: int, receipt: DeliveryReceipt, now: datetime
    ) -> None:
        newest = col(OutboxMessage.revision) == revision
        session.execute(
            update(OutboxMessage)
            .where(col(OutboxMessage.id) == outgoing.id)
            .values(
                state=case((newest, MessageState.DELIVERED.value), else_=MessageState.WAITING.value),
                delivered_revision=revision,
                delivered_at=now,
                transport=outgoing.transport,
                channel=receipt.channel,
                ts=receipt.ts,
                reason=None,
                failures=0,
                looked_at=None,
                **wait(now, now),
            )
        )

    @staticmethod
    def _update(
        session: Session,
        outgoing: OutgoingMessage,
        values: Mapping[str, object],
        *conditions: ColumnElement[bool],
        attempts: int | None = None,
    ) -> bool:
        """Write to the message's row where it is still the one that was decided on; whether it was."""
        result = session.execute(
            update(OutboxMessage)
            .where(
                col(OutboxMessage.id) == outgoing.id,
                col(OutboxMessage.attempts) == (outgoing.attempts if attempts is None else attempts),
                *conditions,
            )
            .values(**values)
        )
        return bool(getattr(result, "rowcount", 0))

    @staticmethod
    def _finish(session: Session, attempt_id: int, outcome: AttemptOutcome, error: str | None, now: datetime) -> None:
        session.execute(
            update(DeliveryAttempt)
            .where(col(DeliveryAttempt.id) == attempt_id)
            .values(finished_at=now, outcome=outcome, error=error)
        )

    @staticmethod
    def _last_attempt(session: Session, outgoing: OutgoingMessage) -> DeliveryAttempt | None:
        return session.exec(
            select(DeliveryAttempt)
            .where(DeliveryAttempt.outbox_id == outgoing.id, DeliveryAttempt.method == "post")
            .order_by(col(DeliveryAttempt.id).desc())
            .limit(1)
        ).first()
