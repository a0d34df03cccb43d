"""Last activity and last buyer activity of deals, where the CRM does not say them itself."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, case, func, select

from ros_sync import clock
from ros_sync.connectors.base import BATCH_ROWS
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Upsert

FIELDS = ("last_activity", "last_buyer_activity")


def roll_up_activities(
    connection: Connection, source: str, run_id: int, as_of: int, fields: Sequence[str] = FIELDS
) -> int:
    """Raise the given fields of the deals that have later activities; gives the number of deals changed.

    All activities of the source are looked at, not only those of this run: one planned last week has happened since,
    one may have come before its deal, and a run may have been cut off. What the buyer did is what came inbound. An
    activity planned for after `as_of` (microseconds) has not happened yet.
    """
    if not fields:
        return 0
    activity, deal = objects()["activity"].table.c, objects()["deal"].table.c
    latest = {
        "last_activity": func.max(activity.occurred_at),
        "last_buyer_activity": func.max(case((activity.direction == "inbound", activity.occurred_at))),
    }
    query = (
        select(
            deal.id, *(deal[f"{name}_at"] for name in fields), *(latest[name].label(f"new_{name}") for name in fields)
        )
        .join_from(
            objects()["activity"].table,
            objects()["deal"].table,
            (deal.source == activity.source) & (deal.id == activity.deal_id),
        )
        .where(
            activity.source == source,
            activity.deal_id.is_not(None),
            activity.deleted_at.is_(None),
            activity.occurred_at <= clock.from_micros(as_of),
        )
        .group_by(deal.id, *(deal[f"{name}_at"] for name in fields))
    )
    rows = []
    for row in connection.execute(query):
        old = row[1 : 1 + len(fields)]
        new = tuple(max(filter(None, pair), default=None) for pair in zip(old, row[1 + len(fields) :], strict=True))
        if new != tuple(old):
            rows.append((row.id, *(clock.to_micros(moment) if moment else None for moment in new)))
    upsert = Upsert(connection, objects()["deal"], source, ("id", *(f"{name}_at" for name in fields)), run_id=run_id)
    for start in range(0, len(rows), BATCH_ROWS):
        upsert.write(rows[start : start + BATCH_ROWS], as_of, derived=True)
    return len(rows)
