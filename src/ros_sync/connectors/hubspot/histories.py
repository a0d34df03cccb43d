"""HubSpot's property histories as histories of canonical fields: when a field became another value, and who set it.

HubSpot gives a history newest first, and an entry also where a property was set to what it was. A value that cannot be
read is missing. The stage brings with it what its definition says: pipeline, kind, position, order, probability.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ros_sync.connectors.hubspot import values
from ros_sync.connectors.hubspot.definitions import AccountStage, Definitions
from ros_sync.connectors.hubspot.mapping import STAGE_FIELDS, FieldMapping, ObjectMapping
from ros_sync.connectors.source import Entry
from ros_sync.fields import Kind, StoredValue

Json = Mapping[str, Any]
Cell = str | None
Told = tuple[int, Cell, str | None]  # since when (microseconds), value, author
StageRow = tuple[StoredValue, ...]  # (stage, pipeline, kind, position, order, probability)
StageMove = tuple[int, StageRow, str | None]
BY_STAGE = ("stage", *STAGE_FIELDS)
STAGE_KIND = 2  # its place in a StageRow


class _Tracked(NamedTuple):
    """A field with a history of its own: its property, and what each of that property's values means."""

    mapping: FieldMapping
    property: str
    known: values.Remembered[Any, StoredValue]


class HistoryReader:
    """Reads the histories of one object's tracked fields. `parser` gives what reads a field's values.

    Values, instants and stages are worked out once each; the definitions must not change meanwhile.
    """

    def __init__(
        self,
        entry: ObjectMapping,
        track: Iterable[str],
        definitions: Definitions,
        currency: str,
        parser: Callable[[FieldMapping], Callable[[Any], StoredValue]],
    ) -> None:
        mappings = (entry.field(name) for name in track)
        self._tracked = [
            _Tracked(each, each.from_property, values.Remembered(_or_missing(parser(each))))
            for each in mappings
            if each is not None and each.from_property is not None and each.name != "pipeline"
        ]
        pipeline = entry.field("pipeline")
        self._pipeline = (pipeline.from_property if pipeline else None) or ""
        self._definitions = definitions
        self._currency = currency
        self._stages = values.Remembered(self._stage)
        self._differing = values.Remembered(_differing)
        self._instants = values.Remembered(_instant)
        self._authors = values.Remembered(_author)

    def read(self, result: Json) -> dict[str, list[Entry]]:
        """The history of the tracked fields of one record, oldest first."""
        properties, told = result["properties"], result["propertiesWithHistory"]
        found: dict[str, list[Entry]] = {}
        moves: list[StageMove] = []
        for mapping, name, known in self._tracked:
            entries = told.get(name) or ()
            if mapping.name == "stage":
                moves = self._stage_moves(entries, properties.get(self._pipeline))
                found |= self._stage_entries(moves)
            elif mapping.kind is Kind.MONEY:
                code = properties.get(mapping.currency_property or "") or mapping.currency or self._currency
                found[mapping.name] = self._entries(entries, partial(_priced, known, code))
            elif mapping.name != "closed":
                found[mapping.name] = self._entries(entries, known.__getitem__)
        closed = next((each for each in self._tracked if each.mapping.name == "closed"), None)
        if closed is not None:
            found["closed"] = _closed_history(closed, self._told(told.get(closed.property) or ()), moves)
        return found

    def _entries(self, told: Sequence[Json], value_of: Callable[[Cell], StoredValue]) -> list[Entry]:
        """The entries at which the value became another one, oldest first."""
        when, authors = self._instants, self._authors
        found: list[Entry] = []
        last: Any = found  # no value is like it
        for each in reversed(told):
            value = value_of(each.get("value") or None)
            if value != last:
                by = authors[each.get("updatedByUserId"), each.get("sourceId"), each.get("sourceType")]
                found.append((when[each["timestamp"]], value, by))
                last = value
        return found

    def _told(self, told: Sequence[Json]) -> list[Told]:
        """Everything that HubSpot tells of one property, oldest first."""
        when = self._instants
        return [(when[each["timestamp"]], each.get("value") or None, self._by(each)) for each in reversed(told)]

    def _by(self, entry: Json) -> str | None:
        return self._authors[entry.get("updatedByUserId"), entry.get("sourceId"), entry.get("sourceType")]

    def _stage_moves(self, told: Sequence[Json], pipeline_id: Cell) -> list[StageMove]:
        """Oldest first. A stage is looked up in the present pipeline, then in the others."""
        moves: list[StageMove] = []
        last: Cell = ""
        for each in reversed(told):
            stage_id = each.get("value") or None
            if stage_id != last:
                moves.append((self._instants[each["timestamp"]], self._stages[pipeline_id, stage_id], self._by(each)))
                last = stage_id
        return moves

    def _stage_entries(self, moves: Sequence[StageMove]) -> dict[str, list[Entry]]:
        """The history of everything that a stage brings with it."""
        if not moves:
            return {name: [] for name in BY_STAGE}
        at, before, by = moves[0]
        columns = [[(at, value, by)] for value in before]
        for at, row, by in moves[1:]:
            for place in self._differing[before, row]:
                columns[place].append((at, row[place], by))
            before = row
        return dict(zip(BY_STAGE, columns, strict=True))

    def _stage(self, cell: tuple[Cell, Cell]) -> StageRow:
        pipeline_id, stage_id = cell
        stage = self._definitions.stage(pipeline_id, stage_id) if stage_id else None
        return stage_values(stage) if stage else (stage_id, None, None, None, None, None)


def stage_values(stage: AccountStage) -> StageRow:
    """(stage, pipeline, kind, position, order, probability)."""
    return (stage.name, stage.pipeline, stage.kind, stage.position, stage.order, stage.probability)


def _differing(rows: tuple[StageRow, StageRow]) -> tuple[int, ...]:
    """The places at which two rows differ."""
    return tuple(place for place, (one, other) in enumerate(zip(*rows, strict=True)) if one != other)


def _closed_history(closed: _Tracked, dates: Sequence[Told], moves: Sequence[StageMove]) -> list[Entry]:
    """When it was closed, over time: HubSpot keeps that instant in the close date while the stage is a closed one."""
    kinds = dict(closed.mapping.only_if).get("stage_kind", frozenset())
    found: list[Entry] = []
    for at in sorted({at for at, *_ in (*dates, *moves)}):
        stage, by = next(((row, by) for when, row, by in reversed(moves) if when <= at), (None, None))
        date = next((cell for when, cell, _ in reversed(dates) if when <= at), None)
        value = closed.known[date] if stage is not None and stage[STAGE_KIND] in kinds else None
        if not found or found[-1][1] != value:
            found.append((at, value, by))
    return found


def _priced(known: Mapping[Any, StoredValue], currency: str, cell: Cell) -> StoredValue:
    return known[cell, currency]


def _or_missing(parse: Callable[[Any], StoredValue]) -> Callable[[Any], StoredValue]:
    def read(cell: Any) -> StoredValue:
        try:
            return parse(cell)
        except ValueError:
            return None

    return read


def _instant(text: str) -> int:
    return int(values.instant(text) or 0)


def _author(told: tuple[Any, str | None, str | None]) -> str | None:
    """`user:101`, or what did it, as HubSpot names it.

    `INTEGRATION`, out of an entry's user, source and kind of source.
    """
    user, source, kind = told
    if user is not None:
        return f"user:{user}"
    if source and source.startswith("userId:"):
        return f"user:{source.removeprefix('userId:')}"
    return kind or None
