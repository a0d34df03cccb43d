"""What a CRM says by webhook, as it is kept: before it is answered, once, until some days after it was processed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, func, or_, select

from ros_sync import clock
from ros_sync.connectors.source import ChangeEvent
from ros_sync.mirror.bookkeeping import CHANGE_EVENT
from ros_sync.mirror.insertion import insert_or
from ros_sync.mirror.portions import CHUNK
from ros_sync.sync.policy import CLOCKS_DIFFER


def keep(engine: Engine, source: str, events: Sequence[ChangeEvent], now: datetime) -> int:
    """Store change events; those that are stored already are not stored again. Gives the number of new ones."""
    rows = [
        {
            "source": source,
            "key": event.key,
            "kind": event.kind,
            "stream": event.stream,
            "record_id": event.record_id,
            "occurred_at": None if event.at is None else clock.from_micros(event.at),
            "received_at": now,
            "body": None if event.property is None else {"property": event.property},
        }
        for event in {event.key: event for event in events}.values()
    ]
    if not rows:
        return 0
    statement = (
        insert_or(engine.dialect, CHANGE_EVENT)
        .on_conflict_do_nothing(index_elements=["source", "key"])
        .returning(CHANGE_EVENT.c.id)
    )
    kept = 0
    with engine.begin() as connection:
        for start in range(0, len(rows), CHUNK):
            kept += len(connection.execute(statement.values(rows[start : start + CHUNK])).all())
    return kept


def waiting(connection: Connection, source: str) -> int:
    """How many change events are still to be processed."""
    query = select(func.count()).where(CHANGE_EVENT.c.source == source, CHANGE_EVENT.c.processed_at.is_(None))
    return int(connection.execute(query).scalar_one())


def announced_since(connection: Connection, source: str, stream: str, ids: Sequence[str], since: datetime) -> set[str]:
    """Those of these records of which a change event came or was processed since: what was read before may be old.

    One that has waited for longer tells of what had happened before the reading began.
    """
    query = select(CHANGE_EVENT.c.record_id).where(
        CHANGE_EVENT.c.source == source,
        CHANGE_EVENT.c.stream == stream,
        or_(
            CHANGE_EVENT.c.processed_at >= since,
            CHANGE_EVENT.c.processed_at.is_(None) & (CHANGE_EVENT.c.received_at >= since - CLOCKS_DIFFER),
        ),
    )
    if connection.execute(query.limit(1)).first() is None:  # mostly, and at once
        return set()
    found: set[str] = set()
    for start in range(0, len(ids), CHUNK):
        chunk = CHANGE_EVENT.c.record_id.in_(ids[start : start + CHUNK])
        found.update(connection.execute(query.where(chunk)).scalars())
    return found
