"""What a mapping file of exports says, as values: which file holds which object, and how its columns become fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ros_sync.connectors.base import Lookup, Stage
from ros_sync.connectors.export import values
from ros_sync.connectors.export.dates import DateStyle
from ros_sync.connectors.export.values import NumberStyle
from ros_sync.errors import Where
from ros_sync.fields import Carried, Kind

CSV = "csv"
JSON_LINES = "jsonl"
FORMATS = {".csv": CSV, ".tsv": CSV, ".txt": CSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES}
CUSTOM = "custom."  # before the name of a property that the company added

# What a declared stage brings with it, where the mapping does not fill it otherwise.
STAGE_FIELDS = ("stage_kind", "stage_position", "stage_order", "probability")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file, and where the mapping asks for it."""

    name: str
    where: Where


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is written: zone and formats of its dates, numbers, currency, encoding, delimiter (None: by name)."""

    dates: DateStyle = field(default_factory=DateStyle)
    numbers: NumberStyle = values.ENGLISH
    currency: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """How one field is filled: from a column, or by a constant where `column` is None.

    `values` maps the text of a cell to a carried value; a text it does not know is an error of the row unless
    `has_otherwise`. `only_if` are (field, allowed values): the field is filled only where all of them hold.
    """

    name: str
    kind: Kind
    style: Style
    column: Column | None = None
    constant: Carried = None
    values: Mapping[str, Carried] | None = None
    otherwise: Carried = None
    has_otherwise: bool = False
    currency: FieldMapping | None = None
    round_off: bool = False
    percent: bool = False
    find: Lookup | None = None
    only_if: tuple[tuple[str, frozenset[Carried]], ...] = ()


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One line of `files`: which files it is for, the object that their rows are, and how the fields are filled."""

    source: str
    object: str
    pattern: str | None
    declared_format: str | None
    style: Style
    id: FieldMapping
    fields: tuple[FieldMapping, ...]
    pipelines: Mapping[str, tuple[Stage, ...]]
    default_pipeline: str | None
    settable: frozenset[str]
    where: Where

    def matches(self, path: Path) -> bool:
        """Whether the entry is for this file, by the file's name alone."""
        return self.pattern is None or fnmatchcase(path.name, self.pattern)

    def format_of(self, path: Path) -> str:
        """`csv` or `jsonl`: as declared, else by the file's name, else CSV."""
        return self.declared_format or FORMATS.get(_suffix(path), CSV)

    def delimiter_of(self, path: Path) -> str:
        """The delimiter of a CSV file: as declared, else by the file's name."""
        return self.style.delimiter or ("\t" if _suffix(path) == ".tsv" else ",")

    @property
    def columns(self) -> list[Column]:
        """Every column that the entry reads, once each, in the order of the mapping."""
        found: dict[str, Column] = {}
        for mapping in (self.id, *self.fields):
            for each in (mapping, mapping.currency):
                if each is not None and each.column is not None:
                    found.setdefault(each.column.name, each.column)
        return list(found.values())

    @property
    def lookups(self) -> dict[str, Lookup]:
        """The fields whose values are references still to be resolved."""
        return {mapping.name: mapping.find for mapping in self.fields if mapping.find is not None}


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


@dataclass(frozen=True, slots=True)
class ExportMapping:
    """A whole mapping file."""

    file: Path
    source: str
    entries: tuple[FileEntry, ...]
    stages: tuple[Stage, ...]

    def entries_for(self, path: Path) -> list[FileEntry]:
        """The entries that read this file; the same file may hold two objects."""
        return [entry for entry in self.entries if entry.matches(path)]
