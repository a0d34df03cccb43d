"""The rows of files and the values of CRM records that could not be read.

Asked of the database, shown by `ros-sync quarantine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, func, select

from ros_sync.cli.invocation import Invocation
from ros_sync.connectors.base import Quarantined
from ros_sync.errors import RosSyncError, Where
from ros_sync.mirror.bookkeeping import QUARANTINED_ROW, SYNC_RUN
from ros_sync.mirror.database import open_engine
from ros_sync.plain_data import data_of
from ros_sync.terminal import counted, shown


@dataclass(frozen=True, slots=True)
class UnreadRow:
    """A row that was quarantined, and the run that met it. `value` is the beginning of what stands there.

    Of a record that a CRM's API gave: `file` is the stream, `line` is 0, and `record_id` the record's id.
    """

    run_id: int
    source: str
    as_of: datetime
    file: str
    line: int
    column: str | None
    value: str | None
    reason: str
    record_id: str | None = None


def unread_rows(connection: Connection, *, run: int | None, limit: int) -> tuple[list[UnreadRow], int]:
    """The rows that a run quarantined, in the files' order and at most `limit`, and how many there are in all.

    Without a run, those of the newest run of each source that set any aside. Raises RosSyncError where there is no such
    run.
    """
    chosen = _chosen(connection, run)
    total = connection.execute(select(func.count()).select_from(QUARANTINED_ROW).where(chosen)).scalar_one()
    names = ("source", "file", "line", "column", "value", "reason", "record_id")
    source, *others = (QUARANTINED_ROW.c[name] for name in names)
    query = (
        select(QUARANTINED_ROW.c.run_id, source, SYNC_RUN.c.as_of, *others)
        .join(SYNC_RUN, SYNC_RUN.c.id == QUARANTINED_ROW.c.run_id)
        .where(chosen)
        .order_by(QUARANTINED_ROW.c.run_id.desc(), QUARANTINED_ROW.c.id)
        .limit(limit)
    )
    return [UnreadRow(*values) for values in connection.execute(query)], total


def _chosen(connection: Connection, run: int | None) -> ColumnElement[bool]:
    if run is None:
        newest = select(func.max(QUARANTINED_ROW.c.run_id)).group_by(QUARANTINED_ROW.c.source)
        return QUARANTINED_ROW.c.run_id.in_(newest)
    if connection.execute(select(SYNC_RUN.c.id).where(SYNC_RUN.c.id == run)).first() is None:
        raise RosSyncError(
            f"run {run} not found",
            where=Where(key="--run"),
            hint="`ros-sync import --json` prints the run_id; without --run, the latest runs are shown",
        )
    return QUARANTINED_ROW.c.run_id == run


def quarantine(invocation: Invocation, *, run: int | None, limit: int, as_json: bool) -> None:
    """Tell which rows were quarantined, and why."""
    engine = open_engine(invocation.start().database_url, read_only=True)
    try:
        with engine.connect() as connection:
            rows, total = unread_rows(connection, run=run, limit=limit)
    finally:
        engine.dispose()
    if as_json:
        invocation.print_json({"total": total, "rows": [data_of(row) for row in rows]})
    else:
        _show(invocation, rows, total)


def _show(invocation: Invocation, rows: Sequence[UnreadRow], total: int) -> None:
    out = invocation.out
    for (run_id, source, as_of), of_run in groupby(rows, key=lambda row: (row.run_id, row.source, row.as_of)):
        heading = f"{source}, run {run_id}, as of {as_of:%Y-%m-%d %H:%M} UTC"
        out.print(f"[bold]{shown(heading)}[/bold]", soft_wrap=True, highlight=False)
        for row in of_run:
            words = str(Quarantined(row.file, row.line, row.column, row.value, row.reason, row.record_id))
            out.print(f"  {shown(words)}", soft_wrap=True, highlight=False)
    if not total:
        out.print("No rows are quarantined.")
        return
    more = f", {len(rows):,} shown; --limit {total} shows all" if total > len(rows) else ""
    number = counted(total, "row")
    out.print(
        f"[dim]{number} quarantined{more}. {_what_to_do(rows)}[/dim]",
        soft_wrap=True,
        highlight=False,
    )


def _what_to_do(rows: Sequence[UnreadRow]) -> str:
    """How the rows that are shown can be read after all: those of files, and those of CRM records."""
    steps = []
    if any(row.record_id is None for row in rows):
        steps.append("Fix the file or the mapping, then import it again.")
    if any(row.record_id is not None for row in rows):
        steps.append("Fix the record in the CRM; the next `ros-sync sync` will pick it up.")
    return " ".join(steps)
