"""Last activity, last buyer activity and last meeting of deals, where the CRM does not say them itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, case, func, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from ros_sync import clock
from ros_sync.connectors.base import BATCH_ROWS
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Upsert

FIELDS = ("last_activity", "last_buyer_activity", "last_meeting")


def latest(activity: ReadOnlyColumnCollection[str, Column[Any]]) -> dict[str, ColumnElement[Any]]:
    """The fields as aggregates over a deal's activities.

    A meeting took place where it counts as the buyer's doing (by the connector file: it was completed), or where nobody
    says.
    """
    took_place = (activity.activity_kind == "meeting") & (func.coalesce(activity.direction, "inbound") == "inbound")
    return {
        "last_activity": func.max(activity.occurred_at),
        "last_buyer_activity": func.max(case((activity.direction == "inbound", activity.occurred_at))),
        "last_meeting": func.max(case((took_place, activity.occurred_at))),
    }


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
    told = latest(activity)
    query = (
        select(deal.id, *(deal[f"{name}_at"] for name in fields), *(told[name].label(f"new_{name}") for name in fields))
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
    # Raised and never lowered: an export may hold the last month of activities alone.
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
