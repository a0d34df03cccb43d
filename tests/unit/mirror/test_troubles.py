"""The trouble of a database or a disk, in words."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from ros_sync.errors import DatabaseTroubleError, DiskFullError, PermanentError
from ros_sync.mirror.troubles import trouble_of


@contextmanager
def caught() -> Iterator[list[DBAPIError]]:
    """What SQLAlchemy raises in the block."""
    found: list[DBAPIError] = []
    with pytest.raises(DBAPIError) as error:
        yield found
    found.append(error.value)


def test_a_full_disk(tmp_path: Path) -> None:
    """SQLite's "full" has the words that one searches for."""
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with caught() as found, engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count=2"))
        connection.execute(text("CREATE TABLE big AS SELECT zeroblob(1000000)"))
    engine.dispose()
    trouble = trouble_of(found[0])
    assert (DiskFullError, True) == (type(trouble), "disk full" in str(trouble))


def test_a_locked_database(tmp_path: Path) -> None:
    """A database that another process writes to is told as such."""
    file = tmp_path / "x.db"
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 0})
    with caught() as found, engine.connect() as connection:
        connection.execute(text("CREATE TABLE x (y)"))
    engine.dispose()
    holder.close()
    assert str(trouble_of(found[0])).startswith("the database is locked by another process")


@pytest.mark.parametrize("content,words", [(b"no database at all" * 100, "the file is not a database")])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes, words: str) -> None:
    """A file of something else is told as such."""
    (tmp_path / "x.db").write_bytes(content)
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with caught() as found, engine.connect() as connection:
        connection.execute(text("SELECT * FROM x"))
    engine.dispose()
    assert words in str(trouble_of(found[0]))


@pytest.mark.parametrize(
    "raised,words",
    [
        (psycopg.errors.DiskFull(), "disk full on the database server"),
        (psycopg.errors.LockNotAvailable(), "the database is locked"),
        (psycopg.errors.AdminShutdown(), "the database server was stopped"),
        (psycopg.errors.DeadlockDetected(), "another process wrote the same rows"),
        (psycopg.errors.ConnectionFailure(), "isn't responding"),
        (psycopg.OperationalError("connection refused"), "isn't responding"),
    ],
)
def test_postgresql(raised: Exception, words: str) -> None:
    """PostgreSQL's codes are told in the same way."""
    assert words in str(trouble_of(OperationalError("SELECT 1", {}, raised)))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_elsewhere(number: int) -> None:
    """A disk without room is told wherever it is met, however deep inside."""
    error = PermanentError("it cannot be kept")
    error.__cause__ = OSError(number, "no room")
    assert isinstance(trouble_of(error), DiskFullError)


@pytest.mark.parametrize("error", [ValueError("x"), OSError(errno.EACCES, "no"), psycopg.errors.UndefinedTable("x")])
def test_what_is_a_mistake_stays_one(error: Exception) -> None:
    """A mistake in the program is no trouble of the database: it keeps its traceback."""
    whole = OperationalError("SELECT 1", {}, error) if isinstance(error, psycopg.Error) else error
    assert trouble_of(whole) is None


def test_its_kind() -> None:
    """A full disk is a kind of trouble with the database."""
    assert issubclass(DiskFullError, DatabaseTroubleError)
