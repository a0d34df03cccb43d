"""Waits in the outbox while the system's clock is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, update
from sqlmodel import Session

from ros_sync.clock import LONGEST_DAY
from ros_sync.outbox import store
from ros_sync.outbox.document import Document
from ros_sync.outbox.rate_limits import MAX_HOLD, free_at, hold, take_turn
from ros_sync.outbox.store import Addressee
from ros_sync.outbox.tables import MessageState, OutboxMessage
from ros_sync.outbox.waits import CLOCKS_DIFFER, is_over

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICRO = timedelta(microseconds=1)
ANN = Addressee("ann@loom.example")
BACK = [timedelta(minutes=10), timedelta(hours=1), timedelta(hours=3), timedelta(days=400)]


def due(engine: Engine, now: datetime) -> list[str]:
    with Session(engine) as session:
        return [message.key for message in store.due(session, now, 10)]


@pytest.mark.parametrize("back", BACK)
def test_a_lane_is_free_again_after_the_clock_was_set_back(engine: Engine, back: timedelta) -> None:
    """A rate key that was closed for a second is not closed for hours because the clock was ahead."""
    with Session(engine) as session:
        turns = [take_turn(session, "post:D1", at, 1.0) for at in (NOON, NOON - back, NOON - back)]
    assert [None, None, NOON - back + SECOND] == turns


@pytest.mark.parametrize("back", BACK)
def test_a_hold_ends_when_the_clock_was_set_back(engine: Engine, back: timedelta) -> None:
    """What the other side asked to wait for is over, and a new wait counts from the clock that is right."""
    with Session(engine) as session:
        hold(session, "post:D1", NOON + 30 * SECOND, NOON)
        before = free_at(session, "post:D1", NOON - back)
        hold(session, "post:D1", NOON - back + 5 * SECOND, NOON - back)
        assert (None, NOON - back + 5 * SECOND) == (before, free_at(session, "post:D1", NOON - back))


@pytest.mark.parametrize("forward", BACK)
def test_a_clock_set_forward_only_shortens_waits(engine: Engine, forward: timedelta) -> None:
    """Set forward, the clock ends a wait early; set right again, nothing waits for the time that never was."""
    with Session(engine) as session:
        turns = [take_turn(session, "post:D1", at, 1.0) for at in (NOON, NOON + forward, NOON + 2 * SECOND)]
    assert [None, None, None] == turns


def test_no_hold_is_longer_than_an_hour(engine: Engine) -> None:
    """A number that can only be a mistake (milliseconds, a date) does not silence a channel for days."""
    with Session(engine) as session:
        hold(session, "post:D1", NOON + timedelta(days=12), NOON)
        assert NOON + MAX_HOLD == free_at(session, "post:D1", NOON)


@pytest.mark.parametrize("back", BACK)
@pytest.mark.parametrize("state", [MessageState.WAITING, MessageState.UNCONFIRMED, MessageState.UNDELIVERABLE])
def test_a_message_is_due_after_the_clock_was_set_back(engine: Engine, state: MessageState, back: timedelta) -> None:
    """Whatever a message waits for, hours that the clock was ahead are not added to it."""
    with Session(engine) as session:
        store.put(session, "digest", ANN, Document("1 deal", "1 deal"), NOON, not_before=NOON + 30 * SECOND)
        session.execute(update(OutboxMessage).values(state=state))
        session.commit()
    assert ([], ["digest"]) == (due(engine, NOON), due(engine, NOON - back))


def test_small_differences_of_clocks_end_no_wait(engine: Engine) -> None:
    """Two machines' clocks may differ by seconds: a lease or a retry of the other one stands."""
    with Session(engine) as session:
        store.put(session, "digest", ANN, Document("1 deal", "1 deal"), NOON, not_before=NOON + 300 * SECOND)
        session.commit()
    assert [] == due(engine, NOON - 20 * SECOND)


@pytest.mark.parametrize(
    "ahead, is_due",
    [(CLOCKS_DIFFER, False), (CLOCKS_DIFFER + MICRO, True)],
    ids=["as far as clocks differ", "further ahead"],
)
def test_a_wait_that_was_decided_ahead_is_over(engine: Engine, ahead: timedelta, is_due: bool) -> None:
    """By more than clocks differ; in the database and in Python alike."""
    decided_at = NOON + ahead
    until = decided_at + 30 * SECOND
    with Session(engine) as session:
        store.put(session, "digest", ANN, Document("1 deal", "1 deal"), decided_at, not_before=until)
        session.commit()
    assert (is_due, ["digest"] if is_due else []) == (is_over(until, decided_at, NOON), due(engine, NOON))


@pytest.mark.parametrize(
    "ahead, is_due",
    [(timedelta(0), True), (MICRO, False), (LONGEST_DAY, False), (LONGEST_DAY + MICRO, True)],
    ids=["now", "in a moment", "a day ahead", "further ahead"],
)
def test_a_wait_of_which_nobody_knows_when_it_was_decided(engine: Engine, ahead: timedelta, is_due: bool) -> None:
    """It ends at its moment, and is none where it is longer than a day; in the database and in Python alike."""
    until = NOON + ahead
    with Session(engine) as session:
        store.put(session, "digest", ANN, Document("1 deal", "1 deal"), NOON, not_before=until)
        session.execute(update(OutboxMessage).values(decided_at=None))
        session.commit()
    assert (is_due, ["digest"] if is_due else []) == (is_over(until, None, NOON), due(engine, NOON))


def test_what_was_written_before_decisions_were_noted_waits_a_day_at_most(engine: Engine) -> None:
    """Rows of an earlier version have no moment of decision: what lies more than a day ahead is due."""
    with Session(engine) as session:
        store.put(session, "digest", ANN, Document("1 deal", "1 deal"), NOON, not_before=NOON + timedelta(hours=20))
        session.execute(update(OutboxMessage).values(decided_at=None))
        session.commit()
    assert ([], ["digest"]) == (due(engine, NOON), due(engine, NOON - timedelta(hours=10)))


def test_what_was_meant_for_a_moment_ahead_waits_for_it(engine: Engine) -> None:
    """A tick as of a moment ahead was asked for: what it says waits, and no clock was wrong."""
    with Session(engine) as session:
        store.put(session, "digest", ANN, Document("1 deal", "1 deal"), NOON + timedelta(days=2))
        store.keep_for_later(session, NOON)
        session.commit()
    assert ([], ["digest"]) == (due(engine, NOON), due(engine, NOON + timedelta(days=2)))


def test_every_wait_says_when_it_was_decided(engine: Engine) -> None:
    """No way of writing a message leaves the moment of the decision out."""
    with Session(engine) as session:
        store.put(session, "digest", ANN, Document("1 deal", "1 deal"), NOON)
        store.put(session, "digest", ANN, Document("2 deals", "2 deals"), NOON + SECOND)
        session.commit()
        message = session.get_one(OutboxMessage, 1)
        assert (NOON + SECOND, NOON + SECOND) == (message.not_before, message.decided_at)
