"""HubSpot's webhook events: change events that something happened to a record. What is true is read afterwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from ros_sync.connectors.hubspot.answers import is_id
from ros_sync.connectors.hubspot.mapping import HubSpotMapping
from ros_sync.connectors.source import ChangeEvent, Reaction

_STREAMS = {
    "deal": "deals", "contact": "contacts", "company": "companies", "call": "calls", "email": "emails",
    "meeting_event": "meetings", "meeting": "meetings", "note": "notes", "task": "tasks",
}  # fmt: skip
_TYPE_IDS = {
    "0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-46": "notes", "0-47": "meetings", "0-48": "calls",
    "0-49": "emails", "0-27": "tasks",
}  # fmt: skip
# What makes an event the same when it is sent again; its number alone does not (HubSpot, "Webhooks API": not
# guaranteed).
_KEYS = ("eventId", "subscriptionId", "occurredAt", "objectId", "fromObjectId", "toObjectId", "propertyName")
# Each of these is stored, and what a database refuses (a nought byte, a key beyond 2 KB) would cost the whole request.
_NUMBERS = frozenset(("eventId", "subscriptionId", "objectId", "fromObjectId", "toObjectId"))
_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)
_VERB = re.compile(r"\w{1,50}", re.ASCII)
_WORDS = re.compile(r"[^\0]{0,200}")
MAX_MILLIS = 253_402_300_799_000  # the end of the year 9999
_CHANGE, _CREATION = "propertyChange", "creation"
_REACTIONS = {
    _CREATION: Reaction(record=True, links=True, only_if_newer=True),
    _CHANGE: Reaction(record=True, links=False, only_if_newer=True),
    "associationChange": Reaction(record=False, links=True),
    "restore": Reaction(record=True, links=True),
    "merge": Reaction(record=True, links=True),
    "privacyDeletion": Reaction(record=True, links=False, erased=True),
}
_READ = Reaction(record=True, links=False)  # deletions, and whatever HubSpot may invent


def read_events(body: bytes, mapping: HubSpotMapping) -> tuple[list[ChangeEvent], int]:
    """The change events of a request, and how many entries of it are none. ValueError for a body that is no JSON.

    Changes of properties that are not mapped are no change events either.
    """
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError("the body is not JSON") from error
    entries = told if isinstance(told, list) else [told]
    mapped = {stream.name: frozenset(stream.properties) for stream in mapping.streams}
    events: list[ChangeEvent] = []
    others = 0
    for entry in entries:
        found = _change_events(entry, mapped, mapping.prefixes)
        events += found
        others += not found
    return events, others


def reaction(kind: str, *, tracked: bool) -> Reaction:
    """What an event of a kind such as `deal.propertyChange` asks for.

    `tracked`: of a property whose history is kept.
    """
    return _REACTIONS.get(kind.partition(".")[2], _READ)._replace(history=tracked)


def _change_events(entry: Any, mapped: Mapping[str, frozenset[str]], prefixes: Mapping[str, str]) -> list[ChangeEvent]:
    """One change event for each record that the event is about."""
    if not isinstance(entry, dict):
        return []
    noun, _, verb = str(entry.get("subscriptionType") or "").partition(".")
    stream = _TYPE_IDS.get(str(entry.get("objectTypeId")), "") if noun == "object" else _STREAMS.get(noun, "")
    if _VERB.fullmatch(verb) is None or stream not in mapped or not all(_is_fit(entry, name) for name in _KEYS):
        return []
    if verb == _CHANGE and str(entry.get("propertyName")) not in mapped[stream]:
        return []
    key = "/".join(str(entry.get(name, "")) for name in _KEYS)
    at = _occurred(entry.get("occurredAt"))
    prefix = prefixes.get(stream, "")
    property_name = str(entry.get("propertyName")) if verb == _CHANGE else None
    return [
        ChangeEvent(f"{noun}.{verb}/{key}/{each}", f"{noun}.{verb}", stream, prefix + each, at, property_name)
        for each in _ids(entry)
    ]


def _ids(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The records of the event's own stream that it is about; of a merge, all of them."""
    names = ("fromObjectId",) if "fromObjectId" in entry else ("objectId", "primaryObjectId", "newObjectId")
    found = [entry.get(name) for name in names]
    merged = entry.get("mergedObjectIds")
    found += merged if isinstance(merged, list) else []
    return tuple(dict.fromkeys(str(each) for each in found if is_id(each)))


def _is_fit(entry: Mapping[str, Any], name: str) -> bool:
    """Whether what an event says there can be a part of its key."""
    value = entry.get(name)
    return value is None or (_NUMBER if name in _NUMBERS else _WORDS).fullmatch(str(value)) is not None


def _occurred(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_MILLIS:
        return None
    return value * 1_000
