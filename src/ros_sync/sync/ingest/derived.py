"""What follows for deals and leads from activities.

The last activity of either side and of the buyer, the last meeting, how many people are engaged, the first response.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, Select, and_, case, cast, func, or_, select

from ros_sync import clock
from ros_sync.connectors.source import Source, Stream
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.portions import CHUNK as _CHUNK
from ros_sync.mirror.store import Row, Upsert
from ros_sync.mirror.tables import RECORD_LINK
from ros_sync.sync.ingest.activities import FIELDS, latest

FIRST_RESPONSE = frozenset(("first_response",))
RESPONSES = ("call", "email", "meeting")  # what counts as a human response to a lead; notes and tasks do not
ENGAGED = "contacts_engaged"
_ROWS = 2_000

_LINK = RECORD_LINK.c

Touched = Collection[tuple[str, str]]  # (stream, id)
Build = Callable[[Sequence[str] | None], Select[Any]]  # a query over these records, or over all


def roll_up(connection: Connection, source: Source, run_id: int, now: int, *, only: Touched | None = None) -> None:
    """Bring the derived values of deals and leads up to date.

    An activity counts for every deal and person that it is linked with, from the moment it happened. With `only`, those
    are looked at that were touched themselves or are linked with a touched activity.
    """
    given = source.given
    streams = [stream.name for stream in source.streams if "activity" in stream.objects]
    deals = next((stream.name for stream in source.streams if "deal" in stream.objects), None)
    leads = next((stream.name for stream in source.streams if "lead" in stream.objects), None)
    if not streams:
        return
    near = None if only is None else _near(connection, source.name, streams, only)
    fields = sorted(worked_out(source.streams, given).get("deal", ()))
    if deals and fields:
        people = next((stream.name for stream in source.streams if "contact" in stream.objects), "")
        columns = [objects()["deal"].columns[name] for name in fields]
        for query in _each(_last_activities(source.name, (streams, deals, people), fields, now), near, deals):
            _write(connection, "deal", source.name, columns, query, run_id, now)
    if leads and "first_response" not in given.get("lead", frozenset()):
        for query in _each(_first_responses(source.name, streams, leads, now), near, leads):
            _write(connection, "lead", source.name, ["first_response_at"], query, run_id, now)


def worked_out(streams: Iterable[Stream], given: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """By object, the fields worked out from activities, where some are followed and `given` does not hold them."""
    followed = {name for stream in streams for name in stream.objects}
    if "activity" not in followed:
        return {}
    deal = set(FIELDS) | ({ENGAGED} if "contact" in followed else set())
    return {
        name: fields - given.get(name, frozenset())
        for name, fields in (("deal", frozenset(deal)), ("lead", FIRST_RESPONSE))
    }


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


def _last_activities(source: str, among: tuple[Sequence[str], str, str], fields: Sequence[str], now: int) -> Build:
    """`among` are the streams of activities, of deals and of contacts."""
    streams, deals, people = among
    activity, deal = objects()["activity"].table.c, objects()["deal"].table
    person = RECORD_LINK.alias("person")
    theirs = (activity.direction == "inbound") & activity.activity_kind.in_(RESPONSES)
    told_by: dict[str, ColumnElement[Any]] = latest(activity) | {
        ENGAGED: cast(func.count(func.distinct(case((theirs, person.c.to_id)))), Float)
    }
    with_people = and_(
        person.c.source == _LINK.source,
        person.c.stream == _LINK.stream,
        person.c.record_id == _LINK.record_id,
        person.c.to_stream == people,
    )

    def build(ids: Sequence[str] | None) -> Select[Any]:
        query = select(_LINK.to_id.label("id"), *(told_by[name].label(name) for name in fields)).join_from(
            objects()["activity"].table, RECORD_LINK, _same(streams, deals)
        )
        # Joined only where it is counted: each further person of an activity is one more row to group.
        if ENGAGED in fields:
            query = query.join(person, with_people, isouter=True)
        told = (
            query.where(
                activity.source == source,
                activity.deleted_at.is_(None),
                activity.occurred_at <= clock.from_micros(now),
                *([] if ids is None else [_LINK.to_id.in_(ids)]),
            )
            .group_by(_LINK.to_id)
            .subquery()
        )
        # From the deals outward: one whose last activity was deleted has a value here and none there.
        stored = [deal.c[objects()["deal"].columns[name]] for name in fields]
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
                RECORD_LINK,
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
                activity.occurred_at >= since,  # what was said before is no answer to becoming an MQL
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
) -> None:
    rows: list[Row] = [
        (row[0], *(clock.to_micros(each) if isinstance(each, datetime) else each for each in row[1:]))
        for row in connection.execute(query)
    ]
    upsert = Upsert(connection, objects()[name], source, ("id", *columns), run_id=run_id)
    for start in range(0, len(rows), _ROWS):
        upsert.write(rows[start : start + _ROWS], now, derived=True)
