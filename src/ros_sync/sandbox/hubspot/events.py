"""What happens to records as HubSpot's webhooks word it.

HubSpot, "Webhooks API", and its beta of generic subscriptions.
"""

from __future__ import annotations

from typing import Any

from ros_sync.sandbox.hubspot.account import Happening
from ros_sync.sandbox.hubspot.definitions import (
    ENGAGEMENTS,
    PRIMARY,
    SINGULAR,
    TYPE_IDS,
    association_type,
)

Event = dict[str, Any]
_FLAGS = {"creation": "NEW", "deletion": "DELETED", "privacyDeletion": "DELETED", "restore": "RESTORED"}


def events_of(happening: Happening) -> list[Event]:
    """The events that tell of something: of an association both sides, of a merge the end of the second record too."""
    if happening.kind == "associationChange":
        return [_association(happening), _association(_turned(happening))]
    kind = happening.kind
    if kind == "privacyDeletion" and happening.object_type != "contacts":
        kind = "deletion"  # HubSpot has privacy deletions of contacts alone
    event = _named(happening, kind) | {"objectId": int(happening.object_id)}
    if kind in _FLAGS:
        event["changeFlag"] = _FLAGS[kind]
    if kind == "propertyChange":
        event |= {
            "propertyName": happening.property,
            "propertyValue": happening.value or "",
            "isSensitive": False,
        }
    if kind == "merge":
        primary, other = happening.merged_from
        event |= {
            "objectId": int(primary), "primaryObjectId": int(primary), "mergedObjectIds": [int(other)],
            "newObjectId": int(str(happening.new_id)), "numberOfPropertiesMoved": 0,
        }  # fmt: skip
        ended = _named(happening, "deletion") | {"objectId": int(other), "changeFlag": "DELETED"}
        return [event, ended]
    return [event]


def _named(happening: Happening, kind: str) -> Event:
    """The kind of event; those of activities are generic and name their type of object beside."""
    if happening.object_type in ENGAGEMENTS:
        told = {"subscriptionType": f"object.{kind}", "objectTypeId": TYPE_IDS[happening.object_type]}
    else:
        told = {"subscriptionType": f"{SINGULAR[happening.object_type]}.{kind}"}
    return {**told, "changeSource": happening.source}


def _association(happening: Happening) -> Event:
    one, other = happening.object_type, str(happening.to_type)
    removed = happening.source == "REMOVED"
    event = {
        "changeSource": "CRM_UI" if removed else happening.source,
        "associationType": f"{SINGULAR[one]}_to_{SINGULAR[other]}".upper(),
        "fromObjectId": int(happening.object_id),
        "toObjectId": int(str(happening.to_id)),
        "associationRemoved": removed,
        "isPrimaryAssociation": happening.label == PRIMARY,
    }
    if {one, other} & set(ENGAGEMENTS):
        return event | {
            "subscriptionType": "object.associationChange", "objectTypeId": TYPE_IDS[one],
            "fromObjectTypeId": TYPE_IDS[one], "toObjectTypeId": TYPE_IDS[other],
            "associationTypeId": association_type(one, other, ""), "associationCategory": "HUBSPOT_DEFINED",
        }  # fmt: skip
    return event | {"subscriptionType": f"{SINGULAR[one]}.associationChange"}


def _turned(happening: Happening) -> Happening:
    """The same association from its other end."""
    return Happening(
        happening.kind, str(happening.to_type), str(happening.to_id), happening.at, source=happening.source,
        to_type=happening.object_type, to_id=happening.object_id, label=happening.label,
    )  # fmt: skip
