"""Entries of history streams.

Kept as they come, and made part of their records' past once the rows are as new as they are. A CRM that keeps its field
histories in a table of their own tells of changes, in any order and each more than once, before the record itself is
read or long after. Such an entry says one thing about one instant and nothing about the rest of the past, so it is
added to what the mirror knows instead of taking its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, and_, or_, select, update

from ros_sync import clock
from ros_sync.connectors.source import Entry, History, HistoryEntry
from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import MirroredObject
from ros_sync.mirror.insertion import insert_or
from ros_sync.mirror.store import Upsert
from ros_sync.mirror.tables import HISTORY_ENTRY
from ros_sync.mirror.timeline import Timeline

CHUNK = 400  # rows a statement
_ENTRY = HISTORY_ENTRY.c


class Kept(NamedTuple):
    """An entry as it is kept; `merged`: it is part of the past already. `at` in microseconds."""

    at: int
    value: StoredValue
    before: StoredValue
    by: str | None
    merged: bool


Entries = Mapping[str, Mapping[str, Sequence[Kept]]]  # by record and field, oldest first


class Present(NamedTuple):
    """What of a present row the entries have to do with; instants in microseconds."""

    modified: int | None
    created: int | None
    currency: StoredValue


def keep(connection: Connection, source: str, stream: str, entries: Iterable[HistoryEntry]) -> None:
    """Store entries about the records of a stream; one that says what is stored already changes nothing.

    Of several at one instant the last one counts, with what it was before the first of them.
    """
    found: dict[tuple[str, str, int], HistoryEntry] = {}
    for each in entries:
        key = (each.record_id, each.field, each.at)
        found[key] = each if key not in found else each._replace(before=found[key].before)
    rows = [
        {
            "source": source,
            "stream": stream,
            "record_id": each.record_id,
            "field": each.field,
            "at": clock.from_micros(each.at),
            "value": _text(each.value),
            "before": _text(each.before),
            "by": each.by,
        }
        for each in found.values()
    ]
    statement = insert_or(connection.dialect, HISTORY_ENTRY)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["source", "stream", "record_id", "field", "at"],
        set_={"value": new.value, "by": new.by, "merged_at": None},
        where=_ENTRY.value.is_distinct_from(new.value),
    )
    for start in range(0, len(rows), CHUNK):
        connection.execute(statement, rows[start : start + CHUNK])


def ready(
    connection: Connection, mirrored: MirroredObject, source: str, stream: str, ids: Sequence[str]
) -> dict[str, Present]:
    """Those of these records of which an entry waits that is no newer than their row."""
    if not ids:
        return {}
    table = mirrored.table.c
    query = (
        select(_ENTRY.record_id)
        .distinct()
        .join(mirrored.table, and_(table.source == _ENTRY.source, table.id == _ENTRY.record_id))
        .where(
            _ENTRY.source == source,
            _ENTRY.stream == stream,
            _ENTRY.record_id.in_(ids),
            _ENTRY.merged_at.is_(None),
            or_(table.modified_at.is_(None), table.modified_at >= _ENTRY.at),
        )
    )
    found = [str(each) for each in connection.execute(query).scalars()]
    names = ["modified_at", *(name for name in ("created_at", "currency") if name in table)]
    rows = Upsert(connection, mirrored, source, ("id", *names), run_id=None).stored(found) if found else {}
    given = {each: dict(zip(names, row[1:], strict=False)) for each, row in rows.items()}
    return {
        each: Present(_whole(row["modified_at"]), _whole(row.get("created_at")), row.get("currency"))
        for each, row in given.items()
    }


def entries_of(connection: Connection, source: str, stream: str, rows: Mapping[str, Present]) -> Entries:
    """The entries about these records that are no newer than their rows."""
    found: dict[str, dict[str, list[Kept]]] = defaultdict(lambda: defaultdict(list))
    query = (
        select(HISTORY_ENTRY)
        .where(_ENTRY.source == source, _ENTRY.stream == stream, _ENTRY.record_id.in_(list(rows)))
        .order_by(_ENTRY.at)
    )
    for row in connection.execute(query):
        at, modified = clock.to_micros(row.at), rows[row.record_id].modified
        if modified is None or at <= modified:
            kept = Kept(at, _value(row.value), _value(row.before), row.by, row.merged_at is not None)
            found[row.record_id][row.field].append(kept)
    return found


def whole_histories(
    connection: Connection, mirrored: MirroredObject, source: str, entries: Entries, rows: Mapping[str, Present]
) -> dict[str, History]:
    """What the mirror knows of the past of the fields that the entries are about, with the entries added."""
    fields = sorted({name for each in entries.values() for name in each if name in mirrored.columns})
    columns = [mirrored.columns[name] for name in fields]
    past = Timeline(connection, mirrored, source, columns, run_id=None).past(list(entries))
    return {
        record_id: {
            name: added(past[record_id][mirrored.columns[name]], theirs[name], rows[record_id].created)
            for name in fields
            if name in theirs
        }
        for record_id, theirs in entries.items()
        if record_id in past
    }


def added(known: Sequence[Entry], entries: Sequence[Kept], created: int | None) -> list[Entry]:
    """The values of a field since when, oldest first, once the entries are added to what is known.

    At one instant the CRM's word stands. Where nothing is known of the time before the first entry, it was what that
    entry says it was before, from the record's creation on. That is a conclusion and no knowledge: where an earlier
    entry turns up, what had been concluded from a later one goes.
    """
    own = list(known)
    merged = [each for each in entries if each.merged]
    if own and merged and entries[0].at < merged[0].at:
        concluded = (_beginning(merged[0], created), merged[0].before)
        if own[0][:2] == concluded:
            own.pop(0)
    values: dict[int, tuple[StoredValue, str | None]] = {at: (value, by) for at, value, by in own}
    values |= {each.at: (each.value, each.by) for each in entries}
    first = entries[0]
    if min(values) == first.at and first.before is not None:
        values[_beginning(first, created)] = (first.before, None)
    return [(at, *values[at]) for at in sorted(values)]


def _beginning(first: Kept, created: int | None) -> int:
    """Since when a field was what its first entry says it was before.

    The record's creation, where that lies before it.
    """
    return created if created is not None and created < first.at else first.at - 1


def note_merged(connection: Connection, source: str, stream: str, rows: Mapping[str, Present], now: datetime) -> None:
    """What waited for these rows is part of their past now.

    It stays: an entry that set what seemed to be there already is a change once one in between turns up.
    """
    for record_id, present in rows.items():
        here = [
            _ENTRY.source == source,
            _ENTRY.stream == stream,
            _ENTRY.record_id == record_id,
            _ENTRY.merged_at.is_(None),
        ]
        if present.modified is not None:
            here.append(_ENTRY.at <= clock.from_micros(present.modified))
        connection.execute(update(HISTORY_ENTRY).where(*here).values(merged_at=now))


def _text(value: StoredValue) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _value(text: str | None) -> StoredValue:
    value: StoredValue = None if text is None else orjson.loads(text)
    return value


def _whole(value: StoredValue) -> int | None:
    return None if value is None else int(value)
