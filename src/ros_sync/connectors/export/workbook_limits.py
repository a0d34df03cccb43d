"""How large a workbook may be. It is read into memory as a whole, and what it says of its own size may be a lie."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import IO

from ros_sync.connectors.export.packed import DAMAGED, refused

# Measured with calamine 0.x on 30 columns of short texts: about 105 bytes for each cell, blank ones included, as a
# sheet becomes a grid from its first cell to its last. So a workbook takes up to about 350 MB.
MAX_CELLS = 3_000_000
MAX_BYTES = 256 * 1024 * 1024  # unpacked; a sheet of MAX_CELLS short cells has about 170 MB of XML
_CHUNK_BYTES = 1024 * 1024
_OVERLAP = 64  # of two chunks, so that a reference at their border is seen
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_CELL = re.compile(rb"<(?:\w+:)?c[ />]")
_ROW = re.compile(rb"<(?:\w+:)?row[ />]")


def check_workbook(path: Path, file: Path | IO[bytes]) -> None:
    """Read the whole archive once and refuse it where it is damaged, or a sheet would not fit into memory.

    One stray cell in the last corner of a sheet makes a grid of 17 thousand million cells.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total > MAX_BYTES:
                raise refused(
                    path, f"the workbook has {total // 1024**2:,} MB of content, {MAX_BYTES // 1024**2} are read", _CSV
                )
            for member in archive.infolist():  # each is read to its end, where zipfile compares length and checksum
                with archive.open(member) as part:
                    rows, columns = _extent(part)
                if rows * columns > MAX_CELLS:
                    raise refused(
                        path,
                        f"a sheet of the workbook goes on to row {rows:,} and column {columns:,}; that are more than "
                        f"{MAX_CELLS:,} cells, blank ones included",
                        f"remove what stands far outside, or {_CSV}",
                    )
    except (*DAMAGED, OSError) as error:
        raise refused(path, f"the workbook is damaged: {error}", "export it again") from error


_CSV = "save it as CSV (UTF-8), of which any size is read"


def _extent(part: IO[bytes]) -> tuple[int, int]:
    """How many rows and columns a sheet's XML has, by the cells' references and by counting; (0, 0) for other parts."""
    last_row = last_column = counted_rows = in_row = widest = 0
    tail = b""
    while chunk := part.read(_CHUNK_BYTES):
        data = tail + chunk
        for column, row in set(_REFERENCE.findall(data)):
            last_column = max(last_column, _column_number(column))
            last_row = max(last_row, int(row))
        # What is counted may count a border's overlap twice, which makes it larger by a few at the most.
        first, *others = _ROW.split(data)
        in_row += len(_CELL.findall(first))
        widest = max(widest, in_row)
        for each in others:
            in_row = len(_CELL.findall(each))
            widest = max(widest, in_row)
        counted_rows += len(others)
        tail = data[-_OVERLAP:]
    return max(last_row, counted_rows), max(last_column, widest)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
