"""A connection whose writes are rolled back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from ros_sync.mirror.database import open_engine


@pytest.fixture(scope="package", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def shared_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give one engine of each kind for all these tests, since each of them takes back what it wrote."""
    if request.param == "postgresql":
        with request.getfixturevalue("postgresql_databases").lend() as engine:
            yield engine
        return
    # A file of its own: pytest may set this up twice within one process, and what lends to single tests has one file.
    path = tmp_path_factory.mktemp("sla") / "ros-sync.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    engine = open_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def connection(shared_engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that is rolled back after the test."""
    with shared_engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
