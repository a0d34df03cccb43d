"""What is left of a page when the persons who have been erased since it was read are taken out of it.

Streams are read beside each other, and associations by calls of their own. So what is about to be written may have been
read before a person was erased here. It is looked at under the very transaction that writes it: nobody else writes
then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from ros_sync.connectors.source import HistoryEntry, Link, Page, Stream
from ros_sync.mirror import redirects
from ros_sync.mirror.erasure import PERSONS, withhold
from ros_sync.sync.ingest.pages import without

Links = Mapping[str, Sequence[Link]]


class ErasedPersons:
    """The persons of one source who were erased, as the caller's transaction sees them. `at` is its moment."""

    def __init__(self, connection: Connection, source: str, streams: Mapping[str, Stream], at: datetime) -> None:
        self._connection = connection
        self._source = source
        self._streams = streams
        self._at = at

    def left_of(self, stream: Stream, page: Page) -> Page:
        """The page without the rows, histories and links of persons who were erased, and without links to them."""
        links = {each: list(theirs) for each, theirs in self.less(stream, page.links).items()}
        gone = self._among(stream.name, [*page.ids, *page.histories])
        page = replace(page, links=links)
        if not gone:
            return page
        histories = {each: history for each, history in page.histories.items() if each not in gone}
        return replace(without(page, gone), histories=histories)

    def entries_left_of(self, stream: Stream, entries: Sequence[HistoryEntry]) -> list[HistoryEntry]:
        """What a history stream tells, without what it tells of persons who were erased."""
        gone = self._among(stream.name, [each.record_id for each in entries])
        return [each for each in entries if each.record_id not in gone]

    def less(self, stream: Stream, found: Links) -> Links:
        """These links without those from and to erased persons.

        What activities among them say is kept no longer, either.
        """
        found = self._less_their_own(stream, found)
        for to in stream.links:
            targets = sorted({link.id for links in found.values() for link in links if link.object == to})
            gone = self._among(to, targets)
            if gone:
                said = [each for each, links in found.items() if any(_leads_to(link, to, gone) for link in links)]
                self._withhold(stream.name, said, gone)
                found = {
                    each: [link for link in links if not _leads_to(link, to, gone)] for each, links in found.items()
                }
        return found

    def tells_of_persons(self, one: str, other: str) -> bool:
        """Whether a link between these streams is one of an activity with a person."""
        mine, theirs = self._objects(one), self._objects(other)
        return ("activity" in mine and not theirs.isdisjoint(PERSONS)) or (
            "activity" in theirs and not mine.isdisjoint(PERSONS)
        )

    def _less_their_own(self, stream: Stream, found: Links) -> Links:
        gone = self._among(stream.name, list(found))
        if not gone:
            return found
        for to in stream.links:
            said = {link.id for each in gone for link in found[each] if link.object == to}
            # Where several streams feed activities, their ids begin with the stream, which links from here lack.
            self._withhold(to, sorted(said | {f"{to}/{each}" for each in said}), gone)
        return {each: links for each, links in found.items() if each not in gone}

    def _withhold(self, stream: str, ids: Sequence[str], persons: Collection[str]) -> None:
        if ids and "activity" in self._objects(stream):
            withhold(self._connection, self._source, ids, sorted(persons), self._at)

    def _among(self, stream: str, ids: Sequence[str]) -> set[str]:
        """Those of a stream's records that are persons who were erased."""
        persons = sorted(self._objects(stream).intersection(PERSONS))
        if not ids or not any(redirects.any_of(self._connection, self._source, name) for name in persons):
            return set()
        return redirects.erased_among(self._connection, self._source, persons, list(dict.fromkeys(ids)))

    def _objects(self, stream: str) -> frozenset[str]:
        followed = self._streams.get(stream)
        return frozenset(followed.objects) if followed else frozenset()


def _leads_to(link: Link, stream: str, ids: Collection[str]) -> bool:
    return link.object == stream and link.id in ids
