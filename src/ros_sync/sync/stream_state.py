"""How far each stream of a source has been followed, and what is known of the source as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from ros_sync import clock
from ros_sync.connectors.source import Window
from ros_sync.mirror.bookkeeping import CURSOR, SOURCE_STATE


@dataclass(slots=True)
class Place:
    """How far a stream has been followed.

    `backfill` is the listing under way (`since` is unused), None once it is through; `poll` and `settled` are a poll
    and a pass that broke off. All three go on from their position. `mark` and `properties` are the shape
    (`Source.shape`) by which its records were listed.
    """

    backfill: Window | None = None
    poll: Window | None = None
    settled: Window | None = None
    polled_until: datetime | None = None
    complete_until: datetime | None = None
    mark: str = ""
    properties: frozenset[str] = frozenset()


_WINDOWS = ("backfill", "poll", "settled")
_PHASES = {"backfill": "backfill", "live": "live"}


def read_places(connection: Connection, source: str) -> dict[str, Place]:
    """The place of each stream that has one."""
    query = select(CURSOR).where(CURSOR.c.source == source)
    places = {}
    for row in connection.execute(query).mappings():
        value = _value(row["value"])
        if value.get("phase") not in _PHASES:
            continue
        windows = {name: Window(*value[name]) for name in _WINDOWS if name in value}
        mark, properties = value.get("shape") or ("", ())
        places[row["object"]] = Place(
            **windows,
            polled_until=row["polled_until"],
            complete_until=row["complete_until"],
            mark=mark,
            properties=frozenset(properties),
        )
    return places


def _value(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:  # an import's cursor is empty
        return {}
    return value if isinstance(value, dict) else {}


def save_place(connection: Connection, source: str, stream: str, place: Place, now: datetime) -> None:
    """Keep the place, in the transaction of what was read up to there."""
    shape = [place.mark, sorted(place.properties)]
    value: dict[str, Any] = {"phase": "backfill" if place.backfill else "live", "shape": shape}
    for name in _WINDOWS:
        window: Window | None = getattr(place, name)
        if window is not None:
            value[name] = [window.since, window.until, window.position]
    save_cursor(
        connection,
        source,
        stream,
        now,
        value=orjson.dumps(value).decode(),
        polled_until=place.polled_until,
        complete_until=place.complete_until,
    )


def save_cursor(connection: Connection, source: str, name: str, now: datetime, **values: Any) -> None:
    """Write a row of `cursor`."""
    where = (CURSOR.c.source == source, CURSOR.c.object == name)
    values["updated_at"] = now
    if not connection.execute(update(CURSOR).where(*where).values(**values)).rowcount:
        connection.execute(insert(CURSOR).values(source=source, object=name, **{"value": "", **values}))


def cursor(connection: Connection, source: str, name: str) -> dict[str, Any] | None:
    """A row of `cursor` as it stands."""
    query = select(CURSOR).where(CURSOR.c.source == source, CURSOR.c.object == name)
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def state_of(connection: Connection, source: str) -> dict[str, Any]:
    """What is known of the source; nothing but its name before the first cycle."""
    row = connection.execute(select(SOURCE_STATE).where(SOURCE_STATE.c.source == source)).mappings().first()
    return dict(row) if row else {"source": source}


def save_state(connection: Connection, source: str, now: datetime, **values: Any) -> None:
    """Bring what is known of the source up to date."""
    values["updated_at"] = now
    if not connection.execute(update(SOURCE_STATE).where(SOURCE_STATE.c.source == source).values(**values)).rowcount:
        connection.execute(insert(SOURCE_STATE).values(source=source, **values))


def instant(micros: int) -> datetime:
    """Microseconds as the tables' instants."""
    return clock.from_micros(micros)
