"""The log of runs: what each sync or import read and did, opened with its first write and closed at its end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from ros_sync.mirror.bookkeeping import SYNC_RUN

COUNTS = ("rows_read", "created", "updated", "unchanged", "older", "quarantined")


def open_run(
    connection: Connection, source: str, kind: str, *, what: str, as_of: datetime, started_at: datetime
) -> int:
    """Note that a run has begun; its number."""
    values = {"source": source, "kind": kind, "what": what, "as_of": as_of, "started_at": started_at}
    made = connection.execute(insert(SYNC_RUN).values(**values, **dict.fromkeys(COUNTS, 0))).inserted_primary_key
    assert made is not None
    return int(made[0])


def close_run(
    connection: Connection, number: int, *, finished_at: datetime | None, error: str | None, **done: Any
) -> None:
    """Note what a run did: its counts, and `what` it read where that is known only now."""
    here = SYNC_RUN.c.id == number
    connection.execute(update(SYNC_RUN).where(here).values(finished_at=finished_at, error=error, **done))
