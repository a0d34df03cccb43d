"""Finding the record that a value names: a deal's owner by e-mail or name instead of by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from ros_sync.connectors.base import Lookup
from ros_sync.fields import Carried
from ros_sync.mirror.catalogue import MirroredObject, objects

CACHE_LIMIT = 50_000  # names remembered per lookup; beyond it they are asked for again, so that memory stays flat


class References:
    """Resolves names to ids of one source, remembering what it found."""

    def __init__(self, connection: Connection, source: str) -> None:
        self._connection = connection
        self._source = source
        self._found: dict[tuple[Lookup, str], str | None] = {}

    def resolve(self, lookup: Lookup, values: Iterable[Carried]) -> Mapping[Carried, str | None]:
        """The id for each distinct value; None where no record, or more than one, goes by it.

        The fields of `lookup.by` are tried in turn.
        """
        wanted = {str(value) for value in set(values) if value is not None}
        missing = {value for value in wanted if (lookup, value) not in self._found}
        if missing:
            if len(self._found) > CACHE_LIMIT:
                self._found.clear()
                missing = wanted
            self._look_up(lookup, missing)
        return {value: self._found.get((lookup, value)) for value in wanted}

    def _look_up(self, lookup: Lookup, values: set[str]) -> None:
        mirrored = objects()[lookup.object]
        open_values = set(values)
        for name in lookup.by:
            for value, record_id in self._matches(mirrored, name, open_values).items():
                self._found[lookup, value] = record_id
                open_values.discard(value)
        for value in open_values:
            self._found[lookup, value] = None

    def _matches(self, mirrored: MirroredObject, name: str, values: set[str]) -> dict[str, str | None]:
        """Ask the mirror for the values as written; people, who are few, are compared without regard to case."""
        if not values:
            return {}
        table = mirrored.table
        column = table.c.id if name == "id" else table.c[mirrored.columns[name]]
        query = select(column, table.c.id).where(table.c.source == self._source, table.c.deleted_at.is_(None))
        if mirrored.name != "owner":
            query = query.where(column.in_(sorted(values)))
        holders: dict[str, list[str]] = {}
        for value, record_id in self._connection.execute(query.where(column.is_not(None))):
            holders.setdefault(str(value).casefold(), []).append(record_id)
        return {
            value: ids[0] if len(ids) == 1 else None
            for value in values
            if (ids := holders.get(value.casefold())) is not None
        }
