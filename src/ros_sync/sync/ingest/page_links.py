"""The associations of a page into the mirror, from both sides, and the fields that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ros_sync import clock
from ros_sync.connectors.source import Link, Stream
from ros_sync.fields import StoredValue
from ros_sync.mirror import links
from ros_sync.mirror.store import insert_rows
from ros_sync.sync.ingest.applied import Applied
from ros_sync.sync.ingest.deletions import held_among
from ros_sync.sync.ingest.ingestion import Ingestion


class PageLinks:
    """Writes associations in one transaction."""

    def __init__(self, ingestion: Ingestion) -> None:
        self._in = ingestion

    def link(
        self,
        stream: Stream,
        found: Mapping[str, Sequence[Link]],
        *,
        created: Mapping[str, set[str]] | None = None,
        fresh: bool = False,
    ) -> Applied:
        """Make these records have these links, and fill the fields that follow from them.

        `created` are records, by object, that were stored with those fields just now.
        """
        found = self._in.erased.less(stream, found)
        if fresh:
            return self._link_initial(stream, found)
        wanted = {each: [(link.object, link.id, link.label) for link in theirs] for each, theirs in found.items()}
        now = clock.from_micros(self._in.now)
        changed, ends = links.set_links(
            self._in.connection, self._in.source.name, stream.name, wanted, now, kinds=stream.links, ended=self._ended,
            lasting=[to for to in stream.links if self._in.erased.tells_of_persons(stream.name, to)],
        )  # fmt: skip
        self._in.link_fields.fill(stream, stream.links, sorted(changed), created or {})
        self._tell_other_side(stream, changed, now)
        return Applied(changed, ends)

    def _ended(self, stream: str, ids: Sequence[str]) -> set[str]:
        """Those of a stream's records that the CRM thinks deleted.

        They are deleted here, or that waits for a person.
        """
        known = links.ended_among(self._in.connection, self._in.source.name, self._in.link_fields.table(stream), ids)
        return known | held_among(self._in.connection, self._in.source.name, stream, ids).keys()

    def _link_initial(self, stream: Stream, found: Mapping[str, Sequence[Link]]) -> Applied:
        """Give records that were stored just now their first links.

        The fields that follow from them came with the rows.
        """
        columns = ("record_id", "to_stream", "to_id", "label")
        rows = [(each, *link) for each, theirs in found.items() for link in dict.fromkeys(theirs)]
        fixed: dict[str, StoredValue] = {"source": self._in.source.name, "stream": stream.name, "since": self._in.now}
        insert_rows(self._in.connection, "record_link", columns, rows, fixed)
        linked = {each for each, theirs in found.items() if theirs}
        return Applied(linked, {(link.object, link.id) for theirs in found.values() for link in theirs})

    def _tell_other_side(self, stream: Stream, changed: set[str], now: datetime) -> None:
        """What is linked is linked from both sides: those that are kept here from the other one follow."""
        if not changed:
            return
        for other in self._in.link_fields.streams.values():
            if stream.name in other.links and other.name in stream.links:
                moved = links.mirror_links(
                    self._in.connection, self._in.source.name, stream.name, sorted(changed), other.name, now,
                    lasting=self._in.erased.tells_of_persons(stream.name, other.name),
                )  # fmt: skip
                self._in.link_fields.fill(other, (stream.name,), sorted(moved))
