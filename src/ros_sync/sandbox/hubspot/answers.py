"""How HubSpot writes what it knows: records, pages, properties, pipelines, owners, associations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ros_sync.sandbox.hubspot.account import ARCHIVE_KEPT, HubSpotAccount
from ros_sync.sandbox.hubspot.calls import MULTI_STATUS, OK, Json
from ros_sync.sandbox.hubspot.definitions import (
    PRIMARY,
    SINGULAR,
    Owner,
    Pipeline,
    PipelineStage,
    PropertyDefinition,
    created_property,
    modified_property,
)
from ros_sync.sandbox.hubspot.index import Document
from ros_sync.sandbox.hubspot.records import Entry, Record, iso, millis
from ros_sync.sandbox.hubspot.writing import options_of

INLINE_LINKS = 100  # associations told inline with a record before a paging hint
API_URL = "https://api.hubapi.com"
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


def record_json(record: Record, names: Iterable[str]) -> Json:
    """A record with some of its properties; missing ones are null."""
    get = record.properties.get
    body: Json = {
        "id": record.id,
        "properties": {name: get(name) for name in names},
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
        "archived": record.archived_at is not None,
    }
    if record.archived_at is not None:
        body["archivedAt"] = iso(record.archived_at)
    return body


def document_json(known: Document, names: Iterable[str]) -> Json:
    """A record as search tells of it."""
    get = known.properties.get
    return {
        "id": known.id,
        "properties": {name: get(name) for name in names},
        "createdAt": iso(known.created_at),
        "updatedAt": iso(known.modified),
        "archived": False,
    }


def paging(after: str, path: str) -> Json:
    """Where a list goes on."""
    return {"next": {"after": after, "link": f"{API_URL}/{path}?after={after}"}}


def batch(
    account: HubSpotAccount, results: Sequence[Json], errors: Sequence[Json] = (), *, status: int = OK
) -> tuple[int, Json]:
    """The answer to a batch: 207 where some of it could not be done."""
    now = iso(millis(account.now()))
    body: Json = {"status": "COMPLETE", "results": list(results), "startedAt": now, "completedAt": now}
    if not errors:
        return status, body
    return MULTI_STATUS, body | {"numErrors": len(errors), "errors": list(errors)}


def batch_error(category: str, message: str, context: dict[str, list[str]]) -> Json:
    """One error inside the answer to a batch."""
    return {
        "status": "error",
        "category": category,
        "message": message,
        "context": context,
        "errors": [],
        "links": {},
    }


def history_json(record: Record, names: Iterable[str], versions: int | None = None) -> dict[str, list[Json]]:
    """The history of properties, newest first, as HubSpot gives it; of each the newest `versions` (None: all)."""
    return {name: [_entry(each) for each in record.history.get(name, ())[::-1][:versions]] for name in names}


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
            answer[to_type]["paging"] = paging(
                after, f"crm/v3/objects/{record.object_type}/{record.id}/associations/{to_type}"
            )
    return answer


def archived_ids(account: HubSpotAccount, object_type: str) -> list[int]:
    """The ids of the records in the recycling bin that are still listed."""
    oldest = int((account.now() - ARCHIVE_KEPT).timestamp() * 1000)
    records = account.records[object_type]
    return [number for number in account.archived_ids[object_type] if (records[str(number)].archived_at or 0) >= oldest]


def property_json(account: HubSpotAccount, object_type: str, definition: PropertyDefinition) -> Json:
    """A property's definition."""
    body: Json = {
        "name": definition.name,
        "label": definition.label or definition.name,
        "type": definition.type,
        "fieldType": definition.field_type,
        "description": "",
        "groupName": "information",
        "options": [
            {
                "label": definition.option_labels.get(each, each),
                "value": each,
                "displayOrder": place,
                "hidden": False,
            }
            for place, each in enumerate(options_of(account, object_type, definition))
        ],
        "createdAt": BEGINNING,
        "updatedAt": BEGINNING,
        "displayOrder": -1,
        "calculated": definition.calculated,
        "externalOptions": definition.name == "hubspot_owner_id",
        "archived": False,
        "hasUniqueValue": False,
        "hidden": False,
        "hubspotDefined": definition.standard,
        "modificationMetadata": {
            "archivable": not definition.standard,
            "readOnlyDefinition": definition.standard,
            "readOnlyValue": definition.calculated,
        },
        "formField": not definition.calculated,
    }
    return body | ({"referencedObjectType": "OWNER"} if definition.name == "hubspot_owner_id" else {})


FURNITURE = {"createdAt": BEGINNING, "updatedAt": BEGINNING, "archived": False}


def pipeline_json(pipeline: Pipeline, order: int) -> Json:
    """A pipeline with its stages."""
    stages = [stage_json(each) for each in pipeline.stages]
    return {"id": pipeline.id, "label": pipeline.label, "displayOrder": order, "stages": stages, **FURNITURE}


def stage_json(stage: PipelineStage) -> Json:
    """One stage."""
    told = {"id": stage.id, "label": stage.label, "displayOrder": stage.display_order, "metadata": dict(stage.metadata)}
    return {**told, "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT", **FURNITURE}


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
