"""Records that are new here, with the past that the CRM tells of them, and the computed columns that follow from it.

`deals.recount` reads the change history of deals whose past changed; for deals that were just inserted everything is at
hand, so nothing is read, and only those that moved at all are written to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import Connection

from ros_sync.fields import Carried
from ros_sync.mirror.property_history import Change, ColumnHistory, NewRow
from ros_sync.mirror.store import Columns, Initial, Upsert, Written
from ros_sync.mirror.timeline import Timeline
from ros_sync.sync.ingest.deals import HISTORIC, Moved, beside_stored, computed, write_computed

_PRESENT = ("created_at", "close_date", "stage_kind")


def insert_first(
    upsert: Upsert,
    timeline: Timeline,
    columns: Columns,
    histories: Mapping[str, ColumnHistory],
    now: int,
    initial: Initial,
) -> tuple[Written, list[Change]]:
    """Write records that the mirror does not hold, with their past; gives the changes of that past too.

    Nothing is read and no row is written twice. `now` (microseconds) is since when rows without a modified instant are true.
    """
    nothing: list[Carried] = [None] * len(columns["id"])
    modified = columns.get("modified_at", nothing)
    since = [now if each is None else each for each in modified]
    values = zip(*(columns.get(name, nothing) for name in timeline.columns), strict=True)
    rows = map(NewRow, columns["id"], since, modified, columns.get("created_at", nothing), values)  # type: ignore[arg-type]  # ids are texts, instants ints
    beginning = timeline.begin(rows, histories)
    written = upsert.insert(columns, now, initial, since=beginning.since)
    timeline.write(beginning)
    return written, beginning.changes


def count_first(
    connection: Connection,
    source: str,
    columns: Mapping[str, Sequence[Carried]],
    changes: Iterable[Change],
    quarter_of: Callable[[date], date],
) -> None:
    """Write the computed columns of the deals of a batch that moved before they were first seen here.

    Where the batch says when a deal entered its stage, its word stands.
    """
    moved: dict[str, list[Moved]] = defaultdict(list)
    for record_id, column, at, old, new, _ in changes:  # column by column, oldest first
        if column in HISTORIC:
            moved[record_id].append(Moved(column, at, old, new))
    nothing: list[Carried] = [None] * len(columns["id"])
    rows = zip(columns["id"], *(columns.get(name, nothing) for name in _PRESENT), strict=True)
    found = {
        str(record_id): computed(
            moved[record_id],
            created_at=created_at,
            close_date=close_date,
            stage_kind=stage_kind,
            quarter_of=quarter_of,
        )
        for record_id, created_at, close_date, stage_kind in rows
        if record_id in moved
    }
    if "stage_entered_at" in columns:
        rows = zip(*(columns.get(name, nothing) for name in ("id", "stage_entered_at", "created_at")), strict=True)
        for record_id, entered_at, created_at in rows:
            if record_id in found:
                found[record_id] = beside_stored(
                    found[record_id],
                    moved[record_id],
                    entered_at=entered_at,
                    advanced_at=created_at if entered_at is None else entered_at,
                    entry_is_given=entered_at is not None,
                )
    write_computed(connection, source, found)
