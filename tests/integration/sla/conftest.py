"""One database of each kind for all tests of the clocks; each test's writes are rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url

from ros_sync.mirror.database import open_engine


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def clock_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give an engine on a database with all tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('sla') / 'ros-sync.db'}"
    else:
        server = str(request.getfixturevalue("postgresql_server"))
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE sla_clocks")
        url = (
            make_url(server)
            .set(drivername="postgresql+psycopg", database="sla_clocks")
            .render_as_string(hide_password=False)
        )
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(clock_engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that is rolled back after the test."""
    with clock_engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
