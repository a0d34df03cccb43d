"""What a mapping file of exports says, as values: which file holds which object, and how its columns become fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ros_sync.connectors.base import Lookup, Stage
from ros_sync.connectors.export import values
from ros_sync.connectors.export.dates import DateStyle
from ros_sync.connectors.export.packed import content_of
from ros_sync.connectors.export.values import NumberStyle
from ros_sync.errors import ImportRefusedError, Where
from ros_sync.fields import Kind, StoredValue

CSV = "csv"
JSON_LINES = "jsonl"
FORMATS = {".csv": CSV, ".tsv": CSV, ".txt": CSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES}
CUSTOM = "custom."  # before the name of a property that the company added

# What a declared stage brings with it, where the mapping does not fill it otherwise.
STAGE_FIELDS = ("stage_kind", "stage_position", "stage_order", "probability")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file, and where the mapping asks for it; or several, `parts`, joined with `separator`."""

    name: str
    where: Where
    parts: tuple[Column, ...] = ()
    separator: str = " "

    @property
    def read(self) -> tuple[Column, ...]:
        """The columns of the file that are read for it: itself, or those that are joined."""
        return self.parts or (self,)


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is written: zone and formats of its dates, numbers, currency, encoding, delimiter (None: by name).

    `missing` are the texts, in small letters, that stand for a missing value.
    """

    dates: DateStyle = field(default_factory=DateStyle)
    numbers: NumberStyle = values.ENGLISH
    currency: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """How one field is filled: from a column, or by a constant where `column` is None.

    `values` maps the text of a cell to a carried value; a text it does not know is an error of the row unless
    `has_otherwise`; where `keeps_others`, it is read as if there were no map. `only_if` are (field, allowed values):
    the field is filled only where all of them hold. `several`: a cell holds several options, parted by `;`; each is
    read by itself.
    """

    name: str
    kind: Kind
    style: Style
    column: Column | None = None
    constant: StoredValue = None
    values: Mapping[str, StoredValue] | None = None
    otherwise: StoredValue = None
    has_otherwise: bool = False
    keeps_others: bool = False
    currency: ColumnMapping | None = None
    round_off: bool = False
    percent: bool = False
    find: Lookup | None = None
    only_if: tuple[tuple[str, frozenset[StoredValue]], ...] = ()
    several: bool = False


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One line of `files`: which files it is for, the object that their rows are, and how the fields are filled."""

    source: str
    object: str
    pattern: str | None
    declared_format: str | None
    style: Style
    id: ColumnMapping
    fields: tuple[ColumnMapping, ...]
    pipelines: Mapping[str, tuple[Stage, ...]]
    default_pipeline: str | None
    settable: frozenset[str]
    where: Where
    sheet: str | None = None

    def matches(self, path: Path) -> bool:
        """Whether the entry is for this file, by its name, or by that of the one file in a ZIP archive."""
        if self.pattern is None or fnmatchcase(path.name, self.pattern):
            return True
        return path.suffix.lower() == ".zip" and fnmatchcase(_name_inside(path), self.pattern)

    def format_of(self, name: str) -> str:
        """`csv` or `jsonl`: as declared, else by the unpacked file's name, else CSV."""
        return self.declared_format or FORMATS.get(Path(name.lower().removesuffix(".gz")).suffix, CSV)

    def delimiter_of(self, name: str) -> str:
        """The delimiter of a CSV file: as declared, else by the unpacked file's name."""
        return self.style.delimiter or ("\t" if name.lower().removesuffix(".gz").endswith(".tsv") else ",")

    @property
    def columns(self) -> list[Column]:
        """Every column that the entry reads, once each, in the order of the mapping."""
        found: dict[str, Column] = {}
        for mapping in (self.id, *self.fields):
            for each in (mapping, mapping.currency):
                if each is not None and each.column is not None:
                    for column in each.column.read:
                        found.setdefault(column.name, column)
        return list(found.values())

    @property
    def headings(self) -> dict[str, str]:
        """What the file calls each field that a column fills, `id` included."""
        return {each.name: each.column.name for each in (self.id, *self.fields) if each.column is not None}

    def join_columns(self, cells: dict[str, Sequence[str]]) -> None:
        """Add to the columns of a block those that are made of several."""
        for mapping in (self.id, *self.fields):
            column, missing = mapping.column, mapping.style.missing
            if column is not None and column.parts:
                rows = zip(*(map(str.strip, cells[part.name]) for part in column.parts), strict=True)
                cells[column.name] = [
                    column.separator.join(cell for cell in row if cell and cell.casefold() not in missing)
                    for row in rows
                ]

    @property
    def lookups(self) -> dict[str, Lookup]:
        """The fields whose values are references still to be resolved."""
        return {mapping.name: mapping.find for mapping in self.fields if mapping.find is not None}


def _name_inside(path: Path) -> str:
    try:
        return content_of(path).name
    except ImportRefusedError:
        return path.name  # what is wrong with it is told when it is read


@dataclass(frozen=True, slots=True)
class ExportMapping:
    """A whole mapping file."""

    file: Path
    source: str
    entries: tuple[FileEntry, ...]
    stages: tuple[Stage, ...]

    def given(self, name: str) -> set[str]:
        """The fields of an object that the CRM itself fills."""
        return {field.name for entry in self.entries if entry.object == name for field in entry.fields}

    @property
    def lack_of_stages(self) -> str | None:
        """That its deals come without a stage, and what follows from that.

        None where they have one, or it has no deals.
        """
        given = self.given("deal")
        if not given or given & {"stage", "stage_kind"}:
            return None
        return (
            "the mapping fills neither stage nor stage_kind of deals, so none is open, "
            "and no rule about open deals will ever fire"
        )

    def entries_for(self, path: Path) -> list[FileEntry]:
        """The entries that read this file; the same file may hold two objects."""
        return [entry for entry in self.entries if entry.matches(path)]
