"""HubSpot's webhook events: hints that something happened to a record. What is true is read afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from ros_sync import clock

_STREAMS = {
    "deal": "deals", "contact": "contacts", "company": "companies", "call": "calls", "email": "emails",
    "meeting_event": "meetings", "meeting": "meetings", "note": "notes", "task": "tasks",
}  # fmt: skip
_TYPE_IDS = {
    "0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-46": "notes", "0-47": "meetings", "0-48": "calls",
    "0-49": "emails", "0-27": "tasks",
}  # fmt: skip
_KEYS = (
    "eventId",
    "subscriptionId",
    "occurredAt",
    "objectId",
    "fromObjectId",
    "toObjectId",
    "propertyName",
    "subscriptionType",
)
MAX_MILLIS = 253_402_300_799_000  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class HubSpotEvent:
    """One event. `key` is the same when it is sent again; `stream` is empty where none of ours is concerned."""

    key: str
    kind: str
    stream: str
    record_ids: tuple[str, ...]
    occurred_at: datetime | None
    body: Mapping[str, Any]


def read_events(body: bytes) -> tuple[list[HubSpotEvent], int]:
    """The events of a request, and how many entries of it are none. ValueError for a body that is no JSON."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError("the body is no JSON") from error
    entries = told if isinstance(told, list) else [told]
    events = [event for entry in entries if (event := _event(entry)) is not None]
    return events, len(entries) - len(events)


def _event(entry: Any) -> HubSpotEvent | None:
    if not isinstance(entry, dict):
        return None
    kind = str(entry.get("subscriptionType") or "")
    noun, _, verb = kind.partition(".")
    stream = _TYPE_IDS.get(str(entry.get("objectTypeId")), "") if noun == "object" else _STREAMS.get(noun, "")
    ids = _ids(entry)
    if not verb or not ids:
        return None
    key = "/".join(str(entry.get(name, "")) for name in _KEYS)
    return HubSpotEvent(key, f"{noun}.{verb}", stream, ids, _occurred(entry.get("occurredAt")), entry)


def _ids(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The records of the event's own stream that it is about; of a merge, all of them."""
    names = ("fromObjectId",) if "fromObjectId" in entry else ("objectId", "primaryObjectId", "newObjectId")
    found = [entry.get(name) for name in names]
    merged = entry.get("mergedObjectIds")
    found += merged if isinstance(merged, list) else []
    return tuple(dict.fromkeys(str(each) for each in found if isinstance(each, int | str) and str(each).isdigit()))


def _occurred(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_MILLIS:
        return None
    return clock.from_micros(value * 1_000)
