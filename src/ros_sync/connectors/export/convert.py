"""From blocks of text to rows of carried values, column by column.

Each field of the mapping becomes one step (`steps`). A step fills columns of carried values and says which rows it
could not read; those are quarantined, the first failure of a row being the one that is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import compress

import orjson

from ros_sync.connectors.base import Quarantined
from ros_sync.connectors.export.blocks import Block
from ros_sync.connectors.export.cells import CellReader
from ros_sync.connectors.export.lines import shown
from ros_sync.connectors.export.mapping import CUSTOM, STAGE_FIELDS, ColumnMapping, FileEntry
from ros_sync.connectors.export.steps import Done, IdStep, steps
from ros_sync.fields import StoredValue


class Converter:
    """Converts the blocks of one file for one entry. `fields` are the fields of the rows it makes, `id` first."""

    def __init__(self, entry: FileEntry, origin: str) -> None:
        self._origin = origin
        self._steps = [IdStep(entry.id, entry.object), *steps(entry)]
        names = _filled(entry)
        self._plain = tuple(name for name in names if not name.startswith(CUSTOM))
        self._custom: dict[str, CellReader[StoredValue, str | None]] = {
            name: CellReader(partial(_json_part, name.removeprefix(CUSTOM)))
            for name in sorted(names)
            if name.startswith(CUSTOM)
        }
        self.fields = (*self._plain, "custom") if self._custom else self._plain

    def convert(self, block: Block) -> tuple[list[Sequence[StoredValue]], Sequence[int], list[Quarantined]]:
        """The columns of `fields`, the line of each row, and what was quarantined."""
        done: Done = {}
        quarantined: dict[int, Quarantined] = {}
        for step in self._steps:
            for mapping, failures in step.fill(block, done):
                for place, reason in failures.items():
                    if place not in quarantined:
                        quarantined[place] = self._quarantined(mapping, block, place, reason)
        columns = [done[name] for name in self._plain]
        if self._custom:
            columns.append(self._custom_column(done))
        lines = block.lines
        if quarantined:
            good = [place not in quarantined for place in range(len(lines))]
            columns = [list(compress(column, good)) for column in columns]
            lines = list(compress(lines, good))
        return columns, lines, [*block.quarantined, *(quarantined[place] for place in sorted(quarantined))]

    def _quarantined(self, mapping: ColumnMapping, block: Block, place: int, reason: str) -> Quarantined:
        column = mapping.column.name if mapping.column else None
        cell = block.columns[column][place].strip() if column else ""
        return Quarantined(self._origin, block.lines[place], column, shown(cell) or None, reason)

    def _custom_column(self, done: Done) -> list[StoredValue]:
        """The custom properties of each row as a JSON object, keys sorted, without those that are missing."""
        parts = [reader.read(done[name])[0] for name, reader in self._custom.items()]
        if any(None in part for part in parts):
            objects = [",".join(filter(None, row)) for row in zip(*parts, strict=True)]
            return ["{" + inner + "}" if inner else None for inner in objects]
        return ["{" + inner + "}" for inner in map(",".join, zip(*parts, strict=True))]


def _json_part(name: str, value: StoredValue) -> str | None:
    """`"team_size":12`, one property of a JSON object; made once for each value, then put together as text."""
    return None if value is None else orjson.dumps({name: value}).decode()[1:-1]


def _filled(entry: FileEntry) -> list[str]:
    """The names of the fields that the rows of an entry have, `id` first, in the order of the mapping."""
    names = {"id": None}
    for mapping in entry.fields:
        names[mapping.name] = None
        if mapping.name == "amount":
            names["currency"] = None
        if mapping.name == "stage" and entry.pipelines:
            names |= dict.fromkeys(name for name in ("pipeline", *STAGE_FIELDS) if name in entry.settable)
    return list(names)
