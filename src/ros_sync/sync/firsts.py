"""Records that are new here, with the past that the CRM tells of them, and the computed columns that follow from it.

`deals.recount` reads the change history of deals whose past changed; for deals that were just inserted everything is at
hand, so nothing is read, and only those that moved at all are written to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from ros_sync import clock
from ros_sync.fields import Carried
from ros_sync.mirror.history import DateMove, StageMove, slip, stage_entry
from ros_sync.mirror.property_history import Change, ColumnHistory, NewRow
from ros_sync.mirror.store import Columns, Initial, Upsert, Written
from ros_sync.mirror.timeline import Timeline
from ros_sync.sync.deals import HISTORIC

COUNTED = ("first_close_date", "push_count", "fiscal_push_count", "pull_in_count", "days_pushed", "net_slip_days",
           "stage_entered_at", "stage_entry_known", "stage_days_before", "advanced_at")  # fmt: skip
_CLOSED = ("won", "lost")


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
    """Write the computed columns of the deals of a batch that moved before they were first seen here."""
    moved: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if change[1] in HISTORIC:
            moved[change[0]].append(change)
    if not moved:
        return
    nothing: list[Carried] = [None] * len(columns["id"])
    names = ("id", "created_at", "close_date", "stage_kind")
    rows = zip(*(columns.get(name, nothing) for name in names), strict=True)
    updates = [
        (*_counted(moved[str(record_id)], made, day, kind, quarter_of), source, record_id)
        for record_id, made, day, kind in rows
        if record_id in moved
    ]
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    assignments = ", ".join(f"{name} = {mark}" for name in COUNTED)
    statement = f"UPDATE deal SET {assignments} WHERE source = {mark} AND id = {mark}"  # noqa: S608  # names are ours
    connection.exec_driver_sql(statement, updates)


def _counted(
    changes: Sequence[Change],
    created_at: Carried,
    close_date: Carried,
    stage_kind: Carried,
    quarter_of: Callable[[date], date],
) -> tuple[Carried, ...]:
    """The values of `COUNTED` for one deal."""
    moves = _date_moves(changes, stage_kind)
    present = _day(close_date)
    first = next((day for move in moves for day in (move.old, move.new) if day is not None), present)
    dates = slip(first, present, moves, quarter_of)
    created = None if created_at is None else clock.from_micros(int(created_at))
    entry = stage_entry(created, _stage_moves(changes))
    first_day = dates.first_close_date
    return (
        None if first_day is None else first_day.isoformat(),
        dates.push_count,
        dates.fiscal_push_count,
        dates.pull_in_count,
        dates.days_pushed,
        dates.net_slip_days,
        _micros(entry.entered_at),
        entry.known,
        entry.days_before,
        _micros(entry.advanced_at),
    )


def _date_moves(changes: Sequence[Change], present_kind: Carried) -> list[DateMove]:
    """The moves of the close date; one that comes with closing the deal, or after it, is marked so."""
    kinds = [(at, old, new) for _, column, at, old, new, _ in changes if column == "stage_kind"]
    found = []
    for _, column, at, old, new, _ in changes:
        if column == "close_date":
            until = [kind for when, _, kind in kinds if when <= at]
            kind = until[-1] if until else kinds[0][1] if kinds else present_kind
            found.append(DateMove(clock.from_micros(at), _day(old), _day(new), closing=kind in _CLOSED))
    return found


def _stage_moves(changes: Sequence[Change]) -> list[StageMove]:
    orders = {at: (old, new) for _, column, at, old, new, _ in changes if column == "stage_order"}
    found = []
    for _, column, at, old, new, _ in changes:
        if column == "stage":
            before, after = orders.get(at, (None, None))
            order = (int(before) if before else None, int(after) if after else None)
            found.append(StageMove(clock.from_micros(at), old, new, *order))
    return found


def _day(text: Carried) -> date | None:
    return date.fromisoformat(str(text)) if text else None


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else clock.to_micros(instant)
