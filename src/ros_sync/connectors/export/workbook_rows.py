"""The rows of an Excel workbook (.xlsx), in blocks: cells become the texts that a CSV file would hold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from ros_sync.connectors.export.blocks import BLOCK_ROWS, Block, refuse_missing
from ros_sync.connectors.export.json_rows import numeric_text
from ros_sync.connectors.export.lines import CHUNK_BYTES
from ros_sync.connectors.export.mapping import Column
from ros_sync.connectors.export.packed import Content, Unpacked, refused
from ros_sync.connectors.export.workbook_limits import MAX_BYTES, check_workbook
from ros_sync.fields import did_you_mean

Cell = int | float | str | bool | date | datetime | time | timedelta
Writer = Callable[[Cell], str]

_KEPT_DIGITS = 15  # of a number in a workbook (Excel specifications and limits); an id with more has lost its last ones
_MIDNIGHT = time()


class WorkbookRows:
    """Iterates over the blocks of one sheet: the one named, else the first that is not hidden.

    `writers` say how the cells of a column become text, `plain_text` where they say nothing. Lines are the sheet's
    rows. Raises ImportRefusedError where the workbook is damaged or too large, or a wanted column is not there, or
    there twice.
    """

    def __init__(
        self,
        path: Path,
        content: Content,
        wanted: Sequence[Column],
        writers: Mapping[str, Writer],
        sheet: str | None = None,
    ) -> None:
        self._path = path
        self._content = content
        self._wanted = wanted
        self._writers = writers
        self._sheet = sheet
        self.position = 0
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[Block]:
        """Blocks of rows with the wanted columns, in the sheet's order."""
        with self._opened() as sheet:
            yield from self._blocks(sheet)

    def header(self) -> list[str]:
        """The texts of the first row that is not blank."""
        with self._opened() as sheet:
            rows = ([str(cell).strip() for cell in row] for row in sheet.iter_rows())
            return next((row for row in rows if any(row)), [])

    @contextmanager
    def _opened(self) -> Iterator[CalamineSheet]:
        with ExitStack() as stack:
            file: Path | IO[bytes] = self._path
            if self._content.member is not None:
                file = stack.enter_context(tempfile.TemporaryFile())
                self._unpack(file)
            check_workbook(self._path, file)
            if not isinstance(file, Path):
                file.seek(0)
            yield self._open(file)

    def _unpack(self, target: IO[bytes]) -> None:
        unpacked = Unpacked(self._path, self._content)
        for data in unpacked.chunks(CHUNK_BYTES):
            target.write(data)
            if unpacked.taken > MAX_BYTES:
                raise refused(self._path, "the workbook in the archive is too large", "save it as CSV (UTF-8)")
        target.seek(0)

    def _open(self, file: Path | IO[bytes]) -> CalamineSheet:
        try:
            if isinstance(file, Path):
                workbook = CalamineWorkbook.from_path(str(file))
            else:
                workbook = CalamineWorkbook.from_filelike(file)
            name = self._sheet_name(workbook)
            return workbook.get_sheet_by_name(name)
        except (CalamineError, OSError) as error:
            raise refused(self._path, f"the workbook cannot be read: {error}", "save it again, or as CSV") from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # how Rust's panics arrive; no class of it can be imported
                raise
            raise refused(self._path, "the workbook cannot be read", "save it again, or as CSV") from None

    def _sheet_name(self, workbook: CalamineWorkbook) -> str:
        visible = [sheet.name for sheet in workbook.sheets_metadata if sheet.visible is SheetVisibleEnum.Visible]
        if self._sheet is None and visible:
            others = visible[1:]
            if others:
                self.notes.append(
                    f"the first sheet, {visible[0]!r}, was read; for another one set `sheet:` ({', '.join(others)})"
                )
            return visible[0]
        if self._sheet in workbook.sheet_names:
            return str(self._sheet)
        hint = did_you_mean(str(self._sheet), workbook.sheet_names)
        raise refused(self._path, f"the workbook has no sheet {self._sheet!r}", hint)

    def _blocks(self, sheet: CalamineSheet) -> Iterator[Block]:
        size, height = self._path.stat().st_size, max(1, sheet.total_height)
        places: dict[str, int] = {}
        rows: list[list[Cell]] = []
        lines: list[int] = []
        for line, row in enumerate(sheet.iter_rows(), start=1):
            if all(cell == "" or (isinstance(cell, str) and not cell.strip()) for cell in row):
                continue
            if not places:
                places = self._places([str(cell).strip() for cell in row], line)
                continue
            rows.append(row)
            lines.append(line)
            if len(rows) == BLOCK_ROWS:
                self.position = size * line // height
                yield self._block(rows, lines, places)
                rows, lines = [], []
        if not places:
            raise refused(self._path, "the sheet is empty")
        self.position = size
        if rows:
            yield self._block(rows, lines, places)

    def _places(self, header: list[str], line: int) -> dict[str, int]:
        missing = [column for column in self._wanted if column.name not in header]
        if missing:
            hint = self.notes[0] if self.notes else None
            raise refuse_missing(self._path, missing, [name for name in header if name], hint)
        for column in self._wanted:
            if (times := header.count(column.name)) > 1:
                message = (
                    f"the column {column.name!r}, which {column.where} asks for, appears {times} times in row {line}"
                )
                raise refused(self._path, message, "rename or remove the others in the file")
        return {column.name: header.index(column.name) for column in self._wanted}

    def _block(self, rows: Sequence[Sequence[Cell]], lines: Sequence[int], places: Mapping[str, int]) -> Block:
        columns: dict[str, Sequence[str]] = {
            name: [self._writers.get(name, plain_text)(row[place]) for row in rows] for name, place in places.items()
        }
        return Block(columns, lines)


def header_of(path: Path, content: Content) -> list[str]:
    """The headings of a workbook's first visible sheet."""
    return WorkbookRows(path, content, (), {}).header()


def plain_text(cell: Cell) -> str:
    """A cell as text: whole numbers without a point, days as ISO 8601.

    A whole number of more digits than a workbook keeps stands in scientific notation, so that no id is made up from it.
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return _number(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == _MIDNIGHT else cell.isoformat(sep=" ")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def number_writer(decimal: str) -> Writer:
    """What writes the numbers of a column whose texts have that decimal sign."""
    return lambda cell: numeric_text(plain_text(cell), decimal) if isinstance(cell, float) else plain_text(cell)


def date_writer(form: str) -> Writer:
    """What writes the days and times of a column whose texts have that format."""
    return lambda cell: cell.strftime(form) if isinstance(cell, date) else plain_text(cell)


def _number(value: float) -> str:
    if value.is_integer():
        return str(int(value)) if abs(value) < 10**_KEPT_DIGITS else f"{value:.14E}"
    return f"{value:.{_KEPT_DIGITS}g}"  # what Excel shows: 0.1 + 0.2 is 0.3
