"""What to do with a message, and what failures mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ros_sync.errors import (
    AmbiguousError,
    AuthExpiredError,
    PermanentError,
    RateLimitedError,
    RosSyncError,
    TransientError,
)
from ros_sync.notifiers.notifier import MessageGoneError, OutgoingMessage
from ros_sync.notifiers.outcomes import (
    DeliveryStep,
    Patience,
    next_step,
    outcome_of,
    outcome_of_looking,
    retry_at,
    unexpected,
)
from ros_sync.outbox.document import Document, Item
from ros_sync.outbox.tables import MessageState

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PATIENCE = Patience(first_retry=10, longest_retry=100, second_look=1000)
NEW = OutgoingMessage(
    id=1,
    opaque_id="x",
    recipient="ann",
    recipient_name="Ann",
    recipient_email="ann@loom.example",
    slack_user=None,
    transport="slack",
    document=Document("t", "s", items=(Item("deal"),)),
    revision=1,
    delivered_revision=None,
    state=MessageState.WAITING,
    channel=None,
    ts=None,
    attempts=0,
    failures=0,
    looked_at=None,
)
STANDING = replace(NEW, channel="D1", ts="1.1", delivered_revision=1, revision=2)


@pytest.mark.parametrize(
    "outgoing, step",
    [
        (NEW, DeliveryStep.POST),
        (replace(NEW, state=MessageState.UNDELIVERABLE), DeliveryStep.POST),
        (replace(NEW, state=MessageState.UNCONFIRMED), DeliveryStep.LOOK),
        (STANDING, DeliveryStep.EDIT),
        (replace(STANDING, state=MessageState.UNCONFIRMED), DeliveryStep.EDIT),
    ],
)
def test_the_next_step(outgoing: OutgoingMessage, step: DeliveryStep) -> None:
    """An unconfirmed post is looked for; what stands somewhere is edited; anything else is posted."""
    assert step == next_step(outgoing)


@pytest.mark.parametrize(
    "error, outgoing, state, wait",
    [
        (AmbiguousError(), NEW, MessageState.UNCONFIRMED, 0),
        (AmbiguousError(), STANDING, MessageState.WAITING, 10),
        (TransientError(), NEW, MessageState.WAITING, 10),
        (TransientError(), replace(NEW, failures=2), MessageState.WAITING, 40),
        (RateLimitedError(retry_after_seconds=7), NEW, MessageState.WAITING, 7),
        (AuthExpiredError(), NEW, MessageState.WAITING, 0),
        (PermanentError(), NEW, MessageState.UNDELIVERABLE, 1000),
        (MessageGoneError(), STANDING, MessageState.WAITING, 0),
    ],
)
def test_what_a_failure_means(error: RosSyncError, outgoing: OutgoingMessage, state: MessageState, wait: int) -> None:
    """Each kind of failure leads to one state, and to one instant of the next try."""
    outcome = outcome_of(error, outgoing, NOW, PATIENCE)
    assert (state, NOW + timedelta(seconds=wait)) == (outcome.state, outcome.not_before)


def test_a_deleted_message_does_not_come_back_to_say_that_all_is_done() -> None:
    """With nothing left to mend, a message that was deleted in Slack stays deleted."""
    done = replace(STANDING, document=Document("t", "s", items=(Item("deal", done=True),)))
    assert MessageState.DELIVERED == outcome_of(MessageGoneError(), done, NOW, PATIENCE).state


@pytest.mark.parametrize(
    "error, wait",
    [(TransientError(), 10), (RateLimitedError(retry_after_seconds=7), 7), (PermanentError(), 1000)],
)
def test_a_message_that_cannot_be_looked_for_stays_unconfirmed(error: RosSyncError, wait: int) -> None:
    """Not being able to look is no reason to post again."""
    outcome = outcome_of_looking(error, replace(NEW, state=MessageState.UNCONFIRMED), NOW, PATIENCE)
    assert (MessageState.UNCONFIRMED, NOW + timedelta(seconds=wait)) == (outcome.state, outcome.not_before)


def test_the_wait_stops_growing_at_its_longest() -> None:
    """After many failures the wait is the longest one, and no number overflows."""
    assert NOW + timedelta(seconds=100) == retry_at(10_000, NOW, PATIENCE)


def test_a_mistake_of_ours_is_taken_for_an_unconfirmed_call() -> None:
    """A failure nobody foresaw may have come after the call, so that the message is looked for first."""
    assert isinstance(unexpected(KeyError("x")), AmbiguousError)
