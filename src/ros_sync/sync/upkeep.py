"""What has a schedule of its own: archived records, links of open deals, owners and stages, derived values."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from ros_sync import clock
from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import Page, Problem, Stream
from ros_sync.mirror import archived, redirects
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.erasure import PERSONS
from ros_sync.mirror.store import Row, Upsert
from ros_sync.sync.cadence import due, floored
from ros_sync.sync.derived import roll_up
from ros_sync.sync.listing import of_stream
from ros_sync.sync.places import cursor, save_cursor, save_state
from ros_sync.sync.reports import StreamReport
from ros_sync.sync.work import Work
from ros_sync.sync.writing import writing

ACCOUNT = "(account)"  # the name under which the account's time zone is kept
LOOKED_BACK = "(looked back)"  # the name under which it is kept up to when was looked back
DERIVED = "(derived)"  # the name under which it is kept when derived values were last worked out


def describe(work: Work, now: datetime) -> None:
    """Look at the account: owners, stages, and what is wanting."""
    described = work.source.describe()
    work.report.described = True
    work.report.problems += described.problems
    with work.writing() as (connection, applier):
        for batch in (described.owners, described.stages):
            mirrored, stream = objects()[batch.object], Stream(batch.object, (batch.object,))
            counted = StreamReport(batch.object)
            applier.apply(stream, Page(batch.object, batches=[batch]), counted)
            table = mirrored.table
            query = select(table.c.id).where(table.c.source == work.source.name, table.c.deleted_at.is_(None))
            ids = [str(each) for each in batch.columns["id"]]
            vanished = set(connection.execute(query).scalars()) - set(ids)
            applier.delete(stream, dict.fromkeys(vanished, clock.to_micros(work.now())), counted)
            applier.revive(stream, ids, counted)
            if counted.created or counted.updated or counted.deleted:
                work.report.streams[batch.object] = counted
        _adopt(work, connection, described.owners, applier.run_id)
        problems = [as_data(each) for each in work.report.problems]
        save_state(connection, work.source.name, now, described_at=now, problems=problems)
        save_cursor(connection, work.source.name, ACCOUNT, now, value=described.time_zone or "")


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


def look_back(work: Work, now: datetime) -> None:
    """Once a day: what was modified since the last time is read once more, and what is archived is listed.

    Each finds what the other one cannot. A record that was modified and archived before a poll saw it is restored with its
    old modified date: if that is not archived now, the first finds it, else the second remembers it until it is back.
    """
    with work.engine.connect() as connection:
        last = cursor(connection, work.source.name, LOOKED_BACK)
    until = floored(clock.to_micros(work.source.present)) - work.cadence.settled_seconds * 1_000_000
    since = clock.to_micros(last["complete_until"]) if last is not None else until
    if last is None:  # the back-fill reads everything up to here
        with writing(work.engine, work.source.name) as connection:
            save_cursor(connection, work.source.name, LOOKED_BACK, now, complete_until=clock.from_micros(until))
    through = True
    for stream in work.source.streams:
        try:
            if since < until:
                _read_once_more(work, stream, since, until)
            _look_for_archived(work, stream, now)
        except Exception as error:  # it is told, and the other streams go on
            failure, through = work.note(stream, error), False
            if failure is not None:
                raise failure from error
    if through:
        with writing(work.engine, work.source.name) as connection:
            save_cursor(connection, work.source.name, LOOKED_BACK, now, complete_until=clock.from_micros(until))
            save_state(connection, work.source.name, now, archived_listed_at=now)


def _read_once_more(work: Work, stream: Stream, since: int, until: int) -> None:
    """Read what was modified in this stretch with its histories.

    A tracked property that was changed there and back between two polls left no trace in what they saw.
    """
    for found in work.source.changed(stream, since, until):
        work.go_on()
        if found.ids:
            page, confirmed = work.completed(stream, found, with_histories=True)
            with work.writing() as (_, applier):
                work.apply(applier, stream, page)
                work.touch(stream, applier.revive(stream, sorted(confirmed), work.report.of(stream.name)))


def _look_for_archived(work: Work, stream: Stream, now: datetime) -> None:
    """List what is archived; what is not listed any more, and was, may have been restored, or is gone for good."""
    begun_at, listed = work.now(), set[str]()
    with work.engine.connect() as connection:
        unseen = archived.remembered(connection, work.source.name, stream.name)
    for page in work.source.listed(stream, archived=True):
        work.go_on()
        listed |= page.deleted.keys()
        if page.deleted:
            with work.writing() as (_, applier):
                work.apply(applier, stream, page)
    table = objects()[stream.objects[0]].table
    query = select(table.c.id).where(table.c.source == work.source.name, table.c.deleted_at.is_not(None))
    if not set(stream.objects) & set(PERSONS):  # of a person nothing is kept once the CRM keeps nothing
        query = query.where(table.c.deleted_at >= now - timedelta(days=work.cadence.archived_days))
    every = select(func.count()).select_from(table).where(table.c.source == work.source.name)
    with work.engine.connect() as connection:
        held = set(connection.execute(of_stream(work, stream, table, query)).scalars()) - listed
        held -= redirects.resolve(connection, work.source.name, stream.objects[0], sorted(held)).keys()
        known = int(connection.execute(of_stream(work, stream, table, every)).scalar_one())
    work.read_again(stream, sorted(held), suspected_of=known)
    back = sorted(unseen - listed)
    work.read_again(stream, back, gone=False)  # what the CRM does not know any more was never here
    if back:
        with writing(work.engine, work.source.name) as connection:
            archived.forget(connection, work.source.name, stream.name, back, begun_at)


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
            work.relink(stream, ids)
    with writing(work.engine, work.source.name) as connection:
        save_state(connection, work.source.name, now, linked_at=now)


def derive(work: Work, now: datetime) -> None:
    """Work out what follows from activities, where something changed or time has made planned ones happen."""
    with work.engine.connect() as connection:
        last = cursor(connection, work.source.name, DERIVED)
    everything = work.touched is None or last is None or due(last["updated_at"], now, work.cadence.planned_seconds)
    if not everything and not work.touched:
        return
    with work.writing() as (connection, applier):
        only = None if everything else work.touched
        roll_up(connection, work.source, applier.run_id, clock.to_micros(work.source.present), only=only)
        if everything:
            save_cursor(connection, work.source.name, DERIVED, now)
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
