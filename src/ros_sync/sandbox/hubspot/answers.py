"""How HubSpot writes what it knows: records, pages, properties, pipelines, owners, associations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ros_sync.sandbox.hubspot.account import ARCHIVE_KEPT, PRIMARY, HubSpotAccount
from ros_sync.sandbox.hubspot.definitions import (
    SINGULAR,
    Owner,
    Pipeline,
    PropertyDefinition,
    created_property,
    modified_property,
)
from ros_sync.sandbox.hubspot.records import Entry, Properties, Record, iso

INLINE_LINKS = 100  # associations told inline with a record before a paging hint
Json = dict[str, Any]
BEGINNING = iso(1_577_836_800_000)  # 2020: when the account's own furniture was made
# What is there when nothing is asked for (HubSpot, "Deals", "Contacts", … default properties).
DEFAULTS = {
    "deals": ("dealname", "amount", "closedate", "pipeline", "dealstage"),
    "contacts": ("firstname", "lastname", "email"),
    "companies": ("name", "domain"),
}


def asked_names(account: HubSpotAccount, object_type: str, names: Sequence[str]) -> list[str]:
    """The properties that an answer holds: what was asked for and can be seen, and what is always there."""
    always = (created_property(object_type), modified_property(object_type), "hs_object_id")
    wanted = names or DEFAULTS.get(object_type, ())
    seen = (name for name in dict.fromkeys((*wanted, *always)) if account.visible(object_type, name))
    return list(seen)


def record_json(
    record: Record, names: Iterable[str], *, properties: Properties | None = None, updated_at: int | None = None
) -> Json:
    """A record with some of its properties; missing ones are null."""
    get = (record.properties if properties is None else properties).get
    body: Json = {
        "id": record.id,
        "properties": {name: get(name) for name in names},
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at if updated_at is None else updated_at),
        "archived": record.archived_at is not None,
    }
    if record.archived_at is not None:
        body["archivedAt"] = iso(record.archived_at)
    return body


def history_json(record: Record, names: Iterable[str]) -> dict[str, list[Json]]:
    """The history of properties, newest first, as HubSpot gives it."""
    return {name: [_entry(each) for each in reversed(record.history.get(name, ()))] for name in names}


def _entry(entry: Entry) -> Json:
    body: Json = {"value": entry.value, "timestamp": iso(entry.at), "sourceType": entry.source_type}
    if entry.source_id:
        body["sourceId"] = entry.source_id
    if entry.user_id is not None:
        body["updatedByUserId"] = entry.user_id
    return body


def inline_links(account: HubSpotAccount, record: Record, to_types: Iterable[str]) -> Json:
    """Associations inside a record: an id once for each label; a paging hint where there are too many."""
    answer: Json = {}
    for to_type in to_types:
        links = account.links_of(record, to_type)
        if not links:
            continue
        one, other = SINGULAR[record.object_type], SINGULAR[to_type]
        results = []
        for to_id, labels in links[:INLINE_LINKS]:
            results.append({"id": to_id, "type": f"{one}_to_{other}_unlabeled"})
            if PRIMARY in labels:
                results.append({"id": to_id, "type": f"{one}_to_{other}"})
        answer[to_type] = {"results": results}
        if len(links) > INLINE_LINKS:
            after = links[INLINE_LINKS - 1][0]
            link = f"https://api.hubapi.com/crm/v3/objects/{record.object_type}/{record.id}/associations/{to_type}?after={after}"
            answer[to_type]["paging"] = {"next": {"after": after, "link": link}}
    return answer


def association_json(to_id: str, labels: set[str], one: str, other: str) -> Json:
    """One association as v4 gives it: every label with its type."""
    kinds = [{"category": "HUBSPOT_DEFINED", "typeId": _type_id(one, other, ""), "label": None}]
    for label in sorted(labels - {""}):
        category = "HUBSPOT_DEFINED" if label == PRIMARY else "USER_DEFINED"
        kinds.append({"category": category, "typeId": _type_id(one, other, label), "label": label})
    return {"toObjectId": int(to_id), "associationTypes": kinds}


def _type_id(one: str, other: str, label: str) -> int:
    """A number for a type of association; HubSpot's own for those that are known from its documents."""
    known = {("deals", "companies", PRIMARY): 5, ("deals", "companies", ""): 341, ("deals", "contacts", ""): 3,
             ("contacts", "companies", PRIMARY): 1, ("contacts", "companies", ""): 279, ("contacts", "deals", ""): 4}  # fmt: skip
    return known.get((one, other, label)) or 1_000 + sum(map(ord, f"{one}>{other}:{label}"))


def archived_page(account: HubSpotAccount, object_type: str) -> list[int]:
    """The ids of the records in the recycling bin that are still listed."""
    oldest = int((account.now() - ARCHIVE_KEPT).timestamp() * 1000)
    records = account.records[object_type]
    return [n for n in account.order[object_type] if (records[str(n)].archived_at or 0) >= oldest > 0]


def property_json(definition: PropertyDefinition) -> Json:
    """A property's definition."""
    return {
        "name": definition.name,
        "label": definition.label or definition.name,
        "type": definition.type,
        "fieldType": definition.field_type,
        "description": "",
        "groupName": "information",
        "options": [
            {"label": each, "value": each, "displayOrder": place, "hidden": False}
            for place, each in enumerate(definition.options)
        ],
        "calculated": definition.calculated,
        "archived": False,
        "hidden": False,
    }


def pipeline_json(pipeline: Pipeline, order: int) -> Json:
    """A pipeline with its stages."""
    furniture = {"createdAt": BEGINNING, "updatedAt": BEGINNING, "archived": False}
    stages = [
        {
            "id": each.id,
            "label": each.label,
            "displayOrder": each.display_order,
            "metadata": dict(each.metadata),
            **furniture,
        }
        for each in pipeline.stages
    ]
    return {"id": pipeline.id, "label": pipeline.label, "displayOrder": order, "stages": stages, **furniture}


def owner_json(owner: Owner) -> Json:
    """A user who can own records."""
    body: Json = {
        "id": owner.id,
        "email": owner.email,
        "type": "PERSON",
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "createdAt": BEGINNING,
        "updatedAt": BEGINNING,
        "archived": owner.archived,
        "teams": [{"id": key, "name": name, "primary": place == 0} for place, (key, name) in enumerate(owner.teams)],
    }
    number = int(owner.id) if owner.id.isdigit() else 0
    # An archived user keeps its number in the second key alone (HubSpot, "Owners").
    return body | (
        {"userIdIncludingInactive": number} if owner.archived else {"userId": number, "userIdIncludingInactive": number}
    )
