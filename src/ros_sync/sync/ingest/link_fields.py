"""Fields that follow from links: a deal's company, an activity's contact.

Filled where links or their other ends changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

from sqlalchemy import Connection, Table

from ros_sync.connectors.source import Source, Stream
from ros_sync.mirror import links
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.store import Row, Upsert


class LinkFields:
    """Fills such fields of one source, under the number of a run.

    `now` (microseconds) is the moment of the transaction.
    """

    def __init__(self, connection: Connection, source: Source, *, run_id: int, now: int) -> None:
        self._connection = connection
        self._source = source
        self._run_id = run_id
        self._now = now

    @cached_property
    def streams(self) -> dict[str, Stream]:
        """The streams that are followed, by name."""
        return {stream.name: stream for stream in self._source.streams}

    def table(self, stream: str) -> Table | None:
        """The present records of a stream; None where it is not followed."""
        followed = self.streams.get(stream)
        return objects()[followed.objects[0]].table if followed else None

    def of(self, name: str, to_streams: Collection[str]) -> dict[str, tuple[str, str | None]]:
        """The fields of an object that follow from links with these streams."""
        fields = self._source.link_fields.get(name, {})
        return {field: target for field, target in fields.items() if target[0] in to_streams}

    def neighbours(self, stream: Stream, ids: Sequence[str]) -> dict[str, set[str]]:
        """By stream, the records that are linked with these and have a field that may follow from it."""
        found: dict[str, set[str]] = {}
        for other in self.streams.values() if ids else ():
            if stream.name in other.links:
                near = links.linked_to(self._connection, self._source.name, stream.name, ids, other.name)
                found[other.name] = {each for theirs in near.values() for each in theirs}
        return found

    def refill(self, neighbours: Mapping[str, set[str]], to_stream: str) -> None:
        """Fill the fields of these records that follow from links with `to_stream` anew."""
        for name, ids in neighbours.items():
            self.fill(self.streams[name], (to_stream,), sorted(ids))

    def fill(
        self,
        stream: Stream,
        to_streams: Sequence[str],
        ids: Sequence[str],
        filled: Mapping[str, set[str]] = MappingProxyType({}),
    ) -> None:
        """Fill the fields of these records that follow from their links with some streams; those `filled` have them."""
        for name in stream.objects:
            fields = self.of(name, to_streams)
            rest = [each for each in ids if each not in filled.get(name, ())]
            if fields and rest:
                self._fill(stream, objects()[name], fields, rest)

    def _fill(
        self, stream: Stream, mirrored: MirroredObject, fields: Mapping[str, tuple[str, str | None]], ids: Sequence[str]
    ) -> None:
        values: dict[str, dict[str, list[str]]] = {
            name: links.linked(
                self._connection, self._source.name, stream.name, ids, to, label=label, ended=self.table(to)
            )
            for name, (to, label) in fields.items()
        }
        columns = ("id", *(mirrored.columns[name] for name in fields))
        upsert = Upsert(self._connection, mirrored, self._source.name, columns, run_id=self._run_id)
        for start in range(0, len(ids), CHUNK):
            there = upsert.stored(ids[start : start + CHUNK])
            rows: list[Row] = [
                (each, *(next(iter(values[name].get(each, ())), None) for name in fields)) for each in there
            ]
            upsert.write(rows, self._now, derived=True)
