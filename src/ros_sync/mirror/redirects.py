"""Records that were merged into others, and ids that must never come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.store import one_of, rows_of
from ros_sync.mirror.tables import REDIRECT

ERASED = ""  # the `new_id` of a person whose data was erased: the id is known, so that a lagging answer is not believed


def redirect(connection: Connection, source: str, name: str, merged: Mapping[str, str], at: datetime) -> dict[str, str]:
    """Note that records of the object `name` were merged into others (old id -> new id); the new ones among these.

    Chains are drawn together: where A became C and C becomes E, A leads to E.
    """
    c = REDIRECT.c
    here = (c.source == source) & (c.object == name)
    known = _known(connection, source, name, list(merged))
    fresh = {old: new for old, new in merged.items() if old != new and known.get(old) not in (new, ERASED)}
    for old, new in fresh.items():
        connection.execute(update(REDIRECT).where(here, c.new_id == old).values(new_id=new))
        connection.execute(delete(REDIRECT).where(here, c.old_id == old))
    if fresh:
        rows = [
            {"source": source, "object": name, "old_id": old, "new_id": new, "at": at} for old, new in fresh.items()
        ]
        connection.execute(insert(REDIRECT), rows)
    return fresh


def resolve(connection: Connection, source: str, name: str, ids: Sequence[str]) -> dict[str, str]:
    """For those of these ids that are no more: the id of the record now, ERASED where the person was erased."""
    return _known(connection, source, name, ids)


def erased_among(connection: Connection, source: str, names: Iterable[str], ids: Sequence[str]) -> set[str]:
    """Those of these ids that were erased as a record of any of these objects."""
    return {each for name in names for each, now in _known(connection, source, name, ids).items() if now == ERASED}


def taken_in(connection: Connection, source: str, name: str, ids: Sequence[str]) -> set[str]:
    """Those of these ids into which other records were merged."""
    c = REDIRECT.c
    found: set[str] = set()
    for start in range(0, len(ids), CHUNK):
        here = (c.source == source) & (c.object == name) & c.new_id.in_(ids[start : start + CHUNK])
        found.update(connection.execute(select(c.new_id).where(here)).scalars())
    return found


def history_ids(connection: Connection, source: str, name: str, record_id: str) -> list[str]:
    """The ids whose change history belongs to a record: its own, and those that were merged into it."""
    c = REDIRECT.c
    query = select(c.old_id).where(c.source == source, c.object == name, c.new_id == record_id).order_by(c.at, c.old_id)
    return [*connection.execute(query).scalars(), record_id]


def erased(connection: Connection, source: str, name: str, ids: Iterable[str], at: datetime) -> None:
    """Note that these ids were erased, so that nothing brings them back."""
    c = REDIRECT.c
    for record_id in ids:
        connection.execute(delete(REDIRECT).where(c.source == source, c.object == name, c.old_id == record_id))
        row = {"source": source, "object": name, "old_id": record_id, "new_id": ERASED, "at": at}
        connection.execute(insert(REDIRECT), [row])


def any_of(connection: Connection, source: str, name: str) -> bool:
    """Whether anything is remembered under this name."""
    c = REDIRECT.c
    query = select(c.old_id).where(c.source == source, c.object == name).limit(1)
    return connection.execute(query).first() is not None


def _known(connection: Connection, source: str, name: str, ids: Sequence[str]) -> dict[str, str]:
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    found: dict[str, str] = {}
    for start in range(0, len(ids), CHUNK):
        among, parameters = one_of(connection, ids[start : start + CHUNK])
        # names are ours
        here = f"source = {mark} AND object = {mark} AND old_id {among}"
        query = f"SELECT old_id, new_id FROM redirect WHERE {here}"  # noqa: S608
        found.update(rows_of(connection, query, (source, name, *parameters)))
    return found
