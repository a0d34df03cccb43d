"""Which version of the tables a database has, asked without alembic: loading it costs more than most commands do."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Engine, inspect
from sqlalchemy.engine import URL

MIGRATIONS = Path(__file__).parent / "migrations"
_TABLE = "alembic_version"


@cache
def newest(migrations: Path = MIGRATIONS) -> str:
    """The newest version that this program knows: the number that the last migration's file begins with."""
    return max(file.name.partition("_")[0] for file in (migrations / "versions").glob("[0-9]*_*.py"))


def is_newest(engine: Engine) -> bool:
    """Whether the tables are those of this program."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(_TABLE):
            return False
        # a constant
        versions = connection.exec_driver_sql(f"SELECT version_num FROM {_TABLE}").scalars().all()  # noqa: S608
    return list(versions) == [newest()]


def shown(url: URL) -> str:
    """The database as a person may see it: the file's path, or the URL without its password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
