"""A connection whose writes are rolled back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, Engine

from ros_sync.mirror.database import open_engine


@pytest.fixture(scope="package", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def shared_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give one engine of each kind for all these tests, since each of them takes back what it wrote."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("sla") / "ros-sync.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            url = f"sqlite:///{path}"
        else:
            # pytest may tear this down and set it up again within one process, so the name must not be a fixed one.
            url = stack.enter_context(request.getfixturevalue("postgresql_copy")())
        engine = open_engine(url)
        stack.callback(engine.dispose)
        yield engine


@pytest.fixture
def connection(shared_engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that is rolled back after the test."""
    with shared_engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
