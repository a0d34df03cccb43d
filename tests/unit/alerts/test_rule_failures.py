"""Which errors are a rule's, and which the database's."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError

from ros_sync.alerts.rule_failures import is_of_the_database


def of_sqlite(code: int) -> OperationalError:
    """An error as SQLite's driver raises it, with its result code."""
    error = sqlite3.OperationalError("said so")
    error.sqlite_errorcode = code
    return OperationalError("SELECT", None, error)


@pytest.mark.parametrize(
    "error, is_of_database",
    [
        (InterfaceError("SELECT", None, Exception("closed")), True),
        (DBAPIError("SELECT", None, Exception("gone"), connection_invalidated=True), True),
        (DataError("SELECT", None, psycopg.errors.NumericValueOutOfRange()), False),
        (of_sqlite(sqlite3.SQLITE_BUSY), True),
        (of_sqlite(sqlite3.SQLITE_FULL), True),
        (of_sqlite(sqlite3.SQLITE_ERROR), False),
        (OperationalError("SELECT", None, sqlite3.OperationalError("no code")), True),
        (OperationalError("SELECT", None, psycopg.errors.AdminShutdown()), True),
        (OperationalError("SELECT", None, psycopg.errors.QueryCanceled()), False),
        (OperationalError("SELECT", None, psycopg.OperationalError("the server closed the connection")), True),
        (OSError("No space left on device"), True),
        (MemoryError(), True),
        (OverflowError("int too large"), False),
    ],
    ids=lambda value: None if isinstance(value, bool) else type(getattr(value, "orig", None) or value).__name__,
)
def test_whose_an_error_is(error: Exception, is_of_database: bool) -> None:
    """A lost, locked or full database fails every rule alike; what it refuses of one statement is that rule's alone."""
    assert is_of_database == is_of_the_database(error)


def test_a_statement_that_sqlite_refuses_is_the_rule_s() -> None:
    """The driver's own error, with the code that it sets itself."""
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("SELECT abs(-9223372036854775807 - 1)")
    connection.close()
    assert not is_of_the_database(OperationalError("SELECT", None, caught.value))
