"""Reading links again: of records, and of associations that could not be read; what vanished links tell of ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ros_sync.connectors.source import Link, Page, Stream
from ros_sync.mirror import links
from ros_sync.sync.follow import page_writing, record_reading, unlinked
from ros_sync.sync.follow.guises import LINKS, READ_AT_ONCE
from ros_sync.sync.follow.unlinked import links_of, readable
from ros_sync.sync.follow.work import Work
from ros_sync.sync.one_writer import writing


def relink(work: Work, stream: Stream, ids: Sequence[str]) -> None:
    """Read the links of these records again."""
    if ids and stream.links:
        found, unread = links_of(work.source, stream, list(dict.fromkeys(ids)))
        look_for_ends(work, readable(stream, unread), found)
        with work.writing() as (connection, applier):
            work.note_unlinked(connection, stream, list(found), unread)
            if not work.from_event:
                fresher = work.announced_meanwhile(connection, stream, list(found))
                found = {each: links for each, links in found.items() if each not in fresher}
            work.touch(stream, applier.link(readable(stream, unread), found))


def catch_up_links(work: Work) -> None:
    """Read the associations that could not be read before."""
    with work.engine.connect() as connection:
        waiting = unlinked.waiting(connection, work.source.name)
    streams = {stream.name: stream for stream in work.source.streams}
    for (name, to), ids in waiting.items():
        stream = streams.get(name)
        if stream is not None and to in stream.links and (name, to) not in work.report.unlinked:
            relink(work, replace(stream, links=(to,)), ids)
        if (name, to) not in work.report.unlinked:
            with writing(work.engine, work.source.name) as connection:
                unlinked.done(connection, work.source.name, name, ids, [to])


def look_for_ends(work: Work, stream: Stream, found: Mapping[str, Sequence[Link]]) -> None:
    """Read the records to which links are missing now: the CRM tells of no link with one that it thinks deleted.

    `found` are the links that these records have by the CRM. Where the deletions are a wave, it is held, and the links
    stay.
    """
    source = work.source
    with work.engine.connect() as connection:
        wanted = {each: [(link.object, link.id, link.label) for link in theirs] for each, theirs in found.items()}
        lost = links.lost(connection, source.name, stream.name, wanted, stream.links)
        others = {each.name: each for each in source.streams if each.name in lost}
        alive = {name: sorted(work.alive(connection, other, lost[name])) for name, other in others.items()}
    for name, ids in alive.items():
        ends = Page(name)
        for start in range(0, len(ids), READ_AT_ONCE):
            record_reading.read_again(work, others[name], ids[start : start + READ_AT_ONCE], ends=ends)
        page_writing.end(work, others[name], ends, LINKS, erase=False)
