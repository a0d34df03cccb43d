"""What a file holds, column by column, without a mapping.

How it is written, and the different values of each column.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from ros_sync.connectors.export.blocks import Block
from ros_sync.connectors.export.csv_rows import CsvRows
from ros_sync.connectors.export.json_rows import JsonRows
from ros_sync.connectors.export.lines import CHUNK_BYTES, Lines, utf16_of
from ros_sync.connectors.export.mapping import FORMATS, JSON_LINES, Column
from ros_sync.connectors.export.packed import Content, Unpacked, content_of, refused
from ros_sync.errors import Where

MAX_ROWS = 200_000  # looked at; what comes after them may hold what they did not
MAX_VALUES = 5_000  # different ones kept of one column
_LOOKED_AT_LINES = 50
_DELIMITERS = (",", ";", "\t", "|")
_NOWHERE = Where()


@dataclass(slots=True)
class ColumnSample:
    """The values of a column that are not empty, the most different ones first seen, and how often each is there."""

    heading: str
    filled: int = 0
    values: Counter[str] = field(default_factory=Counter)
    is_unique: bool = True

    def add(self, cells: Iterator[str]) -> None:
        """Take more cells into account."""
        for cell in cells:
            text = cell.strip()
            if not text:
                continue
            self.filled += 1
            if text in self.values:
                self.values[text] += 1
                self.is_unique = False
            elif len(self.values) < MAX_VALUES:
                self.values[text] = 1


@dataclass(slots=True)
class FileSample:
    """A file: how it is written, and its columns by heading; headings that stand there twice are left out."""

    path: Path
    content: Content
    encoding: str = "utf-8"
    delimiter: str | None = None
    rows: int = 0
    is_whole: bool = True
    columns: dict[str, ColumnSample] = field(default_factory=dict)

    @property
    def is_text(self) -> bool:
        """Whether the file is CSV."""
        return self.delimiter is not None


def sample(path: Path) -> FileSample:
    """Look at a file's values; ImportRefusedError where it cannot be read as an export at all."""
    content = content_of(path)
    found = FileSample(path, content)
    if content.is_workbook:
        blocks = _workbook_blocks(found)
    elif FORMATS.get(Path(content.name.lower().removesuffix(".gz")).suffix) == JSON_LINES:
        blocks = _json_blocks(found)
    else:
        blocks = _csv_blocks(found)
    for block in blocks:
        for heading, column in found.columns.items():
            column.add(iter(block.columns[heading]))
        found.rows += len(block.lines)
        if found.rows >= MAX_ROWS:
            found.is_whole = False
            break
    return found


def _wanted(found: FileSample, headings: list[str]) -> list[Column]:
    times = Counter(headings)
    usable = [heading for heading in headings if heading and times[heading] == 1]
    if not usable:
        raise refused(found.path, "there are no headings in the file's first line", "an export begins with them")
    found.columns = {heading: ColumnSample(heading) for heading in usable}
    return [Column(heading, _NOWHERE) for heading in usable]


def _csv_blocks(found: FileSample) -> Iterator[Block]:
    data = next(Unpacked(found.path, found.content).chunks(CHUNK_BYTES), b"")
    found.encoding = _encoding_of(data)
    lines = Lines(found.path, found.encoding, found.content)
    first = list(islice(chain.from_iterable(lines.chunks()), _LOOKED_AT_LINES))
    found.encoding = lines.encoding if lines.encoding != "utf-8" else found.encoding
    if first and first[0].strip().strip('"').lower().startswith("sep="):
        found.delimiter = first[0].strip("\r\n").strip('"')[len("sep=")]
        first = first[1:]
    else:
        found.delimiter = _delimiter_of(first)
    rows = csv.reader(first, delimiter=found.delimiter)
    header = next((row for row in rows if any(cell.strip() for cell in row)), [])
    wanted = _wanted(found, [cell.strip() for cell in header])
    return iter(CsvRows(Lines(found.path, found.encoding, found.content), found.delimiter, wanted))


def _encoding_of(data: bytes) -> str:
    """UTF-8 where the bytes are, else UTF-16 by its zeros, else what most programs of the West write."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return "utf-8" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "cp1252"
    return utf16_of(data) or "utf-8"


def _delimiter_of(lines: list[str]) -> str:
    """The sign that parts the first line into the most cells, of which the next ones have as many."""

    def rank(sign: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=sign) if row]
        return (
            sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0,
            widths[0] if widths else 0,
        )

    return max(_DELIMITERS, key=rank)


def _json_blocks(found: FileSample) -> Iterator[Block]:
    import orjson  # noqa: PLC0415  # for this kind of file alone

    keys: dict[str, None] = {}
    for line in islice(chain.from_iterable(Lines(found.path, "utf-8", found.content).chunks()), _LOOKED_AT_LINES):
        try:
            keys.update(dict.fromkeys(_paths(orjson.loads(line))))
        except orjson.JSONDecodeError:
            continue
    wanted = _wanted(found, list(keys))
    return iter(JsonRows(Lines(found.path, "utf-8", found.content), wanted, frozenset(), "."))


def _paths(value: object, before: str = "") -> Iterator[str]:
    """The dotted names of what an object holds."""
    for key, each in value.items() if isinstance(value, dict) else ():
        if isinstance(each, dict):
            yield from _paths(each, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def _workbook_blocks(found: FileSample) -> Iterator[Block]:
    from ros_sync.connectors.export.workbook_rows import WorkbookRows, header_of  # noqa: PLC0415  # as above

    wanted = _wanted(found, header_of(found.path, found.content))
    return iter(WorkbookRows(found.path, found.content, wanted, {}))
