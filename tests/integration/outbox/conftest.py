"""One database of each kind for all tests of a module, emptied before each: making one takes longer than a test."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, delete
from sqlalchemy.engine import make_url

from ros_sync.mirror.database import open_engine
from ros_sync.outbox import tables

_TABLES = (tables.DeliveryAttempt, tables.OutboxMessage, tables.SlackAddress, tables.RateState)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def kept_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give an engine on a database that lives as long as the module's tests."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('outbox') / 'ros-sync.db'}"
    else:
        server, name = (
            request.getfixturevalue("postgresql_server"),
            "outbox_" + request.node.name.rpartition("/")[2][:-3],
        )
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        url = make_url(server).set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(kept_engine: Engine) -> Engine:
    """Give an engine on an empty outbox, once on SQLite and once on PostgreSQL."""
    with kept_engine.begin() as connection:
        for table in _TABLES:
            connection.execute(delete(table))
    return kept_engine
