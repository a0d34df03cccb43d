"""Which ids a file has shown already. Kept in a private database on disk, so that memory does not grow with the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import repeat
from types import TracebackType
from typing import Self


class SeenIds:
    """Ids of one object, each with the place it was first seen at."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8192;"
            "CREATE TABLE seen (id TEXT PRIMARY KEY, file INTEGER, line INTEGER) WITHOUT ROWID; BEGIN"
        )

    def __enter__(self) -> Self:
        """The ids live as long as the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget everything."""
        self._connection.close()

    def add(self, ids: Sequence[str], file: str, lines: Sequence[int]) -> dict[int, str]:
        """Remember the ids; give index -> `file:line` of the first time for each that was seen before."""
        if file not in self._files:
            self._files.append(file)
        number = self._files.index(file)
        before = self._connection.total_changes
        self._connection.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", zip(ids, repeat(number), lines, strict=False)
        )
        if self._connection.total_changes - before == len(ids):
            return {}
        repeated = {}
        for index, (record_id, line) in enumerate(zip(ids, lines, strict=True)):
            query = self._connection.execute("SELECT file, line FROM seen WHERE id = ?", (record_id,))
            first = query.fetchone()
            if first != (number, line):
                repeated[index] = f"{self._files[first[0]]}:{first[1]}"
        return repeated
