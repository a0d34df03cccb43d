"""Which records a transaction has written, noted for whoever has something to work out of them at its end.

Nothing is noted unless somebody asked for it (`noting`): writers pay one look into a dictionary for each batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, column, select, table

from ros_sync.fields import StoredValue

Touched = dict[tuple[str, str], set[str]]
"""By object and source, the ids of the records written."""

_KEY = "ros_sync_touched"
_IDENTITY = table("record_identity", column("object"))  # the real one is loaded where there is any


def any_joined(connection: Connection, name: str | None = None) -> bool:
    """Whether any record (of the object) is, or was, one with another."""
    query = select(_IDENTITY.c.object).limit(1)
    if name is not None:
        query = query.where(_IDENTITY.c.object == name)
    return connection.execute(query).first() is not None


@contextmanager
def noting(connection: Connection) -> Iterator[Touched]:
    """What is written through this connection until the block ends."""
    info = connection.info  # asked for now: a connection that was lost meanwhile has none, and would say so instead
    before = info.get(_KEY)
    touched: Touched = {}
    info[_KEY] = touched
    try:
        yield touched
    finally:
        info[_KEY] = before


def note(connection: Connection, name: str, source: str, ids: Iterable[StoredValue]) -> None:
    """Note that records of an object were written, where that is asked for."""
    touched: Touched | None = connection.info.get(_KEY)
    if touched is not None:
        touched.setdefault((name, source), set()).update(map(str, ids))
