"""What has a schedule of its own: links of open deals, owners and stages, derived values."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ros_sync import clock
from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import Page, Problem, Source, Stream
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Row, Upsert
from ros_sync.sync.follow import page_writing, record_reading, relinking
from ros_sync.sync.follow.work import Work, of_stream
from ros_sync.sync.ingest.derived import roll_up, worked_out
from ros_sync.sync.ingest.filled import note_filled
from ros_sync.sync.ingest.reports import StreamReport
from ros_sync.sync.one_writer import writing
from ros_sync.sync.policy import due
from ros_sync.sync.stream_state import derivation_of, save_derivation, save_scan, save_state, scan_of, state_of

REREAD = "reread"
REREAD_ROWS = 1_000  # records read again and written at a time
DERIVED = "activities"


def describe(work: Work, now: datetime) -> None:
    """Look at the account: owners, stages, and what is wanting."""
    described = work.source.describe()
    work.report.described = True
    work.report.problems += described.problems
    with work.writing() as (connection, applier):
        for batch in filter(None, (described.owners, described.stages)):
            mirrored, stream = objects()[batch.object], Stream(batch.object, (batch.object,))
            counted = StreamReport(batch.object)
            applier.apply(stream, Page(batch.object, batches=[batch]), counted)
            table = mirrored.table
            query = select(table.c.id).where(table.c.source == work.source.name, table.c.deleted_at.is_(None))
            ids = [str(each) for each in batch.columns["id"]]
            vanished = set(connection.execute(query).scalars()) - set(ids)
            ends = page_writing.ending(
                work, connection, stream, Page(batch.object, batches=[batch], gone=sorted(vanished)), "account"
            )
            applier.endings.delete(stream, dict.fromkeys(ends.gone, clock.to_micros(work.now())), counted)
            applier.endings.revive(stream, ids, counted)
            if counted.created or counted.updated or counted.deleted:
                work.report.streams[batch.object] = counted
        if described.owners is not None:
            _adopt(work, connection, described.owners, applier.run_id)
        _note_filled(connection, work)
        problems = [as_data(each) for each in work.report.problems]
        save_state(connection, work.source.name, now, described_at=now, problems=problems, memory=described.memory)


def remember(connection: Connection, source: Source) -> None:
    """Let the source know what an earlier process knew of the account."""
    memory = state_of(connection, source.name).get("memory")
    if memory is not None:
        source.remember(memory)


def _note_filled(connection: Connection, work: Work) -> None:
    """Keep which fields the source's records come with: rules do not ask about others."""
    derived = worked_out(work.source.streams, work.source.given)
    told = {name: fields | derived.get(name, frozenset()) for name, fields in work.source.filled.items()}
    note_filled(connection, work.source.name, told, whole=True)


def _adopt(work: Work, connection: Any, owners: Batch, run_id: int) -> None:
    """Owners that were unknown when their records were read are known now."""
    known = {str(each) for each in owners.columns["id"]}
    now = clock.to_micros(work.now())
    for mirrored in objects().values():
        table = mirrored.table
        if "owner_named" not in table.c or "owner_id" not in table.c:
            continue
        query = select(table.c.id).where(
            table.c.source == work.source.name,
            table.c.owner_named.is_not(None),
            table.c.owner_id == table.c.owner_named,
        )
        named = connection.execute(query.add_columns(table.c.owner_named)).all()
        rows: list[Row] = [(record_id, None) for record_id, owner in named if owner in known]
        if rows:
            upsert = Upsert(connection, mirrored, work.source.name, ("id", "owner_named"), run_id=run_id)
            upsert.write(rows, now, derived=True)


def refresh_links(work: Work, now: datetime) -> None:
    """Read the links of open deals again: a changed association does not touch a record's modified date."""
    deal = objects()["deal"].table
    for stream in work.source.streams:
        if "deal" in stream.objects and stream.links:
            with work.engine.connect() as connection:
                query = select(deal.c.id).where(
                    deal.c.source == work.source.name, deal.c.deleted_at.is_(None), deal.c.stage_kind == "open"
                )
                ids = [str(each) for each in connection.execute(query).scalars()]
            relinking.relink(work, stream, ids)
    with writing(work.engine, work.source.name) as connection:
        save_state(connection, work.source.name, now, linked_at=now)


def reread(work: Work, now: datetime, *, listed: Collection[str]) -> None:
    """Read all records of a stream again where the connector file names a pace for it: not all changes show in a poll.

    Streams that were `listed` just now have been read. What cannot be read is left to the listings, which look for it.
    """
    for stream in work.source.streams:
        if stream.reread_seconds is None:
            continue
        with work.engine.connect() as connection:
            last = scan_of(connection, work.source.name, stream.name, REREAD)
            fresh = last is not None and not due(last["updated_at"], now, stream.reread_seconds)
            ids = [] if fresh or stream.name in listed else _live_ids(connection, work.source, stream)
        if fresh:
            continue
        for start in range(0, len(ids), REREAD_ROWS):
            record_reading.read_again(work, stream, ids[start : start + REREAD_ROWS], gone=False)
        with writing(work.engine, work.source.name) as connection:
            save_scan(connection, work.source.name, stream.name, REREAD, now)


def _live_ids(connection: Connection, source: Source, stream: Stream) -> list[str]:
    """The records of a stream that are live here."""
    table = objects()[stream.objects[0]].table
    query = select(table.c.id).where(table.c.source == source.name, table.c.deleted_at.is_(None))
    return [
        str(each) for each in connection.execute(of_stream(source, stream, table, query).order_by(table.c.id)).scalars()
    ]


def derive(work: Work, now: datetime) -> None:
    """Work out what follows from activities, where something changed or time has made planned ones happen."""
    with work.engine.connect() as connection:
        last = derivation_of(connection, work.source.name, DERIVED)
    everything = work.touched is None or last is None or due(last["updated_at"], now, work.policy.planned_seconds)
    if not everything and not work.touched:
        return
    with work.writing() as (connection, applier):
        only = None if everything else work.touched
        roll_up(connection, work.source, applier.run_id, clock.to_micros(work.source.present), only=only)
        if everything:
            save_derivation(connection, work.source.name, DERIVED, now)
    work.touched = set()


def as_data(problem: Problem) -> dict[str, Any]:
    """A problem as it is kept."""
    return {
        "what": problem.what,
        "todo": problem.todo,
        "stream": problem.stream,
        "property": problem.property,
        "fatal": problem.fatal,
    }
