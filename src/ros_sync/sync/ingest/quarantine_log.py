"""Rows and records that could not be read.

Kept with their place, their value and the reason, whichever way they came.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from ros_sync.connectors.base import Quarantined
from ros_sync.mirror.bookkeeping import QUARANTINED_ROW
from ros_sync.sync.ingest.reports import RowCounts

SHOWN_ROWS = 20  # values that a report keeps; all of them are in the database


def quarantine(
    connection: Connection, source: str, run_id: int, rows: Sequence[Quarantined], counts: RowCounts
) -> None:
    """Keep what could not be read, and count it."""
    if not rows:
        return
    counts.quarantined += len(rows)
    counts.examples.extend(rows[: max(0, SHOWN_ROWS - len(counts.examples))])
    kept = [
        {
            "run_id": run_id,
            "source": source,
            "file": row.file,
            "line": row.line,
            "record_id": row.record,
            "column": row.column,
            "value": row.value,
            "reason": row.reason,
        }
        for row in rows
    ]
    connection.execute(insert(QUARANTINED_ROW), kept)
