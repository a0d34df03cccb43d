"""The copy of a SQLite database that is put aside before an upgrade, until the upgraded one has done its work once."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from ros_sync.errors import RosSyncError, Where

_PRIVATE = 0o600
_IN_MEMORY = ":memory:"
_MARK = ".schema-"
_SUFFIX = ".db"  # as a workspace's .gitignore has it
_UNFINISHED = ".unfinished"

log = structlog.stdlib.get_logger(__name__)


def file_of(url: URL) -> Path | None:
    """The file of a SQLite database; None for one in memory and for other databases."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == _IN_MEMORY:
        return None
    return Path(url.database)


def copies(path: Path) -> list[Path]:
    """The copies that lie beside a database, begun ones that a kill cut off included."""
    return sorted(each for each in path.parent.iterdir() if each.name.startswith(f"{path.name}{_MARK}"))


def copy_aside(path: Path, version: str) -> Path:
    """Copy the database, of schema `version`, beside itself, for its owner alone; where the copy is.

    It has its name only once it is whole and on the disk. RosSyncError where there is no room for it, or it cannot be
    written there; nothing is left of it then.
    """
    target = path.with_name(f"{path.name}{_MARK}{version}{_SUFFIX}")
    begun = path.with_name(f"{path.name}{_MARK}{version}{_UNFINISHED}{_SUFFIX}")
    try:
        begun.unlink(missing_ok=True)
        os.close(os.open(begun, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _PRIVATE))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(begun)) as copy:
            copy.execute("PRAGMA journal_mode=OFF")  # a copy that is cut off is thrown away
            copy.execute("PRAGMA synchronous=OFF")
            source.backup(copy)
        _onto_disk(begun)
        begun.replace(target)
        _onto_disk(target.parent)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            begun.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        size_mb = max(1, path.stat().st_size // 1_000_000)
        raise RosSyncError(
            f"can't back up the database before the upgrade: {reason}",
            where=Where(file=str(target)),
            hint=f"allow this user to write in {path.parent} and free up at least {size_mb:,} MB there; "
            "nothing was changed",
        ) from error
    return target


def remove_copies(engine: Engine) -> None:
    """Delete the copies beside the engine's database: the upgraded one has done its work since."""
    path = file_of(engine.url)
    if path is None:
        return
    try:
        for each in copies(path):
            each.unlink(missing_ok=True)
            log.info("upgrade_copy_removed", copy=str(each))
    except OSError as error:  # no reason to say that the work was not done
        log.warning("upgrade_copy_stays", reason=error.strerror)


def _onto_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
