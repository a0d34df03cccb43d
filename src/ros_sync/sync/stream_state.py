"""How far each stream of a source has been followed, and what is known of the source as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, insert, select, update

from ros_sync import clock
from ros_sync.connectors.source import Window
from ros_sync.mirror.bookkeeping import DERIVATION_STATE, SCAN_STATE, SOURCE_STATE, STREAM_STATE


@dataclass(slots=True)
class StreamState:
    """How far a stream has been followed.

    `backfill` is the listing under way (`since` is unused), None once it is through; `poll` and `sweep` are a poll
    and a reconciliation sweep that broke off. All three resume from their position. `fingerprint` and `properties` are
    the schema (`Source.schema`) by which its records were listed.
    """

    backfill: Window | None = None
    poll: Window | None = None
    sweep: Window | None = None
    cursor: datetime | None = None
    watermark: datetime | None = None
    fingerprint: str = ""
    properties: frozenset[str] = frozenset()


_WINDOWS = ("backfill", "poll", "sweep")
_PHASES = {"backfill": "backfill", "live": "live"}


def read_stream_states(connection: Connection, source: str) -> dict[str, StreamState]:
    """The state of each stream that has one."""
    query = select(STREAM_STATE).where(STREAM_STATE.c.source == source)
    states = {}
    for row in connection.execute(query).mappings():
        value = _value(row["progress"])
        if value.get("phase") not in _PHASES:
            continue
        windows = {name: Window(*value[name]) for name in _WINDOWS if name in value}
        fingerprint, properties = value.get("schema") or ("", ())
        states[row["stream"]] = StreamState(
            **windows,
            cursor=row["cursor"],
            watermark=row["watermark"],
            fingerprint=fingerprint,
            properties=frozenset(properties),
        )
    return states


def _value(text: str) -> dict[str, Any]:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:  # an import's cursor is empty
        return {}
    return value if isinstance(value, dict) else {}


def save_stream_state(connection: Connection, source: str, stream: str, state: StreamState, now: datetime) -> None:
    """Keep the state, in the transaction of what was read up to there."""
    schema = [state.fingerprint, sorted(state.properties)]
    value: dict[str, Any] = {"phase": "backfill" if state.backfill else "live", "schema": schema}
    for name in _WINDOWS:
        window: Window | None = getattr(state, name)
        if window is not None:
            value[name] = [window.since, window.until, window.position]
    _save(
        connection,
        STREAM_STATE,
        {"source": source, "stream": stream},
        progress=orjson.dumps(value).decode(),
        cursor=state.cursor,
        watermark=state.watermark,
        updated_at=now,
    )


def imported_until(connection: Connection, source: str) -> dict[str, datetime]:
    """By object, the moment up to which exports of a source have been imported."""
    query = select(STREAM_STATE.c.stream, STREAM_STATE.c.watermark).where(STREAM_STATE.c.source == source)
    return {name: until for name, until in connection.execute(query) if until is not None}


def save_imported(connection: Connection, source: str, name: str, until: datetime, now: datetime) -> None:
    """Keep the moment up to which an object has been imported, unless a later one is known."""
    known = imported_until(connection, source).get(name)
    if known is None or known < until:
        _save(
            connection, STREAM_STATE, {"source": source, "stream": name}, progress="", watermark=until, updated_at=now
        )


def scan_of(connection: Connection, source: str, stream: str, scan: str) -> dict[str, Any] | None:
    """When a stream was last gone through; None where it never was."""
    where = {"source": source, "stream": stream, "scan": scan}
    return _row(connection, SCAN_STATE, where)


def save_scan(connection: Connection, source: str, stream: str, scan: str, now: datetime, **values: Any) -> None:
    """Keep that a stream was gone through."""
    _save(connection, SCAN_STATE, {"source": source, "stream": stream, "scan": scan}, updated_at=now, **values)


def derivation_of(connection: Connection, source: str, what: str) -> dict[str, Any] | None:
    """When something that is derived was last worked out, and by what; None where it never was."""
    return _row(connection, DERIVATION_STATE, {"source": source, "what": what})


def save_derivation(connection: Connection, source: str, what: str, now: datetime, basis: str = "") -> None:
    """Keep that something that is derived was worked out."""
    _save(connection, DERIVATION_STATE, {"source": source, "what": what}, basis=basis, updated_at=now)


def _row(connection: Connection, table: Table, where: Mapping[str, str]) -> dict[str, Any] | None:
    row = connection.execute(select(table).where(*_here(table, where))).mappings().first()
    return dict(row) if row else None


def _save(connection: Connection, table: Table, where: Mapping[str, str], **values: Any) -> None:
    if not connection.execute(update(table).where(*_here(table, where)).values(**values)).rowcount:
        connection.execute(insert(table).values(**where, **values))


def _here(table: Table, where: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in where.items()]


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
