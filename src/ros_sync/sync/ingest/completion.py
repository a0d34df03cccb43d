"""Rows whose id came before in the same import: what they add is written, what contradicts is quarantined by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from ros_sync.connectors.base import Batch, Quarantined
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.store import Row, Upsert, Written
from ros_sync.mirror.tables import CHANGE
from ros_sync.sync.ingest.holding import HeldBack
from ros_sync.sync.ingest.row_merge import merge
from ros_sync.sync.ingest.seen import Before


@dataclass(frozen=True, slots=True)
class Against:
    """A row that contradicts one that was read before, at `place`; `names` are columns of the mirror, or fields."""

    record_id: str
    place: str
    names: Sequence[str]


@dataclass(slots=True)
class Completion:
    """What became of repeated rows: what was written, how many added something, and which contradict, by index."""

    written: Written = field(default_factory=Written)
    completed: int = 0
    against: dict[int, Against] = field(default_factory=dict)


def complete(
    connection: Connection,
    mirrored: MirroredObject,
    upsert: Upsert,
    columns: Sequence[str],
    repeated: Mapping[int, tuple[Row, Before]],
    as_of: int,
    held: HeldBack | None = None,
) -> Completion:
    """Add to the stored records what `repeated` rows (index -> row, and what is known of the first) say beyond them."""
    outcome = Completion()
    ids = [str(row[0]) for row, _ in repeated.values()]
    known = {record_id: dict(zip(columns, values, strict=False)) for record_id, values in upsert.stored(ids).items()}
    changed: dict[str, Row] = {}
    for index, (values, before) in repeated.items():
        row = dict(zip(columns, values, strict=True))
        record_id = str(row["id"])
        if record_id not in known:
            continue  # the first row was not stored either
        merged = merge(known[record_id], row, before.spoken - held.of(record_id) if held else before.spoken)
        if merged.against:
            outcome.against[index] = Against(record_id, before.place, merged.against)
            continue
        if held:
            held.settle(record_id, row)
        if merged.row != known[record_id]:
            outcome.completed += 1
            known[record_id] = merged.row
            changed[record_id] = tuple(merged.row.values())
    if changed:
        _write(connection, mirrored, upsert, changed, as_of, outcome.written)
    return outcome


def _write(
    connection: Connection,
    mirrored: MirroredObject,
    upsert: Upsert,
    changed: Mapping[str, Row],
    as_of: int,
    written: Written,
) -> None:
    """Write completed rows. A record that came with this import has no past yet, so nothing of it is a change."""
    of_this_run, with_history = _origins(connection, mirrored, upsert, sorted(changed))
    for fresh in (True, False):
        for mine in (True, False):
            rows = [
                row
                for record_id, row in changed.items()
                if (record_id in of_this_run) == mine and (mine and record_id not in with_history) == fresh
            ]
            if rows:
                written.updated |= upsert.again(silent=fresh).write(rows, as_of, derived=mine).updated


def _origins(
    connection: Connection, mirrored: MirroredObject, upsert: Upsert, ids: Sequence[str]
) -> tuple[set[str], set[str]]:
    """Of these records, those whose present state this run has written, and those that have a change history."""
    table, change = mirrored.table, CHANGE
    query = select(table.c.id).where(
        table.c.source == upsert.source, table.c.id.in_(ids), table.c.run_id == upsert.run_id
    )
    past = select(change.c.record_id).where(
        change.c.object == mirrored.name, change.c.source == upsert.source, change.c.record_id.in_(ids)
    )
    return set(connection.execute(query).scalars()), set(connection.execute(past.distinct()).scalars())


def told(batch: Batch, index: int, against: Against) -> Quarantined:
    """A contradicting row as it is quarantined: by the file's headings and the documented names of fields."""
    fields = {column: name for name, column in objects()[batch.object].columns.items()}
    names = [fields.get(name, name) for name in against.names]
    shown = [name for name in names if name in batch.headings or name.startswith("custom.")] or names
    listed = ", ".join(f"{name} ({batch.headings[name]!r})" if name in batch.headings else name for name in shown)
    reason = f"this ID was already read at {against.place} with a different {listed}; the first one is kept"
    return Quarantined(batch.origin, batch.lines[index], batch.headings.get("id", "id"), against.record_id, reason)
