"""Ids of records that look different, kept in a private database on disk, so that memory does not grow with their number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self


class Suspects:
    """Records to be looked at again, by stream. `listed`: the CRM listed them; `confirmed`: they do differ."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8192;"
            "CREATE TABLE suspect (stream TEXT, id TEXT, listed INTEGER, confirmed INTEGER DEFAULT 0,"
            " PRIMARY KEY (stream, id)) WITHOUT ROWID; BEGIN"
        )

    def __enter__(self) -> Self:
        """They live as long as the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget everything."""
        self._connection.close()

    def add(self, stream: str, ids: Iterable[str], *, listed: bool) -> None:
        """Remember records; one that is known already stays as it is."""
        rows = [(stream, each, listed) for each in ids]
        self._connection.executemany("INSERT OR IGNORE INTO suspect (stream, id, listed) VALUES (?, ?, ?)", rows)

    def confirm(self, stream: str, ids: Iterable[str]) -> None:
        """Note that these do differ."""
        rows = [(stream, each) for each in ids]
        self._connection.executemany("UPDATE suspect SET confirmed = 1 WHERE stream = ? AND id = ?", rows)

    def chunks(self, stream: str, size: int, *, confirmed: bool = False) -> Iterator[dict[str, bool]]:
        """The stream's suspects (id -> listed), so many at a time; with `confirmed` only those that do differ."""
        last = ""
        while True:
            query = "SELECT id, listed FROM suspect WHERE stream = ? AND id > ? AND confirmed >= ? ORDER BY id LIMIT ?"
            rows = self._connection.execute(query, (stream, last, int(confirmed), size)).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield {record_id: bool(listed) for record_id, listed in rows}
