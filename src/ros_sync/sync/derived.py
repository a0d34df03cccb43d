"""What follows for deals and leads from activities: last activity of either side, of the buyer, the first response."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
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
_CHUNK = 400  # ids a statement

_LINK = RecordLink.metadata.tables["record_link"].c

Touched = Collection[tuple[str, str]]  # (stream, id)
Build = Callable[[Sequence[str] | None], Select[Any]]  # a query over these records, or over all


def roll_up(connection: Connection, source: Source, run_id: int, now: int, *, only: Touched | None = None) -> int:
    """Bring the derived values of deals and leads up to date; the number of records changed.

    An activity counts for every deal and person that it is linked with, from the moment it happened. With `only`, those
    are looked at that were touched themselves or are linked with a touched activity.
    """
    given = source.given
    changed = 0
    streams = [stream.name for stream in source.streams if "activity" in stream.objects]
    deals = next((stream.name for stream in source.streams if "deal" in stream.objects), None)
    leads = next((stream.name for stream in source.streams if "lead" in stream.objects), None)
    if not streams:
        return 0
    near = None if only is None else _near(connection, source.name, streams, only)
    fields = [name for name in FIELDS if name not in given.get("deal", frozenset())]
    if deals and fields:
        for query in _each(_last_activities(source.name, streams, deals, fields, now), near, deals):
            changed += _write(connection, "deal", source.name, [f"{name}_at" for name in fields], query, run_id, now)
    if leads and "first_response" not in given.get("lead", frozenset()):
        for query in _each(_first_responses(source.name, streams, leads, now), near, leads):
            changed += _write(connection, "lead", source.name, ["first_response_at"], query, run_id, now)
    return changed


def _near(connection: Connection, source: str, activities: Collection[str], only: Touched) -> dict[str, set[str]]:
    """By stream the records that were touched, and those that touched activities are linked with."""
    near: dict[str, set[str]] = defaultdict(set)
    for stream, record_id in only:
        near[stream].add(record_id)
    for stream in activities:
        ids = sorted(near.get(stream, ()))
        for start in range(0, len(ids), _CHUNK):
            query = select(_LINK.to_stream, _LINK.to_id).where(
                _LINK.source == source, _LINK.stream == stream, _LINK.record_id.in_(ids[start : start + _CHUNK])
            )
            for to_stream, to_id in connection.execute(query):
                near[to_stream].add(to_id)
    return near


def _each(build: Build, near: dict[str, set[str]] | None, stream: str) -> list[Select[Any]]:
    """The query over all records of an object, or one for each chunk of those in question."""
    if near is None:
        return [build(None)]
    ids = sorted(near.get(stream, ()))
    return [build(ids[start : start + _CHUNK]) for start in range(0, len(ids), _CHUNK)]


def _last_activities(source: str, streams: Sequence[str], deals: str, fields: Sequence[str], now: int) -> Build:
    activity, deal = objects()["activity"].table.c, objects()["deal"].table
    latest = {
        "last_activity": func.max(activity.occurred_at),
        "last_buyer_activity": func.max(case((activity.direction == "inbound", activity.occurred_at))),
    }

    def build(ids: Sequence[str] | None) -> Select[Any]:
        told = (
            select(_LINK.to_id.label("id"), *(latest[name].label(name) for name in fields))
            .join_from(objects()["activity"].table, RecordLink, _same(streams, deals))
            .where(
                activity.source == source,
                activity.deleted_at.is_(None),
                activity.occurred_at <= clock.from_micros(now),
                *([] if ids is None else [_LINK.to_id.in_(ids)]),
            )
            .group_by(_LINK.to_id)
            .subquery()
        )
        stored = [deal.c[f"{name}_at"] for name in fields]
        differs = or_(*(mine.is_distinct_from(told.c[name]) for mine, name in zip(stored, fields, strict=True)))
        return (
            select(deal.c.id, *(told.c[name] for name in fields))
            .join_from(deal, told, told.c.id == deal.c.id, isouter=True)
            .where(deal.c.source == source, differs, *([] if ids is None else [deal.c.id.in_(ids)]))
        )

    return build


def _first_responses(source: str, streams: Sequence[str], leads: str, now: int) -> Build:
    activity, lead = objects()["activity"].table.c, objects()["lead"].table
    since = func.coalesce(lead.c.became_mql_at, lead.c.became_lead_at)

    def build(ids: Sequence[str] | None) -> Select[Any]:
        told = (
            select(lead.c.id.label("id"), func.min(activity.occurred_at).label("first"))
            .join_from(
                lead,
                RecordLink,
                and_(_LINK.source == lead.c.source, _LINK.to_stream == leads, _LINK.to_id == lead.c.id),
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
                *([] if ids is None else [lead.c.id.in_(ids)]),
            )
            .group_by(lead.c.id)
            .subquery()
        )
        return (
            select(lead.c.id, told.c.first)
            .join_from(lead, told, told.c.id == lead.c.id, isouter=True)
            .where(
                lead.c.source == source,
                lead.c.first_response_at.is_distinct_from(told.c.first),
                *([] if ids is None else [lead.c.id.in_(ids)]),
            )
        )

    return build


def _same(streams: Sequence[str], to_stream: str) -> ColumnElement[bool]:
    activity = objects()["activity"].table.c
    return and_(
        _LINK.source == activity.source,
        _LINK.record_id == activity.id,
        _LINK.stream.in_(list(streams)),
        _LINK.to_stream == to_stream,
    )


def _write(
    connection: Connection, name: str, source: str, columns: Sequence[str], query: Select[Any], run_id: int, now: int
) -> int:
    rows: list[Row] = [
        (row[0], *(None if at is None else clock.to_micros(at) for at in row[1:])) for row in connection.execute(query)
    ]
    upsert = Upsert(connection, objects()[name], source, ("id", *columns), run_id=run_id)
    for start in range(0, len(rows), _ROWS):
        upsert.write(rows[start : start + _ROWS], now, derived=True)
    return len(rows)
