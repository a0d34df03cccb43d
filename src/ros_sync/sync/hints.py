"""What a CRM says by webhook: kept before it is answered, worked off in batches by reading the records that it is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ros_sync import clock
from ros_sync.connectors.source import Hint, Source, Stream
from ros_sync.errors import DailyLimitError, PermanentError
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.tables import WebhookEvent
from ros_sync.sync import upkeep
from ros_sync.sync.places import read_places, save_state, state_of
from ros_sync.sync.reports import CycleReport
from ros_sync.sync.work import Work
from ros_sync.sync.writing import writing

log = structlog.get_logger(__name__)

AT_ONCE = 5_000  # hints worked off together; a flood takes several rounds, and a tick comes in between
READ_AT_ONCE = 500  # records written in one transaction
CHUNK = 400  # ids a statement
KEPT = timedelta(days=3)  # longer than a CRM sends the same event again (HubSpot: 24 hours)

_EVENT = WebhookEvent.metadata.tables["webhook_event"]


def keep(engine: Engine, source: str, hints: Sequence[Hint], now: datetime) -> int:
    """Store hints; those that are stored already are not stored again. Gives the number of new ones."""
    rows = [
        {
            "source": source,
            "key": hint.key,
            "kind": hint.kind,
            "stream": hint.stream,
            "record_id": hint.record_id,
            "occurred_at": None if hint.at is None else clock.from_micros(hint.at),
            "received_at": now,
        }
        for hint in {hint.key: hint for hint in hints}.values()
    ]
    if not rows:
        return 0
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_EVENT).on_conflict_do_nothing(index_elements=["source", "key"]).returning(_EVENT.c.id)
    kept = 0
    with engine.begin() as connection:
        for start in range(0, len(rows), CHUNK):
            kept += len(connection.execute(statement.values(rows[start : start + CHUNK])).all())
    return kept


def waiting(connection: Connection, source: str) -> int:
    """How many hints are still to be worked off."""
    query = select(func.count()).where(_EVENT.c.source == source, _EVENT.c.done_at.is_(None))
    return int(connection.execute(query).scalar_one())


@dataclass(slots=True)
class _Asked:
    """What the hints about one stream ask for, and their numbers."""

    numbers: list[int] = field(default_factory=list)
    records: dict[str, None] = field(default_factory=dict)
    newer: dict[str, datetime] = field(default_factory=dict)
    links: dict[str, None] = field(default_factory=dict)


def work_off(work: Work) -> CycleReport | None:
    """Read what the hints that wait are about, in as few calls as possible; None where there is nothing to do.

    A hint about a state that the mirror has already costs no call. Whatever happens, a hint is done only once what it asked
    for is written, so that a kill costs reading it again.
    """
    source = work.source
    with work.engine.connect() as connection:
        state = state_of(connection, source.name)
        parked = state.get("parked_until")
        asked = {} if parked is not None and parked > work.now() else _asked(connection, source)
        places = read_places(connection, source.name)
    # What is being listed for the first time is read anyway; afterwards the hint says what the listing may have missed.
    asked = {name: theirs for name, theirs in asked.items() if name not in places or places[name].polled_until}
    if not asked:
        return None
    streams = {stream.name: stream for stream in source.streams}
    for name, theirs in asked.items():
        outcome = "read"
        try:
            if name in streams:
                _read(work, streams[name], theirs)
            else:
                outcome = "not followed"
        except DailyLimitError as error:
            with writing(work.engine, source.name) as connection:
                save_state(connection, source.name, work.now(), parked_until=error.resume_at, trouble=error.message)
            raise
        except PermanentError as error:  # polls will find what can be found; these would wait for ever
            outcome = str(error)
            log.warning("hints_failed", source=source.name, stream=name, error=outcome)
        _done(work, theirs.numbers, outcome)
    upkeep.derive(work, work.report.started_at)
    with writing(work.engine, source.name) as connection:
        old = (_EVENT.c.source == source.name) & (_EVENT.c.done_at < work.now() - KEPT)
        connection.execute(delete(_EVENT).where(old))
    return work.report


def _asked(connection: Connection, source: Source) -> dict[str, _Asked]:
    query = (
        select(_EVENT.c.id, _EVENT.c.kind, _EVENT.c.stream, _EVENT.c.record_id, _EVENT.c.occurred_at)
        .where(_EVENT.c.source == source.name, _EVENT.c.done_at.is_(None))
        .order_by(_EVENT.c.id)
        .limit(AT_ONCE)
    )
    asked: dict[str, _Asked] = defaultdict(_Asked)
    for row in connection.execute(query):
        theirs, reaction = asked[row.stream], source.reaction(row.kind)
        theirs.numbers.append(row.id)
        if reaction.links:
            theirs.links[row.record_id] = None
        if reaction.record and reaction.only_if_newer and row.occurred_at is not None:
            known = theirs.newer.get(row.record_id)
            theirs.newer[row.record_id] = max(known, row.occurred_at) if known else row.occurred_at
        elif reaction.record:
            theirs.records[row.record_id] = None
    return dict(asked)


def _read(work: Work, stream: Stream, asked: _Asked) -> None:
    news = {each: at for each, at in asked.newer.items() if each not in asked.records}
    ids = [*asked.records, *_unknown(work, stream, news)]
    for start in range(0, len(ids), READ_AT_ONCE):
        work.read_again(stream, ids[start : start + READ_AT_ONCE], linked=asked.links)
    rest = [each for each in asked.links if each not in set(ids)]
    if stream.links and rest:
        work.relink(stream, _there(work, stream, rest))


def _unknown(work: Work, stream: Stream, news: dict[str, datetime]) -> list[str]:
    """Those of these records of which the mirror does not have the state of that moment."""
    table, ids = objects()[stream.objects[0]].table, list(news)
    known: set[str] = set()
    with work.engine.connect() as connection:
        for start in range(0, len(ids), CHUNK):
            query = select(table.c.id, table.c.modified_at).where(
                table.c.source == work.source.name,
                table.c.id.in_(ids[start : start + CHUNK]),
                table.c.deleted_at.is_(None),
            )
            known |= {
                row.id for row in connection.execute(query) if row.modified_at and row.modified_at >= news[row.id]
            }
    return [each for each in ids if each not in known]


def _there(work: Work, stream: Stream, ids: Sequence[str]) -> list[str]:
    """Those of these records that the mirror holds: links of others are read when they are."""
    table = objects()[stream.objects[0]].table
    found: list[str] = []
    with work.engine.connect() as connection:
        for start in range(0, len(ids), CHUNK):
            query = select(table.c.id).where(
                table.c.source == work.source.name,
                table.c.id.in_(ids[start : start + CHUNK]),
                table.c.deleted_at.is_(None),
            )
            found += connection.execute(query).scalars()
    return found


def _done(work: Work, numbers: Sequence[int], outcome: str) -> None:
    values: dict[str, Any] = {"done_at": work.now(), "outcome": outcome}
    with writing(work.engine, work.source.name) as connection:
        for start in range(0, len(numbers), CHUNK):
            here = _EVENT.c.id.in_(numbers[start : start + CHUNK])
            connection.execute(update(_EVENT).where(here).values(**values))
