"""Which fields the records of a source come with, kept in the database: rules do not ask about others."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select

from ros_sync.mirror.bookkeeping import FILLED_FIELDS


def note_filled(
    connection: Connection, source: str, told: Mapping[str, Collection[str]], *, whole: bool = False
) -> bool:
    """Keep these fields of these objects; what is known of other objects stays, but where this is the `whole` source.

    Nothing new, no write; whether anything was.
    """
    source_is = FILLED_FIELDS.c.source == source
    query = select(FILLED_FIELDS.c.object, FILLED_FIELDS.c.fields).where(source_is)
    known = {str(name): list(fields) for name, fields in connection.execute(query)}
    new = {name: sorted(fields) for name, fields in told.items() if known.get(name) != sorted(fields)}
    gone = new.keys() | (known.keys() - told.keys() if whole else set())
    if gone:
        connection.execute(delete(FILLED_FIELDS).where(source_is, FILLED_FIELDS.c.object.in_(sorted(gone))))
    if new:
        rows = [{"source": source, "object": name, "fields": fields} for name, fields in new.items()]
        connection.execute(insert(FILLED_FIELDS), rows)
    return bool(gone)
