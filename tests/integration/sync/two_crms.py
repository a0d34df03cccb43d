"""Two CRMs that hold the same deals and people, written row by row, for tests of joined records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, FromClause, select

from ros_sync import clock
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.record_queries import changes_of, records_of
from ros_sync.mirror.store import Upsert
from ros_sync.sync.ingest.deals import HISTORIC, DealContext, initial_columns, recount
from ros_sync.sync.ingest.joined_records import followed_by_joined, link, unlink

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CONTEXT = DealContext("EUR", {}, lambda day: date(day.year, 3 * ((day.month - 1) // 3) + 1, 1))
Key = tuple[str, str]
H, S = ("hubspot", "h1"), ("salesforce", "s1")


def at(hours: float) -> datetime:
    """So many hours after the beginning."""
    return START + timedelta(hours=hours)


def write(connection: Connection, object_: str, key: Key, hours: float, /, **values: Any) -> None:
    """Make a CRM's own row say this from then on, as a poll does; other columns keep what they say."""
    with followed_by_joined(connection, CONTEXT):
        upsert = Upsert(connection, objects()[object_], key[0], ("id", *values), run_id=None)
        initial = initial_columns if object_ == "deal" else None
        written = upsert.write([(key[1], *values.values())], clock.to_micros(at(hours)), initial=initial)
        if object_ == "deal" and any(HISTORIC.intersection(changed) for changed in written.updated.values()):
            recount(connection, key[0], [key[1]], CONTEXT, entry_is_given=False)


def linked(connection: Connection, name: str, leader: Key, *members: Key, hours: float) -> None:
    """Make them one."""
    link(connection, name, leader, members, at(hours), CONTEXT, reason="the same e-mail address", by="a test")


def unlinked(connection: Connection, name: str, member: Key, *, hours: float) -> None:
    """End it."""
    unlink(connection, name, member, at(hours), CONTEXT, reason="a mistake")


def records(connection: Connection, name: str, hours: float | None = None) -> dict[Key, Mapping[str, Any]]:
    """The records of an object by source and id, at present or as they were."""
    table = records_of(name, None if hours is None else at(hours))
    return {(row["source"], row["id"]): dict(row) for row in connection.execute(select(table)).mappings()}


def changes(connection: Connection, name: str, field: str | None = None) -> list[tuple[Key, str, Any, Any, datetime]]:
    """The changes of an object's records: source and id, field, old, new, when, oldest first."""
    table: FromClause = changes_of(name)
    query = select(table.c.source, table.c.record_id, table.c.field, table.c.old, table.c.new, table.c.at)
    if field is not None:
        query = query.where(table.c.field == field)
    rows = connection.execute(query.order_by(table.c.at, table.c.source, table.c.field))
    return [((row[0], row[1]), row[2], row[3], row[4], row[5]) for row in rows]
