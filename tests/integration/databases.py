"""What tests write is taken out again: a database with all tables is made once for many tests.

To make a PostgreSQL database for each test costs a thousand new files and more time than most tests take, and an engine
of its own for each compiles every statement anew.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from ros_sync.mirror.database import open_engine

# For a test that asks its database for nothing that another one does not show on both kinds.
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

# Whatever changes a table's shape writes rows of these anew, and TRUNCATE does not.
_CATALOGUES = ("attribute", "constraint", "index", "trigger", "proc", "type", "rewrite", "policy")
_numbers = itertools.count(1)


class SqliteFile:
    """A SQLite file at one place, which is a copy of a template again for each test."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._template, self._folder = template, folder
        self._path = folder / "ros-sync.db"
        self._engine: Engine | None = None

    @contextmanager
    def lend(self) -> Iterator[Engine]:
        """An engine of the test's own (its listeners end with it) on a fresh file."""
        self._folder.mkdir()
        shutil.copy(self._template, self._path)
        if self._engine is None:
            self._engine = open_engine(f"sqlite:///{self._path}")
        yield self._engine.execution_options()
        self._engine.dispose()
        shutil.rmtree(self._folder)


class PostgresqlDatabases:
    """Databases with all tables on one server; each is lent to one test after the other, and always empty."""

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._free: list[_Database] = []

    @contextmanager
    def lend(self) -> Iterator[Engine]:
        """An engine of the test's own (its listeners end with it) on a database that holds nothing."""
        database = self._free.pop() if self._free else _Database(self._server, self._template)
        yield database.engine.execution_options()
        if database.emptied():
            self._free.append(database)
        else:
            database.drop()

    def close(self) -> None:
        """Drop all of them."""
        while self._free:
            self._free.pop().drop()


class _Database:
    """One of them."""

    def __init__(self, server: str, template: str) -> None:
        self._server = server
        self._name = create(server, template)
        self.engine = open_engine(url_of(server, self._name))
        self._connection = psycopg.connect(make_conninfo(server, self._name), autocommit=True)
        tables = self._connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        names = [name for (name,) in tables if name != "alembic_version"]
        looks = [
            sql.SQL("(SELECT {} FROM {} LIMIT 1)").format(sql.Literal(name), sql.Identifier(name)) for name in names
        ]
        self._filled = sql.SQL(" UNION ALL ").join(looks)
        self._shape = self._shape_now()

    def emptied(self) -> bool:
        """Take out what a test has written.

        False where it changed the tables themselves, or what is not to be changed.
        """
        self.engine.dispose()
        try:
            # What a test has left open may hold locks, and must not write to the next one's database.
            self._connection.execute(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid != pg_backend_pid()"
            )
            if self._shape != self._shape_now():
                return False
            filled = [sql.Identifier(name) for (name,) in self._connection.execute(self._filled)]
            if filled:
                self._connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(filled)))
            self._connection.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false)"
                " FROM pg_sequences WHERE last_value IS NOT NULL"
            )
        except psycopg.Error:
            return False  # a table that is not there any more, for example
        return True

    def drop(self) -> None:
        """Drop it, whoever is connected."""
        self.engine.dispose()
        self._connection.close()
        drop(self._server, self._name)

    def _shape_now(self) -> tuple[object, ...]:
        """Which transactions wrote the tables' descriptions, what may be done with them, and their version."""
        written = (f"(SELECT sum(xmin::text::bigint) FROM pg_{each})" for each in _CATALOGUES)
        rights = "(SELECT count(relacl) FROM pg_class)", "(SELECT count(*) FROM pg_db_role_setting)"
        version = "(SELECT string_agg(version_num, ' ') FROM alembic_version)"
        row = self._connection.execute(f"SELECT {', '.join((*written, *rights, version))}".encode()).fetchone()
        assert row is not None
        return tuple(row)


def create(server: str, template: str) -> str:
    """Make a database under a name of its own; the name."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        # As files, not through the log: faster for what is small, and by far on a busy disk.
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {template} STRATEGY file_copy'.encode())
    return name


def drop(server: str, name: str) -> None:
    """Drop a database, whoever is connected."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def url_of(server: str, database: str) -> str:
    """The SQLAlchemy URL of a database of that server."""
    return (
        make_url(server).set(drivername="postgresql+psycopg", database=database).render_as_string(hide_password=False)
    )


def make_conninfo(server: str, database: str) -> str:
    """What psycopg needs to connect to a database of that server."""
    return psycopg.conninfo.make_conninfo(server, dbname=database)
