"""HubSpot's records as canonical batches, histories and links.

A page is converted property by property, each value worked out once (`CellReader`): most columns repeat themselves. A
value that cannot be read leaves its field missing and is quarantined with its reason; the record itself always comes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from ros_sync.connectors.base import Batch, Quarantined
from ros_sync.connectors.export.cells import CellReader, Failures
from ros_sync.connectors.hubspot import values
from ros_sync.connectors.hubspot.answers import is_id
from ros_sync.connectors.hubspot.definitions import Definitions
from ros_sync.connectors.hubspot.histories import HistoryReader, stage_values
from ros_sync.connectors.hubspot.mapping import (
    CUSTOM,
    OBJECT_ID,
    STAGE_FIELDS,
    FieldMapping,
    HubSpotMapping,
    ObjectMapping,
    StreamMapping,
)
from ros_sync.connectors.source import History, Link
from ros_sync.fields import Kind, StoredValue

Json = Mapping[str, Any]
Cell = str | None
MODIFIED = "modified"
SHOWN_CHARS = 200  # of a value that is quarantined
TICKED = ";"  # HubSpot, "Properties": stands between the ticked options of a checkbox
NO_CURRENCY = "XXX"  # ISO 4217: no currency is known
PRIMARY, PRIMARY_ENDING = "primary", "_to_company"  # the label, and how the type of such an association ends inline


class RecordReader:
    """Reads the records of one stream. `definitions` are looked into when a page is read, so they may be renewed.

    `prefix` stands before the ids in batches; histories and links are by HubSpot's own ids.
    """

    def __init__(
        self, mapping: StreamMapping, definitions: Definitions, *, currency: str | None = None, prefix: str = ""
    ) -> None:
        self._mapping = mapping
        self._definitions = definitions
        self._currency = currency or definitions.currency or NO_CURRENCY
        self._zone = ZoneInfo(definitions.time_zone or "UTC")
        self._objects = [
            _ObjectReader(mapping, entry, definitions, self._currency, self._zone, prefix) for entry in mapping.objects
        ]
        self._streams = values.Remembered(self._followed)
        self._labels = values.Remembered(_inline_label)

    def batches(self, results: Sequence[Json]) -> list[Batch]:
        """One batch for each canonical object of the stream, the first one with every record."""
        return [reader.batch(results) for reader in self._objects]

    def histories(self, results: Iterable[Json]) -> dict[str, History]:
        """The histories of the tracked fields, oldest first, by record id."""
        reader = self._objects[0]
        return {
            str(result["id"]): reader.histories.read(result)
            for result in results
            if result.get("propertiesWithHistory") is not None
        }

    def links(self, results: Iterable[Json]) -> tuple[dict[str, list[Link]], dict[str, list[str]]]:
        """The links that came with the records, and by stream the ids of the records that have more of them.

        Where what came with a record cannot be read, all of its links have to be asked for.
        """
        found: dict[str, list[Link]] = {}
        more: dict[str, list[str]] = {}
        for result in results:
            record_id = str(result["id"])
            try:
                found[record_id], unread = self._inline(result.get("associations"))
            except (AttributeError, KeyError, TypeError, ValueError):
                found[record_id], unread = [], list(self._mapping.links)
            for stream in unread:
                more.setdefault(stream, []).append(record_id)
        return found, more

    def _inline(self, associations: Any) -> tuple[list[Link], list[str]]:
        """The links inside a record of a list, and the streams with which it has more."""
        unique: dict[Link, None] = {}
        more: list[str] = []
        labels = self._labels
        for name, part in ({} if associations is None else associations).items():
            stream = self._streams[name]
            if stream is None:
                continue
            for each in part["results"]:
                if not is_id(each.get("id")):
                    raise ValueError("is not an id")
                unique[Link(stream, str(each["id"]), labels[stream, str(each.get("type"))])] = None
            if part.get("paging"):
                more.append(stream)
        return list(unique), more

    def _followed(self, name: str) -> str | None:
        """`companies`, also where HubSpot writes `COMPANIES` or `company`.

        None where links with it are not followed.
        """
        lower = name.lower().replace(" ", "_")
        stream = {"company": "companies", "deal": "deals", "contact": "contacts"}.get(lower, lower)
        return stream if stream in self._mapping.links else None


def _inline_label(kind: tuple[str, str]) -> str:
    """The label of a link with a stream, by its type in a list of records.

    An id comes once for each label: `deal_to_company` is the primary one, `…_unlabeled` says that there is a link.
    Labels of the company's own do not come this way; a stream whose connector file names one is not read so.
    """
    stream, name = kind
    return PRIMARY if stream == "companies" and name.endswith(PRIMARY_ENDING) else ""


def association_links(stream: str, targets: Iterable[Json], labels: Collection[str] = ()) -> list[Link]:
    """The links out of an answer of associations v4; of labels other than the primary one, those of `labels` alone.

    A label that nobody asks about is left out, so that a link reads alike whichever way it came.
    """
    found: dict[Link, None] = {}
    unlabelled: list[Json] = [{}]
    for target in targets:
        for kind in target.get("associationTypes") or unlabelled:
            label = str(kind.get("label") or "").casefold()
            found[Link(stream, str(target["toObjectId"]), label if label == PRIMARY or label in labels else "")] = None
    return list(found)


_QUICK = {Kind.TEXT: values.texts, Kind.NUMBER: values.numbers}


class _Quick:
    """Reads a column at once, or, where a cell cannot be read, cell by cell."""

    def __init__(
        self, parse: Callable[[Any], StoredValue], parse_all: Callable[[Sequence[Cell]], Sequence[StoredValue]]
    ) -> None:
        self._each = CellReader(parse)
        self._parse_all = parse_all

    def read(self, cells: Sequence[Cell]) -> tuple[Sequence[StoredValue], Failures]:
        """The value of each cell, None where it failed, and the reason of each failure by its place."""
        try:
            return self._parse_all(cells), {}
        except ValueError:
            return self._each.read(cells)


class _ObjectReader:
    """Reads the records of one stream as one canonical object."""

    def __init__(
        self,
        stream: StreamMapping,
        entry: ObjectMapping,
        definitions: Definitions,
        currency: str,
        zone: ZoneInfo,
        prefix: str,
    ) -> None:
        self._prefix = prefix
        self._stream = stream
        self._entry = entry
        self._definitions = definitions
        self._currency = currency
        self._zone = zone
        self._filled = _readable(stream, entry, definitions)
        self._plain = [each for each in self._filled if not each.name.startswith(CUSTOM)]
        self._own = sorted((each for each in self._filled if each.name.startswith(CUSTOM)), key=lambda each: each.name)
        self._parsers = {each.name: self._parser(each) for each in self._filled}
        self._cells = {each.name: self._reader(each) for each in self._filled}
        self._modified = CellReader(_optional(values.instant))
        self._stages = CellReader(self._stage)
        self._names = self._property_names()
        self._pick = itemgetter(*self._names)
        known = definitions.known(stream.name, entry.only_if_known)
        self._tells_all = len(known) == len(entry.only_if_known)
        self.histories = HistoryReader(entry, stream.track, definitions, currency, self._parser)

    def batch(self, results: Sequence[Json]) -> Batch:
        """The records that are of this object."""
        if self._entry.only_if_known:
            known = self._entry.only_if_known
            results = [each for each in results if any(each["properties"].get(name) for name in known)]
        cells = self._columns([each["properties"] for each in results])
        ids: list[StoredValue] = [self._prefix + str(each["id"]) for each in results]
        done: dict[str, list[StoredValue]] = {"id": ids}
        quarantined: list[Quarantined] = []
        modified = cells[self._stream.modified]
        if not all(modified):
            modified = [held or each.get("updatedAt") for held, each in zip(modified, results, strict=True)]
        done[MODIFIED] = list(self._modified.read(modified)[0])
        for mapping in self._plain:
            if mapping.name == "stage":
                self._fill_stage(mapping, cells, done)
            elif mapping.name != "pipeline" or "stage" not in self._parsers:
                self._fill(mapping, cells, done, quarantined)
        if self._own:
            done["custom"] = self._custom(cells, quarantined, ids)
        return Batch(
            self._entry.object,
            self._stream.name,
            done,
            [0] * len(ids),
            quarantined=quarantined,
            custom_names=frozenset(mapping.name.removeprefix(CUSTOM) for mapping in self._own),
            partial=not self._tells_all,
        )

    def _property_names(self) -> tuple[str, ...]:
        """Every property that a batch is made of, at least two of them."""
        names = {OBJECT_ID: None, self._stream.modified: None}
        for mapping in self._filled:
            names |= dict.fromkeys(mapping.properties)
        pipeline = self._entry.field("pipeline")
        if pipeline is not None:
            names |= dict.fromkeys(pipeline.properties)
        return tuple(names)

    def _columns(self, properties: Sequence[Mapping[str, Cell]]) -> dict[str, Sequence[Cell]]:
        """What each property holds in each record; nothing where an answer lacks it."""
        try:
            columns = list(zip(*map(self._pick, properties), strict=True))
        except KeyError:
            return {name: [held.get(name) for held in properties] for name in self._names}
        return dict(zip(self._names, columns or repeat(()), strict=False))

    def _fill(
        self,
        mapping: FieldMapping,
        cells: Mapping[str, Sequence[Cell]],
        done: dict[str, list[StoredValue]],
        quarantined: list[Quarantined],
    ) -> None:
        ids, told = done["id"], cells.get(mapping.from_property or "", ())
        given: Sequence[Any] = told
        if mapping.join:
            given = [" ".join(filter(None, row)) for row in zip(*map(cells.__getitem__, mapping.join), strict=True)]
        elif mapping.kind is Kind.MONEY:
            currencies = self._currencies(mapping, cells, len(ids))
            given = list(zip(told, currencies, strict=True))
            if mapping.name == "amount":
                done["currency"] = list(currencies)
        elif mapping.from_property is None:
            done[mapping.name] = _only_where(mapping, [mapping.constant] * len(ids), done)
            return
        found, failures = self._cells[mapping.name].read(given)
        done[mapping.name] = _only_where(mapping, list(found), done)
        for place, reason in failures.items():
            quarantined.append(self._quarantined(mapping, given[place], str(ids[place]), reason))

    def _quarantined(self, mapping: FieldMapping, cell: Any, record_id: str, reason: str) -> Quarantined:
        shown = str(cell[0] if isinstance(cell, tuple) else cell)[:SHOWN_CHARS]
        words = f"{reason}, so {mapping.name} of {self._entry.object} {record_id} is missing here"
        return Quarantined(self._stream.name, 0, mapping.from_property, shown, words, record_id)

    def _currencies(self, mapping: FieldMapping, cells: Mapping[str, Sequence[Cell]], count: int) -> list[str]:
        default = mapping.currency or self._currency
        name = mapping.currency_property
        return [code or default for code in cells[name]] if name else [default] * count

    def _fill_stage(
        self, mapping: FieldMapping, cells: Mapping[str, Sequence[Cell]], done: dict[str, list[StoredValue]]
    ) -> None:
        pipelines = cells.get(self._pipeline_property) or repeat(None)
        found, _ = self._stages.read(list(zip(pipelines, cells[mapping.from_property or ""], strict=False)))
        columns = zip(*found, strict=True) if found else repeat(())
        done.update(zip(("stage", *STAGE_FIELDS), map(list, columns), strict=False))

    @cached_property
    def _pipeline_property(self) -> str:
        pipeline = self._entry.field("pipeline")
        return (pipeline.from_property if pipeline else None) or ""

    def _stage(self, cell: tuple[Cell, Cell]) -> tuple[StoredValue, ...]:
        """(stage, pipeline, kind, position, order, probability) of a pipeline's and a stage's id."""
        pipeline_id, stage_id = cell[0] or None, cell[1] or None
        label = self._definitions.pipelines.get(pipeline_id or "", pipeline_id)
        stage = self._definitions.stage(pipeline_id, stage_id) if stage_id else None
        if stage is None:
            if stage_id:
                self._definitions.unknown_stages.add((pipeline_id, stage_id))
            return (stage_id, label, None, None, None, None)
        return stage_values(stage)

    def _custom(
        self, cells: Mapping[str, Sequence[Cell]], quarantined: list[Quarantined], ids: Sequence[StoredValue]
    ) -> list[StoredValue]:
        """The company's own properties of each record as a JSON object, keys sorted, without those that are missing."""
        columns = []
        for mapping in self._own:
            told = cells[mapping.from_property or ""]
            found, failures = self._cells[mapping.name].read(told)
            columns.append(found)
            for place, reason in failures.items():
                quarantined.append(self._quarantined(mapping, told[place], str(ids[place]), reason))
        names = [mapping.name.removeprefix(CUSTOM) for mapping in self._own]
        held: list[StoredValue] = []
        for row in zip(*columns, strict=True):
            inside = dict(zip(names, row, strict=True))
            if None in row:
                inside = {name: value for name, value in inside.items() if value is not None}
            held.append(orjson.dumps(inside).decode() if inside else None)
        return held

    def _reader(self, mapping: FieldMapping) -> CellReader[Any, StoredValue] | _Quick:
        """Texts and numbers are read quicker than they are remembered."""
        if mapping.values is None and mapping.kind in _QUICK and not mapping.join and not mapping.several:
            return _Quick(self._parsers[mapping.name], _QUICK[mapping.kind])
        return CellReader(self._parsers[mapping.name])

    def _parser(self, mapping: FieldMapping) -> Callable[[Any], StoredValue]:
        if mapping.kind is Kind.MONEY:
            return _amount
        if mapping.values is not None:
            known = self._definitions.properties.get(self._stream.name, {}).get(mapping.from_property or "")
            read = _among(mapping, mapping.values)
            return _each_of(read) if mapping.several or (known and known.ticks) else read
        if mapping.several:
            return _each_of(_optional(str))
        return _optional(values.reader(mapping.kind, self._zone))


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


def filled_fields(mapping: HubSpotMapping, definitions: Definitions) -> dict[str, frozenset[str]]:
    """By object the fields that records come with: those of properties that the account shows, and of links."""
    found: dict[str, set[str]] = {}
    for stream in mapping.streams:
        for entry in stream.objects:
            names = found.setdefault(entry.object, set())
            names.update(each.name for each in _readable(stream, entry, definitions))
            names.update(each.name for each in entry.fields if each.link)
            if "stage" in names:
                names.update(STAGE_FIELDS)
            if "amount" in names:
                names.add("currency")
    return {name: frozenset(fields) for name, fields in found.items()}


def _optional(parse: Callable[[str], StoredValue]) -> Callable[[Cell], StoredValue]:
    def read(cell: Cell) -> StoredValue:
        return parse(cell) if cell else None

    return read


def _among(mapping: FieldMapping, known: Mapping[str, StoredValue]) -> Callable[[Cell], StoredValue]:
    def read(cell: Cell) -> StoredValue:
        if not cell:
            return None
        if cell in known:
            return known[cell]
        if mapping.has_otherwise:
            return mapping.otherwise
        raise ValueError(f"is none of the values that the connector file lists for {mapping.name}")

    return read


def _each_of(read_one: Callable[[Cell], StoredValue]) -> Callable[[Cell], StoredValue]:
    """Reads a property of which several options may be ticked (`A;B`), each option by what it means."""

    def read(cell: Cell) -> StoredValue:
        meant = dict.fromkeys(read_one(each.strip()) for each in (cell or "").split(TICKED) if each.strip())
        return TICKED.join(str(each) for each in meant if each is not None) or None

    return read


def _amount(cell: tuple[Cell, str]) -> StoredValue:
    return values.minor_units(cell[0], cell[1]) if cell[0] else None


def _only_where(
    mapping: FieldMapping, found: list[StoredValue], done: Mapping[str, Sequence[StoredValue]]
) -> list[StoredValue]:
    for name, allowed in mapping.only_if:
        held = [value in allowed for value in done[name]]
        if not all(held):
            found = [value if holds else None for value, holds in zip(found, held, strict=True)]
    return found
