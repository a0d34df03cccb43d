"""One ros-sync process at a time on one SQLite file."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shlex
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

from ros_sync import clock
from ros_sync.errors import DatabaseBusyError, RosSyncError, Where

_MAX_HOLDER_BYTES = 4_096  # a holder's note is a line of JSON


class DatabaseLock:
    """Holds `<database>.lock` while it is entered, so that a second process on the same SQLite file is refused.

    The lock is the kernel's (`flock`) and ends with the process, whatever killed it; the JSON in the file (process
    id, command, since when) only tells the refused one who is there, and is harmless when stale. PostgreSQL and
    in-memory databases need no lock, and get none. On a network file system `flock` may not reach other machines:
    keep a SQLite database on a local disk (SQLite's own advice too, "How to corrupt an SQLite database file", 2.1).

    Raises DatabaseBusyError, naming the holder, where another process holds it, and RosSyncError where the lock file
    cannot be made. Not re-entrant.
    """

    def __init__(self, url: str, *, command: str | None = None) -> None:
        self.path = _lock_path(url)
        self.command = command or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        if self.path is None:
            return self
        descriptor = _open(self.path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise DatabaseBusyError(
                f"another ros-sync process is using this database: {holder}",
                where=Where(file=str(self.path.with_suffix(""))),
                hint="stop it first, or use PostgreSQL to run several processes at once",
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        note = {"pid": os.getpid(), "command": self.command, "since": clock.now().isoformat(timespec="seconds")}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode()[:_MAX_HOLDER_BYTES], 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._descriptor is None:
            return
        # The file itself stays: removing it would let a third process lock a new file while a second holds the old.
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = None


def _lock_path(url: str) -> Path | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    # Two names of one file (a link, a relative path) are one database.
    database = Path(os.path.realpath(str(parsed.database)))
    return database.with_name(f"{database.name}.lock")


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        known = {errno.EACCES: "no permission to write here", errno.EROFS: "the file system is read-only"}
        reason = known.get(error.errno or 0, error.strerror)
        raise RosSyncError(
            f"can't lock the database: {reason}",
            where=Where(file=str(path)),
            hint=f"allow this user to write in {path.parent}, or set database.url to a file elsewhere",
        ) from error


def _holder(descriptor: int) -> str:
    try:
        note = json.loads(os.pread(descriptor, _MAX_HOLDER_BYTES, 0))
        return f"process {note['pid']} ({note['command']}), since {note['since']}"
    except (ValueError, KeyError, TypeError):
        # Between taking the lock and writing the note, or a note cut short.
        return "it has just started"
