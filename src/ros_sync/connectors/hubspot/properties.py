"""Changes in canonical form as HubSpot's properties."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from ros_sync import clock, money
from ros_sync.connectors.hubspot.definitions import Definitions
from ros_sync.connectors.hubspot.mapping import VALUE, FieldMapping, ObjectMapping, StreamMapping
from ros_sync.connectors.hubspot.records import TICKED
from ros_sync.errors import PermanentError, Where
from ros_sync.fields import Kind, StoredValue, did_you_mean


def to_properties(
    mapping: StreamMapping,
    changes: Mapping[str, StoredValue],
    definitions: Definitions,
    present: Mapping[str, str | None],
    *,
    currency: str | None = None,
) -> dict[str, str]:
    """The properties that make the changes. `present` are the record's own, for its pipeline and currency.

    Raises PermanentError for a field that the connector file does not let write, and for an unknown stage or value.
    """
    properties: dict[str, str] = {}
    for name, value in changes.items():
        entry = _entry(mapping, name)
        field = entry.field(name)
        assert field is not None
        text = _text(field, value, entry, definitions, present, currency)
        templates = entry.write[name]
        if value is None and (VALUE not in templates.values() or len(templates) > 1):
            raise PermanentError(
                f"{name} can't be cleared: writing it sets {', '.join(templates)}", where=Where(key=name)
            )
        for key, template in templates.items():
            properties[key] = text if template == VALUE else template
    return properties


def _entry(mapping: StreamMapping, name: str) -> ObjectMapping:
    for entry in mapping.objects:
        if name in entry.write:
            return entry
    known = [each for entry in mapping.objects for each in entry.write]
    raise PermanentError(
        f"{name} of {mapping.name} can't be written back",
        where=Where(key=name),
        hint=f"the connector file's `write:` lists what can; {did_you_mean(name, known)}",
    )


def _text(
    field: FieldMapping,
    value: StoredValue,
    entry: ObjectMapping,
    definitions: Definitions,
    present: Mapping[str, str | None],
    currency: str | None,
) -> str:
    if value is None:
        return ""
    if field.name == "stage":
        return _stage_id(str(value), entry, definitions, present)
    if field.kind is Kind.MONEY:
        held = present.get(field.currency_property) if field.currency_property else None
        code = held or field.currency or currency or definitions.currency or ""
        return format(Decimal(int(value)).scaleb(-money.exponent(code)), "f")
    if field.values is None:
        return _written(field.kind, value)
    ticks = any(
        name in known and known[name].ticks for known in definitions.properties.values() for name in field.properties
    )
    return TICKED.join(_theirs(field, field.values, each) for each in (str(value).split(TICKED) if ticks else [value]))


def _theirs(field: FieldMapping, values: Mapping[str, StoredValue], value: StoredValue) -> str:
    """HubSpot's value of what the connector file calls so."""
    for theirs, ours in values.items():
        if ours == value:
            return theirs
    hint = did_you_mean(str(value), map(str, values.values()))
    raise PermanentError(f"{value!r} isn't a valid {field.name}", hint=hint)


def _written(kind: Kind, value: StoredValue) -> str:
    """A value of a plain property: days as midnight UTC in milliseconds, as HubSpot wants them."""
    if kind is Kind.BOOLEAN:
        return "true" if value else "false"
    if kind is Kind.INSTANT:
        return _iso(clock.from_micros(int(value or 0)))
    if kind is Kind.DATE:
        day = date.fromisoformat(str(value))
        return str(clock.to_micros(datetime(day.year, day.month, day.day, tzinfo=UTC)) // 1_000)
    return str(value)


def _stage_id(name: str, entry: ObjectMapping, definitions: Definitions, present: Mapping[str, str | None]) -> str:
    pipeline = entry.field("pipeline")
    pipeline_id = present.get(pipeline.from_property or "") if pipeline else None
    stage = definitions.stage_named(name, pipeline_id)
    if stage is None:
        known = [each.name for each in definitions.stages.values() if pipeline_id in (None, each.pipeline_id)]
        raise PermanentError(f"there is no stage {name!r} in this deal's pipeline", hint=did_you_mean(name, known))
    return stage.id


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
