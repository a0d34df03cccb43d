"""Working pushes and slips out anew for deals that were counted by another definition, or another fiscal year.

They are counted when a deal's history changes, so what an earlier version of ros-sync counted would stand for ever.
What they were last counted by is kept as one row of `cursor`; where it is not what holds now, every deal whose close
date ever moved is counted anew, and written to where the numbers differ. A killed recount is begun again by the next
one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

import structlog
from sqlalchemy import Connection, Engine, select

from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.portions import CHUNK as _CHUNK
from ros_sync.mirror.store import Upsert
from ros_sync.mirror.tables import CHANGE
from ros_sync.mirror.touched import note
from ros_sync.sync.ingest.deals import DealContext, changes_of, slipped
from ros_sync.sync.ingest.joined_records import followed_by_joined
from ros_sync.sync.one_writer import writing
from ros_sync.sync.stream_state import derivation_of, save_derivation

DEFINITION = 2  # raise it whenever `mirror.history.slip` or `open_moves` gives other numbers for the same history
SLIPS = "slips"  # the name under which it is kept what they were counted by
EVERY_SOURCE = ""
COLUMNS = ("first_close_date", "push_count", "fiscal_push_count", "pull_in_count", "days_pushed", "net_slip_days")
_CHANGE = CHANGE.c

log = structlog.get_logger(__name__)


def counted_by(context: DealContext) -> str:
    """What the numbers rest on beside each deal's history: the definition, and where fiscal quarters begin."""
    return f"{DEFINITION} {context.quarters or f'{context.quarter_of(date(2026, 3, 1)):%m}'}"


def recount_slips(engine: Engine, context: DealContext, now: datetime) -> int:
    """Count pushes and slips anew where they rest on what no longer holds; the number of deals that were written to.

    Each chunk of deals is a transaction of its own. Costs one look where nothing is to be done.
    """
    wanted = counted_by(context)
    with engine.connect() as connection:
        last = derivation_of(connection, EVERY_SOURCE, SLIPS)
        if last is not None and last["basis"] == wanted:
            return 0
        deal = objects()["deal"].table
        sources = [str(name) for name in connection.scalars(select(deal.c.source).distinct())]
    changed = 0
    for source in sources:
        for ids in _moved(engine, source):
            with writing(engine, source) as connection, followed_by_joined(connection, context):
                changed += _recount(connection, source, ids, context)
    with engine.begin() as connection:
        save_derivation(connection, EVERY_SOURCE, SLIPS, now, basis=wanted)
    if changed:
        log.info("slips_recounted", deals=changed, counted_by=wanted)
    return changed


def _moved(engine: Engine, source: str) -> Iterator[list[str]]:
    """The ids of the deals whose close date ever moved, a chunk at a time."""
    query = select(_CHANGE.record_id).where(
        _CHANGE.object == "deal", _CHANGE.source == source, _CHANGE.field == "close_date"
    )
    with engine.connect() as connection:
        ids = sorted({str(record_id) for record_id in connection.scalars(query)})
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def _recount(connection: Connection, source: str, ids: Sequence[str], context: DealContext) -> int:
    changes = changes_of(connection, source, ids)
    upsert = Upsert(connection, objects()["deal"], source, ("id", "close_date", "stage_kind", *COLUMNS), run_id=None)
    rows: list[tuple[StoredValue, ...]] = []
    for record_id, stored in upsert.stored(ids).items():
        _, close_date, stage_kind, *counted = stored[: 3 + len(COLUMNS)]
        present, kind = (None if each is None else str(each) for each in (close_date, stage_kind))
        first, found = slipped(changes[record_id], present, kind, context.quarter_of)
        values: list[StoredValue] = [None if first is None else first.isoformat(), *found[:4], found.net_slip_days]
        if values != counted:
            rows.append((*values, source, record_id))
    if rows:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        assignments = ", ".join(f"{name} = {mark}" for name in COLUMNS)
        # names are ours
        statement = f"UPDATE deal SET {assignments} WHERE source = {mark} AND id = {mark}"  # noqa: S608
        note(connection, "deal", source, [row[-1] for row in rows])
        connection.exec_driver_sql(statement, rows)
    return len(rows)
