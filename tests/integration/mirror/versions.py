"""Databases of older versions, brought up to date."""

from __future__ import annotations

from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from ros_sync.mirror.schema_version import MIGRATIONS

VERSIONS = [script.revision for script in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))]
OLDER = VERSIONS[:-1]
OWNER = "INSERT INTO owner (source, id, valid_from) VALUES ('crm', '1', 0)"


def migrate(url: str, version: str) -> None:
    """Bring a database to a version as ros-sync did at first: on SQLite each statement of DDL by itself."""
    engine = create_engine(url)
    with engine.begin() as connection:
        _alembic(connection, version)
    engine.dispose()


def downgrade(url: str, version: str) -> None:
    """Bring a database back to an earlier version."""
    engine = create_engine(url)
    with engine.begin() as connection:
        _alembic(connection, version, command.downgrade)
    engine.dispose()


def _alembic(connection: Any, version: str, way: Any = command.upgrade) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    way(config, version)


def at(url: str) -> tuple[str | None, int]:
    """The version of a database and the number of its owners, looked up past ros-sync."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar(),
            int(connection.execute(text("SELECT count(*) FROM owner")).scalar_one()),
        )
    engine.dispose()
    return found
