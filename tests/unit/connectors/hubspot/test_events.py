"""HubSpot's webhook events as change events: what cannot be one, or could not be stored, is counted and left out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from ros_sync.connectors.hubspot import events
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.mirror.catalogue import objects
from ros_sync.sandbox.hubspot.company import CONNECTOR

MAPPING = load_hubspot(CONNECTOR, {name: each.settable for name, each in objects().items()})
GOOD = {
    "eventId": 1,
    "subscriptionId": 9,
    "occurredAt": 1_772_000_000_000,
    "subscriptionType": "deal.deletion",
    "objectId": 7,
}


def read(*entries: Any) -> tuple[list[str], int]:
    """The ids of the records that change events are about, and the number of entries that say nothing to us."""
    hints, others = events.read_events(orjson.dumps(list(entries)), MAPPING)
    return [each.record_id for each in hints], others


@pytest.mark.parametrize(
    "odd",
    [
        {"eventId": "1\0"},
        {"eventId": "1" * 900},
        {"eventId": "one"},
        {"eventId": [1]},
        {"subscriptionId": "x" * 900},
        {"occurredAt": "y" * 900},
        {"occurredAt": "\0"},
        {"propertyName": "amount\0"},
        {"propertyName": "a" * 900},
        {"toObjectId": "z" * 900},
        {"subscriptionType": "deal.del\0etion"},
        {"subscriptionType": "deal." + "x" * 900},
        {"objectId": "7\0"},
        {"objectId": "007"},
        {"objectId": 2**63},
        {"objectId": -7},
        {"objectId": True},
    ],
)
def test_an_event_that_could_not_be_stored_is_left_out(odd: dict[str, Any]) -> None:
    """A nought byte, a text without end, or what is not an id: the event is none, and those beside it stay."""
    assert (["7", "8"], 1) == read(GOOD, GOOD | odd, GOOD | {"eventId": 2, "objectId": 8})


@pytest.mark.parametrize(
    "unusual",
    [
        {"eventId": "12"},
        {"eventId": None},
        {"occurredAt": "2026-03-02T09:00:00Z"},
        {"occurredAt": 1_772_000_000_000.5},
        {"subscriptionType": "deal.somethingNew"},
        {"objectId": str(2**63 - 1)},
        {"changeSource": "\0" * 900},
    ],
)
def test_an_event_that_is_merely_unusual_is_a_hint(unusual: dict[str, Any]) -> None:
    """What is not stored, or fits, keeps no event out."""
    found, others = read(GOOD | unusual)
    assert (1, 0) == (len(found), others)


def test_ids_that_are_none_are_left_out_of_a_merge() -> None:
    """The other records of the event are change events all the same."""
    told = GOOD | {"subscriptionType": "deal.merge", "newObjectId": 9, "mergedObjectIds": [8, "x", "8\0", None]}
    assert (["7", "9", "8"], 0) == read(told)
