"""Waves of deletions in other guises.

Records that end through what they say themselves, and links that vanish first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from ros_sync.connectors.source import Link, Page, Stream
from ros_sync.mirror import links
from ros_sync.sync.ingest.deletions import End, Kind, held_problem

if TYPE_CHECKING:
    from ros_sync.sync.follow.work import Work

VALUES = "values"  # the way by which records end through what they say themselves
LINKS = "links"  # the way by which records end to which links vanished
READ_AT_ONCE = 500  # records read by their ids at a time


def staying(work: Work, connection: Connection, page: Page) -> dict[str, set[str]]:
    """By object, the records of a page that say that they are none of it any more, and stay until a person decides.

    A contact is no lead any more by what it says itself: many of them in a day are a wave like any other.
    """
    found: dict[str, set[str]] = {}
    for batch in page.batches[1:]:
        own = Stream(batch.object, (batch.object,))
        there = set(map(str, batch.columns["id"]))
        ledger = work.ledger(connection, own)
        ledger.void(sorted(there))
        leaving = [] if batch.partial else [each for each in page.ids if each not in there]
        ends = dict.fromkeys(work.alive(connection, own, leaving), End(Kind.NO_LONGER))
        held = ledger.hold(ends, VALUES)
        found[batch.object] = held.records
        if held.wave is not None:
            work.report.remarks.append(held_problem(batch.object, len(held.new), held.wave))
    return found


def settle(work: Work, connection: Connection, name: str, ids: Sequence[str]) -> None:
    """Of a wave of such records: those that have ended for another reason meanwhile wait no more."""
    own = Stream(name, (name,))
    alive = work.alive(connection, own, ids)
    work.ledger(connection, own).void([each for each in ids if each not in alive])


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
            work.read_again(others[name], ids[start : start + READ_AT_ONCE], ends=ends)
        work.end(others[name], ends, LINKS, erase=False)
