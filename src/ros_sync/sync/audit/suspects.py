"""Ids of records that look different, kept on disk, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ros_sync.sync.ingest.scratch import ScratchDatabase


class Suspects(ScratchDatabase):
    """Records to be looked at again, by stream. `listed`: the CRM listed them; `confirmed`: they do differ."""

    def __init__(self) -> None:
        super().__init__(
            "CREATE TABLE suspect (stream TEXT, id TEXT, listed INTEGER, confirmed INTEGER DEFAULT 0,"
            " PRIMARY KEY (stream, id)) WITHOUT ROWID"
        )

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
