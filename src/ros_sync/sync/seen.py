"""Which ids a file has shown already, kept on disk, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from ros_sync.sync.scratch import ScratchDatabase


class SeenIds(ScratchDatabase):
    """Ids of one object, each with the place it was first seen at."""

    def __init__(self) -> None:
        super().__init__("CREATE TABLE seen (id TEXT PRIMARY KEY, file INTEGER, line INTEGER) WITHOUT ROWID")
        self._files: list[str] = []

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
