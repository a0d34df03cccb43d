"""What a process needs of its machine.

Room on the disk, a database file that stays where it is, nobody else doing the same.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ros_sync.errors import DatabaseTroubleError, Where

LOW_BYTES = 200_000_000  # a write-ahead log and a day's history need about that much
FULL_BYTES = 5_000_000  # with less, SQLite's next checkpoint may not find room
_SERVE_LOCK = 7_267_150_031  # any number of our own: which advisory lock of PostgreSQL's says that a `serve` is running
ANOTHER_SERVE = "another `ros-sync serve` is running on this database: jobs run twice"

log = structlog.stdlib.get_logger(__name__)


def database_file(engine: Engine) -> Path | None:
    """The file of a SQLite database; None for another database, or one in memory."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    return Path(name)


def free_bytes(path: Path) -> int | None:
    """How much room the disk under a path has for this user; None where that cannot be asked."""
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def short_of_room(free: int | None) -> str | None:
    """Say that the disk is full, or nearly; None where there is room."""
    if free is None or free >= LOW_BYTES:
        return None
    left = f"{free / 1_000_000:,.0f} MB free"
    return f"disk full: {left}" if free < FULL_BYTES else f"disk nearly full: {left}"


@dataclass(frozen=True, slots=True)
class _Identity:
    device: int
    inode: int


class FileGuard:
    """Notices that the database's file is not the one any more that was opened: moved away, removed, or replaced.

    SQLite would go on with the moved file in the connections that are open, and make a new, empty one for the next.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._opened = _identity(path) if path is not None else None

    def check(self) -> None:
        """DatabaseTroubleError while another file, or none, is in the place of the one that was opened."""
        if self._path is None or self._opened is None or (found := _identity(self._path)) == self._opened:
            return
        what = "was moved or removed" if found is None else "was replaced by another file"
        raise DatabaseTroubleError(
            f"the database file {what} while ros-sync was using it; everything is paused until it is back",
            where=Where(file=str(self._path)),
            hint="put it back, or restart ros-sync",
        )


def _identity(path: Path) -> _Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # follows a link, as SQLite does
    except OSError:
        return None
    return _Identity(found.st_dev, found.st_ino)


class SoleServe:
    """Tells whether another `serve` runs on the same PostgreSQL: the lock lives as long as its connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def alone(self) -> bool:
        """Whether no other one runs, as far as it can be told.

        A lock that was lost with its connection is taken again.
        """
        if self._engine.dialect.name != "postgresql":
            return True
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return True
            return self._take()
        except SQLAlchemyError:
            self.close()
            return True  # the database does not answer, which the jobs tell

    def close(self) -> None:
        """Let the next one have the lock."""
        held, self._connection = self._connection, None
        if held is not None:
            with suppress(SQLAlchemyError):  # a connection that broke has lost the lock
                held.execute(text("SELECT pg_advisory_unlock_all()"))
            held.invalidate()  # the session ends too: no other user of the pool may inherit the lock
            held.close()

    def _take(self) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": _SERVE_LOCK}).scalar_one()
        if taken:
            self._connection = connection
        else:
            connection.close()
        return bool(taken)
