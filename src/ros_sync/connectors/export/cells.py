"""Converting the cells of one column, many at a time: quick while all goes well, cell by cell where it does not."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

C = TypeVar("C", bound=Hashable)
V = TypeVar("V")

MEMO_CELLS = 50_000  # different cells remembered of one column; forgotten beyond, so that memory stays flat
_PROBE_CELLS = 4_000  # after so many cells it is decided whether remembering pays for this column

Failures = dict[int, str]


class _Memo(dict[C, V], Generic[C, V]):
    """What each cell means, worked out once for each text."""

    __slots__ = ("_parse",)

    def __init__(self, parse: Callable[[C], V]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, cell: C) -> V:
        value = self[cell] = self._parse(cell)
        return value


class CellReader(Generic[C, V]):
    """Turns cells into values by `parse`, which raises ValueError with a reason.

    Most columns repeat themselves (stages, owners, days), and a dictionary is quicker than any parsing; in those that
    do not, remembering is given up for `parse_all`, by default `parse` for each.
    Equal values of a column are one object, which also keeps a batch small enough for the processor's cache.
    """

    def __init__(self, parse: Callable[[C], V], parse_all: Callable[[Sequence[C]], Sequence[V]] | None = None) -> None:
        self._parse = parse
        self._parse_all = parse_all or (lambda cells: list(map(parse, cells)))
        self._memo = _Memo(parse)
        self._seen = 0
        self._repeats = True

    def read(self, cells: Sequence[C]) -> tuple[Sequence[V | None], Failures]:
        """The value of each cell, None where it failed, and the reason of each failure by its place."""
        try:
            return self._read_all(cells), {}
        except ValueError:
            return self._read_each(cells)

    def _read_all(self, cells: Sequence[C]) -> Sequence[V | None]:
        if not self._repeats:
            return self._parse_all(cells)
        values: list[V | None] = list(map(self._memo.__getitem__, cells))
        if self._seen < _PROBE_CELLS:
            self._seen += len(cells)
            self._repeats = self._seen < _PROBE_CELLS or len(self._memo) * 2 <= self._seen
        if len(self._memo) > MEMO_CELLS or not self._repeats:
            self._memo.clear()
        return values

    def _read_each(self, cells: Sequence[C]) -> tuple[list[V | None], Failures]:
        values: list[V | None] = []
        failures: Failures = {}
        for place, cell in enumerate(cells):
            try:
                values.append(self._parse(cell))
            except ValueError as error:
                values.append(None)
                failures[place] = str(error)
        return values, failures


def read_text(cell: str) -> str | None:
    """The stripped text, None for an empty one."""
    return cell.strip() or None


def read_texts(cells: Sequence[str]) -> list[str | None]:
    """Stripped texts, None for empty ones."""
    texts: list[str | None] = list(map(str.strip, cells))
    return [text or None for text in texts] if "" in texts else texts
