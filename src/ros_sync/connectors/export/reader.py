"""Reading one export file for one entry of the mapping: batches of canonical rows, in a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ros_sync.connectors.base import BATCH_ROWS, Batch, SetAside
from ros_sync.connectors.export.blocks import Block
from ros_sync.connectors.export.convert import Converter
from ros_sync.connectors.export.csv_rows import CsvRows
from ros_sync.connectors.export.json_rows import JsonRows
from ros_sync.connectors.export.lines import Lines
from ros_sync.connectors.export.mapping import JSON_LINES, FileEntry
from ros_sync.fields import Carried, Kind


def read(path: Path, entry: FileEntry) -> Iterator[Batch]:
    """The rows of a file as batches of about BATCH_ROWS, in the file's order; memory does not grow with the file.

    A row that cannot be read is in its batch's `set_aside`. `Batch.position` counts bytes against
    `lines.file_size(path)`. Raises ImportRefusedError where the file as a whole cannot be read: empty, binary, a
    damaged gzip file, a column that the mapping asks for missing or there twice.
    """
    lines = Lines(path, entry.style.encoding)
    converter = Converter(entry, str(path))
    columns: dict[str, list[Carried]] = {name: [] for name in converter.fields}
    numbers: list[int] = []
    set_aside: list[SetAside] = []

    def batch() -> Batch:
        return Batch(entry.object, str(path), columns, numbers, entry.lookups, set_aside, lines.position)

    for block in _blocks(path, entry, lines):
        converted, their_lines, apart = converter.convert(block)
        for column, more in zip(columns.values(), converted, strict=True):
            column.extend(more)
        numbers += their_lines
        set_aside += apart
        if len(numbers) + len(set_aside) >= BATCH_ROWS:
            yield batch()
            columns = {name: [] for name in converter.fields}
            numbers, set_aside = [], []
    if numbers or set_aside:
        yield batch()


def _blocks(path: Path, entry: FileEntry, lines: Lines) -> Iterable[Block]:
    if entry.format_of(path) == JSON_LINES:
        return JsonRows(lines, entry.columns, _numeric_columns(entry), entry.style.numbers.decimal)
    return CsvRows(lines, entry.delimiter_of(path), entry.columns)


def _numeric_columns(entry: FileEntry) -> frozenset[str]:
    numeric = (Kind.NUMBER, Kind.MONEY)
    return frozenset(each.column.name for each in entry.fields if each.column is not None and each.kind in numeric)
