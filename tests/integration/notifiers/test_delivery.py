"""The delivery loop, with a notifier that does as the test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, update
from sqlmodel import Session, col, select

from ros_sync.errors import (
    AmbiguousError,
    AuthExpiredError,
    PermanentError,
    RateLimitedError,
    RosSyncError,
    TransientError,
)
from ros_sync.notifiers.delivery import DeliveryCounts, deliver_all, deliver_due
from ros_sync.notifiers.ledger import Ledger
from ros_sync.notifiers.notifier import DeliveryReceipt, MessageGoneError, OutgoingMessage, RateKey
from ros_sync.notifiers.outcomes import Patience
from ros_sync.outbox import store
from ros_sync.outbox.document import Document
from ros_sync.outbox.store import Addressee
from ros_sync.outbox.tables import AttemptOutcome, DeliveryAttempt, MessageState, OutboxMessage

if TYPE_CHECKING:
    from tests.integration.notifiers.conftest import HandClock

PATIENCE = Patience(settle=60, lease=300, first_retry=10, longest_retry=100, second_look=86_400)


class CrashError(BaseException):
    """The process is killed: nothing after this runs."""


@dataclass
class Scripted:
    """A notifier that keeps what it is told, and fails when the test says so.

    `failures` are taken one by one before the work; `failures_after` after it. `visible` is whether a look finds what
    was posted.
    """

    transport: str = "slack"
    failures: list[BaseException | None] = field(default_factory=list)
    failures_after: list[BaseException] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None
    visible: bool = True
    posted: list[tuple[str, str]] = field(default_factory=list)
    edited: list[tuple[str, str]] = field(default_factory=list)
    looks: int = 0

    def resolve(self, outgoing: OutgoingMessage, now: datetime) -> str:
        return f"D-{outgoing.recipient}"

    def rate_key(self, outgoing: OutgoingMessage, channel: str) -> RateKey:
        return RateKey(f"rate key:{channel}", 1.0)

    def deliver(self, outgoing: OutgoingMessage, channel: str, now: datetime) -> DeliveryReceipt:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        if self.meanwhile is not None:
            self.meanwhile()
        (self.edited if outgoing.is_edit else self.posted).append((outgoing.opaque_id, outgoing.document.title))
        if self.failures_after:
            raise self.failures_after.pop(0)
        return DeliveryReceipt(channel, outgoing.ts or str(len(self.posted)))

    def find(self, outgoing: OutgoingMessage, channel: str) -> DeliveryReceipt | None:
        self.looks += 1
        ids = [opaque_id for opaque_id, _title in self.posted]
        return (
            DeliveryReceipt(channel, str(ids.index(outgoing.opaque_id) + 1))
            if self.visible and outgoing.opaque_id in ids
            else None
        )


def put(engine: Engine, clock: HandClock, *people: str, title: str = "first", transport: str = "slack") -> None:
    with Session(engine) as session:
        for person in people or ("ann",):
            addressee = Addressee(person, email=f"{person}@loom.example", transport=transport)
            store.put(session, f"digest:{person}", addressee, Document(title, title), clock())
        session.commit()


def run(engine: Engine, clock: HandClock, *notifiers: Scripted) -> DeliveryCounts:
    return deliver_due(engine, notifiers, clock, patience=PATIENCE)


def message(engine: Engine, person: str = "ann") -> OutboxMessage:
    with Session(engine) as session:
        return session.exec(select(OutboxMessage).where(OutboxMessage.key == f"digest:{person}")).one()


def titles(notifier: Scripted) -> list[str]:
    return [title for _id, title in notifier.posted]


def test_a_message_is_posted_once(engine: Engine, clock: HandClock) -> None:
    """Another round finds nothing to do."""
    notifier = Scripted()
    put(engine, clock)
    run(engine, clock, notifier)
    run(engine, clock, notifier)
    assert ["first"] == titles(notifier)


def test_where_a_message_stands_is_kept(engine: Engine, clock: HandClock) -> None:
    """Channel, timestamp and revision are there for the edit to come."""
    put(engine, clock)
    run(engine, clock, Scripted())
    row = message(engine)
    assert (MessageState.DELIVERED, 1, "D-ann", "1", clock()) == (
        row.state,
        row.delivered_revision,
        row.channel,
        row.ts,
        row.delivered_at,
    )


def test_a_new_revision_edits_the_message_in_place(engine: Engine, clock: HandClock) -> None:
    """What stands somewhere is edited there, not posted again."""
    notifier = Scripted()
    put(engine, clock)
    run(engine, clock, notifier)
    clock.forward(5)
    put(engine, clock, title="second")
    counts = run(engine, clock, notifier)
    assert (["first"], ["second"], 1) == (titles(notifier), [title for _id, title in notifier.edited], counts.edited)


def test_the_attempt_is_committed_before_the_call(engine: Engine, clock: HandClock) -> None:
    """While the call is under way, another connection sees the attempt without an end and the message unconfirmed."""
    seen: list[tuple[str, datetime | None]] = []

    def look() -> None:
        with Session(engine) as session:
            attempt = session.exec(select(DeliveryAttempt)).one()
            seen.append((message(engine).state, attempt.finished_at))

    put(engine, clock)
    run(engine, clock, Scripted(meanwhile=look))
    assert [(MessageState.UNCONFIRMED, None)] == seen


def test_killed_after_posting_posts_once(engine: Engine, clock: HandClock) -> None:
    """A process killed between the call and its outcome leaves a message that is looked for and found."""
    notifier = Scripted(failures_after=[CrashError()])
    put(engine, clock)
    with pytest.raises(CrashError):
        run(engine, clock, notifier)
    clock.forward(PATIENCE.lease)
    counts = run(engine, clock, notifier)
    assert (["first"], 1, MessageState.DELIVERED) == (titles(notifier), counts.found, message(engine).state)


def test_killed_before_posting_posts_once(engine: Engine, clock: HandClock) -> None:
    """A process killed before the call went out costs time, not the message."""
    notifier = Scripted(failures=[CrashError()])
    put(engine, clock)
    with pytest.raises(CrashError):
        run(engine, clock, notifier)
    for seconds in (PATIENCE.lease, PATIENCE.settle):
        clock.forward(seconds)
        run(engine, clock, notifier)
    assert (["first"], 2) == (titles(notifier), notifier.looks)


def test_a_call_under_way_is_left_alone_by_other_workers(engine: Engine, clock: HandClock) -> None:
    """While a worker holds the lease, another one does not even look."""
    other = Scripted()
    put(engine, clock)
    run(engine, clock, Scripted(meanwhile=lambda: run(engine, clock, other)))
    assert ([], 0) == (titles(other), other.looks)


def test_an_unconfirmed_message_is_looked_for_twice_before_it_is_posted_again(engine: Engine, clock: HandClock) -> None:
    """Between the two looks lies the time that a history may lag; what turns up then is not posted again."""
    notifier = Scripted(failures_after=[AmbiguousError()], visible=False)
    put(engine, clock)
    run(engine, clock, notifier)
    run(engine, clock, notifier)
    clock.forward(PATIENCE.settle)
    notifier.visible = True
    run(engine, clock, notifier)
    assert (["first"], 2, MessageState.DELIVERED) == (titles(notifier), notifier.looks, message(engine).state)


def test_nothing_is_posted_again_before_the_history_had_its_time(engine: Engine, clock: HandClock) -> None:
    """Just before the second look is due, nothing happens."""
    notifier = Scripted(failures=[AmbiguousError()])
    put(engine, clock)
    run(engine, clock, notifier)
    run(engine, clock, notifier)
    clock.forward(PATIENCE.settle - 1)
    run(engine, clock, notifier)
    assert ([], 1, MessageState.UNCONFIRMED) == (titles(notifier), notifier.looks, message(engine).state)


def test_a_revision_made_while_the_call_is_under_way_is_delivered_as_an_edit(engine: Engine, clock: HandClock) -> None:
    """What was put during the call is not lost and does not make a second message."""
    notifier = Scripted(meanwhile=lambda: put(engine, clock, title="second"))
    put(engine, clock)
    run(engine, clock, notifier)
    notifier.meanwhile = None
    clock.forward(5)
    run(engine, clock, notifier)
    assert (["first"], ["second"]) == (titles(notifier), [title for _id, title in notifier.edited])


def test_a_revision_made_while_unconfirmed_edits_what_is_found(engine: Engine, clock: HandClock) -> None:
    """The message that turns up is known to be the old revision, and is edited."""
    notifier = Scripted(failures_after=[AmbiguousError()])
    put(engine, clock)
    run(engine, clock, notifier)
    put(engine, clock, title="second")
    for _ in range(2):
        run(engine, clock, notifier)
        clock.forward(5)
    assert (["first"], ["second"]) == (titles(notifier), [title for _id, title in notifier.edited])


def test_a_refusal_of_the_old_document_does_not_hold_for_the_new_one(engine: Engine, clock: HandClock) -> None:
    """What was put while the old document was being refused is tried in the next round, not after a day."""
    notifier = Scripted(meanwhile=lambda: put(engine, clock, title="second"), failures_after=[PermanentError()])
    put(engine, clock)
    run(engine, clock, notifier)
    notifier.meanwhile = None
    clock.forward(5)
    run(engine, clock, notifier)
    assert (["first", "second"], MessageState.DELIVERED) == (titles(notifier), message(engine).state)


def test_an_edit_is_simply_repeated(engine: Engine, clock: HandClock) -> None:
    """An edit without an answer is made again, without looking."""
    notifier = Scripted()
    put(engine, clock)
    run(engine, clock, notifier)
    put(engine, clock, title="second")
    clock.forward(5)
    notifier.failures = [AmbiguousError()]
    run(engine, clock, notifier)
    clock.forward(PATIENCE.first_retry)
    run(engine, clock, notifier)
    assert (["second"], 0) == ([title for _id, title in notifier.edited], notifier.looks)


def test_a_rate_limit_is_kept_and_others_go_on(engine: Engine, clock: HandClock) -> None:
    """One channel waits as long as it was asked to; the next message is delivered meanwhile."""
    notifier = Scripted(failures=[RateLimitedError(retry_after_seconds=30)])
    put(engine, clock, "ann", "bo")
    run(engine, clock, notifier)
    states = (message(engine, "ann").state, message(engine, "bo").state)
    clock.forward(30)
    run(engine, clock, notifier)
    assert ((MessageState.WAITING, MessageState.DELIVERED), 2) == (states, len(notifier.posted))


def test_a_closed_lane_holds_all_its_messages(engine: Engine, clock: HandClock) -> None:
    """After a rate limit, another message to the same channel is not even tried before the time."""
    notifier = Scripted(failures=[RateLimitedError(retry_after_seconds=30)])
    put(engine, clock)
    with Session(engine) as session:
        store.put(session, "alert:ann", Addressee("ann"), Document("alert", "alert"), clock())
        session.commit()
    run(engine, clock, notifier)
    clock.forward(29)
    run(engine, clock, notifier)
    assert [] == titles(notifier)


def test_a_channel_gets_one_message_a_second(engine: Engine, clock: HandClock) -> None:
    """Three messages to one person go out in their rate key's pace."""
    notifier = Scripted()
    with Session(engine) as session:
        for name in "abc":
            store.put(session, name, Addressee("ann"), Document(name, name), clock())
        session.commit()
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        clock.forward(seconds)

    deliver_all(engine, [notifier], clock, wait, patience=PATIENCE)
    assert (["a", "b", "c"], [1.0, 1.0]) == (titles(notifier), waits)


def test_deliver_all_does_not_wait_for_what_is_too_far_off(engine: Engine, clock: HandClock) -> None:
    """A message that waits for longer than the time given is left for another day."""
    notifier = Scripted(failures=[RateLimitedError(retry_after_seconds=60)])
    put(engine, clock)
    counts = deliver_all(engine, [notifier], clock, clock.forward, patience=PATIENCE, within_seconds=30)
    assert DeliveryCounts(held_back=1) == counts


def test_a_refusal_is_kept_with_its_reason_and_tried_again_after_a_day(engine: Engine, clock: HandClock) -> None:
    """What was refused is undeliverable in the refusal's words, and is delivered once it can be."""
    notifier = Scripted(failures=[PermanentError("nobody has this address")])
    put(engine, clock)
    run(engine, clock, notifier)
    refused = message(engine)
    clock.forward(PATIENCE.second_look)
    run(engine, clock, notifier)
    assert (MessageState.UNDELIVERABLE, "nobody has this address", MessageState.DELIVERED) == (
        refused.state,
        refused.reason,
        message(engine).state,
    )


@pytest.mark.parametrize(
    "error", [PermanentError(), TransientError(), AmbiguousError(), RosSyncError(), ValueError("a mistake")], ids=repr
)
def test_one_bad_message_does_not_stop_the_others(engine: Engine, clock: HandClock, error: Exception) -> None:
    """Whatever is wrong with the first message, a mistake of ours included, the second one arrives."""
    put(engine, clock, "ann", "bo")
    run(engine, clock, Scripted(failures=[error]))
    assert MessageState.DELIVERED == message(engine, "bo").state


def test_a_message_that_cannot_be_read_is_quarantined(engine: Engine, clock: HandClock) -> None:
    """A broken document is undeliverable with a reason, and the others go on."""
    put(engine, clock, "ann", "bo")
    with Session(engine) as session:
        session.execute(
            update(OutboxMessage).where(col(OutboxMessage.recipient) == "ann").values(document={"version": 9})
        )
        session.commit()
    run(engine, clock, Scripted())
    assert (MessageState.UNDELIVERABLE, MessageState.DELIVERED) == (
        message(engine, "ann").state,
        message(engine, "bo").state,
    )


def test_refused_credentials_stop_the_run(engine: Engine, clock: HandClock) -> None:
    """Nothing more is tried, the error is raised, and all messages stay waiting."""
    notifier = Scripted(failures=[AuthExpiredError("Slack rejected the token")])
    put(engine, clock, "ann", "bo")
    with pytest.raises(AuthExpiredError, match="rejected the token"):
        run(engine, clock, notifier)
    assert ([], MessageState.WAITING, MessageState.WAITING) == (
        titles(notifier),
        message(engine, "ann").state,
        message(engine, "bo").state,
    )


def test_refused_credentials_of_one_transport_leave_the_other_alone(engine: Engine, clock: HandClock) -> None:
    """The terminal's messages are printed although Slack's token is refused."""
    put(engine, clock, "ann")
    put(engine, clock, "bo", transport="console")
    with pytest.raises(AuthExpiredError):
        run(engine, clock, Scripted(failures=[AuthExpiredError()]), Scripted("console"))
    assert MessageState.DELIVERED == message(engine, "bo").state


def test_a_transport_that_fails_again_and_again_is_given_a_rest(engine: Engine, clock: HandClock) -> None:
    """After three failures in a row the other messages are left for the next round."""
    people = [f"p{number}" for number in range(6)]
    put(engine, clock, *people)
    counts = run(engine, clock, Scripted(failures=[TransientError()] * 6))
    assert (3, {"slack"}) == (counts.failed, counts.paused)


def test_failures_wait_longer_and_longer(engine: Engine, clock: HandClock) -> None:
    """The wait doubles with each failure in a row."""
    put(engine, clock)
    notifier = Scripted(failures=[TransientError()] * 3)
    waits = []
    for _ in range(3):
        run(engine, clock, notifier)
        waits.append((message(engine).not_before - clock()) / timedelta(seconds=1))
        clock.forward(waits[-1])
    assert [10.0, 20.0, 40.0] == waits


def test_a_deleted_message_that_has_something_to_say_is_posted_anew(engine: Engine, clock: HandClock) -> None:
    """Where the message to edit is gone, the next round posts."""
    notifier = Scripted()
    put(engine, clock)
    run(engine, clock, notifier)
    put(engine, clock, title="second")
    clock.forward(5)
    notifier.failures = [MessageGoneError()]
    run(engine, clock, notifier)
    clock.forward(5)
    run(engine, clock, notifier)
    assert ["first", "second"] == titles(notifier)


def test_messages_without_a_transport_stay_waiting(engine: Engine, clock: HandClock) -> None:
    """Without a notifier for it, a message is not touched."""
    put(engine, clock)
    run(engine, clock, Scripted("console"))
    assert (MessageState.WAITING, 0) == (message(engine).state, message(engine).attempts)


def test_each_call_is_on_record(engine: Engine, clock: HandClock) -> None:
    """Attempts say what was tried, when, and what became of it."""
    notifier = Scripted(failures=[TransientError("can't reach Slack")])
    put(engine, clock)
    run(engine, clock, notifier)
    clock.forward(10)
    run(engine, clock, notifier)
    with Session(engine) as session:
        attempts = session.exec(select(DeliveryAttempt).order_by(col(DeliveryAttempt.id))).all()
    assert [
        ("post", AttemptOutcome.FAILED, "can't reach Slack"),
        ("post", AttemptOutcome.DELIVERED, None),
    ] == [(attempt.method, attempt.outcome, attempt.error) for attempt in attempts]


def test_of_two_workers_one_makes_the_call(engine: Engine, clock: HandClock) -> None:
    """A message that two workers took up at the same moment is claimed by one of them."""
    put(engine, clock)
    ledger = Ledger(engine)
    outgoing = [ledger.outgoing(message(engine).id or 0) for _ in range(2)]
    rate_keys = (RateKey("one", 1.0), RateKey("two", 1.0))
    lease = clock() + timedelta(minutes=5)
    claims = [
        ledger.claim(outgoing, "D1", rate_key, clock(), lease)
        for outgoing, rate_key in zip(outgoing, rate_keys, strict=True)
        if outgoing
    ]
    assert [True, False] == [claim is not None for claim in claims]
