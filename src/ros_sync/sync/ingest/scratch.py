"""A private database on disk for what a task has to remember, so that memory does not grow with it."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self


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
