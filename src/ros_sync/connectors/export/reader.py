"""Reading one export file for one entry of the mapping: batches of canonical rows, in a stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ros_sync.connectors.base import BATCH_ROWS, Batch, Quarantined
from ros_sync.connectors.export.blocks import Block
from ros_sync.connectors.export.convert import Converter
from ros_sync.connectors.export.csv_rows import CsvRows
from ros_sync.connectors.export.json_rows import JsonRows
from ros_sync.connectors.export.lines import Lines
from ros_sync.connectors.export.mapping import JSON_LINES, ColumnMapping, FileEntry
from ros_sync.connectors.export.packed import Content, content_of
from ros_sync.fields import Kind, StoredValue


class Origin(Protocol):
    """What rows are read from: how far it is read, and what a person should know of it."""

    notes: list[str]

    @property
    def position(self) -> int:
        """How many bytes of the file on disk have been read."""
        ...


def read(path: Path, entry: FileEntry) -> Iterator[Batch]:
    """The rows of a file as batches of about BATCH_ROWS, in the file's order; memory does not grow with the file.

    Only a workbook is held as a whole (`workbook_limits`). A row that cannot be read is in its batch's `quarantined`.
    `Batch.position` counts bytes against `lines.file_size(path)`. Raises ImportRefusedError where the file as a whole
    cannot be read: empty, binary, damaged, a column that the mapping asks for missing or there twice.
    """
    blocks, origin = _blocks(path, entry)
    converter = Converter(entry, str(path))
    columns: dict[str, list[StoredValue]] = {name: [] for name in converter.fields}
    numbers: list[int] = []
    quarantined: list[Quarantined] = []
    headings = entry.headings

    def batch() -> Batch:
        notes, origin.notes = origin.notes, []
        return Batch(
            entry.object, str(path), columns, numbers, entry.lookups, quarantined, origin.position, notes, headings
        )

    for block in blocks:
        entry.join_columns(block.columns)
        converted, their_lines, apart = converter.convert(block)
        for column, more in zip(columns.values(), converted, strict=True):
            column.extend(more)
        numbers += their_lines
        quarantined += apart
        if len(numbers) + len(quarantined) >= BATCH_ROWS:
            yield batch()
            columns = {name: [] for name in converter.fields}
            numbers, quarantined = [], []
    if numbers or quarantined or origin.notes:
        yield batch()


def _blocks(path: Path, entry: FileEntry) -> tuple[Iterator[Block], Origin]:
    content = content_of(path)
    if content.is_workbook:
        return _workbook(path, content, entry)
    lines = Lines(path, entry.style.encoding, content)
    if entry.format_of(content.name) == JSON_LINES:
        return iter(JsonRows(lines, entry.columns, _numeric_columns(entry), entry.style.numbers.decimal)), lines
    return iter(CsvRows(lines, entry.delimiter_of(content.name), entry.columns)), lines


def _workbook(path: Path, content: Content, entry: FileEntry) -> tuple[Iterator[Block], Origin]:
    # Its library is loaded only where there is a workbook.
    from ros_sync.connectors.export.workbook_rows import (  # noqa: PLC0415
        WorkbookRows,
        Writer,
        date_writer,
        number_writer,
    )

    writers: dict[str, Writer] = dict.fromkeys(_numeric_columns(entry), number_writer(entry.style.numbers.decimal))
    for field in entry.fields:
        dates = field.style.dates
        if field.column is not None and field.kind in (Kind.DATE, Kind.INSTANT) and not dates.iso and dates.formats:
            writers[field.column.name] = date_writer(dates.formats[0])
    rows = WorkbookRows(path, content, entry.columns, writers, entry.sheet)
    return iter(rows), rows


def _numeric_columns(entry: FileEntry) -> frozenset[str]:
    return frozenset(each.column.name for each in entry.fields if each.column is not None and _is_numeric(each))


def _is_numeric(field: ColumnMapping) -> bool:
    return field.kind in (Kind.NUMBER, Kind.MONEY)
