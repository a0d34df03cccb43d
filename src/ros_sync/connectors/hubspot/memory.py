"""What was known of an account, for a later process that cannot look at all of it: opaque to everybody else."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import orjson

from ros_sync.connectors.hubspot.definitions import AccountStage, Definitions, PropertyDefinition
from ros_sync.connectors.hubspot.mapping import HubSpotMapping

_STAGE = tuple(each.name for each in fields(AccountStage))


def written(definitions: Definitions, mapping: HubSpotMapping) -> str:
    """The definitions as far as the connector file rests on them."""
    properties = {}
    for stream in mapping.streams:
        there = definitions.properties.get(stream.name)
        if there is not None:
            names = {*stream.properties, *stream.tracked_properties, *_written_properties(stream)}
            properties[stream.name] = {
                name: [each.type, sorted(each.options), each.ticks] for name, each in there.items() if name in names
            }
    told: dict[str, Any] = {
        "time_zone": definitions.time_zone,
        "currency": definitions.currency,
        "account": definitions.account,
        "properties": properties,
        "pipelines": definitions.pipelines,
        "stages": [{name: getattr(each, name) for name in _STAGE} for each in definitions.stages.values()],
    }
    return orjson.dumps(told).decode()


def _written_properties(stream: Any) -> set[str]:
    return {name for entry in stream.objects for templates in entry.write.values() for name in templates}


def recalled(text: str) -> Definitions:
    """The definitions that were written; a text of an earlier version holds the time zone alone."""
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Definitions(time_zone=text or None)
    if not isinstance(told, dict):
        return Definitions()
    stages = [AccountStage(**each) for each in told["stages"]]
    return Definitions(
        properties={
            stream: {
                name: PropertyDefinition(name, kind, frozenset(options), ticks=bool(more and more[0]))
                for name, (kind, options, *more) in there.items()  # an earlier version kept the first two
            }
            for stream, there in told["properties"].items()
        },
        stages={(each.pipeline_id, each.id): each for each in stages},
        pipelines=told["pipelines"],
        currency=told["currency"],
        time_zone=told["time_zone"],
        account=told["account"],
    )
