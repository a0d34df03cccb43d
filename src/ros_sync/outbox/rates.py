"""Lanes with a speed limit, shared by all processes through the database.

A lane is a name such as `chat.postMessage:D123`. Taking a turn in it is one conditional write, so that two workers
never take the same turn.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from ros_sync.mirror.insertion import insert_or
from ros_sync.outbox.tables import RateState


def take_turn(session: Session, lane: str, now: datetime, seconds: float) -> datetime | None:
    """Take the lane for the next `seconds`: None where it was free, else the instant from which it will be."""
    if _write(session, lane, now + timedelta(seconds=seconds), free_at=now):
        return None
    return free_at(session, lane)


def hold(session: Session, lane: str, until: datetime) -> None:
    """Close the lane until then, as the other side asked; a longer wait stands."""
    _write(session, lane, until, free_at=until)


def free_at(session: Session, lane: str) -> datetime | None:
    """From when the lane may be used; None where nothing is known of it."""
    return session.exec(select(RateState.not_before).where(RateState.key == lane)).one_or_none()


def _write(session: Session, lane: str, until: datetime, *, free_at: datetime) -> bool:
    values = {"key": lane, "not_before": until}
    written = (
        insert_or(session.get_bind().dialect, RateState)
        .values(**values)
        .on_conflict_do_update(
            index_elements=["key"], set_={"not_before": until}, where=col(RateState.not_before) <= free_at
        )
    )
    return session.execute(written.returning(col(RateState.key))).first() is not None
