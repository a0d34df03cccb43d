"""The rows of a JSON Lines file, in blocks: one object a line, nested values by dotted column names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from ros_sync.connectors.base import BATCH_ROWS, Quarantined
from ros_sync.connectors.export.blocks import BLOCK_ROWS, Block, refuse_missing
from ros_sync.connectors.export.lines import Lines, shown, undecodable
from ros_sync.connectors.export.mapping import Column
from ros_sync.errors import ImportRefusedError

LIST_SEPARATOR = ";"  # between the values of a list, as CRMs write multiple choices in CSV
_ABSENT = object()
_THREE_DECIMALS = re.compile(r"-?\d{1,3}\.\d{3}")


class _Token(str):
    """A JSON number as it is written, so that no digit of an amount is lost."""

    __slots__ = ()


class _NotANumber(str):
    """NaN or Infinity, which is no JSON; it matters where a column is mapped to it."""

    __slots__ = ()


class JsonRows:
    """Iterates over the blocks of one JSON Lines file.

    JSON writes numbers with a decimal point; in `numeric` columns they are handed on with the `decimal` sign that the
    mapping declares for texts. What no column is mapped to may hold anything. Raises ImportRefusedError where the file
    is empty or no line of the first batch has a wanted column.
    """

    def __init__(self, lines: Lines, wanted: Sequence[Column], numeric: frozenset[str], decimal: str) -> None:
        self._lines = lines
        self._wanted = wanted
        self._paths = [(column.name, column.name.split(".")) for column in wanted]
        self._numeric = numeric
        self._decimal = decimal
        self._origin = str(lines.path)
        self._unseen = {column.name for column in wanted}
        self._keys: dict[str, None] = {}  # the keys of the first batch, in order, for the message
        # Control characters inside a text cost nothing as long as nobody asks for that text.
        self._decode = json.JSONDecoder(
            parse_int=_Token, parse_float=_Token, parse_constant=_NotANumber, strict=False
        ).decode

    def __iter__(self) -> Iterator[Block]:
        """Blocks of rows with the wanted columns, in the file's order."""
        physical = enumerate(chain.from_iterable(self._lines.chunks()), start=1)
        read = 0
        while chunk := list(islice(physical, BLOCK_ROWS)):
            block = self._block(chunk)
            read += len(block.lines)
            if self._unseen and read >= BATCH_ROWS:
                raise self._missing()
            block.quarantined += self._lines.quarantined
            self._lines.quarantined.clear()
            if block.lines or block.quarantined:
                yield block
        if self._unseen and read:
            raise self._missing()

    def _missing(self) -> ImportRefusedError:
        missing = [column for column in self._wanted if column.name in self._unseen]
        return refuse_missing(self._lines.path, missing, list(self._keys), "no line of the file's beginning has it")

    def _block(self, chunk: Sequence[tuple[int, str]]) -> Block:
        rows: list[list[str]] = []
        lines: list[int] = []
        quarantined: list[Quarantined] = []
        for line, text in chunk:
            if not text.strip():
                continue
            found = self._row(line, text)
            if isinstance(found, Quarantined):
                quarantined.append(found)
            else:
                rows.append(found)
                lines.append(line)
        columns: list[tuple[str, ...]] = list(zip(*rows, strict=True)) or [()] * len(self._paths)
        return Block({name: cells for (name, _), cells in zip(self._paths, columns, strict=True)}, lines, quarantined)

    def _row(self, line: int, text: str) -> list[str] | Quarantined:
        whole = text.strip()
        reason = None
        record: object = None
        try:
            record = self._decode(whole)
        except json.JSONDecodeError as error:
            reason = f"this is not JSON: {error.msg} at column {error.colno}"
            if self._lines.suspect:
                reason = undecodable(text, self._lines.encoding) or reason
        except RecursionError:
            reason = "the JSON is nested too deep"
        if reason is not None:
            return Quarantined(self._origin, line, None, shown(whole), reason)
        if not isinstance(record, dict):
            return Quarantined(self._origin, line, None, shown(whole), "a line must hold one JSON object, {…}")
        if self._unseen:
            self._see(record)
        row = []
        for name, path in self._paths:
            try:
                row.append(self._text(name, _value(record, name, path)))
            except ValueError as error:
                return Quarantined(self._origin, line, name, None, str(error))
        return row

    def _check_characters(self, text: str) -> None:
        reason = undecodable(text, self._lines.encoding) if self._lines.suspect else None
        if reason:
            raise ValueError(reason)
        if "\0" in text:
            raise ValueError("the text holds a NUL character")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError("the text holds half of a surrogate pair, which is not a character") from error

    def _see(self, record: dict[str, Any]) -> None:
        self._keys.update(dict.fromkeys(record))
        for name, path in self._paths:
            if name in self._unseen and _value(record, name, path) is not _ABSENT:
                self._unseen.discard(name)

    def _text(self, name: str, value: object) -> str:
        if value is None or value is _ABSENT:
            return ""
        if isinstance(value, _Token):
            return numeric_text(value, self._decimal) if name in self._numeric else str(value)
        if isinstance(value, _NotANumber):
            raise ValueError(f"{value} is not a number that JSON knows")  # noqa: TRY004  # a fault of the file
        if isinstance(value, str):
            if not value.isascii() or "\0" in value:
                self._check_characters(value)
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            return LIST_SEPARATOR.join(self._text(name, each) for each in value)
        inner = ", ".join(shown(f"{name}.{key}") for key in list(value)[:3]) if isinstance(value, dict) else ""
        raise ValueError(f"the value is an object; name a part of it as the column, such as {inner}")


def _value(record: dict[str, Any], name: str, path: Sequence[str]) -> object:
    """The value of a column: a key of that very name, else down the dotted path."""
    value = record.get(name, _ABSENT)
    if value is not _ABSENT or len(path) == 1:
        return value
    value = record
    for part in path:
        if not isinstance(value, dict):
            return None if value is None else _ABSENT
        value = value.get(part, _ABSENT)
    return value


def numeric_text(token: str, decimal: str) -> str:
    """A number of JSON or of a workbook as a text of that decimal sign which can be read in one way only.

    `1.234` in a text may be meant as 1,234; here it cannot, and 1.2340 says so.
    """
    text = f"{token}0" if _THREE_DECIMALS.fullmatch(token) else token
    return text if decimal == "." else text.replace(".", decimal)
