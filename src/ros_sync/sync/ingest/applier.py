"""One page of a source into the mirror: rows, histories, links, deletions and merges, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Connection

from ros_sync.connectors.source import HistoryEntry, Link, Page, Source, Stream
from ros_sync.sync.ingest.applied import Applied
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.ingestion import Ingestion
from ros_sync.sync.ingest.page_links import PageLinks
from ros_sync.sync.ingest.page_rows import PageRows
from ros_sync.sync.ingest.record_endings import Endings
from ros_sync.sync.ingest.reports import StreamReport


class Applier:
    """Writes pages of one source. `now` (microseconds) is the moment that they were read at."""

    def __init__(self, connection: Connection, source: Source, context: DealContext, *, run_id: int, now: int) -> None:
        self.connection = connection
        self.run_id = run_id
        self._in = Ingestion(connection, source, context, run_id, now)
        self._rows = PageRows(self._in)
        self._links = PageLinks(self._in)
        self.endings = Endings(self._in)

    def apply(
        self,
        stream: Stream,
        page: Page,
        report: StreamReport,
        *,
        empty: bool = False,
        staying: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> Applied:
        """Write a page; `empty`: the mirror held nothing of this stream's objects before this back-fill.

        `staying` are, by object, records that belong to it until a person decides, whatever the page says.
        """
        applied = Applied()
        page = self._in.erased.left_of(stream, page)
        neighbours = self.endings.merge(stream, page.merged, report)
        created: dict[str, set[str]] = {}
        for place, batch in enumerate(page.batches):
            histories = page.histories if place == 0 else {}
            new, changed = self._rows.write(stream, batch, histories, page.links, report, first=place == 0, empty=empty)
            created[batch.object] = new
            applied.rows |= new | changed
            if place > 0:
                applied.rows |= self._rows.settle_belonging(batch, page.ids, staying.get(batch.object, ()))
        if page.links:
            linked = self._links.link(stream, page.links, created=created, fresh=empty)
            applied.rows |= linked.rows
            applied.ends |= linked.ends
        self._in.link_fields.refill(neighbours, stream.name)
        applied.rows |= (
            self.endings.archive(stream, page.deleted, report) | page.merged.keys() | set(page.merged.values())
        )
        applied.ends |= {(name, each) for name, near in neighbours.items() for each in near}
        return applied

    def link(self, stream: Stream, found: Mapping[str, Sequence[Link]]) -> Applied:
        """Make these records have these links, and fill the fields that follow from them."""
        return self._links.link(stream, found)

    def add_to_history(self, stream: Stream, entries: Sequence[HistoryEntry]) -> set[str]:
        """Keep entries about a stream's records, and take in those that can be.

        The ids of records whose past changed.
        """
        return self._rows.add_to_history(stream, entries)

    def merge_history(self, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Take in the entries that wait for these records and are no newer than their rows; whose past changed."""
        return self._rows.merge_history(stream, ids)
