"""The mirror's change history beside the CRM's own: each change of a tracked property once, and in order.

Worked out apart from the code that writes it (`mirror.timeline`), so that both cannot be wrong together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, zip_longest

from sqlalchemy import Connection, select

from ros_sync import clock
from ros_sync.connectors.source import Entry, History
from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import MirroredObject
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.store import Row, Upsert, as_text
from ros_sync.mirror.tables import CHANGE
from ros_sync.sync.audit.report import FieldDifference, shortened

Change = tuple[int, str | None, str | None]  # when (microseconds), from which value, to which

_CHANGE = CHANGE.c


def history_diff(
    connection: Connection,
    source: str,
    mirrored: MirroredObject,
    told: Mapping[str, History],
    created: Mapping[str, StoredValue],
) -> dict[str, list[FieldDifference]]:
    """By record, the columns whose change history differs from the CRM's, with the first entry that differs.

    `told` are the CRM's histories, `created` (microseconds) when each record was created: what a property was then is
    no change. What the CRM's history does not reach back to is not compared.
    """
    columns = {name: mirrored.columns[name] for name in sorted({name for each in told.values() for name in each})}
    upsert = Upsert(connection, mirrored, source, ("id", "modified_at", *columns.values()), run_id=None)
    found: dict[str, list[FieldDifference]] = {}
    ids = list(told)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        rows = upsert.stored(chunk)
        changes = _changes(connection, source, mirrored.name, chunk, columns.values())
        for record_id in chunk:
            row = rows.get(record_id)
            if row is None:
                continue
            born = created.get(record_id)
            differing = _of_record(
                told[record_id], row, columns, changes[record_id], None if born is None else int(born)
            )
            if differing:
                found[record_id] = differing
    return found


def _of_record(
    history: History,
    row: Row,
    columns: Mapping[str, str],
    changes: Mapping[str, Sequence[Change]],
    born: int | None,
) -> list[FieldDifference]:
    """The columns of one record whose history differs. `row`: id, modified instant, the columns."""
    found = []
    modified = None if row[1] is None else int(row[1])
    for (name, column), present in zip(columns.items(), row[2:], strict=False):
        entries = history.get(name, ())
        if not entries:
            continue
        mine = changes.get(column, ())
        before = [each for each in mine if each[0] < entries[0][0]]
        expected = expected_changes(entries, born, modified, present, before[-1] if before else None)
        first = next((pair for pair in zip_longest(expected, mine[len(before) :]) if pair[0] != pair[1]), None)
        if first is not None:
            found.append(FieldDifference(column, _shown(first[0]), _shown(first[1])))
    return found


def expected_changes(
    entries: Sequence[Entry], born: int | None, modified: int | None, present: StoredValue, before: Change | None
) -> list[Change]:
    """What the change history must say from the CRM's first entry on, in order.

    Entries later than the `modified` instant of the mirror's row are not followed yet. `before` is the last change that
    is known from a time that the CRM's history does not reach. Where the row (`present`) says something else than the
    last entry, it is right from its modified instant on.
    """
    steps: list[tuple[int, StoredValue]] = []
    for at, value, _ in entries:
        if modified is not None and at > modified:
            break
        if steps and steps[-1][0] == at:  # set twice in one instant: the last word counts
            steps.pop()
        if not steps or steps[-1][1] != value:
            steps.append((at, value))
    if not steps:
        return []
    last_at, last = steps[-1]
    if last != present:
        steps.append((max(modified if modified is not None else last_at, last_at + 1), present))
    first_at, first = steps[0]
    found: list[Change] = []
    was = before[2] if before else None
    came_later = before is not None or (born is not None and first_at > born)
    if came_later and was != as_text(first):
        found.append((first_at, was, as_text(first)))
    found += [(at, as_text(old), as_text(new)) for (_, old), (at, new) in pairwise(steps)]
    return found


def _changes(
    connection: Connection, source: str, name: str, ids: Sequence[str], columns: Iterable[str]
) -> dict[str, dict[str, list[Change]]]:
    """The mirror's change history of these records, by record and column, in order."""
    query = (
        select(_CHANGE.record_id, _CHANGE.field, _CHANGE.at, _CHANGE.old, _CHANGE.new)
        .where(
            _CHANGE.object == name,
            _CHANGE.source == source,
            _CHANGE.record_id.in_(ids),
            _CHANGE.field.in_(list(columns)),
        )
        .order_by(_CHANGE.at, _CHANGE.id)
    )
    found: dict[str, dict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
    for record_id, column, at, old, new in connection.execute(query):
        found[record_id][column].append((clock.to_micros(at), old, new))
    return found


def _shown(change: Change | None) -> str | None:
    """`2026-03-02T09:00:00+00:00: Discovery -> Proposal`."""
    if change is None:
        return None
    at, old, new = change
    return f"{clock.from_micros(at).isoformat()}: {shortened(old)} -> {shortened(new)}"
