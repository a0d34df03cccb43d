"""What may be written: values as HubSpot stores them, and how it words what it does not take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.calls import wrong
from ros_sync.sandbox.hubspot.definitions import ENGAGEMENTS, SINGULAR, PropertyDefinition
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.records import Properties, iso, read_instant

DAY_MILLIS = 86_400_000
# HubSpot, "Properties": what it fills itself has `readOnlyValue`, calculated or not.
READ_ONLY = frozenset(
    ("hs_object_id", "hs_createdate", "createdate", "hs_lastmodifieddate", "lastmodifieddate", "hs_merged_object_ids")
)


class _RefusedError(Exception):
    """A value that is not taken: HubSpot's code and words."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


def writable(account: HubSpotAccount, kind: str, given: Any) -> Properties:
    """The properties of a write, as they are stored.

    HubSpotError (400) names every property that does not exist, cannot be seen or written, or has another type.
    """
    if not isinstance(given, dict):
        raise wrong("Invalid input JSON: properties is missing")
    properties: Properties = {}
    refused = []
    for name, value in given.items():
        try:
            properties[name] = _stored(account, kind, name, value)
        except _RefusedError as error:
            refused.append({"isValid": False, "message": error.words, "error": error.code, "name": name,
                            "localizedErrorMessage": error.words, "portalId": account.portal_id})  # fmt: skip
    if refused:
        raise wrong(
            f"Property values were not valid: {json.dumps(refused, separators=(',', ':'))}",
            errors=[
                {"message": each["message"], "code": each["error"], "context": {"propertyName": [each["name"]]}}
                for each in refused
            ],
        )
    return properties


def check_creation(account: HubSpotAccount, kind: str, properties: Mapping[str, str | None]) -> None:
    """Refuse a new record without what it must have (400), or a contact whose address another one has (409)."""
    if kind in ENGAGEMENTS and not properties.get("hs_timestamp"):
        words = f"Error creating {SINGULAR[kind].upper()}. Some required properties were not set."
        raise wrong(words, context={"properties": ["hs_timestamp"]})
    email = properties.get("email")
    if kind == "contacts" and email:
        there = account.find_by("contacts", "email", email)
        if there is not None:
            raise HubSpotError(409, f"Contact already exists. Existing ID: {there.id}", "CONFLICT")


def _stored(account: HubSpotAccount, kind: str, name: str, value: Any) -> str | None:
    definition = account.properties[kind].get(name)
    if definition is None or definition.hidden:
        raise _RefusedError("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if definition.calculated or name in READ_ONLY or (name.startswith("hs_lifecyclestage_") and name.endswith("_date")):
        raise _RefusedError("READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if not text:
        return text
    allowed = options_of(account, kind, definition)
    if allowed and not set(text.split(";")) <= set(allowed):
        raise _RefusedError("INVALID_OPTION", f"{text} was not one of the allowed options: [{', '.join(allowed)}]")
    return _typed(definition, text)


def options_of(account: HubSpotAccount, kind: str, definition: PropertyDefinition) -> list[str]:
    """The values that an enumeration takes; none where it takes any (owners, and what nobody listed)."""
    if kind == "deals" and definition.name == "pipeline":
        return list(account.pipelines["deals"])
    if kind == "deals" and definition.name == "dealstage":
        return [stage.id for each in account.pipelines["deals"].values() for stage in each.stages]
    if definition.type == "bool":
        return ["true", "false"]
    return list(definition.options)


def _typed(definition: PropertyDefinition, text: str) -> str:
    try:
        if definition.type == "number":
            float(text)
        elif definition.type == "datetime":
            return iso(read_instant(text))
        elif definition.type == "date":
            at = read_instant(text)
            if at % DAY_MILLIS:
                raise _RefusedError("INVALID_DATE", f"{text} is at {iso(at)[11:19]} UTC, not midnight!")
            return iso(at)[:10]
    except ValueError:
        code = "INVALID_DOUBLE" if definition.type == "number" else "INVALID_DATE"
        raise _RefusedError(code, f"{text} was not a valid {definition.type}.") from None
    return text
