"""What is wrong with the database or the disk, in one line: full, locked, read-only, gone.

Such a failure is nobody's mistake in the program, so nobody needs a traceback of it.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from ros_sync.errors import DatabaseTroubleError, DiskFullError, RosSyncError

FREE = "free some space there; `ros-sync serve` goes on by itself"
_PRIMARY = 0xFF  # SQLite, "Result and Error Codes": the low 8 bits of an extended code are the primary one
# SQLite, "Result and Error Codes", by primary code: what happened, and what to do.
_SQLITE = {
    sqlite3.SQLITE_BUSY: ("the database is locked by another process", "let that process end, or stop it"),
    sqlite3.SQLITE_LOCKED: ("the database is locked", "it is tried again by itself"),
    sqlite3.SQLITE_READONLY: ("the database cannot be written", "let this user write the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: (
        "the database cannot be opened",
        "see that the file is there and may be read and written",
    ),
    sqlite3.SQLITE_IOERR: ("the disk cannot be read or written", "see what the system's log says of the disk"),
    sqlite3.SQLITE_CORRUPT: ("the database is damaged", "restore a back-up of it"),
    sqlite3.SQLITE_NOTADB: ("the file is not a database", "restore a back-up of it"),
}
# PostgreSQL, "Error Codes", by code or class.
_POSTGRESQL = {
    "08": ("the database's server does not answer", "see that it runs; `ros-sync serve` goes on by itself"),
    "28": ("the database's server refuses the user or password", "check database.url"),
    "3D": ("the database's server has no such database", "check database.url"),
    "53": ("the database's server is short of something", "see its log"),
    "55P03": ("the database is locked", "it is tried again by itself"),
    "57": ("the database's server was stopped", "start it; `ros-sync serve` goes on by itself"),
    "40": ("another process wrote the same rows at the same time", "it is tried again by itself"),
}
_POSTGRESQL_DISK_FULL = "53100"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def trouble_of(error: BaseException) -> RosSyncError | None:
    """The database's or the disk's trouble behind an error; None where it is something else."""
    for each in _behind(error):
        if isinstance(each, sqlite3.Error):
            return _of_sqlite(each)
        if isinstance(each, DBAPIError) and each.orig is not None and not isinstance(each.orig, sqlite3.Error):
            return _of_postgresql(each)
        if isinstance(each, OSError) and each.errno in _NO_SPACE:
            return DiskFullError(hint=FREE)
    return None


def _behind(error: BaseException) -> Iterator[BaseException]:
    """The error, and those it was made of."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.orig if isinstance(each, DBAPIError) else None, each.__cause__]


def _of_sqlite(error: sqlite3.Error) -> RosSyncError | None:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(hint=FREE)
    known = _SQLITE.get(code)
    return DatabaseTroubleError(known[0], hint=known[1]) if known else None


def _of_postgresql(error: DBAPIError) -> RosSyncError | None:
    code = getattr(error.orig, "sqlstate", None)
    if code == _POSTGRESQL_DISK_FULL:
        return DiskFullError("disk full on the database's server", hint=FREE)
    if error.connection_invalidated or (code is None and type(error.orig).__name__ == "OperationalError"):
        code = "08"  # the connection broke, or was never made
    known = _POSTGRESQL.get(code or "") or _POSTGRESQL.get((code or "")[:2])
    return DatabaseTroubleError(known[0], hint=known[1]) if known else None
