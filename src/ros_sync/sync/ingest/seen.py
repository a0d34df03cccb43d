"""A private database on disk for what a task has to remember, so that memory does not grow with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from itertools import repeat
from types import TracebackType
from typing import NamedTuple, Self

import orjson

from ros_sync.fields import StoredValue
from ros_sync.sync.ingest.row_merge import merge


class ScratchDatabase:
    """A database without a name that lives as long as the block; `tables` is the SQL that creates its tables."""

    def __init__(self, tables: str) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(
            f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8192; {tables}; BEGIN"
        )

    def __enter__(self) -> Self:
        """Open already: it can be used at once."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget everything."""
        self._connection.close()


_LAST_BIT = 62  # of a whole number in SQLite; files beyond so many share it


class Before(NamedTuple):
    """Where an id was seen first, and of which columns the rows with it have spoken so far."""

    place: str
    spoken: frozenset[str]


class SeenIds(ScratchDatabase):
    """Ids of one object, each with the place it was first seen at, and the files that spoke of it."""

    def __init__(self) -> None:
        super().__init__(
            "CREATE TABLE seen (id TEXT PRIMARY KEY, file INTEGER, line INTEGER, files INTEGER) WITHOUT ROWID"
        )
        self._files: list[tuple[str, frozenset[str]]] = []

    def add(
        self, ids: Sequence[str], file: str, lines: Sequence[int], columns: Collection[str] = ()
    ) -> dict[int, Before]:
        """Remember the ids; give index -> what is known of the first time for each that was seen before."""
        spoken = (file, frozenset(columns))
        if spoken not in self._files:
            self._files.append(spoken)
        number = self._files.index(spoken)
        bit = 1 << min(number, _LAST_BIT)
        before = self._connection.total_changes
        self._connection.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?)", zip(ids, repeat(number), lines, repeat(bit), strict=False)
        )
        if self._connection.total_changes - before == len(ids):
            return {}
        repeated = {}
        for index, (record_id, line) in enumerate(zip(ids, lines, strict=True)):
            query = self._connection.execute("SELECT file, line, files FROM seen WHERE id = ?", (record_id,))
            first, first_line, files = query.fetchone()
            if (first, first_line) != (number, line):
                repeated[index] = Before(f"{self._files[first][0]}:{first_line}", self._columns(files))
                self._connection.execute("UPDATE seen SET files = files | ? WHERE id = ?", (bit, record_id))
        return repeated

    def _columns(self, files: int) -> frozenset[str]:
        spoken = (columns for number, (_, columns) in enumerate(self._files) if files & 1 << min(number, _LAST_BIT))
        return frozenset().union(*spoken)


class SeenRows(ScratchDatabase):
    """What the rows of one object have said so far, by id, for comparing without a mirror."""

    def __init__(self) -> None:
        super().__init__("CREATE TABLE seen (id TEXT PRIMARY KEY, place TEXT, said BLOB) WITHOUT ROWID")

    def add(self, row: Mapping[str, StoredValue], place: str) -> tuple[str, list[str]] | None:
        """Remember a row; where one with its id came before, its place and what this row says against it."""
        record_id = str(row["id"])
        found = self._connection.execute("SELECT place, said FROM seen WHERE id = ?", (record_id,)).fetchone()
        if found is None:
            self._connection.execute("INSERT INTO seen VALUES (?, ?, ?)", (record_id, place, orjson.dumps(dict(row))))
            return None
        first = orjson.loads(found[1])
        merged = merge(first, row, first)
        if not merged.against and merged.row != first:
            self._connection.execute("UPDATE seen SET said = ? WHERE id = ?", (orjson.dumps(merged.row), record_id))
        return found[0], merged.against
