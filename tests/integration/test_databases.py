"""What lends the tests their databases: nothing of one test reaches the next."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.exc import DBAPIError
from tests.integration.databases import PostgresqlDatabases, SqliteFile

Lender = SqliteFile | PostgresqlDatabases
WRITE = (
    "INSERT INTO sync_run (source, kind, what, as_of, started_at, rows_read, created, updated, unchanged, older, "
    "quarantined) VALUES ('crm', 'poll', 'deals', 1, 1, 0, 0, 0, 0, 0, 0)"
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def lender(request: pytest.FixtureRequest) -> Lender:
    """Give what lends databases of one kind."""
    lender = request.getfixturevalue("sqlite_file" if request.param == "sqlite" else "postgresql_databases")
    assert isinstance(lender, Lender)
    return lender


def run(engine: Engine, *statements: str) -> None:
    """Let a test change the database."""
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def runs(engine: Engine) -> list[tuple[object, ...]]:
    """Give the rows that are there."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT id, source FROM sync_run"))]


def shape(engine: Engine) -> list[tuple[object, ...]]:
    """Give the tables with their columns and indexes, and the version that they are of."""
    tables = inspect(engine)
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    found = [
        (name, tuple(each["name"] for each in tables.get_columns(name)),
         tuple(str(each["name"]) for each in tables.get_indexes(name)))
        for name in sorted(tables.get_table_names())
    ]  # fmt: skip
    return [(version,), *found]


def test_rows_are_gone_and_numbers_begin_anew(lender: Lender) -> None:
    """The next test finds no row, and its first one has the first number again."""
    for _ in range(2):
        with lender.lend() as engine:
            assert [] == runs(engine)
            run(engine, WRITE)
            assert [(1, "crm")] == runs(engine)


def test_numbers_begin_anew_where_a_test_took_its_rows_out_itself(lender: Lender) -> None:
    """An empty table may have counted on."""
    with lender.lend() as engine:
        run(engine, WRITE, "DELETE FROM sync_run")
    with lender.lend() as engine:
        run(engine, WRITE)
        assert [(1, "crm")] == runs(engine)


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE job_health",
        "CREATE TABLE more (id INTEGER)",
        "ALTER TABLE sync_run ADD COLUMN more INTEGER",
        "ALTER TABLE sync_run RENAME TO gone",
        "CREATE INDEX more ON sync_run (source)",
        "UPDATE alembic_version SET version_num = '9999'",
    ],
)
def test_changed_tables_reach_no_other_test(lender: Lender, change: str) -> None:
    """A database whose tables a test has changed is thrown away."""
    with lender.lend() as engine:
        before = shape(engine)
        run(engine, change)
        assert before != shape(engine)
    with lender.lend() as engine:
        assert before == shape(engine)


def test_a_listener_ends_with_its_test(lender: Lender) -> None:
    """What listens to one test's statements hears nothing of the next one's."""
    received: list[str] = []
    with lender.lend() as engine:
        event.listen(engine, "before_cursor_execute", lambda *call: received.append(call[2]))
        runs(engine)
        assert received.pop().startswith("SELECT")
    with lender.lend() as engine:
        runs(engine)
    assert [] == received


@pytest.mark.postgresql
def test_what_a_test_leaves_open_is_ended(postgresql_databases: PostgresqlDatabases) -> None:
    """A connection that still holds a lock stops nobody, and writes nothing afterwards."""
    with postgresql_databases.lend() as engine:
        left = engine.connect()
        left.execute(text("LOCK TABLE sync_run IN ACCESS EXCLUSIVE MODE"))
        left.execute(text(WRITE))
    with postgresql_databases.lend() as engine:
        assert [] == runs(engine)
    with pytest.raises(DBAPIError, match=r"terminat|closed"):
        left.execute(text(WRITE))
    left.invalidate()
    left.close()


@pytest.mark.postgresql
def test_an_emptied_database_is_lent_again(postgresql_databases: PostgresqlDatabases) -> None:
    """To make a new one for each test took a third of the suite's time."""
    lent = []
    for _ in range(2):
        with postgresql_databases.lend() as engine:
            run(engine, WRITE)
            lent.append(engine.url.database)
    assert lent[0] == lent[1]
