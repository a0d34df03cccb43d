"""What an account cannot give of what the connector file asks for, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from ros_sync.connectors.hubspot.definitions import Definitions, PropertyDefinition
from ros_sync.connectors.hubspot.mapping import (
    MERGED_IDS,
    OBJECT_ID,
    VALUE,
    FieldMapping,
    HubSpotMapping,
    ObjectMapping,
    StreamMapping,
    modified_property,
)
from ros_sync.connectors.hubspot.records import TICKED
from ros_sync.connectors.hubspot.tokens import SERVICE_KEYS
from ros_sync.connectors.source import Problem
from ros_sync.fields import Kind, did_you_mean

NOTES_SCOPE = "crm.objects.contacts.write"  # HubSpot, "Notes": what is written back leaves a note
_OBJECT_SCOPES = ("deals", "contacts", "companies")
# Calculated ones that change together with the record, so that a poll finds them.
_WITH_THE_RECORD = (
    OBJECT_ID, MERGED_IDS, "createdate", "hs_createdate", "hubspot_owner_assigneddate", "hubspotscore",
)  # fmt: skip
_ENTERED = "hs_lifecyclestage_"
# HubSpot's property types that hold a kind of field (HubSpot, "Properties", property type and fieldType values).
_TYPES = {
    Kind.NUMBER: ("number", "string", "enumeration"),
    Kind.MONEY: ("number", "string"),
    Kind.BOOLEAN: ("bool", "enumeration", "string"),
    Kind.DATE: ("date", "datetime", "string"),
    Kind.INSTANT: ("datetime", "date", "string"),
}


def problems(mapping: HubSpotMapping, definitions: Definitions, scopes: Collection[str] | None) -> list[Problem]:
    """Everything that people should mend, the worst first. `scopes` is None where the account does not tell them."""
    found: list[Problem] = []
    if scopes is not None:
        found += _missing_scopes(mapping, scopes)
    for stream in mapping.streams:
        found += _wrong_properties(stream, definitions)
    found += _unplaced_stages(mapping, definitions)
    return sorted(found, key=lambda problem: not problem.fatal)


def scopes_for(mapping: HubSpotMapping) -> list[str]:
    """The scopes that the connector file needs (HubSpot, "Scopes")."""
    needed = {"crm.objects.owners.read"}
    for stream in mapping.streams:
        name = stream.name if stream.name in _OBJECT_SCOPES else "contacts"
        needed.update((f"crm.objects.{name}.read", f"crm.schemas.{name}.read"))
        if any(entry.write for entry in stream.objects):
            needed.update((f"crm.objects.{name}.write", NOTES_SCOPE))
        if stream.name == "emails":
            needed.add("sales-email-read")
    return sorted(needed)


def _missing_scopes(mapping: HubSpotMapping, scopes: Collection[str]) -> Iterator[Problem]:
    for scope in scopes_for(mapping):
        if scope not in scopes:
            yield Problem(
                f"the token is missing the scope {scope}",
                f"add it in HubSpot to the service key ({SERVICE_KEYS}) or to the app the token belongs to",
                fatal=scope.endswith(".read") and scope.startswith("crm.objects"),
            )


def _wrong_properties(stream: StreamMapping, definitions: Definitions) -> Iterator[Problem]:
    there = definitions.properties.get(stream.name)
    if there is None:
        return
    if stream.modified not in there:
        yield _without_cursor(stream)
    for entry in stream.objects:
        for name in entry.only_if_known:
            if name not in there and name != stream.modified:
                yield _absent(stream, name, "that decides which records are read", there)
        for field in entry.fields:
            for name in field.properties:
                if name not in there:
                    yield _absent(stream, name, f"that fills {entry.object}.{field.name}", there)
            yield from _wrong_type(stream, field, definitions)
            yield from _unknown_values(stream, field, definitions)
            yield from _unparted(stream, entry, field, there)
        yield from _unwritable(stream, entry, there)
    yield from _never_reread(stream, there)


def _unparted(
    stream: StreamMapping, entry: ObjectMapping, field: FieldMapping, there: Mapping[str, PropertyDefinition]
) -> Iterator[Problem]:
    """A property of which several options may be ticked, read as one text: `contains "Pro"` finds Pro Plus too."""
    known = there.get(field.from_property or "")
    if known is not None and known.ticks and not field.several and field.kind is Kind.TEXT:
        yield Problem(
            (
                f"{stream.name}.{known.name} allows multiple options, but {entry.object}.{field.name} "
                "reads it as a single text"
            ),
            f"write `{field.name}: {{property: {known.name}, several: true}}`, so that rules match whole options",
            stream.name,
            known.name,
        )


def _unwritable(
    stream: StreamMapping, entry: ObjectMapping, there: Mapping[str, PropertyDefinition]
) -> Iterator[Problem]:
    """What `write:` asks for and HubSpot would refuse."""
    read = {name for field in entry.fields for name in field.properties}
    for field, properties in entry.write.items():
        where = f"writing {entry.object}.{field} sets {{}} of {stream.name}"
        for name, value in properties.items():
            known = there.get(name)
            if known is None:
                if name not in read:  # else it is told already
                    yield _unwritten(stream, name, f"{where.format(name)}, a property the account doesn't have")
            elif known.read_only:
                yield _unwritten(
                    stream, name, f"{where.format(name)}, which HubSpot fills automatically: it can't be written"
                )
            elif value != VALUE and known.options and not set(value.split(TICKED)) <= known.options:
                options = ", ".join(f"{each} ({label})" for each, label in known.option_labels.items())
                words = f"{where.format(name)} to {value!r}, which isn't one of its options"
                yield _unwritten(stream, name, words, f"write one of {options}")


def _unwritten(stream: StreamMapping, name: str, what: str, todo: str = "") -> Problem:
    more = todo or "use another property"
    return Problem(what, f"{more}, or remove the line from `write:`", stream.name, name)


def _never_reread(stream: StreamMapping, there: Mapping[str, PropertyDefinition]) -> Iterator[Problem]:
    """Calculated properties that are mapped, where nothing says when they are read again."""
    if stream.reread is not None:
        return
    names = [name for name in stream.properties if name in there and changes_unseen(there[name], stream.modified)]
    if names:
        yield Problem(
            f"{', '.join(names)} of {stream.name} {'is' if len(names) == 1 else 'are'} calculated by HubSpot, "
            "which changes "
            "them without updating the modified date, so polls don't see it",
            f"add `reread: 6 hours` to the entry for {stream.name} in the connector file",
            stream.name,
            names[0],
        )


def changes_unseen(definition: PropertyDefinition, modified: str) -> bool:
    """Whether HubSpot changes the property by itself, without a change of the record that a poll finds."""
    with_the_record = definition.name in (modified, *_WITH_THE_RECORD) or definition.name.startswith(_ENTERED)
    return definition.calculated and not with_the_record


def _without_cursor(stream: StreamMapping) -> Problem:
    """Without the property that says when a record was modified nothing can be asked for."""
    usual = modified_property(stream.name)
    if stream.modified == usual:
        todo = "give the service key or app access to it in HubSpot"
    else:
        todo = (
            f"write `modified: {usual}` in the connector file, or omit the line: that's where HubSpot keeps it for "
            f"{stream.name}"
        )
    return Problem(
        f"{stream.name} have no property {stream.modified!r} with the modification time, or the token "
        "can't see it: changes can't be tracked",
        todo,
        stream.name,
        stream.modified,
        fatal=True,
    )


def _absent(stream: StreamMapping, name: str, what: str, there: Collection[str]) -> Problem:
    others = sorted(set(there) - set(stream.properties))  # one that is mapped already is not what was meant
    guess = f"; {did_you_mean(name, others)}" if get_close_matches(name, others) else ""
    return Problem(
        f"{stream.name} have no property {name!r} {what}, or the token can't see it",
        f"create it in HubSpot, give the service key or app access to it, or remove it from the connector file{guess}",
        stream.name,
        name,
    )


def _wrong_type(stream: StreamMapping, field: FieldMapping, definitions: Definitions) -> Iterator[Problem]:
    definition = definitions.properties[stream.name].get(field.from_property or "")
    allowed = _TYPES.get(field.kind)
    if definition is not None and allowed is not None and field.values is None and definition.type not in allowed:
        yield Problem(
            (
                f"{stream.name}.{definition.name} holds {definition.type} values, but {field.name} is of type "
                f"{field.kind}"
            ),
            "map another property or, for a custom field, set a matching `kind:`",
            stream.name,
            definition.name,
        )


def _unknown_values(stream: StreamMapping, field: FieldMapping, definitions: Definitions) -> Iterator[Problem]:
    definition = definitions.properties[stream.name].get(field.from_property or "")
    if definition is None or not definition.options or field.values is None or field.has_otherwise:
        return
    unmapped = sorted(definition.options - field.values.keys())
    if unmapped:
        yield Problem(
            f"{stream.name}.{definition.name} can contain {', '.join(unmapped)}, not mapped in the connector file",
            f"add them to `values:` of {field.name}, or add an `otherwise:`",
            stream.name,
            definition.name,
        )


def _unplaced_stages(mapping: HubSpotMapping, definitions: Definitions) -> Iterator[Problem]:
    follows = any(entry.field("stage") for stream in mapping.streams for entry in stream.objects)
    for stage in definitions.stages.values() if follows else ():
        if stage.kind == "open" and stage.position is None:
            yield Problem(
                f"the stage {stage.name!r} of {stage.pipeline!r} is neither early, mid nor late",
                "list it under `stages:` in the connector file; rules about early and late stages need it",
            )
    labels = [(stage.pipeline, stage.name) for stage in definitions.stages.values()]
    there = {
        (pipeline, name)
        for stage in definitions.stages.values()
        for pipeline in (stage.pipeline, stage.pipeline_id)
        for name in (stage.name, stage.id)
    }
    for pipeline, name in mapping.positions:
        if there and (pipeline, name) not in there:
            known = [each for its, each in labels if its == pipeline]
            yield Problem(
                f"the account has no stage {name!r} in pipeline {pipeline!r}",
                f"correct it under `stages:` in the connector file; {did_you_mean(name, known)}",
            )
