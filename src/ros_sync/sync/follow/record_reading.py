"""Reading records by id, and completing pages with the histories and links that the mirror needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from ros_sync.connectors.source import Page, Stream
from ros_sync.mirror import redirects
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Upsert
from ros_sync.sync.follow import page_writing
from ros_sync.sync.follow.unlinked import links_of
from ros_sync.sync.follow.work import Work, stored
from ros_sync.sync.ingest.deletions import doubt_problem, held_among
from ros_sync.sync.ingest.mirror_columns import prepared
from ros_sync.sync.ingest.pages import joined, without
from ros_sync.sync.ingest.reports import StreamReport
from ros_sync.sync.ingest.restating import by_rate_history

log = structlog.get_logger(__name__)

MODIFIED = "modified_at"
COMPARED_ROWS = 5_000  # rows compared with the mirror at a time


def read_again(  # noqa: PLR0913  # what is known of the records already, each with its default
    work: Work,
    stream: Stream,
    ids: Iterable[str],
    *,
    way: str = "unreadable",
    gone: bool = True,
    linked: Collection[str] = (),
    moved: Collection[str] = (),
    explicit: Collection[str] = (),
    ends: Page | None = None,
) -> None:
    """Read these records as they are now and write what they say; with `gone`, those unknown to the CRM end here.

    Links are read of those that are new or were thought deleted, and of `linked`, histories of new and changed
    ones, and of `moved`. `ends` takes what is said of records that have ended, for the caller to carry out with
    others as one.
    """
    unique = list(dict.fromkeys(ids))
    if not unique:
        return
    work.go_on()
    page = agreed(work, stream, work.source.read(stream, unique), asked=unique)
    with work.engine.connect() as connection:
        back = _doubtful(work, connection, stream, page.ids)
    page = with_needs(work, stream, page, confirmed=back | set(page.ids).intersection(linked), moved=moved)
    if ends is not None:
        ends.deleted |= page.deleted
        ends.merged |= page.merged
        ends.gone += page.gone if gone else []
        page = replace(page, deleted={}, merged={}, gone=[])
    with work.writing() as (_, applier):
        page_writing.apply(work, applier, stream, page, way=way, explicit=explicit, gone=gone)
        work.touch(stream, applier.endings.revive(stream, page.ids, work.report.of(stream.name)))


def agreed(work: Work, stream: Stream, page: Page, asked: Collection[str] = ()) -> Page:
    """The page without merges that the CRM contradicts, by whichever of its answers.

    A record names those that went into it. Those among them that are not known to be there are read by their id
    (`asked` ones were): one that comes under its own id went into none.
    """
    if page.doubted:
        _doubt(work, stream, len(page.doubted))
    claimed = [each for each in page.merged if each not in asked]
    if claimed:
        with work.engine.connect() as connection:
            there = work.alive(connection, stream, claimed) | set(page.ids).intersection(claimed)
            known = redirects.resolve(connection, work.source.name, stream.objects[0], claimed)
        led = {each for each in claimed if known.get(each) in (page.merged[each], redirects.ERASED)}
        unsure = [each for each in claimed if each in there or each not in led]
        told = work.source.read(stream, unsure) if unsure else Page(stream.name)
        denied = set(told.ids).intersection(unsure)
        merged = {each: into for each, into in page.merged.items() if each not in denied}
        page.merged = merged | {each: told.merged[each] for each in unsure if each in told.merged}
        if denied:
            _doubt(work, stream, len(denied))
    return page


def completed(
    work: Work, stream: Stream, page: Page, *, with_links: bool = False, with_histories: bool = False
) -> tuple[Page, set[str]]:
    """The page with what it lacks, and the ids among its records that were thought deleted and are there again.

    Search may tell of a record that was archived, merged or erased meanwhile; those are asked for by id. Histories
    and links are asked for where the mirror needs them; `with_links`, `with_histories`: those of every record.
    """
    with work.engine.connect() as connection:
        doubtful = _doubtful(work, connection, stream, page.ids)
    confirmed: set[str] = set()
    if doubtful:
        found = agreed(work, stream, work.source.read(stream, sorted(doubtful)), asked=doubtful)
        confirmed = set(found.ids)
        page = joined([without(page, doubtful), found])
        page.histories, page.links = {}, {}
    page = agreed(work, stream, page, asked=doubtful)
    page = with_needs(
        work,
        stream,
        page,
        confirmed=set(page.ids) if with_links else confirmed,
        moved=page.ids if with_histories else (),
    )
    return page, confirmed


def with_needs(work: Work, stream: Stream, page: Page, *, confirmed: set[str], moved: Collection[str] = ()) -> Page:
    """The page with the histories of records that are new or moved, and the links of new and `confirmed` ones."""
    with work.engine.connect() as connection:
        new, changed = _in_need(work, connection, stream, page)
    told = new | changed | set(page.ids).intersection(moved)
    if stream.tracked and told:
        page.histories = work.source.histories(stream, sorted(told, key=_in_order))
    if stream.links and new | confirmed:
        page.links, page.unread = links_of(work.source, stream, sorted(new | confirmed, key=_in_order))
    return page


def _doubt(work: Work, stream: Stream, number: int) -> None:
    log.warning("answers_contradict", source=work.source.name, stream=stream.name, records=number)
    work.report.remarks.append(doubt_problem(stream.name, number))


def _doubtful(work: Work, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
    """Those of these records that are deleted, merged or erased here, or whose deletion waits for a person."""
    found: set[str] = set()
    for name in stream.objects:
        found |= redirects.resolve(connection, work.source.name, name, ids).keys()
        found |= {each for each, row in stored(work.rows(connection, name), ids) if row[1] is not None}
    return found | held_among(connection, work.source.name, stream.name, ids).keys()


def _in_need(work: Work, connection: Connection, stream: Stream, page: Page) -> tuple[set[str], set[str]]:
    """The ids of records that are new here, and of those in which a tracked column changed, or may have.

    A record that was modified and says what it said may have been changed there and back: a few of those are asked
    about, so that a bulk edit of properties that are not mirrored costs nothing; the deletion scan asks about all
    of them.
    """
    if not page.batches or not page.batches[0].columns["id"] or not (stream.tracked or stream.links):
        return set(), set()
    batch = page.batches[0]
    mirrored = objects()[batch.object]
    context = by_rate_history(connection, work.context) if mirrored.name == "deal" else work.context
    columns = prepared(connection, work.source.name, mirrored, batch, context, StreamReport(stream.name))
    upsert = Upsert(
        connection, mirrored, work.source.name, tuple(columns), run_id=None, custom_names=batch.custom_names
    )
    rows = list(zip(*columns.values(), strict=True))
    tracked = {mirrored.columns[name] for name in stream.tracked}
    new, moved, touched = set(), set(), set()
    for start in range(0, len(rows), COMPARED_ROWS):
        for record_id, changed in upsert.compare(rows[start : start + COMPARED_ROWS]).items():
            if changed is None:
                new.add(record_id)
            elif tracked.intersection(changed):
                moved.add(record_id)
            elif changed == (MODIFIED,):
                touched.add(record_id)
    return new, moved | touched if len(touched) <= work.source.facts.histories_a_call else moved


def _in_order(record_id: str) -> tuple[int, str]:
    """A key by which ids that are numbers come in the order of their numbers."""
    return (len(record_id), record_id)
