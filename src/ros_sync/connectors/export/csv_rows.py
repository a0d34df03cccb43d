"""The rows of a CSV file, in blocks, with every row that cannot be read quarantined by name."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from ros_sync.connectors.base import Quarantined
from ros_sync.connectors.export.blocks import BLOCK_ROWS, Block, refuse_missing
from ros_sync.connectors.export.lines import MAX_LINE_CHARS, Lines, shown, undecodable
from ros_sync.connectors.export.mapping import Column
from ros_sync.errors import ImportRefusedError, Where

# Salesforce's longest field, a long or rich text area, holds 131,072 characters (Salesforce field types reference).
# It bounds how far a quote that is never closed is followed at first, and thereby the memory it takes.
MAX_CELL_CHARS = 131_072
# A longer cell in a column that nothing is mapped to does not matter: its row is read once more with this bound. What
# goes over several lines has a smaller one, as it may as well be a quote that is never closed.
_LONG_CELL_CHARS = MAX_LINE_CHARS
_LONG_CELL_CHARS_OF_LINES = 2 * MAX_CELL_CHARS

_OTHER_DELIMITERS = {";": '";"', "\t": r'"\t"', ",": '","', "|": '"|"'}
_DECLARED_DELIMITER = re.compile(r'"?sep=(.)"?\r?\n?')  # Excel's own first line, which says how it parts columns
_EXCEL_TEXT = re.compile(r'="((?:[^"]|"")*)"')  # ="00123", a text that a spreadsheet must not take for a number
_CELL_END: Final = "\x1f"  # keeps a line end at the end of one cell apart from one at the start of the next


class CsvRows:
    """Iterates over the blocks of one CSV file.

    Raises ImportRefusedError where the file is empty or a column that `wanted` names is not there, or there twice.
    """

    def __init__(self, lines: Lines, delimiter: str, wanted: Sequence[Column]) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._wanted = wanted
        self._origin = str(lines.path)
        self._chunks = self._kept_chunks()
        self._kept: list[str] = []  # the lines from `_line` on that have been taken out of the file, at least
        self._line = 1  # where the next block begins, and the first of the kept lines
        csv.field_size_limit(MAX_CELL_CHARS)  # a setting of the whole process, and Python's own default
        self._begin([])
        self._header: list[str] = []
        self._places: dict[str, int] = {}
        self._id_place = 0
        self._has_long = False  # whether a row of the block at hand has a cell longer than MAX_CELL_CHARS

    def __iter__(self) -> Iterator[Block]:
        """Blocks of rows with the wanted columns, in the file's order."""
        self._read_header()
        self._places = self._found_places()
        self._id_place = self._places[self._wanted[0].name] if self._wanted else 0
        while True:
            rows, lines, quarantined, ended = self._read_rows()
            columns, lines = self._columns(rows, lines, quarantined)
            quarantined += self._lines.quarantined
            self._lines.quarantined.clear()
            if lines or quarantined:
                yield self._block(columns, lines, quarantined)
            if ended:
                return

    def _kept_chunks(self) -> Iterator[list[str]]:
        for chunk in self._lines.chunks():
            self._kept += chunk
            yield chunk

    def _begin(self, pending: list[str]) -> None:
        """Start reading anew with lines that were taken out of the file already, then go on with the file."""
        self._reader = csv.reader(
            chain(pending, chain.from_iterable(self._chunks)), delimiter=self._delimiter, strict=True
        )
        self._counted = 0  # lines of this reader that belong to blocks already handed on

    def _taken(self) -> int:
        """Forget the lines of the block that was just read; how many they are."""
        taken = self._reader.line_num - self._counted
        self._counted += taken
        self._line += taken
        del self._kept[:taken]
        return taken

    def _read_rows(self) -> tuple[list[list[str]], Sequence[int], list[Quarantined], bool]:
        """Up to BLOCK_ROWS rows, where each begins, what could not be read, and whether the file has ended."""
        rows: list[list[str]] = []
        first = self._line
        try:
            rows.extend(islice(self._reader, BLOCK_ROWS))  # what was read before an error stays in `rows`
        except csv.Error as error:
            begun = self._beginnings(first, rows)
            if "field larger" in str(error) and (long := self._long_row(rows)) is not None:
                return [*rows, long[0]], [*begun, long[1]], [], False
            return rows, begun, [self._after(rows, str(error))], False
        ended = len(rows) < BLOCK_ROWS
        simple = self._taken() == len(rows)
        lines = range(first, first + len(rows)) if simple else self._beginnings(first, rows)
        return rows, lines, [], ended

    def _long_row(self, rows: Sequence[list[str]]) -> tuple[list[str], int] | None:
        """The record after `rows`, which has a very long cell, and its first line; None where its end is not found."""
        good = sum(map(_physical_lines, rows))
        for lines, limit in (
            (iter(self._kept[good : good + 1]), _LONG_CELL_CHARS),
            (chain(self._kept[good:], chain.from_iterable(self._chunks)), _LONG_CELL_CHARS_OF_LINES),
        ):
            csv.field_size_limit(limit)
            try:
                row = next(csv.reader(lines, delimiter=self._delimiter, strict=True))
            except csv.Error:
                continue
            finally:
                csv.field_size_limit(MAX_CELL_CHARS)
            line = self._line + good
            used = good + _physical_lines(row)
            del self._kept[:used]
            self._line += used
            self._begin(list(self._kept))
            self._has_long = True
            return row, line
        return None

    def _after(self, rows: Sequence[list[str]], error: str) -> Quarantined:
        """Quarantine the record that stands after `rows`, and go on at the physical line after its first."""
        good = sum(_physical_lines(row) for row in rows)
        read = self._reader.line_num - self._counted
        quarantined = self._broken(self._line + good, self._kept[good:read], error)
        del self._kept[: good + 1]
        self._line += good + 1
        self._begin(list(self._kept))
        return quarantined

    def _beginnings(self, line: int, rows: Sequence[list[str]]) -> list[int]:
        """Where each row begins, the first at `line`, where some go over several lines."""
        found = []
        for row in rows:
            found.append(line)
            line += _physical_lines(row)
        return found

    def _broken(self, line: int, broken: Sequence[str], error: str) -> Quarantined:
        """What to say of a record that the csv module gave up on; `broken` are its lines as far as they were read."""
        cells = next(csv.reader(broken[:1], delimiter=self._delimiter), [])
        last = len(cells) - 1
        column = self._header[last] if 0 <= last < len(self._header) else None
        value = shown(cells[last]) if cells else None
        if "unexpected end of data" in error:
            reason = "a quote opened here is never closed"
        elif "field larger" not in error:
            column = column if len(broken) > 1 else None
            value = value if len(broken) > 1 else shown(broken[0].rstrip("\r\n"))
            reason = (
                "a quote opened here is closed in the middle of a cell; a quote inside a quoted cell is written twice"
            )
        else:
            reason = f"a quote opened here is never closed: {MAX_CELL_CHARS:,} characters on, the cell has no end"
        return Quarantined(self._origin, line, column, value, reason)

    def _block(self, columns: Sequence[Sequence[str]], lines: Sequence[int], quarantined: list[Quarantined]) -> Block:
        cells = {name: columns[place] if lines else () for name, place in self._places.items()}
        if self._lines.has_excel_texts:
            cells = {name: [_without_formula(cell) for cell in column] for name, column in cells.items()}
        return Block(cells, lines, quarantined)

    def _columns(
        self, rows: list[list[str]], lines: Sequence[int], quarantined: list[Quarantined]
    ) -> tuple[Sequence[Sequence[str]], Sequence[int]]:
        """Rows turned into columns, without those that are blank, too long, too short or not decodable."""
        width = len(self._header)
        if not self._lines.suspect and not self._has_long:
            try:
                columns = list(zip(*rows, strict=True))
            except ValueError:
                pass
            else:
                if len(columns) == width and self._all_have_ids(columns[self._id_place]):
                    return columns, lines
        good: list[list[str]] = []
        good_lines: list[int] = []
        for row, line in zip(rows, lines, strict=True):
            if any(map(str.strip, row)):
                fitting = self._fitting(row, width)
                reason = self._reason(fitting, line, quarantined)
                if not reason:
                    good.append(fitting)
                    good_lines.append(line)
        self._has_long = False
        return list(zip(*good, strict=True)), good_lines

    def _all_have_ids(self, ids: Sequence[str]) -> bool:
        """Whether no row needs a look of its own.

        One without an id may be blank, one with the heading be the header.
        """
        return all(map(str.strip, ids)) and self._header[self._id_place] not in ids

    def _fitting(self, row: list[str], width: int) -> list[str]:
        """The row without blank cells beyond the header, and with those that only headings without a name lack."""
        if len(row) > width and not any(map(str.strip, row[width:])):
            return row[:width]
        if len(row) < width and not any(self._header[len(row) :]):
            return row + [""] * (width - len(row))
        return row

    def _reason(self, row: list[str], line: int, quarantined: list[Quarantined]) -> bool:
        """Whether a row is quarantined.

        Of another length than the header, the header once more, too long in a cell, or not decodable.
        """
        if len(row) != len(self._header):
            few = (
                "a cell is missing, or a delimiter"
                if len(row) < len(self._header)
                else "a delimiter inside a cell needs quotes"
            )
            reason = (
                f"the row has {len(row)} {'cell' if len(row) == 1 else 'cells'}, the header has "
                f"{len(self._header)}; {few}"
            )
            quarantined.append(Quarantined(self._origin, line, None, shown(self._delimiter.join(row)), reason))
            return True
        if all(row[place].strip() == name for name, place in self._places.items()):
            reason = "the headings stand here once more; were files put together?"
            quarantined.append(Quarantined(self._origin, line, None, shown(self._delimiter.join(row)), reason))
            return True
        for name, place in self._places.items() if self._has_long else ():
            if len(row[place]) > MAX_CELL_CHARS:
                reason = f"the cell is longer than {MAX_CELL_CHARS:,} characters"
                quarantined.append(Quarantined(self._origin, line, name, shown(row[place]), reason))
                return True
        for name, place in self._places.items() if self._lines.suspect else ():
            damage = undecodable(row[place], self._lines.encoding)
            if damage:
                quarantined.append(Quarantined(self._origin, line, name, shown(row[place]), damage))
                return True
        return False

    def _read_header(self) -> None:
        try:
            for row in self._reader:
                if self._line == 1 and (declared := _DECLARED_DELIMITER.fullmatch(self._kept[0])):
                    self._delimiter = declared[1]
                    self._taken()
                    self._begin(list(self._kept))
                    return self._read_header()
                if any(cell.strip() for cell in row):
                    self._header = [cell.strip() for cell in row]
                    break
        except csv.Error as error:
            where = Where(self._origin, self._line)
            raise ImportRefusedError("a quote opened in the header is never closed", where=where) from error
        self._taken()
        if not self._header:
            raise ImportRefusedError("the file is empty", where=Where(self._origin))
        return None

    def _found_places(self) -> dict[str, int]:
        """The place of each wanted column in a row."""
        missing = [column for column in self._wanted if column.name not in self._header]
        if missing:
            present = [shown(name) for name in self._header if name]
            raise refuse_missing(self._lines.path, missing, present, self._header_hint())
        for column in self._wanted:
            if (times := self._header.count(column.name)) > 1:
                raise ImportRefusedError(
                    f"the column {column.name!r}, which {column.where} asks for, appears {times} times",
                    where=Where(self._origin, 1),
                    hint="rename or remove the others in the file",
                )
        return {column.name: self._header.index(column.name) for column in self._wanted}

    def _header_hint(self) -> str | None:
        damage = undecodable("".join(self._header), self._lines.encoding) if self._lines.suspect else None
        return f"in the header, {damage}" if damage else self._delimiter_hint()

    def _delimiter_hint(self) -> str | None:
        if len(self._header) > 1:
            return None
        for sign, written in _OTHER_DELIMITERS.items():
            if sign != self._delimiter and sign in self._header[0]:
                return (
                    f"the header is one cell; if {sign!r} parts its columns, set `delimiter: {written}` in the mapping"
                )
        return None


def _physical_lines(row: Sequence[str]) -> int:
    """How many physical lines a row was read from."""
    text = _CELL_END.join(row)
    return 1 + text.count("\n") + text.count("\r") - text.count("\r\n")


def _without_formula(cell: str) -> str:
    found = _EXCEL_TEXT.fullmatch(cell.strip())
    return cell if found is None else found[1].replace('""', '"')
