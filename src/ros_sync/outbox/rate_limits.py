"""Lanes with a speed limit, shared by all processes through the database.

A rate key is a name such as `chat.postMessage:D123`. Taking a turn in it is one conditional write, so that two workers
never take the same turn.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from ros_sync.mirror.insertion import insert_or
from ros_sync.outbox.tables import RateState
from ros_sync.outbox.waits import is_over, over, wait

# No rate key is closed for longer, whatever the other side says. Slack documents windows of a minute ("Rate limits",
# tiers), so that a larger number is a mistake (milliseconds, a clock that is wrong); asking once an hour is a burden to
# nobody.
MAX_HOLD = timedelta(hours=1)

_STATE = RateState.metadata.tables["rate_state"].c


def take_turn(session: Session, rate_key: str, now: datetime, seconds: float) -> datetime | None:
    """Take the rate key for the next `seconds`: None where it was free, else the instant from which it will be."""
    if _write(session, rate_key, now + timedelta(seconds=seconds), now, over(_STATE, now)):
        return None
    return free_at(session, rate_key, now) or now + timedelta(seconds=seconds)  # freed by somebody meanwhile: next time


def hold(session: Session, rate_key: str, until: datetime, now: datetime) -> None:
    """Close the rate key until then, as the other side asked, for an hour at most; a longer wait stands."""
    until = min(until, now + MAX_HOLD)
    _write(session, rate_key, until, now, (_STATE.not_before <= until) | over(_STATE, now))


def free_at(session: Session, rate_key: str, now: datetime) -> datetime | None:
    """From when the rate key may be used; None where it may be now."""
    state = session.exec(select(RateState).where(RateState.key == rate_key)).one_or_none()
    if state is None or is_over(state.not_before, state.decided_at, now):
        return None
    return state.not_before


def _write(session: Session, rate_key: str, until: datetime, now: datetime, where: ColumnElement[bool]) -> bool:
    values = wait(until, now)
    insert = insert_or(session.get_bind().dialect, RateState).values(key=rate_key, **values)
    written = insert.on_conflict_do_update(index_elements=["key"], set_=values, where=where)
    return session.execute(written.returning(col(RateState.key))).first() is not None
