"""The steps of a conversion: each fills one or more columns of carried values out of a block of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from ros_sync.connectors.base import DELETED, Stage
from ros_sync.connectors.export import ids
from ros_sync.connectors.export.blocks import Block
from ros_sync.connectors.export.cells import CellReader, Failures, read_text, read_texts
from ros_sync.connectors.export.dates import DateStyle, InstantReader, in_the_past
from ros_sync.connectors.export.mapping import STAGE_FIELDS, ColumnMapping, FileEntry
from ros_sync.connectors.export.parsers import (
    MODIFIED,
    ZONE,
    Amount,
    amount_parser,
    currency_parser,
    parser,
    plain_amounts,
)
from ros_sync.fields import Kind, StoredValue, did_you_mean

Done = dict[str, Sequence[StoredValue]]  # the columns filled so far, by field
Found = list[tuple[ColumnMapping, Failures]]  # what could not be read, by the mapping that asked for it

_StageValues = tuple[str | None, str | None, str | None, int | None, float | None]
_NO_STAGE: _StageValues = (None, None, None, None, None)


_STAGED = ("deal",)  # objects of which rules ask whether they are open
_KINDS = ("open", "won", "lost")
_NO_STAGE_REASON = (
    "has no stage, so it would be neither open nor won nor lost, and no rule would ever fire on it; where an "
    "empty cell "
    'means a stage, say which with `values: {"": …}`'
)
_SEVERAL = 3  # columns beside the id


class Step(Protocol):
    """Fills one or more columns of `done` from a block."""

    def fill(self, block: Block, done: Done) -> Found:
        """Add the columns to `done`; return the rows that could not be read, with the reason of each."""
        ...


def steps(entry: FileEntry) -> Iterator[Step]:
    """The steps of an entry in an order in which each finds what it depends on.

    Pipeline and stage come first, fields with conditions last, in the mapping's order.
    """
    mapped = {mapping.name: mapping for mapping in entry.fields}
    instants: dict[DateStyle, InstantReader] = {}  # columns of one style share what is known of its hours
    first = [mapped[name] for name in ("pipeline", "stage") if name in mapped]
    others = [mapping for mapping in entry.fields if mapping not in first]
    others.sort(key=lambda mapping: bool(mapping.only_if))  # stable: the mapping's order is kept on both sides
    for mapping in (*first, *others):
        if mapping.name == "stage" and entry.pipelines:
            yield _StageStep(mapping, entry, tuple(name for name in STAGE_FIELDS if name not in mapped))
        elif mapping.name == "stage_kind" and mapping.column is not None and entry.object in _STAGED:
            yield _CellStep(mapping, CellReader(_stage_kind_parser(mapping)))
        elif mapping.kind is Kind.MONEY:
            yield _MoneyStep(mapping)
        elif mapping.column is None:
            yield _ConstantStep(mapping)
        elif mapping.name in ids.REFERENCES and mapping.values is None and mapping.kind is Kind.TEXT:
            yield _ReferenceStep(mapping)
        elif mapping.kind is Kind.TEXT and mapping.values is None and not mapping.several and mapping.name != ZONE:
            yield _TextStep(mapping)
        elif mapping.kind is Kind.INSTANT and mapping.values is None and mapping.name != DELETED:
            reader = instants.setdefault(mapping.style.dates, InstantReader(mapping.style.dates))
            yield _CellStep(
                mapping, CellReader(parser(mapping), _past_all(reader) if mapping.name == MODIFIED else reader.read_all)
            )
        else:
            yield _CellStep(mapping)


def _past_all(reader: InstantReader) -> Callable[[Sequence[str]], Sequence[int | None]]:
    """What reads many instants at once, the last of which is not to lie in the future."""

    def read_all(cells: Sequence[str]) -> Sequence[int | None]:
        found = reader.read_all(cells)
        in_the_past(max(filter(None, found), default=None))
        return found

    return read_all


class IdStep:
    """Fills the id, without which there is no row."""

    def __init__(self, mapping: ColumnMapping, object_name: str) -> None:
        self._mapping = mapping
        self._canonical = ids.canonical_by(object_name)

    def fill(self, block: Block, done: Done) -> Found:
        """Fill `id`; a row without one, and one whose id cannot be trusted, is a failure."""
        found = read_texts(_cells(self._mapping, block, None))
        failures: Failures = {}
        if None in found:
            failures = {place: "the id is missing" for place, each in enumerate(found) if each is None}
        # none is None
        if ids.any_wrong([each or "" for each in found] if failures else found):  # type: ignore[arg-type]
            for place, each in enumerate(found):
                reason = ids.wrong_id(each) if each is not None else None
                if reason:
                    failures[place] = reason
        for place, each in enumerate(found):
            if each is not None and " " in each and self._is_alone(block, place):
                failures[place] = "is the only cell of its row that is filled: it looks like a note, not like a record"
        if self._canonical is not None and not {15, 18}.isdisjoint(map(len, filter(None, found))):
            found = [each and self._canonical(each) for each in found]
        done["id"] = found
        return [(self._mapping, failures)]

    def _is_alone(self, block: Block, place: int) -> bool:
        """Whether nothing else stands in a row of which several columns are read."""
        column = self._mapping.column
        assert column is not None
        others = [
            cells[place] for name, cells in block.columns.items() if name not in {each.name for each in column.read}
        ]
        return len(others) >= _SEVERAL and not any(map(str.strip, others))


class _TextStep:
    """Fills a text as it stands."""

    def __init__(self, mapping: ColumnMapping) -> None:
        self._mapping = mapping
        self._reader: CellReader[str, str | None] = CellReader(read_text, read_texts)

    def fill(self, block: Block, done: Done) -> Found:
        holds = _holds(self._mapping, block, done)
        done[self._mapping.name], _ = self._reader.read(_cells(self._mapping, block, holds))
        return []


class _ReferenceStep:
    """Fills the id of another record, or what `find` looks it up by."""

    def __init__(self, mapping: ColumnMapping) -> None:
        self._mapping = mapping
        by_id = mapping.find is None or mapping.find.by == ("id",)
        self._canonical = ids.canonical_by(mapping.name) if by_id else None
        self._checks = by_id and mapping.name != "manager"
        self._reader: CellReader[str, str | None] = CellReader(self._read, self._read_all)

    def fill(self, block: Block, done: Done) -> Found:
        holds = _holds(self._mapping, block, done)
        done[self._mapping.name], failures = self._reader.read(_cells(self._mapping, block, holds))
        return [(self._mapping, failures)]

    def _read(self, cell: str) -> str | None:
        text = cell.strip()
        if self._checks and text and (reason := ids.wrong_reference(text)):
            raise ValueError(reason)
        return (self._canonical(text) if self._canonical else text) or None

    def _read_all(self, cells: Sequence[str]) -> list[str | None]:
        if self._checks and ids.any_wrong(cells, references=True):
            return list(map(self._read, cells))
        texts = read_texts(cells)
        if self._canonical is None or {15, 18}.isdisjoint(map(len, filter(None, texts))):
            return texts
        return [text and self._canonical(text) for text in texts]


class _ConstantStep:
    """Fills one value into every row."""

    def __init__(self, mapping: ColumnMapping) -> None:
        self._mapping = mapping

    def fill(self, block: Block, done: Done) -> Found:
        constant: list[StoredValue] = [self._mapping.constant] * len(block.lines)
        done[self._mapping.name] = _masked(constant, _holds(self._mapping, block, done))
        return []


class _CellStep:
    """Fills what the cells of one column mean by the field's kind or the value map."""

    def __init__(self, mapping: ColumnMapping, reader: CellReader[str, StoredValue] | None = None) -> None:
        self._mapping = mapping
        self._reader = reader or CellReader(parser(mapping))

    def fill(self, block: Block, done: Done) -> Found:
        holds = _holds(self._mapping, block, done)
        found, failures = self._reader.read(_cells(self._mapping, block, holds))
        done[self._mapping.name] = _masked(found, holds)
        return [(self._mapping, failures)]


class _MoneyStep:
    """Fills an amount in minor units; `amount` brings the field `currency` with it."""

    def __init__(self, mapping: ColumnMapping) -> None:
        assert mapping.currency is not None
        self._mapping = mapping
        self._currency = mapping.currency
        self._codes: CellReader[str, StoredValue] = CellReader(currency_parser(mapping.currency))
        self._amounts: CellReader[Amount, StoredValue] = CellReader(amount_parser(mapping))

    def fill(self, block: Block, done: Done) -> Found:
        holds = _holds(self._mapping, block, done)
        codes: Sequence[StoredValue] = [self._currency.constant] * len(block.lines)
        wrong_codes: Failures = {}
        wrong_amounts: Failures = {}
        if self._currency.column is not None:
            codes, wrong_codes = self._codes.read(_cells(self._currency, block, None))
        amounts: Sequence[StoredValue] = [self._mapping.constant] * len(block.lines)
        if self._mapping.column is not None:
            cells = _cells(self._mapping, block, holds)
            plain = plain_amounts(self._mapping, codes, cells)
            if plain is None:
                amounts, wrong_amounts = self._amounts.read(list(zip(codes, cells, strict=True)))
            else:
                amounts = plain
        done[self._mapping.name] = _masked(amounts, holds)
        if self._mapping.name == "amount":
            done["currency"] = codes
        return [(self._currency, wrong_codes), (self._mapping, wrong_amounts)]


class _StageStep:
    """Fills the stage and, of those in `brought`, what the declared stage says: kind, position, order, probability."""

    def __init__(self, mapping: ColumnMapping, entry: FileEntry, brought: Sequence[str]) -> None:
        self._mapping = mapping
        self._pipelines: Mapping[str, Mapping[str, Stage]] = {
            pipeline: {stage.name: stage for stage in stages} for pipeline, stages in entry.pipelines.items()
        }
        self._default = entry.default_pipeline
        self._brought = brought
        self._text = parser(mapping)
        self._pairs: CellReader[tuple[str, str], _StageValues] = CellReader(lambda pair: self._stage(*pair))
        self._alone: CellReader[str, _StageValues] = CellReader(lambda cell: self._stage(str(self._default), cell))

    def fill(self, block: Block, done: Done) -> Found:
        length = len(block.lines)
        cells: Sequence[str] = [str(self._mapping.constant)] * length
        if self._mapping.column is not None:
            cells = _cells(self._mapping, block, None)
        if "pipeline" in done:
            pipelines = [str(each or self._default) for each in done["pipeline"]]
            found, failures = self._pairs.read(list(zip(pipelines, cells, strict=True)))
        else:
            pipelines = [str(self._default)] * length
            found, failures = self._alone.read(cells)
        if failures:
            found = [each or _NO_STAGE for each in found]
        columns: list[Sequence[StoredValue]] = list(zip(*found, strict=True)) or [()] * len(_NO_STAGE)
        done["pipeline"], done["stage"] = pipelines, columns[0]
        for name, column in zip(STAGE_FIELDS, columns[1:], strict=True):
            if name in self._brought:
                done[name] = column
        return [(self._mapping, failures)]

    def _stage(self, pipeline: str, cell: str) -> _StageValues:
        text = self._text(cell)
        if text is None:
            raise ValueError(_NO_STAGE_REASON)
        stages = self._pipelines.get(pipeline)
        if stages is None:
            hint = did_you_mean(pipeline, self._pipelines)
            raise ValueError(f"no stages are declared for the pipeline {pipeline!r} of this row; {hint}")
        stage = stages.get(str(text))
        if stage is None:
            raise ValueError(f"is not a stage of the pipeline {pipeline!r}; {did_you_mean(str(text), stages)}")
        return (stage.name, stage.kind, stage.position, stage.order, stage.probability)


def _holds(mapping: ColumnMapping, block: Block, done: Done) -> Sequence[bool] | None:
    """For each row, whether the conditions of `only_if` hold; None where there are no conditions."""
    if not mapping.only_if:
        return None
    holds = [True] * len(block.lines)
    for name, allowed in mapping.only_if:
        holds = [so_far and value in allowed for so_far, value in zip(holds, done[name], strict=True)]
    return holds


def _cells(mapping: ColumnMapping, block: Block, holds: Sequence[bool] | None) -> Sequence[str]:
    """The cells of the mapping's column, empty where its conditions do not hold, so that they are not read."""
    assert mapping.column is not None
    cells = block.columns[mapping.column.name]
    missing = mapping.style.missing
    if missing:
        known = mapping.values or ()
        cells = ["" if (text := cell.strip()).casefold() in missing and text not in known else cell for cell in cells]
    return cells if holds is None else [cell if hold else "" for cell, hold in zip(cells, holds, strict=True)]


def _masked(found: Sequence[StoredValue], holds: Sequence[bool] | None) -> Sequence[StoredValue]:
    """The values, missing where the conditions do not hold (a value map may know the empty cell)."""
    return found if holds is None else [value if hold else None for value, hold in zip(found, holds, strict=True)]


def _stage_kind_parser(mapping: ColumnMapping) -> Callable[[str], StoredValue]:
    """What reads whether a deal is open, won or lost, which each must be."""
    read = parser(mapping)

    def read_kind(cell: str) -> StoredValue:
        kind = read(cell)
        if kind is None:
            raise ValueError(_NO_STAGE_REASON)
        if kind not in _KINDS:
            raise ValueError(f"is not one of {', '.join(_KINDS)}; say what it means with `values:`")
        return kind

    return read_kind
