"""What a HubSpot account says of itself: properties, pipelines, owners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ros_sync.connectors.base import Batch
from ros_sync.connectors.hubspot.mapping import HubSpotMapping
from ros_sync.fields import StoredValue

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AccountStage:
    """A stage as the account has it; `order` counts from 1, `probability` is 0 to 1."""

    pipeline_id: str
    pipeline: str
    id: str
    name: str
    order: int
    kind: str
    position: str | None
    probability: float | None


UNKNOWN = ""  # the type of a property that answers hold and whose definition cannot be read


@dataclass(frozen=True, slots=True)
class PropertyDefinition:
    """A property as the account defines it.

    `ticks`: several options may be ticked, and come as `A;B`. `ours`: the company made it, not HubSpot.
    """

    name: str
    type: str
    options: frozenset[str] = frozenset()
    label: str = ""
    calculated: bool = False
    read_only: bool = False
    ticks: bool = False
    option_labels: Mapping[str, str] = field(default_factory=dict)
    ours: bool = False


@dataclass(slots=True)
class Definitions:
    """Everything that reading records needs to know of the account.

    `unknown_stages` are the (pipeline, stage) ids that records held and the account did not know when it was last
    looked at.
    """

    properties: dict[str, dict[str, PropertyDefinition]] = field(default_factory=dict)
    stages: dict[tuple[str, str], AccountStage] = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)
    currency: str | None = None
    time_zone: str | None = None
    account: str = ""
    unknown_stages: set[tuple[str | None, str]] = field(default_factory=set)

    def stage(self, pipeline_id: str | None, stage_id: str) -> AccountStage | None:
        """A stage by its id; where the pipeline does not have it, that of any pipeline that does."""
        found = self.stages.get((pipeline_id or "", stage_id))
        if found is None:
            found = next((each for (_, its_id), each in self.stages.items() if its_id == stage_id), None)
        return found

    def stage_named(self, name: str, pipeline: str | None) -> AccountStage | None:
        """A stage by its label, in the pipeline of that label or id where one is given."""
        for each in self.stages.values():
            if each.name == name and pipeline in (None, each.pipeline, each.pipeline_id):
                return each
        return None

    def known(self, stream: str, names: Iterable[str]) -> list[str]:
        """Those of these properties that the account has and shows."""
        there = self.properties.get(stream)
        return list(names) if there is None else [name for name in names if name in there]


def read_properties(body: Json) -> dict[str, PropertyDefinition]:
    """The properties of one object type."""
    return {each["name"]: _property(each) for each in body["results"]}


def _property(told: Json) -> PropertyDefinition:
    options, metadata = _options(told.get("options")), told.get("modificationMetadata")
    calculated = bool(told.get("calculated"))
    return PropertyDefinition(
        told["name"],
        str(told.get("type", "string")),
        frozenset(options),
        str(told.get("label") or told["name"]),
        calculated,
        calculated or bool(isinstance(metadata, dict) and metadata.get("readOnlyValue")),
        told.get("fieldType") == "checkbox",
        options,
        not told.get("hubspotDefined"),
    )


def _options(told: object) -> dict[str, str]:
    """The label of each option, by its value, in the account's order."""
    options = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    return {
        each["value"]: str(each.get("label") or each["value"]) for each in options if isinstance(each.get("value"), str)
    }


def read_pipelines(body: Json, mapping: HubSpotMapping, definitions: Definitions) -> None:
    """Note the pipelines and their stages in `definitions`, all at once: other threads are reading records by them."""
    found: dict[tuple[str, str], AccountStage] = {}
    pipelines: dict[str, str] = {}
    for pipeline in body["results"]:
        label = str(pipeline["label"])
        pipelines[str(pipeline["id"])] = label
        stages = sorted(pipeline.get("stages") or (), key=lambda stage: int(stage.get("displayOrder") or 0))
        for order, stage in enumerate(stages, 1):
            position = mapping.position((str(pipeline["id"]), label), (str(stage["id"]), str(stage["label"])))
            made = _stage(str(pipeline["id"]), label, stage, order, position)
            found[made.pipeline_id, made.id] = made
    definitions.stages, definitions.pipelines = found, pipelines


def _stage(pipeline_id: str, pipeline: str, stage: Json, order: int, position: str | None) -> AccountStage:
    metadata = stage.get("metadata") or {}
    probability = _share(metadata.get("probability"))
    told = metadata.get("isClosed")
    closed = probability in (0.0, 1.0) if told is None else str(told).lower() == "true"
    # HubSpot calls a stage closed and says won and lost by the probability alone: 1 is won, 0 lost.
    kind = "open" if not closed else "won" if probability is not None and probability >= 1 else "lost"
    return AccountStage(
        pipeline_id, pipeline, str(stage["id"]), str(stage["label"]), order, kind, position, probability
    )


def _share(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def owners_batch(owners: Sequence[Json]) -> Batch:
    """The account's users, archived ones too (`active` is false for them)."""
    unique = {str(owner["id"]): owner for owner in owners}
    columns: dict[str, list[StoredValue]] = {"id": list(unique), "name": [], "email": [], "active": [], "team": []}
    for owner in unique.values():
        email = _word(owner.get("email")) or None
        name = " ".join(filter(None, map(_word, (owner.get("firstName"), owner.get("lastName")))))
        teams = sorted(_named(owner.get("teams")), key=lambda team: not team.get("primary"))
        columns["name"].append(name or email)
        columns["email"].append(email)
        columns["active"].append(not owner.get("archived"))
        columns["team"].append(str(teams[0]["name"]) if teams else None)
    return Batch("owner", "owners", columns, [0] * len(unique))


def _named(told: object) -> list[Json]:
    return [each for each in told if isinstance(each, dict) and each.get("name")] if isinstance(told, list) else []


def _word(told: object) -> str:
    return told.strip() if isinstance(told, str) else ""


def stages_batch(definitions: Definitions) -> Batch:
    """The stages of every pipeline; the id is `pipeline/stage`."""
    stages = list(definitions.stages.values())
    columns: dict[str, list[StoredValue]] = {
        "id": [f"{each.pipeline_id}/{each.id}" for each in stages],
        "pipeline": [each.pipeline for each in stages],
        "name": [each.name for each in stages],
        "stage_order": [each.order for each in stages],
        "stage_kind": [each.kind for each in stages],
        "stage_position": [each.position for each in stages],
        "probability": [each.probability for each in stages],
    }
    return Batch("pipeline_stage", "pipelines", columns, [0] * len(stages))
