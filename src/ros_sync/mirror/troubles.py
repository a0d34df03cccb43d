"""What is wrong with the database or the disk, in one line: full, locked, read-only, gone.

Such a failure is nobody's mistake in the program, so nobody needs a traceback of it.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from ros_sync.errors import DatabaseTroubleError, DiskFullError, RosSyncError

FREE = "free up space there; `ros-sync serve` resumes automatically"
_PRIMARY = 0xFF  # SQLite, "Result and Error Codes": the low 8 bits of an extended code are the primary one
# SQLite, "Result and Error Codes", by primary code: what happened, and what to do.
_SQLITE = {
    sqlite3.SQLITE_BUSY: ("the database is locked by another process", "wait for that process to finish, or stop it"),
    sqlite3.SQLITE_LOCKED: ("the database is locked", "this is retried automatically"),
    sqlite3.SQLITE_READONLY: ("the database cannot be written", "allow this user to write the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: (
        "the database cannot be opened",
        "check that the file exists and can be read and written",
    ),
    sqlite3.SQLITE_IOERR: ("the disk cannot be read or written", "check the system log for disk errors"),
    sqlite3.SQLITE_CORRUPT: ("the database is damaged", "restore it from a backup"),
    sqlite3.SQLITE_NOTADB: ("the file is not a database", "restore it from a backup"),
}
# PostgreSQL, "Error Codes", by code or class.
_POSTGRESQL = {
    "08": ("the database server isn't responding", "check that it is running; `ros-sync serve` resumes automatically"),
    "28": ("the database server rejected the user or password", "check database.url"),
    "3D": ("the database server doesn't have this database", "check database.url"),
    "53": ("the database server is out of resources", "check its log"),
    "55P03": ("the database is locked", "this is retried automatically"),
    "57": ("the database server was stopped", "start it; `ros-sync serve` resumes automatically"),
    "40": ("another process wrote the same rows at the same time", "this is retried automatically"),
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
        return DiskFullError("disk full on the database server", hint=FREE)
    if error.connection_invalidated or (code is None and type(error.orig).__name__ == "OperationalError"):
        code = "08"  # the connection broke, or was never made
    known = _POSTGRESQL.get(code or "") or _POSTGRESQL.get((code or "")[:2])
    return DatabaseTroubleError(known[0], hint=known[1]) if known else None
