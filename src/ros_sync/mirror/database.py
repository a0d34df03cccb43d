"""Opening the database: SQLite for one machine, PostgreSQL for many.

SQLite runs with a write-ahead log (readers and one writer at a time do not wait for each other), foreign keys and a
busy timeout. Opening for writing brings the tables up to this program's version; a database that a newer program
wrote is refused and left as it is.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from ros_sync.errors import DiskFullError, RosSyncError, SettingsError, Where
from ros_sync.mirror.schema_version import is_newest, shown
from ros_sync.mirror.troubles import trouble_of
from ros_sync.mirror.upgrade_copy import file_of

_PRIVATE = 0o600
BUSY_TIMEOUT_MS = 10_000  # a writer waits this long for another one before it gives up
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # with WAL: safe against a crash of the program, last commits may be lost with the power
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store=FILE",  # sorting a large mirror must not grow the process
    "PRAGMA cache_size=-32768",
)


def normalised(url: str) -> URL:
    """The URL with the driver that ros-sync uses; SettingsError for a database it does not know."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Neither the URL nor the error that quotes parts of it is shown: where it cannot be parsed, nobody can tell
        # which part of it is the password.
        raise SettingsError(
            "this isn't a database URL",
            where=Where(key="database.url"),
            hint="use sqlite:///ros-sync.db or postgresql://user@host:5432/name",
        ) from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return parsed
    if kind in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError(
        f"{kind!r} databases aren't supported", where=Where(key="database.url"), hint="use sqlite or postgresql"
    )


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """Open the database and, unless `read_only`, create or upgrade its tables.

    Raises DatabaseTooNewError where a newer ros-sync wrote it, RosSyncError where it cannot be opened or, when
    `read_only`, does not exist or still has to be upgraded.
    """
    parsed = normalised(url)
    path = file_of(parsed)
    if read_only and path is not None and not path.exists():
        raise RosSyncError(
            "no database yet",
            where=Where(file=str(path)),
            hint="run `ros-sync sync` or `ros-sync import` to create it",
        )
    if path is not None:
        _make_private(path)
    engine = configured(parsed)
    try:
        if not is_newest(engine):
            # alembic, for the few times that it is needed
            from ros_sync.mirror.upgrading import bring_up_to_date  # noqa: PLC0415

            bring_up_to_date(engine, upgrade=not read_only)
    except DatabaseError as error:
        engine.dispose()
        if isinstance(full := trouble_of(error), DiskFullError):
            raise DiskFullError(full.message, where=Where(file=shown(parsed)), hint=full.hint) from error
        trouble = (str(error.orig).splitlines() or [""])[0]  # what follows may quote rows
        words = f"can't open the database: {trouble}"
        raise RosSyncError(words, where=Where(file=shown(parsed)), hint=_way_out(trouble, path)) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def configured(url: URL | str) -> Engine:
    """An engine as all of ros-sync uses it; nothing is opened yet.

    No error of it shows what was bound to a statement.
    """
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """Make the file of a new database such that its owner alone can read what the CRM holds.

    SQLite gives the files of the write-ahead log the mode of the database (SQLite source, os_unix.c,
    findCreateFileMode). An existing file keeps the mode that it was given.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(_PRIVATE, exist_ok=True)
    except OSError as error:
        words = f"can't open the database: {error.strerror}"
        raise RosSyncError(words, where=Where(file=str(path)), hint=_way_out("", path)) from error


def _way_out(trouble: str, path: Path | None) -> str | None:
    """What to do about a database that cannot be opened; `path` is the file of one of SQLite, `trouble` its words."""
    if "already exists" in trouble or "no such" in trouble:
        return "its tables don't belong to ros-sync; restore a backup, or set database.url to another database"
    if path is None and "permission denied" in trouble:
        return "allow the user in database.url to create tables there"
    if path is None:
        return "check that database.url is correct and that the server is reachable"
    if "not a database" in trouble or "malformed" in trouble:
        return "set database.url to another file, or restore this one from a backup"
    if "locked" in trouble:
        return "another process is writing to it; try again when it has finished"
    return (
        f"allow this user to read and write the file and the folder {path.parent}, or set database.url to another file"
    )


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
