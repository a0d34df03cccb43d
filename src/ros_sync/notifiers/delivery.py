"""Delivering what is due: the loop between the outbox and the notifiers.

A post cannot be made safe to repeat (Slack knows no idempotency key), so the order of things is what counts: a call is
recorded and committed before it is made, its outcome after. Whatever happens in between, a crash included, leaves the
message unconfirmed, and an unconfirmed message is looked for where it should be, twice, before it is posted again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from ros_sync.errors import AuthExpiredError, PermanentError, RateLimitedError, RosSyncError, TransientError
from ros_sync.notifiers.ledger import Ledger
from ros_sync.notifiers.notifier import Notifier, OutgoingMessage
from ros_sync.notifiers.outcomes import (
    DeliveryOutcome,
    DeliveryStep,
    Patience,
    next_step,
    outcome_of,
    outcome_of_looking,
    unexpected,
    words_of,
)
from ros_sync.outbox import store
from ros_sync.outbox.tables import AttemptOutcome

Clock = Callable[[], datetime]

MESSAGES_A_ROUND = 200  # a round ends now and then, so that its worker can be stopped and its counts be seen
ROUNDS_IN_VAIN = 2  # so many rounds that only failed, and waiting longer helps nobody
TROUBLES_BEFORE_A_PAUSE = 3  # so many failures of one transport in a row, and the fault is not the messages'

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class DeliveryCounts:
    """What a round did, in messages.

    `found` were unconfirmed and turned out to be there; `held_back` wait for their rate key; `failed` are tried again
    later; `paused` names the transports that were left alone after several failures in a row.
    """

    posted: int = 0
    edited: int = 0
    found: int = 0
    held_back: int = 0
    undeliverable: int = 0
    unconfirmed: int = 0
    failed: int = 0
    paused: set[str] = field(default_factory=set)

    @property
    def delivered(self) -> int:
        """How many messages reached their place, new or edited."""
        return self.posted + self.edited + self.found

    def add(self, other: DeliveryCounts) -> None:
        """Add the figures of another round."""
        for count in fields(self):
            if count.name != "paused":
                setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))
        self.paused |= other.paused


def deliver_due(
    engine: Engine,
    notifiers: Sequence[Notifier],
    clock: Clock,
    *,
    patience: Patience | None = None,
    limit: int = MESSAGES_A_ROUND,
) -> DeliveryCounts:
    """Try every message that is due, at most `limit`; a failing one never keeps the others.

    Messages for a transport that `notifiers` lacks stay as they are. Raises AuthExpiredError, after all others have
    had their turn, where a transport's credentials are refused: its messages stay waiting.
    """
    delivery = _Delivery(
        engine, {notifier.transport: notifier for notifier in notifiers}, clock, patience or Patience()
    )
    started_at = clock()
    with Session(engine) as session:
        due = [message.id for message in store.due(session, started_at, limit, transports=list(delivery.notifiers))]
    for message_id in due:
        assert message_id is not None
        delivery.try_message(message_id)
    if due:
        figures = {count.name: getattr(delivery.counts, count.name) for count in fields(DeliveryCounts)}
        figures["paused"] = sorted(delivery.counts.paused)
        log.info("delivery_round", due=len(due), seconds=(clock() - started_at).total_seconds(), **figures)
    for transport, error in delivery.refused_credentials.items():
        delivery.explain(transport, error)
    for error in delivery.refused_credentials.values():
        raise error
    return delivery.counts


def deliver_all(
    engine: Engine,
    notifiers: Sequence[Notifier],
    clock: Clock,
    wait: Callable[[float], object],
    *,
    patience: Patience | None = None,
    within_seconds: float = 30.0,
) -> DeliveryCounts:
    """Run rounds until nothing is due any more, or would not be within the time given.

    `wait(seconds)` must let the clock move on. Raises what `deliver_due` raises.
    """
    total = DeliveryCounts()
    deadline = clock() + timedelta(seconds=within_seconds)
    transports = [notifier.transport for notifier in notifiers]
    in_vain = 0
    while True:
        done = deliver_due(engine, notifiers, clock, patience=patience)
        total.add(done)
        in_vain = in_vain + 1 if done.failed and not done.delivered else 0
        if in_vain == ROUNDS_IN_VAIN:
            return total  # the other side is away; the next tick tries again
        with Session(engine) as session:
            next_at = store.next_due_at(session, transports)
        if next_at is None or next_at > deadline or clock() >= deadline or total.paused:
            return total
        wait(max(0.0, (next_at - clock()).total_seconds()))


class _Delivery:
    """One round: its notifiers, what went wrong so far, and the figures."""

    def __init__(self, engine: Engine, notifiers: dict[str, Notifier], clock: Clock, patience: Patience) -> None:
        self.notifiers = notifiers
        self.counts = DeliveryCounts()
        self.refused_credentials: dict[str, AuthExpiredError] = {}
        self._ledger = Ledger(engine)
        self._clock = clock
        self._patience = patience
        self._troubles: Counter[str] = Counter()

    def try_message(self, message_id: int) -> None:
        """Do the next thing for one message, whatever that is, and record what came of it."""
        try:
            outgoing = self._ledger.outgoing(message_id)
        except RosSyncError as error:
            now = self._clock()
            self._ledger.postpone(message_id, str(error), now + timedelta(seconds=self._patience.second_look), now)
            self.counts.undeliverable += 1
            return
        notifier = self.notifiers.get(outgoing.transport) if outgoing is not None else None
        if outgoing is None or notifier is None or self._is_resting(outgoing.transport):
            return
        if next_step(outgoing) is DeliveryStep.LOOK and not self._look(outgoing, notifier):
            return
        channel = self._resolve(outgoing, notifier)
        if channel is not None:
            self._send(outgoing, notifier, channel)

    def explain(self, transport: str, error: RosSyncError) -> None:
        """Say of all messages that wait for a transport whose credentials are refused why they do."""
        self._ledger.explain(transport, words_of(error), self._clock())

    def _is_resting(self, transport: str) -> bool:
        return transport in self.refused_credentials or transport in self.counts.paused

    def _look(self, outgoing: OutgoingMessage, notifier: Notifier) -> bool:
        """Look for an unconfirmed message; whether it is certain enough that it must be posted again."""
        now = self._clock()
        try:
            receipt = notifier.find(outgoing, outgoing.channel or "")
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one message must not stop the others
            failure = unexpected(error)
            self._note(outgoing, outcome_of_looking(failure, outgoing, now, self._patience), failure)
            return False
        if receipt is not None:
            self._ledger.found(outgoing, receipt, now)
            self._troubles[outgoing.transport] = 0
            self.counts.found += 1
            log.info("message_found", outbox=outgoing.id)
            return False
        if outgoing.looked_at is None:
            self._ledger.looked_in_vain(outgoing, now, now + timedelta(seconds=self._patience.settle))
            self.counts.unconfirmed += 1
            return False
        return True

    def _resolve(self, outgoing: OutgoingMessage, notifier: Notifier) -> str | None:
        now = self._clock()
        try:
            return notifier.resolve(outgoing, now)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one message must not stop the others
            failure = unexpected(error, TransientError)  # a look-up says nothing to anyone: nothing can be unconfirmed
            self._note(outgoing, outcome_of(failure, outgoing, now, self._patience), failure)
            return None

    def _send(self, outgoing: OutgoingMessage, notifier: Notifier, channel: str) -> None:
        now = self._clock()
        rate_key = notifier.rate_key(outgoing, channel)
        lease_until = now + timedelta(seconds=self._patience.lease)
        claim = self._ledger.claim(outgoing, channel, rate_key, now, lease_until)
        if claim is None:
            self.counts.held_back += 1
            return
        try:
            receipt = notifier.deliver(outgoing, channel, now)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one message must not stop the others
            failure = unexpected(error)
            now = self._clock()
            outcome = outcome_of(failure, outgoing, now, self._patience)
            self._ledger.close_attempt(claim, outcome, now)
            if isinstance(failure, RateLimitedError) and outcome.not_before is not None:
                self._ledger.hold(rate_key, outcome.not_before, now)
            self._note(outgoing, outcome, failure, claimed=True)
            return
        self._ledger.delivered(outgoing, claim, receipt, self._clock())
        self._troubles[outgoing.transport] = 0
        if outgoing.is_edit:
            self.counts.edited += 1
        else:
            self.counts.posted += 1

    def _note(
        self, outgoing: OutgoingMessage, outcome: DeliveryOutcome, error: RosSyncError, *, claimed: bool = False
    ) -> None:
        """Record a failure: in the outbox, in the figures, and in what is known of the transport."""
        self._ledger.failed(outgoing, outcome, self._clock(), claimed=claimed)
        log.warning(
            "message_not_delivered",
            outbox=outgoing.id,
            outcome=outcome.attempt.value,
            state=outcome.state.value,
            error=type(error).__name__,
        )
        match outcome.attempt:
            case AttemptOutcome.REFUSED:
                self.counts.undeliverable += outcome.state == "undeliverable"
            case AttemptOutcome.RATE_LIMITED:
                self.counts.held_back += 1
            case AttemptOutcome.UNCONFIRMED:
                self.counts.unconfirmed += 1
            case _:
                self.counts.failed += 1
        if isinstance(error, AuthExpiredError):
            self.refused_credentials[outgoing.transport] = error
        elif isinstance(error, PermanentError):
            self._troubles[outgoing.transport] = 0
        else:
            self._troubles[outgoing.transport] += 1
            if self._troubles[outgoing.transport] >= TROUBLES_BEFORE_A_PAUSE:
                self.counts.paused.add(outgoing.transport)
