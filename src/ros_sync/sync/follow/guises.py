"""Waves of deletions in other guises.

Records that end through what they say themselves, and links that vanish first.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from ros_sync.connectors.source import Page, Stream
from ros_sync.sync.follow.work import Work
from ros_sync.sync.ingest.deletions import End, EndingKind, held_problem

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
        ends = dict.fromkeys(work.alive(connection, own, leaving), End(EndingKind.NO_LONGER))
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
