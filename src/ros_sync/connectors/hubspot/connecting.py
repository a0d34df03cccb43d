"""A connector file fitted to an account: what has to change in it, and why. What works is left as people wrote it.

Nothing is called here. `Plan` is worked out from the account's definitions and the file; its text is what the file
becomes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ros_sync.config_files.edits import Edits, map_at, scalar, value_of
from ros_sync.connectors.hubspot.candidates import BY_LABEL, NOT_MADE, WANTED, PropertyCandidate, Wanted
from ros_sync.connectors.hubspot.definitions import AccountStage, Definitions, PropertyDefinition
from ros_sync.connectors.hubspot.doctor import changes_unseen
from ros_sync.connectors.hubspot.mapping import VALUE, modified_property
from ros_sync.connectors.hubspot.records import TICKED

POSITIONS = ("early", "mid", "late")
REREAD = "6 hours"
UNUSED_BELOW = 0.005  # the share of records that is shown as 0 %: somebody tried the property once
LACKING = "the account has no such property"
# Where an account has no property by the first name, it may have one by the other.
SAME = {f"hs_lifecyclestage_{stage}_date": f"hs_v2_date_entered_{stage}" for stage in (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist",
    "other",
)}  # fmt: skip
# What the shipped file fills by what every account has, for want of a property of the company's own.
MAKESHIFT = {("lead", "rejection_code"): "hs_lead_status"}
REJECTED = re.compile(r"reject|disqualif|unqualif|recycl", re.IGNORECASE)
RECKONED = "custom.hubspot_"  # fields of what HubSpot works out by itself, beside ours
_ENTERED = "hs_v2_date_entered_"
_SET_WITH = "lifecyclestage", "hs_lead_status"  # the properties by which a lead is accepted and rejected


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One change of the file, in words: which part of it, what became of it, and why."""

    where: str
    what: str


@dataclass(slots=True)
class Plan:
    """The file as it is to be, the steps there, and the fields that nothing fills with what might."""

    text: str
    steps: list[PlannedChange] = field(default_factory=list)
    missing: dict[Wanted, list[PropertyCandidate]] = field(default_factory=dict)


def fit(
    text: str,
    definitions: Definitions,
    found: Mapping[Wanted, Sequence[PropertyCandidate]],
    made: Iterable[Wanted] = (),
) -> Plan:
    """The plan for a file of this text.

    `found` are the candidates of each field, `made` the fields whose property is made.
    """
    fitting = _Fitting(text, definitions)
    fitting.stages()
    for entry in fitting.entries():
        fitting.entry(*entry, found, frozenset(made))
    fitting.reckoned()
    return Plan(fitting.edits.text(), fitting.steps, fitting.missing)


class _Fitting:
    """Works out the edits of one file."""

    def __init__(self, text: str, definitions: Definitions) -> None:
        self.edits = Edits(text)
        self.steps: list[PlannedChange] = []
        self.missing: dict[Wanted, list[PropertyCandidate]] = {}
        self._definitions = definitions
        self._sources: dict[tuple[str, str], str] = {}  # by object and field, the property that fills it from now on

    def _tell(self, where: str, what: str) -> None:
        self.steps.append(PlannedChange(where, what))

    def entries(self) -> list[tuple[str, str, MappingNode]]:
        """(stream, object, entry) of `objects:`."""
        listed = value_of(self.edits.root, "objects")
        entries = [each for each in listed.value if isinstance(each, MappingNode)] if listed is not None else []
        return [(_text(each, "stream"), _text(each, "object"), each) for each in entries]

    # ---- stages

    def stages(self) -> None:
        """Place the open stages of every pipeline; what is placed stays where it was put."""
        pipelines: dict[str, list[AccountStage]] = {}
        for stage in self._definitions.stages.values():
            pipelines.setdefault(stage.pipeline_id, []).append(stage)
        section = map_at(self.edits.root, "stages")
        if not pipelines:
            return
        known = {name for pipeline in pipelines.values() for name in (pipeline[0].pipeline_id, pipeline[0].pipeline)}
        for name, _ in section.value if section is not None else ():
            if section is not None and name.value not in known:
                self.edits.drop(section, name.value, "the account has no such pipeline")
                self._tell("stages", f"removed {name.value}: the account has no such pipeline")
        if section is not None:
            for stages in pipelines.values():
                self._pipeline(section, stages)
            return
        lines = {stages[0].pipeline: _lines(_proposed(stages)) for stages in pipelines.values()}
        told = ", ".join(f"{scalar(label)}: {line}" for label, line in lines.items() if line)
        if told:
            self.edits.add(self.edits.root, "stages", f"{{{told}}}")
            self._tell("stages", f"added {', '.join(lines)}")

    def _pipeline(self, section: MappingNode, stages: list[AccountStage]) -> None:
        label, proposed = stages[0].pipeline, _proposed(stages)
        there = map_at(section, label) or map_at(section, stages[0].pipeline_id)
        if there is None:
            if proposed:
                self.edits.add(section, label, _lines(proposed))
                self._tell("stages", f"added {label}: {_placed(proposed)}")
            return
        names = {each for stage in stages for each in (stage.name, stage.id)}
        lists = {place: value_of(there, place) for place in POSITIONS}
        listed = {
            place: [each.value for each in node.value] if isinstance(node, SequenceNode) else []
            for place, node in lists.items()
        }
        placed = {each for values in listed.values() for each in values}
        new = {
            stage.name: proposed[stage.name]
            for stage in stages
            if stage.kind == "open" and not {stage.name, stage.id} & placed
        }
        for place, node in lists.items():
            gone = [each for each in listed[place] if each not in names]
            more = [name for name, at in new.items() if at == place]
            if isinstance(node, SequenceNode):
                self.edits.relist(node, without=gone, more=more)
            elif more:
                self.edits.add(there, place, f"[{', '.join(map(scalar, more))}]")
            if gone:
                self._tell("stages", f"removed {', '.join(gone)} from {label}: the account has no such stage")
        if new:
            self._tell("stages", f"{label}: {_placed(new)}")

    # ---- objects

    def entry(
        self,
        stream: str,
        name: str,
        entry: MappingNode,
        found: Mapping[Wanted, Sequence[PropertyCandidate]],
        made: frozenset[Wanted],
    ) -> None:
        """Fit one entry of `objects:`."""
        there = self._definitions.properties.get(stream)
        fields = map_at(entry, "fields")
        if there is None or fields is None:
            return
        chosen = {wanted.field: _choice(wanted, found, made) for wanted in WANTED if wanted.object == name}
        dropped = self._absent(name, entry, fields, chosen, there)
        self._only_if_known(name, entry, there)
        filled = {key.value for key, _ in fields.value} - dropped
        for wanted in WANTED:
            if wanted.object != name or (name, wanted.field) in self._sources:
                continue
            best, makeshift = chosen[wanted.field], MAKESHIFT.get((name, wanted.field))
            is_makeshift = makeshift is not None and _property_of(value_of(fields, wanted.field)) == makeshift
            if wanted.field in filled and not is_makeshift:
                continue
            if best is None or wanted.field in dropped:
                if wanted.field not in filled and wanted.name not in NOT_MADE:
                    self.missing[wanted] = list(found.get(wanted, ()))
                continue
            change = self.edits.set if is_makeshift else self.edits.add
            change(fields, wanted.field, _line(best.definition))
            self._fills(wanted.name, best)
            filled.add(wanted.field)
        self._values(name, fields, there)
        self._writes(name, entry, filled, there)

    def _absent(
        self,
        name: str,
        entry: MappingNode,
        fields: MappingNode,
        chosen: Mapping[str, PropertyCandidate | None],
        there: Mapping[str, PropertyDefinition],
    ) -> set[str]:
        """Fields whose property the account lacks are filled by another one, or taken out; which were taken out."""
        dropped = set()
        for key, value in fields.value:
            source = _property_of(value)
            currency = map_at(value, "currency")
            if currency is not None and isinstance(value, MappingNode) and _property_of(currency) not in there:
                self.edits.drop(value, "currency", LACKING)
                self._tell(f"{name}.{key.value}", "uses the account's currency: no currency property")
            if source is None or source in there:
                continue
            best = chosen.get(key.value)
            other = SAME.get(source) if SAME.get(source) in there else best.definition.name if best else None
            if other is None:
                self.edits.drop(fields, key.value, LACKING)
                self._tell(f"{name}.{key.value}", f"removed: the account has no property {source}")
                dropped.add(key.value)
                continue
            holder, held = (value, "property") if isinstance(value, MappingNode) else (fields, key.value)
            short = held == key.value and best is not None and other == best.definition.name
            self.edits.set(holder, held, _line(best.definition) if short and best else scalar(other))
            self._sources[name, key.value] = other
            self._tell(f"{name}.{key.value}", f"now filled by {other}: the account has no {source}")
        track = value_of(entry, "track")
        if isinstance(track, SequenceNode):
            self.edits.relist(track, without=dropped)
        return dropped

    def _only_if_known(self, name: str, entry: MappingNode, there: Mapping[str, PropertyDefinition]) -> None:
        node = value_of(entry, "only_if_known")
        if not isinstance(node, SequenceNode):
            return
        absent = [each.value for each in node.value if each.value not in there]
        instead = [SAME[each] for each in absent if SAME.get(each) in there]
        if absent and len(absent) - len(instead) < len(node.value):
            left = [each.value for each in node.value if each.value in there]
            self.edits.set(entry, "only_if_known", f"[{', '.join(map(scalar, [*left, *instead]))}]")
            self._tell(f"{name}, only_if_known", f"removed {', '.join(absent)}{_by(instead)}")

    def _fills(self, name: str, chosen: PropertyCandidate) -> None:
        """Tell which property fills a field from now on."""
        source = chosen.definition.name
        kind, _, field_name = name.partition(".")
        self._sources[kind, field_name] = source
        share = "" if chosen.share is None else f", {chosen.share:.0%} filled"
        self._tell(name, f"filled by {source} ({chosen.definition.label or source}{share})")

    def _values(self, name: str, fields: MappingNode, there: Mapping[str, PropertyDefinition]) -> None:
        """Name the lifecycle stages and forecast categories that the company made."""
        for field_name in ("lifecycle_stage", "forecast_category"):
            part = map_at(fields, field_name)
            values, source = map_at(part, "values"), _property_of(part)
            if values is None or source not in there or source is None:
                continue
            known = {key.value for key, _ in values.value}
            new = {value: label for value, label in there[source].option_labels.items() if value not in known}
            for value, label in new.items():
                self.edits.add(values, value, scalar(label))
            if new:
                told = ", ".join(f"{label} ({value})" for value, label in new.items())
                self._tell(f"{name}.{field_name}", f"added {told}")

    # ---- what is written

    def _writes(self, name: str, entry: MappingNode, filled: set[str], there: Mapping[str, PropertyDefinition]) -> None:
        part = map_at(entry, "write")
        if part is None:
            return
        written = {key.value for key, _ in part.value}
        for key, value in part.value:
            refused = _refused(value, there)
            if key.value not in filled:
                self.edits.drop(part, key.value, "no property for it")
                self._tell(f"{name}, write", f"removed {key.value}: no property for it")
            elif refused:
                self.edits.drop(part, key.value, refused)
                self._tell(f"{name}, write", f"removed {key.value}: {refused}")
        rejected = self._sources.get(("lead", "rejected"))
        if name == "lead" and rejected and "rejected" in filled - written and not _is_read_only(there, rejected):
            sets = next(iter(_rejections(there)), None)
            line = f'{{{sets}, {scalar(rejected)}: "{VALUE}"}}' if sets else ""
            self.edits.add(part, "rejected", line)
            self._tell(f"{name}, write", f"rejected sets {f'{sets} and ' if sets else ''}{rejected}")
        if "next_step_date" in filled - written and name == "deal":
            self.edits.add(part, "next_step_date", "")
            self._tell(f"{name}, write", "added next_step_date")

    # ---- what HubSpot works out

    def reckoned(self) -> None:
        """Mirror what HubSpot works out of stages beside ours, and see to it that it is read again."""
        first: dict[str, MappingNode] = {}
        unseen: dict[str, bool] = {}
        for stream, name, entry in self.entries():
            first.setdefault(stream, entry)
            there, fields = self._definitions.properties.get(stream), map_at(entry, "fields")
            if there is None or fields is None:
                continue
            mapped = {_property_of(value) for _, value in fields.value}
            new = dict(_reckoned(self._definitions, there)) if name == "deal" else {}
            for field_name, source in new.items():
                if source not in mapped and value_of(fields, field_name) is None:
                    kind = "boolean" if there[source].type == "bool" else "instant"
                    self.edits.add(fields, field_name, f"{{property: {scalar(source)}, kind: {kind}}}")
                    self._tell(f"{name}.{field_name}", f"mirrors {source}, as calculated by HubSpot")
                    mapped.add(source)
            modified = _text(first[stream], "modified") or modified_property(stream)
            unseen[stream] = unseen.get(stream, False) or any(
                changes_unseen(there[each], modified) for each in mapped if each in there
            )
        for stream, entry in first.items():
            if unseen.get(stream) and value_of(entry, "reread") is None:
                self.edits.add(entry, "reread", REREAD)
                self._tell(
                    f"{stream}, reread",
                    f"all records are re-read every {REREAD}, because calculated properties change without a trace",
                )


def positions(names: Sequence[str]) -> dict[str, str]:
    """Open stages in their order as early, mid and late, by thirds; where there are two, the second one is late."""
    count = len(names)
    if count == 2:  # noqa: PLR2004  # of thirds there would be an early and a middle one
        return dict(zip(names, ("early", "late"), strict=True))
    return {name: POSITIONS[place * 3 // count] for place, name in enumerate(names)}


def _proposed(stages: Sequence[AccountStage]) -> dict[str, str]:
    return positions([stage.name for stage in stages if stage.kind == "open"])


def _lines(proposed: Mapping[str, str]) -> str:
    """`{early: […], mid: […], late: […]}`; nothing where no stage is open."""
    lists = [
        f"{place}: [{', '.join(scalar(name) for name, at in proposed.items() if at == place)}]"
        for place in POSITIONS
        if place in proposed.values()
    ]
    return f"{{{', '.join(lists)}}}" if lists else ""


def _placed(proposed: Mapping[str, str]) -> str:
    return ", ".join(f"{name} is {place}" for name, place in proposed.items())


def _by(names: Sequence[str]) -> str:
    return f", replaced by {', '.join(names)}" if names else ""


def _choice(
    wanted: Wanted, found: Mapping[Wanted, Sequence[PropertyCandidate]], made: Collection[Wanted]
) -> PropertyCandidate | None:
    """The property that fills a field from now on: one that is there, or the one that is made for it."""
    if wanted in made:
        return unused(found.get(wanted, ())) or PropertyCandidate(
            PropertyDefinition(wanted.property, wanted.type, label=wanted.label, ours=True), BY_LABEL
        )
    return _chosen(found.get(wanted, ()))


def _chosen(found: Sequence[PropertyCandidate]) -> PropertyCandidate | None:
    """The candidate that is sure enough: by name or label; of several alike, the one that is filled most."""
    sure = [each for each in found if each.sureness >= BY_LABEL and not _is_unused(each)]
    return max(sure, key=lambda each: (each.sureness, each.definition.ours, each.share or 0.0)) if sure else None


def unused(found: Sequence[PropertyCandidate]) -> PropertyCandidate | None:
    """The candidate that would be sure enough, were it filled anywhere; None where there is none, or another is taken.

    Nobody uses it, so that a rule would fire on everyone: it fills its field on request alone.
    """
    sure = [each for each in found if each.sureness >= BY_LABEL and _is_unused(each)]
    return (
        max(sure, key=lambda each: (each.sureness, each.definition.ours)) if sure and _chosen(found) is None else None
    )


def _is_unused(candidate: PropertyCandidate) -> bool:
    return candidate.share is not None and candidate.share < UNUSED_BELOW


def _reckoned(definitions: Definitions, there: Mapping[str, PropertyDefinition]) -> Iterable[tuple[str, str]]:
    """What HubSpot works out of deals: fields of ours, and the properties."""
    for source, name in (("hs_is_stalled", "is_stalled"), (f"{_ENTERED}current_stage", "stage_entered")):
        if source in there:
            yield RECKONED + name, source
    for stage in definitions.stages.values():
        source = f"{_ENTERED}{stage.id}"
        if source in there:
            yield f"{RECKONED}entered_{stage.id}", source


def _rejections(there: Mapping[str, PropertyDefinition]) -> Iterable[str]:
    """How a lead may be set to rejected: `hs_lead_status: UNQUALIFIED`."""
    for name in _SET_WITH:
        for value, label in there[name].option_labels.items() if name in there else ():
            if REJECTED.search(value) or REJECTED.search(label):
                yield f"{name}: {scalar(value)}"


def _refused(value: Node, there: Mapping[str, PropertyDefinition]) -> str | None:
    """Why HubSpot would refuse what a line of `write:` sets; None where it would not."""
    for key, set_to in value.value if isinstance(value, MappingNode) else ():
        known = there.get(key.value)
        if known is None:
            return f"the account has no property {key.value}"
        if known.read_only:
            return f"{key.value} is read-only"
        if set_to.value != VALUE and known.options and not set(set_to.value.split(TICKED)) <= known.options:
            return f"{key.value} has no option {set_to.value}"
    return None


def _is_read_only(there: Mapping[str, PropertyDefinition], name: str) -> bool:
    return name in there and there[name].read_only  # one that is made now is not there yet


def _line(definition: PropertyDefinition) -> str:
    """What stands behind a field that the property fills."""
    name = scalar(definition.name)
    return f"{{property: {name}, several: true}}" if definition.ticks else name


def _property_of(value: Node | None) -> str | None:
    """The property that a field line reads: `name` or `{property: name}`."""
    if isinstance(value, ScalarNode):
        return str(value.value) or None
    node = value_of(value, "property")
    return str(node.value) if isinstance(node, ScalarNode) else None


def _text(node: MappingNode, key: str) -> str:
    found = value_of(node, key)
    return str(found.value) if isinstance(found, ScalarNode) else ""
