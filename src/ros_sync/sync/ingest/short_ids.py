"""Records that were imported under a CRM's short ids, before both forms were known to be one, are found by them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from ros_sync.connectors.base import Batch
from ros_sync.connectors.export.ids import REFERENCES, short_form
from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import objects

_SHORT = 15
_OF_FIELD = {"manager": "owner"}


class ShortIds:
    """Puts the id under which a record is kept in place of its long form. New records are kept by the long one."""

    def __init__(self, connection: Connection, source: str) -> None:
        self._source = source
        self._objects = {name for name in objects() if self._has_short(connection, name)}

    def apply(self, connection: Connection, batch: Batch) -> None:
        """Change the ids of a batch and its references, where the mirror knows them by their short form."""
        if not self._objects:
            return
        if batch.object in self._objects:
            batch.columns["id"] = self._known(connection, batch.object, batch.columns["id"])
        for name in REFERENCES & batch.columns.keys():
            target = _OF_FIELD.get(name, name)
            if target in self._objects and name not in batch.lookups:
                batch.columns[name] = self._known(connection, target, batch.columns[name])

    def _has_short(self, connection: Connection, name: str) -> bool:
        table = objects()[name].table
        query = select(table.c.id).where(table.c.source == self._source, func.length(table.c.id) == _SHORT).limit(1)
        return connection.execute(query).first() is not None

    def _known(self, connection: Connection, name: str, ids: Sequence[StoredValue]) -> list[StoredValue]:
        short = {each: form for each in set(ids) if (form := short_form(str(each or "")))}
        table = objects()[name].table
        query = select(table.c.id).where(table.c.source == self._source, table.c.id.in_(sorted(short.values())))
        known = set(connection.execute(query).scalars())
        return [short[each] if short.get(each) in known else each for each in ids]
