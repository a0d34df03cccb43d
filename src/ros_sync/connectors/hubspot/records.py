"""HubSpot's records as canonical batches, histories and links.

A page is converted property by property, each value worked out once (`CellReader`): most columns repeat themselves. A
value that cannot be read leaves its field missing and is set aside with its reason; the record itself always comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from ros_sync.connectors.base import Batch, SetAside
from ros_sync.connectors.export.cells import CellReader
from ros_sync.connectors.hubspot import values
from ros_sync.connectors.hubspot.definitions import AccountStage, Definitions
from ros_sync.connectors.hubspot.mapping import CUSTOM, STAGE_FIELDS, FieldMapping, ObjectMapping, StreamMapping
from ros_sync.connectors.source import Entry, History, Link
from ros_sync.fields import Carried, Kind

Json = Mapping[str, Any]
Cell = str | None
MODIFIED = "modified"
SHOWN_CHARS = 200  # of a value that is set aside
NO_CURRENCY = "XXX"  # ISO 4217: no currency is known


class RecordReader:
    """Reads the records of one stream. `definitions` are looked into when a page is read, so they may be renewed."""

    def __init__(self, mapping: StreamMapping, definitions: Definitions, *, currency: str | None = None) -> None:
        self._mapping = mapping
        self._definitions = definitions
        self._currency = currency or definitions.currency or NO_CURRENCY
        self._zone = ZoneInfo(definitions.time_zone or "UTC")
        self._objects = [
            _ObjectReader(mapping, entry, definitions, self._currency, self._zone) for entry in mapping.objects
        ]

    def batches(self, results: Sequence[Json]) -> list[Batch]:
        """One batch for each canonical object of the stream, the first one with every record."""
        return [reader.batch(results) for reader in self._objects]

    def histories(self, results: Iterable[Json]) -> dict[str, History]:
        """The histories of the tracked fields, oldest first, by record id."""
        reader = self._objects[0]
        return {
            str(result["id"]): reader.history(result, self._mapping.track)
            for result in results
            if result.get("propertiesWithHistory") is not None
        }

    def links(self, results: Iterable[Json]) -> tuple[dict[str, list[Link]], dict[str, list[str]]]:
        """The links that came with the records, and by stream the ids of the records that have more of them."""
        found: dict[str, list[Link]] = {}
        more: dict[str, list[str]] = {}
        for result in results:
            record_id, inside = str(result["id"]), result.get("associations") or {}
            unique: dict[Link, None] = {}
            for name, part in inside.items():
                stream = _stream_of(name)
                if stream not in self._mapping.links:
                    continue
                unique |= dict.fromkeys(_inline(stream, part.get("results") or ()))
                if part.get("paging"):
                    more.setdefault(stream, []).append(record_id)
            found[record_id] = list(unique)
        return found, more


def _stream_of(name: str) -> str:
    """`companies`, also where HubSpot writes `COMPANIES` or `company`."""
    lower = name.lower().replace(" ", "_")
    return {"company": "companies", "deal": "deals", "contact": "contacts"}.get(lower, lower)


def _inline(stream: str, results: Iterable[Json]) -> Iterable[Link]:
    """An id comes once for each label: `deal_to_company` is the primary one, `…_unlabeled` says that there is a link."""
    for each in results:
        kind = str(each.get("type", ""))
        is_primary = stream == "companies" and not kind.endswith("_unlabeled")
        yield Link(stream, str(each["id"]), "primary" if is_primary else "")


def association_links(stream: str, targets: Iterable[Json]) -> list[Link]:
    """The links out of an answer of associations v4."""
    found: dict[Link, None] = {}
    unlabelled: list[Json] = [{}]
    for target in targets:
        for kind in target.get("associationTypes") or unlabelled:
            label = str(kind.get("label") or "")
            found[Link(stream, str(target["toObjectId"]), "primary" if label.lower() == "primary" else label)] = None
    return list(found)


class _ObjectReader:
    """Reads the records of one stream as one canonical object."""

    def __init__(
        self, stream: StreamMapping, entry: ObjectMapping, definitions: Definitions, currency: str, zone: ZoneInfo
    ) -> None:
        self._stream = stream
        self._entry = entry
        self._definitions = definitions
        self._currency = currency
        self._zone = zone
        self._filled = _readable(stream, entry, definitions)
        self._plain = [each for each in self._filled if not each.name.startswith(CUSTOM)]
        self._own = sorted((each for each in self._filled if each.name.startswith(CUSTOM)), key=lambda each: each.name)
        self._parsers = {each.name: self._parser(each) for each in self._filled}
        self._cells = {each.name: CellReader(self._parsers[each.name]) for each in self._plain}
        self._parts = {each.name: CellReader(self._json_part(each)) for each in self._own}
        self._modified = CellReader(_optional(values.instant))
        self._stages = CellReader(self._stage)

    def batch(self, results: Sequence[Json]) -> Batch:
        """The records that are of this object."""
        if self._entry.only_if_known:
            known = self._entry.only_if_known
            results = [each for each in results if any(each["properties"].get(name) for name in known)]
        properties = [each["properties"] for each in results]
        ids: list[Carried] = [str(each["id"]) for each in results]
        done: dict[str, list[Carried]] = {"id": ids}
        set_aside: list[SetAside] = []
        modified = [
            held.get(self._stream.modified) or each.get("updatedAt")
            for held, each in zip(properties, results, strict=True)
        ]
        done[MODIFIED] = list(self._modified.read(modified)[0])
        for mapping in self._plain:
            if mapping.name == "stage":
                self._fill_stage(mapping, properties, done)
            elif mapping.name != "pipeline" or "stage" not in self._parsers:
                self._fill(mapping, properties, done, set_aside, ids)
        if self._own:
            done["custom"] = self._custom(properties, set_aside, ids)
        return Batch(self._entry.object, self._stream.name, done, [0] * len(ids), set_aside=set_aside)

    def _fill(
        self,
        mapping: FieldMapping,
        properties: Sequence[Mapping[str, Cell]],
        done: dict[str, list[Carried]],
        set_aside: list[SetAside],
        ids: Sequence[Carried],
    ) -> None:
        cells: Sequence[Any]
        if mapping.join:
            cells = [" ".join(filter(None, map(held.get, mapping.join))) for held in properties]
        elif mapping.kind is Kind.MONEY:
            currencies = self._currencies(mapping, properties)
            cells = [
                (held.get(mapping.from_property or ""), code) for held, code in zip(properties, currencies, strict=True)
            ]
            if mapping.name == "amount":
                done["currency"] = list(currencies)
        elif mapping.from_property is None:
            done[mapping.name] = _only_where(mapping, [mapping.constant] * len(properties), done)
            return
        else:
            name = mapping.from_property
            cells = [held.get(name) for held in properties]
        found, failures = self._cells[mapping.name].read(cells)
        done[mapping.name] = _only_where(mapping, list(found), done)
        for place, reason in failures.items():
            set_aside.append(self._set_aside(mapping, cells[place], str(ids[place]), reason))

    def _set_aside(self, mapping: FieldMapping, cell: Any, record_id: str, reason: str) -> SetAside:
        shown = str(cell[0] if isinstance(cell, tuple) else cell)[:SHOWN_CHARS]
        words = f"{reason}, so {mapping.name} of {self._entry.object} {record_id} is missing here"
        return SetAside(self._stream.name, 0, mapping.from_property, shown, words, record_id)

    def _currencies(self, mapping: FieldMapping, properties: Sequence[Mapping[str, Cell]]) -> list[str]:
        default = mapping.currency or self._currency
        name = mapping.currency_property
        return [held.get(name) or default for held in properties] if name else [default] * len(properties)

    def _fill_stage(
        self, mapping: FieldMapping, properties: Sequence[Mapping[str, Cell]], done: dict[str, list[Carried]]
    ) -> None:
        pipeline = self._entry.field("pipeline")
        name, key = mapping.from_property or "", (pipeline.from_property if pipeline else None) or ""
        found, _ = self._stages.read([(held.get(key) or None, held.get(name) or None) for held in properties])
        for place, field in enumerate(("stage", *STAGE_FIELDS)):
            done[field] = [row[place] if row else None for row in found]

    def _stage(self, cell: tuple[Cell, Cell]) -> tuple[Carried, ...]:
        """(stage, pipeline, kind, position, order, probability) of a pipeline's and a stage's id."""
        pipeline_id, stage_id = cell
        label = self._definitions.pipelines.get(pipeline_id or "", pipeline_id)
        stage = self._definitions.stage(pipeline_id, stage_id) if stage_id else None
        if stage is None:
            if stage_id:
                self._definitions.strangers.add((pipeline_id, stage_id))
            return (stage_id, label, None, None, None, None)
        return stage_values(stage)

    def _custom(
        self, properties: Sequence[Mapping[str, Cell]], set_aside: list[SetAside], ids: Sequence[Carried]
    ) -> list[Carried]:
        """The company's own properties of each record as a JSON object, keys sorted, without those that are missing."""
        parts = []
        for mapping in self._own:
            name = mapping.from_property or ""
            cells = [held.get(name) for held in properties]
            found, failures = self._parts[mapping.name].read(cells)
            parts.append(found)
            for place, reason in failures.items():
                set_aside.append(self._set_aside(mapping, cells[place], str(ids[place]), reason))
        return [
            "{" + inner + "}" if (inner := ",".join(filter(None, row))) else None for row in zip(*parts, strict=True)
        ]

    def _json_part(self, mapping: FieldMapping) -> Callable[[Cell], str | None]:
        parse, name = self._parsers[mapping.name], mapping.name.removeprefix(CUSTOM)

        def part(cell: Cell) -> str | None:
            value = parse(cell)
            return None if value is None else orjson.dumps({name: value}).decode()[1:-1]

        return part

    def _parser(self, mapping: FieldMapping) -> Callable[[Any], Carried]:
        if mapping.kind is Kind.MONEY:
            return _amount
        if mapping.values is not None:
            return _among(mapping, mapping.values)
        return _optional(values.reader(mapping.kind, self._zone))

    # ---- history

    def history(self, result: Json, track: Sequence[str]) -> dict[str, list[Entry]]:
        """The history of the tracked fields of one record."""
        told = result["propertiesWithHistory"]
        found: dict[str, list[Entry]] = {}
        stages: list[tuple[int, AccountStage | None, str | None, str | None]] = []
        for name in track:
            mapping = self._entry.field(name)
            if mapping is None or mapping.from_property is None or name in ("pipeline", "closed"):
                continue
            entries = told.get(mapping.from_property) or ()
            if name == "stage":
                stages = self._stage_history(entries, result)
                found |= _stage_entries(stages)
            elif mapping.kind is Kind.MONEY:
                code = self._currencies(mapping, [result["properties"]])[0]
                found[name] = self._entries(_amount_in(code), entries)
            else:
                found[name] = self._entries(self._parsers[name], entries)
        closed = self._entry.field("closed")
        if closed is not None and "closed" in track and closed.from_property is not None:
            found["closed"] = self._closed_history(closed, told.get(closed.from_property) or (), stages)
        return found

    @staticmethod
    def _entries(parse: Callable[[Any], Carried], entries: Sequence[Json]) -> list[Entry]:
        found: list[Entry] = []
        for entry in reversed(entries):
            try:
                value = parse(entry.get("value") or None)
            except ValueError:
                value = None
            if not found or found[-1].value != value:
                found.append(Entry(_when(entry), value, _author(entry)))
        return found

    def _stage_history(
        self, entries: Sequence[Json], result: Json
    ) -> list[tuple[int, AccountStage | None, str | None, str | None]]:
        """(instant, stage, its id, author) oldest first. A stage is looked up in the present pipeline, then in the others."""
        pipeline = self._entry.field("pipeline")
        pipeline_id = result["properties"].get((pipeline.from_property if pipeline else None) or "")
        found: list[tuple[int, AccountStage | None, str | None, str | None]] = []
        for entry in reversed(entries):
            stage_id = entry.get("value") or None
            if not found or found[-1][2] != stage_id:
                stage = self._definitions.stage(pipeline_id, stage_id) if stage_id else None
                found.append((_when(entry), stage, stage_id, _author(entry)))
        return found

    def _closed_history(
        self,
        mapping: FieldMapping,
        dates: Sequence[Json],
        stages: Sequence[tuple[int, AccountStage | None, str | None, str | None]],
    ) -> list[Entry]:
        """When it was closed, over time: HubSpot keeps that instant in the close date while the stage is a closed one."""
        kinds = dict(mapping.only_if).get("stage_kind", frozenset())
        moved = [(_when(entry), entry) for entry in reversed(dates)]
        instants = sorted({at for at, _ in moved} | {at for at, *_ in stages})
        found: list[Entry] = []
        parse = self._parsers["closed"]
        for at in instants:
            held = [each for each in stages if each[0] <= at]
            stage, by = (held[-1][1], held[-1][3]) if held else (None, None)
            date = next((entry for when, entry in reversed(moved) if when <= at), None)
            value = None
            if stage is not None and stage.kind in kinds and date is not None:
                try:
                    value = parse(date.get("value") or None)
                except ValueError:
                    value = None
            if not found or found[-1].value != value:
                found.append(Entry(at, value, by))
        return found


def _readable(stream: StreamMapping, entry: ObjectMapping, definitions: Definitions) -> list[FieldMapping]:
    """The fields that can be filled: those whose property the account shows.

    A field whose property was taken away or hidden is in no batch, so that the mirror keeps what it knew of it; the
    doctor tells of it.
    """
    found: list[FieldMapping] = []
    for each in entry.fields:
        names = [name for name in (each.from_property, *each.join) if name]
        if each.link or each.name == "currency" or (names and not definitions.known(stream.name, names)):
            continue
        found.append(each)
    has_stage = any(each.name == "stage" for each in found)
    if not has_stage and entry.field("stage") is not None:
        found = [each for each in found if each.name != "pipeline"]
    names_there = {each.name for each in found} | (set(STAGE_FIELDS) if has_stage else set())
    return [each for each in found if all(name in names_there for name, _ in each.only_if)]


def stage_values(stage: AccountStage) -> tuple[Carried, ...]:
    """(stage, pipeline, kind, position, order, probability)."""
    return (stage.name, stage.pipeline, stage.kind, stage.position, stage.order, stage.probability)


def _stage_entries(
    stages: Sequence[tuple[int, AccountStage | None, str | None, str | None]],
) -> dict[str, list[Entry]]:
    """The history of everything that a stage brings with it."""
    found: dict[str, list[Entry]] = {name: [] for name in ("stage", *STAGE_FIELDS)}
    for at, stage, stage_id, by in stages:
        row = stage_values(stage) if stage else (stage_id, None, None, None, None, None)
        for name, value in zip(found, row, strict=True):
            entries = found[name]
            if not entries or entries[-1].value != value:
                entries.append(Entry(at, value, by))
    return found


def _when(entry: Json) -> int:
    return int(values.instant(str(entry["timestamp"])) or 0)


def _author(entry: Json) -> str | None:
    """`user:101`, or what did it, as HubSpot names it: `INTEGRATION`."""
    user = entry.get("updatedByUserId")
    if user is not None:
        return f"user:{user}"
    source = str(entry.get("sourceId") or "")
    if source.startswith("userId:"):
        return f"user:{source.removeprefix('userId:')}"
    return str(entry.get("sourceType") or "") or None


def _optional(parse: Callable[[str], Carried]) -> Callable[[Cell], Carried]:
    def read(cell: Cell) -> Carried:
        return parse(cell) if cell else None

    return read


def _among(mapping: FieldMapping, known: Mapping[str, Carried]) -> Callable[[Cell], Carried]:
    def read(cell: Cell) -> Carried:
        if not cell:
            return None
        if cell in known:
            return known[cell]
        if mapping.has_otherwise:
            return mapping.otherwise
        raise ValueError(f"is none of the values that the connector file lists for {mapping.name}")

    return read


def _amount(cell: tuple[Cell, str]) -> Carried:
    return values.minor_units(cell[0], cell[1]) if cell[0] else None


def _amount_in(currency: str) -> Callable[[Cell], Carried]:
    return lambda cell: _amount((cell, currency))


def _only_where(mapping: FieldMapping, found: list[Carried], done: Mapping[str, Sequence[Carried]]) -> list[Carried]:
    for name, allowed in mapping.only_if:
        held = [value in allowed for value in done[name]]
        if not all(held):
            found = [value if holds else None for value, holds in zip(found, held, strict=True)]
    return found
