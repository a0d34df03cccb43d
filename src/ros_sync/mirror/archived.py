"""Records that are archived in the CRM and were never seen here.

There is no row to mark as deleted, and a record that is restored keeps its old modified date, so no poll would ever
find it. What is remembered here is missed when the CRM no longer lists it as archived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, delete, select

from ros_sync import clock
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.store import one_of, rows_of
from ros_sync.mirror.tables import ARCHIVED_RECORD


def remember(connection: Connection, source: str, stream: str, ids: Iterable[str], at: datetime) -> None:
    """Note that these records were archived at that moment."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = (
        # names are ours
        f"INSERT INTO archived_record (source, stream, id, at) VALUES ({mark}, {mark}, {mark}, {mark}) "  # noqa: S608
        "ON CONFLICT (source, stream, id) DO UPDATE SET at = excluded.at"
    )
    moment = clock.to_micros(at)
    rows = [(source, stream, each, moment) for each in ids]
    if rows:
        connection.exec_driver_sql(statement, rows)


def remembered(connection: Connection, source: str, stream: str) -> set[str]:
    """Every record of the stream that was archived when it was last looked at."""
    c = ARCHIVED_RECORD.c
    return set(connection.execute(select(c.id).where(c.source == source, c.stream == stream)).scalars())


def forget(connection: Connection, source: str, stream: str, ids: Sequence[str], before: datetime) -> None:
    """Forget these records, but for those that were archived at `before` or later."""
    c = ARCHIVED_RECORD.c
    here = (c.source == source) & (c.stream == stream) & (c.at < before)
    for start in range(0, len(ids), CHUNK):
        connection.execute(delete(ARCHIVED_RECORD).where(here, c.id.in_(ids[start : start + CHUNK])))


def unseen(connection: Connection, source: str, table: Table, ids: Sequence[str]) -> set[str]:
    """Those of these records that have no row in the table, not even one that is marked as deleted."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    found = set(ids)
    for start in range(0, len(ids), CHUNK):
        among, parameters = one_of(connection, ids[start : start + CHUNK])
        query = f'SELECT id FROM "{table.name}" WHERE source = {mark} AND id {among}'  # noqa: S608  # names are ours
        found.difference_update(row[0] for row in rows_of(connection, query, (source, *parameters)))
    return found
