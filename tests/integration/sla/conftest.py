"""A connection whose writes are rolled back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url

from ros_sync.mirror.database import open_engine


@pytest.fixture(scope="package", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def shared_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give one engine of each kind for all these tests, since each of them takes back what it wrote."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("sla") / "ros-sync.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        server, template = (request.getfixturevalue(f"postgresql_{name}") for name in ("server", "template"))
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE sla TEMPLATE {template}".encode())
        parsed = make_url(server).set(drivername="postgresql+psycopg", database="sla")
        url = parsed.render_as_string(hide_password=False)
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(shared_engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that is rolled back after the test."""
    with shared_engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
