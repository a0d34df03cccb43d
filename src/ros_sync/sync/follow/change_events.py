"""What a CRM said by webhook is processed: in batches, by reading the records that it is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, delete, select, update

from ros_sync.connectors.source import Page, Source, Stream
from ros_sync.errors import DailyLimitError, RosSyncError, StoppedError, TransientError
from ros_sync.mirror.bookkeeping import CHANGE_EVENT
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.tables import CHANGE
from ros_sync.sync.follow import maintenance, page_writing, record_reading, relinking
from ros_sync.sync.follow.work import Work
from ros_sync.sync.ingest.reports import CycleReport
from ros_sync.sync.one_writer import writing
from ros_sync.sync.policy import quota_exhausted
from ros_sync.sync.stream_state import read_stream_states, save_state, state_of

log = structlog.get_logger(__name__)

AT_ONCE = 5_000  # change events processed together; a flood takes several rounds, and a tick comes in between
WEBHOOK = "webhook"
READ_AT_ONCE = 500  # records written in one transaction
KEPT_FOR = 3  # times as long as the CRM sends the same event again
GIVEN_UP = timedelta(days=14)  # of what could not be processed: the weekly listing has long seen it


@dataclass(slots=True)
class _Asked:
    """What the change events about one stream ask for, and their numbers."""

    numbers: list[int] = field(default_factory=list)
    old: list[int] = field(default_factory=list)  # those among them that have waited for too long
    records: dict[str, None] = field(default_factory=dict)
    newer: dict[str, datetime] = field(default_factory=dict)
    links: dict[str, None] = field(default_factory=dict)
    erased: dict[str, None] = field(default_factory=dict)
    moved: list[tuple[str, datetime]] = field(default_factory=list)


def work_off(work: Work) -> CycleReport | None:
    """Read what the change events that wait are about, in as few calls as possible; None where there is nothing to do.

    A change event about a state that the mirror has already costs no call. Whatever happens, an event is done only
    once what it asked for is written, so that a kill costs reading it again. Those of a stream that cannot be read
    wait, and hold no other up.
    """
    source = work.source
    with work.engine.connect() as connection:
        state = state_of(connection, source.name)
        if quota_exhausted(state.get("quota_exhausted_until"), work.now()):
            return None
        # What is listed for the first time is read anyway; afterwards the event says what the listing may have missed.
        states = read_stream_states(connection, source.name)
        early = {each.name for each in source.streams if each.name not in states or not states[each.name].cursor}
        longest = timedelta(seconds=work.policy.event_retry_seconds)  # further ahead: the clock was put back
        waiting = {name for name, until in work.put_off.items() if work.now() < until <= work.now() + longest}
        asked = _asked(connection, source, sorted(early | waiting), work.now() - GIVEN_UP)
    if not asked:
        return None
    streams = {stream.name: stream for stream in source.streams}
    passing: TransientError | None = None
    for name, theirs in asked.items():
        passing = _worked_off(work, streams.get(name), name, theirs) or passing
    if passing is not None:
        raise passing
    maintenance.derive(work, work.report.started_at)
    with writing(work.engine, source.name) as connection:
        kept_since = work.now() - KEPT_FOR * timedelta(seconds=source.facts.redelivery_seconds)
        old = (CHANGE_EVENT.c.source == source.name) & (CHANGE_EVENT.c.processed_at < kept_since)
        connection.execute(delete(CHANGE_EVENT).where(old))
    return work.report


def _worked_off(work: Work, stream: Stream | None, name: str, asked: _Asked) -> TransientError | None:
    """Process the change events about one stream; what keeps it from being read for the moment.

    Raises where the day's calls are used up.
    """
    try:
        if stream is not None:
            _read(work, stream, asked)
    except DailyLimitError as error:
        with writing(work.engine, work.source.name) as connection:
            save_state(
                connection, work.source.name, work.now(), quota_exhausted_until=error.resume_at, trouble=error.message
            )
        raise
    except StoppedError:
        raise
    except TransientError as error:
        return error
    except Exception as error:  # noqa: BLE001  # one stream that cannot be read is no reason for the others to wait
        _put_off(work, name, asked, error)
    else:
        _done(work, asked.numbers, "not followed" if stream is None else "read")
    return None


def _put_off(work: Work, name: str, asked: _Asked, error: Exception) -> None:
    """Let the change events of a stream wait for a while.

    A permission that is missing may come back, and what they told of with it. Those that have waited for weeks are
    given up.
    """
    told = str(error) if isinstance(error, RosSyncError) else type(error).__name__
    log.warning(
        "change_events_failed",
        source=work.source.name,
        stream=name,
        error=told,
        exc_info=not isinstance(error, RosSyncError),
    )
    work.put_off[name] = work.now() + timedelta(seconds=work.policy.event_retry_seconds)
    _done(work, asked.old, told)


def _asked(connection: Connection, source: Source, early: Sequence[str], given_up: datetime) -> dict[str, _Asked]:
    columns = (CHANGE_EVENT.c.id, CHANGE_EVENT.c.kind, CHANGE_EVENT.c.stream, CHANGE_EVENT.c.record_id,
               CHANGE_EVENT.c.occurred_at, CHANGE_EVENT.c.received_at,
               CHANGE_EVENT.c.body)  # fmt: skip
    query = (
        select(*columns)
        .where(
            CHANGE_EVENT.c.source == source.name,
            CHANGE_EVENT.c.processed_at.is_(None),
            CHANGE_EVENT.c.stream.not_in(early),
        )
        .order_by(CHANGE_EVENT.c.id)
        .limit(AT_ONCE)
    )
    asked: dict[str, _Asked] = defaultdict(_Asked)
    for row in connection.execute(query):
        changed = (row.body or {}).get("property")
        theirs, reaction = asked[row.stream], source.reaction(row.stream, row.kind, changed)
        theirs.numbers.append(row.id)
        if row.received_at < given_up:
            theirs.old.append(row.id)
        if reaction.links:
            theirs.links[row.record_id] = None
        if reaction.erased:
            theirs.erased[row.record_id] = None
        if reaction.history and row.occurred_at is not None:
            theirs.moved.append((row.record_id, row.occurred_at))
        if reaction.record and reaction.only_if_newer and row.occurred_at is not None:
            known = theirs.newer.get(row.record_id)
            theirs.newer[row.record_id] = max(known, row.occurred_at) if known else row.occurred_at
        elif reaction.record:
            theirs.records[row.record_id] = None
    return dict(asked)


def _read(work: Work, stream: Stream, asked: _Asked) -> None:
    news = {each: at for each, at in asked.newer.items() if each not in asked.records}
    moved = _untold(work, stream, asked.moved)
    ids = list(dict.fromkeys([*asked.records, *_unknown(work, stream, news), *moved]))
    ends = Page(stream.name)  # of all of them as one: many that ended are a wave, however they are read
    for start in range(0, len(ids), READ_AT_ONCE):
        chunk = ids[start : start + READ_AT_ONCE]
        told = [each for each in chunk if each in asked.erased]
        others = [each for each in chunk if each not in asked.erased]
        record_reading.read_again(work, stream, told, way=WEBHOOK, explicit=told)
        record_reading.read_again(work, stream, others, linked=asked.links, moved=moved, ends=ends)
    page_writing.end(work, stream, ends, WEBHOOK, erase=False)
    rest = [each for each in asked.links if each not in set(ids)]
    if stream.links and rest:
        relinking.relink(work, stream, _there(work, stream, rest))


def _untold(work: Work, stream: Stream, moved: Sequence[tuple[str, datetime]]) -> set[str]:
    """Those of these records whose change history has no change at the moment at which a tracked property was changed.

    It may have been changed there and back before anybody looked: the present row tells nothing of that.
    """
    ids = sorted({record_id for record_id, _ in moved})
    told: set[tuple[str, datetime]] = set()
    with work.engine.connect() as connection:
        for start in range(0, len(ids), CHUNK):
            query = select(CHANGE.c.record_id, CHANGE.c.at).where(
                CHANGE.c.source == work.source.name,
                CHANGE.c.object == stream.objects[0],
                CHANGE.c.record_id.in_(ids[start : start + CHUNK]),
                CHANGE.c.cause.is_(None),
            )
            told |= {(record_id, at) for record_id, at in connection.execute(query)}
        born = _created(connection, work.source.name, stream, ids)
    # What a record was created with is no change of it.
    return {each for each, at in moved if (each, at) not in told and (born.get(each) is None or at > born[each])}


def _created(connection: Connection, source: str, stream: Stream, ids: Sequence[str]) -> dict[str, datetime]:
    """When these records were created, so far as that is known here."""
    table = objects()[stream.objects[0]].table
    found: dict[str, datetime] = {}
    for start in range(0, len(ids) if "created_at" in table.c else 0, CHUNK):
        query = select(table.c.id, table.c.created_at).where(
            table.c.source == source, table.c.id.in_(ids[start : start + CHUNK]), table.c.created_at.is_not(None)
        )
        found.update((record_id, at) for record_id, at in connection.execute(query))
    return found


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
    values: dict[str, Any] = {"processed_at": work.now(), "outcome": outcome}
    with writing(work.engine, work.source.name) as connection:
        for start in range(0, len(numbers), CHUNK):
            here = CHANGE_EVENT.c.id.in_(numbers[start : start + CHUNK])
            connection.execute(update(CHANGE_EVENT).where(here).values(**values))
