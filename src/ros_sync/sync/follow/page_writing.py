"""Writing pages: what is known better by now stays, and deletions that may be a wave wait for a person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from ros_sync.connectors.source import Page, Stream
from ros_sync.mirror import redirects
from ros_sync.mirror.erasure import PERSONS
from ros_sync.sync.follow import guises
from ros_sync.sync.follow.unlinked import readable
from ros_sync.sync.follow.work import Work
from ros_sync.sync.ingest.applied import Applied
from ros_sync.sync.ingest.applier import Applier
from ros_sync.sync.ingest.deletions import held_problem
from ros_sync.sync.ingest.pages import without


def apply(  # noqa: PLR0913  # what a way of following does otherwise than a poll, each with its default
    work: Work,
    applier: Applier,
    stream: Stream,
    page: Page,
    *,
    empty: bool = False,
    way: str = "poll",
    explicit: Collection[str] = (),
    gone: bool = False,
    erase: bool = True,
) -> Applied:
    """Write a page that was completed, less what is known better by now, and less deletions that wait for a person.

    Between reading and writing a webhook may have told of a record, and somebody else have read it since: an erased
    person or a merged record does not come back, and links and deletions that were read before are left alone.
    `way` says what told of deletions, `explicit` are persons whose erasure the CRM told of. With `gone`, records
    that it does not know end here; without `erase` they are marked as deleted, also where they are persons.
    """
    if not empty or redirects.any_of(applier.connection, work.source.name, stream.objects[0]):
        page = without(page, _ended(work, applier.connection, stream, page.ids))
    if not work.from_event and (page.links or page.deleted):
        fresher = work.announced_meanwhile(applier.connection, stream, [*page.links, *page.deleted])
        page.links = {each: links for each, links in page.links.items() if each not in fresher}
        page.deleted = {each: at for each, at in page.deleted.items() if each not in fresher}
    page = ending(work, applier.connection, stream, page, way, explicit)
    staying = guises.staying(work, applier.connection, page)
    if not erase:
        page = replace(page, deleted={**page.deleted, **dict.fromkeys(page.gone)}, gone=[])
    work.note_unlinked(applier.connection, stream, list(page.links), page.unread)
    counted = work.report.of(stream.name)
    applied = applier.apply(readable(stream, page.unread), page, counted, empty=empty, staying=staying)
    work.touch(stream, applied)
    if any(each.parent == stream.name for each in work.source.history_streams):
        work.touch(stream, applier.merge_history(stream, page.ids))  # entries that were newer than their rows
    if gone:
        applier.endings.gone(stream, page.gone, counted)
    return applied


def ending(
    work: Work, connection: Connection, stream: Stream, page: Page, way: str, explicit: Collection[str] = ()
) -> Page:
    """The page without the deletions that are held; somebody is told of those."""
    ledger = work.ledger(connection, stream)
    ledger.void(page.ids)
    if not (page.deleted or page.merged or page.gone):
        return page
    there = work.alive(connection, stream, [*page.deleted, *page.merged, *page.gone])
    if set(stream.objects) & set(PERSONS):  # who is marked as deleted loses what is known of them
        there |= work.here(connection, stream, page.gone)
    judged = ledger.judge(page, way, there=there, explicit=explicit)
    if judged.wave is not None:
        work.report.remarks.append(held_problem(stream.name, judged.held, judged.wave))
    return judged.page


def end(
    work: Work, stream: Stream, ends: Page, way: str, *, explicit: Collection[str] = (), erase: bool = True
) -> None:
    """Carry out what a page says of records that have ended, all of it as one."""
    if ends.deleted or ends.merged or ends.gone:
        with work.writing() as (_, applier):
            apply(work, applier, stream, ends, way=way, explicit=explicit, gone=True, erase=erase)


def _ended(work: Work, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
    """Those of these records that were merged into others, or erased."""
    found: set[str] = set()
    for name in stream.objects:
        found |= redirects.resolve(connection, work.source.name, name, ids).keys()
    return found
