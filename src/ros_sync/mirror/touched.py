"""Which records a transaction has written, noted for whoever has something to work out of them at its end.

Nothing is noted unless somebody asked for it (`noting`): writers pay one look into a dictionary for each batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from ros_sync.fields import StoredValue

Touched = dict[tuple[str, str], set[str]]
"""By object and source, the ids of the records written."""

_KEY = "ros_sync_touched"


@contextmanager
def noting(connection: Connection) -> Iterator[Touched]:
    """What is written through this connection until the block ends."""
    before = connection.info.get(_KEY)
    touched: Touched = {}
    connection.info[_KEY] = touched
    try:
        yield touched
    finally:
        connection.info[_KEY] = before


def note(connection: Connection, name: str, source: str, ids: Iterable[StoredValue]) -> None:
    """Note that records of an object were written, where that is asked for."""
    touched: Touched | None = connection.info.get(_KEY)
    if touched is not None:
        touched.setdefault((name, source), set()).update(map(str, ids))
