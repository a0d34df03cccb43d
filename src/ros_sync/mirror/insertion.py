"""INSERT with what to do about a row that is there already: SQL's standard has none, and both databases have the same.

Each database's own part of SQLAlchemy is loaded when it is used; PostgreSQL's costs more than most commands do.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect


def insert_or(dialect: Dialect, table: Any) -> Any:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415, TID251  # see above

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415, TID251  # see above

    return sqlite.insert(table)
