"""What follows for deals and leads from activities: last activity of either side, of the buyer, the first response."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select

from ros_sync import clock
from ros_sync.connectors.source import Source
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Row, Upsert
from ros_sync.mirror.tables import RecordLink
from ros_sync.sync.activities import FIELDS

RESPONSES = ("call", "email", "meeting")  # what counts as a human response to a lead; notes and tasks do not
_ROWS = 2_000

_LINK = RecordLink.metadata.tables["record_link"].c


def roll_up(connection: Connection, source: Source, run_id: int, now: int) -> int:
    """Bring the derived values of deals and leads up to date; the number of records changed.

    An activity counts for every deal and person that it is linked with, from the moment it happened.
    """
    given = source.given
    changed = 0
    streams = [stream.name for stream in source.streams if "activity" in stream.objects]
    deals = next((stream.name for stream in source.streams if "deal" in stream.objects), None)
    leads = next((stream.name for stream in source.streams if "lead" in stream.objects), None)
    if not streams:
        return 0
    fields = [name for name in FIELDS if name not in given.get("deal", frozenset())]
    if deals and fields:
        changed += _last_activities(connection, source.name, streams, deals, fields, run_id, now)
    if leads and "first_response" not in given.get("lead", frozenset()):
        changed += _first_responses(connection, source.name, streams, leads, run_id, now)
    return changed


def _last_activities(
    connection: Connection, source: str, streams: list[str], deals: str, fields: list[str], run_id: int, now: int
) -> int:
    activity, deal = objects()["activity"].table.c, objects()["deal"].table
    latest = {
        "last_activity": func.max(activity.occurred_at),
        "last_buyer_activity": func.max(case((activity.direction == "inbound", activity.occurred_at))),
    }
    told = (
        select(_LINK.to_id.label("id"), *(latest[name].label(name) for name in fields))
        .join_from(objects()["activity"].table, RecordLink, _same(streams, deals))
        .where(activity.source == source, activity.deleted_at.is_(None), activity.occurred_at <= clock.from_micros(now))
        .group_by(_LINK.to_id)
        .subquery()
    )
    stored = [deal.c[f"{name}_at"] for name in fields]
    differs = or_(*(mine.is_distinct_from(told.c[name]) for mine, name in zip(stored, fields, strict=True)))
    query = (
        select(deal.c.id, *(told.c[name] for name in fields))
        .join_from(deal, told, told.c.id == deal.c.id, isouter=True)
        .where(deal.c.source == source, differs)
    )
    columns = ("id", *(f"{name}_at" for name in fields))
    return _write(connection, "deal", source, columns, query, run_id, now)


def _first_responses(connection: Connection, source: str, streams: list[str], leads: str, run_id: int, now: int) -> int:
    activity, lead = objects()["activity"].table.c, objects()["lead"].table
    since = func.coalesce(lead.c.became_mql_at, lead.c.became_lead_at)
    told = (
        select(lead.c.id.label("id"), func.min(activity.occurred_at).label("first"))
        .join_from(
            lead, RecordLink, and_(_LINK.source == lead.c.source, _LINK.to_stream == leads, _LINK.to_id == lead.c.id)
        )
        .join(
            objects()["activity"].table,
            and_(activity.source == _LINK.source, activity.id == _LINK.record_id, _LINK.stream.in_(streams)),
        )
        .where(
            lead.c.source == source,
            activity.deleted_at.is_(None),
            activity.direction == "outbound",
            activity.activity_kind.in_(RESPONSES),
            activity.occurred_at >= since,
            activity.occurred_at <= clock.from_micros(now),
        )
        .group_by(lead.c.id)
        .subquery()
    )
    query = (
        select(lead.c.id, told.c.first)
        .join_from(lead, told, told.c.id == lead.c.id, isouter=True)
        .where(lead.c.source == source, lead.c.first_response_at.is_distinct_from(told.c.first))
    )
    return _write(connection, "lead", source, ("id", "first_response_at"), query, run_id, now)


def _same(streams: Iterable[str], to_stream: str) -> ColumnElement[bool]:
    activity = objects()["activity"].table.c
    return and_(
        _LINK.source == activity.source,
        _LINK.record_id == activity.id,
        _LINK.stream.in_(list(streams)),
        _LINK.to_stream == to_stream,
    )


def _write(
    connection: Connection, name: str, source: str, columns: tuple[str, ...], query: Select[Any], run_id: int, now: int
) -> int:
    rows: list[Row] = [
        (row[0], *(None if at is None else clock.to_micros(at) for at in row[1:])) for row in connection.execute(query)
    ]
    upsert = Upsert(connection, objects()[name], source, columns, run_id=run_id)
    for start in range(0, len(rows), _ROWS):
        upsert.write(rows[start : start + _ROWS], now, derived=True)
    return len(rows)
