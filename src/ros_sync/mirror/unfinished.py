"""Databases that an earlier ros-sync left half-way: it wrote SQLite's tables one by one, and was ended in between.

Each version's tables are known by running the migrations in memory. What is there of a later version than the one that
the database says, or is missing of that one, tells of such an end. Nothing is changed here: a person is told what to
do.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, exists, select, table

from ros_sync.errors import RosSyncError, Where

_OURS = "alembic_version"
_COLUMNS = {
    "sqlite": "SELECT t.name, c.name, c.type FROM sqlite_master t, pragma_table_info(t.name) c"
    " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    "postgresql": "SELECT table_name, column_name, data_type FROM information_schema.columns"
    " WHERE table_schema = current_schema()",
}
_INDEXES = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgresql": "SELECT indexname, tablename FROM pg_indexes WHERE schemaname = current_schema()",
}


@dataclass(frozen=True, slots=True)
class DatabaseSchema:
    """The tables with their columns and those columns' types, and the table of each index."""

    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    indexes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leftover:
    """What is there too early, and what is missing."""

    tables: list[str]
    columns: list[tuple[str, str]]
    indexes: list[str]
    missing_tables: list[str]
    missing_columns: list[tuple[str, str, str]]
    missing_indexes: list[str]

    def words(self) -> list[str]:
        """Each of them for a person."""
        return [
            *(f"table {name} already exists" for name in self.tables),
            *(f"column {of}.{name} already exists" for of, name in self.columns),
            *(f"index {name} already exists" for name in self.indexes),
            *(f"table {name} is missing" for name in self.missing_tables),
            *(f"column {of}.{name} is missing" for of, name, _ in self.missing_columns),
            *(f"index {name} is missing" for name in self.missing_indexes),
        ]

    def undoing(self) -> str | None:
        """The SQL that takes back what was begun; None where what is missing cannot be made again by hand."""
        if self.missing_tables or self.missing_indexes:
            return None
        statements = [
            *(f'DROP INDEX "{name}"' for name in self.indexes),
            *(f'DROP TABLE "{name}"' for name in self.tables),
            *(f'ALTER TABLE "{of}" DROP COLUMN "{name}"' for of, name in self.columns),
            *(f'ALTER TABLE "{of}" ADD COLUMN "{name}" {kind}' for of, name, kind in self.missing_columns),
        ]
        return "; ".join(statements)


def refuse_unfinished(connection: Connection, version: str | None, script: ScriptDirectory) -> None:
    """Raise RosSyncError where the tables are not those of `version` (None: of no version yet)."""
    there = schema_of(connection)
    if not there.tables:
        return
    schemas = _schemas(str(script.dir))
    found = leftover(there, version, schemas)
    if not found.words():
        return
    filled = [name for name in found.tables if connection.scalar(select(exists(select(1).select_from(table(name)))))]
    raise _error(connection, version, found, filled)


def leftover(there: DatabaseSchema, version: str | None, schemas: Mapping[str | None, DatabaseSchema]) -> Leftover:
    """Compare what is there with what `version` has and what later ones bring; the rest is somebody else's.

    `schemas` are the versions in order.
    """
    due = schemas[version]
    numbers = list(schemas)
    later = [schemas[number] for number in numbers[numbers.index(version) + 1 :]]
    columns_made = {(of, name) for schema in later for of, columns in schema.tables.items() for name in columns}
    tables = {name for schema in later for name in schema.tables} & (there.tables.keys() - due.tables.keys())
    indexes = {name for schema in later for name in schema.indexes} & (there.indexes.keys() - due.indexes.keys())
    common = [name for name in due.tables if name in there.tables]
    extra = [(of, name) for of in common for name in there.tables[of] if name not in due.tables[of]]
    lacking = [
        (of, name, due.tables[of][name]) for of in common for name in due.tables[of] if name not in there.tables[of]
    ]
    return Leftover(
        tables=sorted(tables),
        columns=[each for each in extra if each in columns_made],
        indexes=sorted(name for name in indexes if there.indexes[name] not in tables),  # others go with their tables
        missing_tables=sorted(due.tables.keys() - there.tables.keys()),
        missing_columns=lacking,
        missing_indexes=sorted(name for name, of in due.indexes.items() if name not in there.indexes and of in common),
    )


def _error(connection: Connection, version: str | None, found: Leftover, filled: list[str]) -> RosSyncError:
    url = connection.engine.url
    file = str(url.database) if connection.dialect.name == "sqlite" else None
    where = Where(file=file or url.render_as_string(hide_password=True))
    undoing = found.undoing()
    told = "; ".join(found.words())
    if version is None and filled:
        return RosSyncError(
            (
                "the database has tables with ros-sync's names and rows in them, but doesn't say which version "
                f"they are from: {', '.join(filled)}"
            ),
            where=where,
            hint=(
                f"set database.url to another {'file' if file else 'database'}, or restore a backup; nothing was "
                "changed"
            ),
        )
    if version is None:
        way = (
            f"move {file}, {file}-wal and {file}-shm away"
            if file
            else "drop them, or set database.url to an empty database"
        )
        return RosSyncError(
            (
                f"an earlier ros-sync was stopped while creating this database: {len(found.tables)} of its tables "
                "already exist"
            ),
            where=where,
            hint=f"they are empty: {way}, then run this again; nothing was changed",
        )
    if undoing is None or filled:
        way = "restore the backup from before the upgrade"
    elif file:
        way = (
            f"keep a copy of the file, undo the partial upgrade with sqlite3 {shlex.quote(file)} "
            f"{shlex.quote(undoing)}, then run this again"
        )
    else:
        way = f"undo the partial upgrade with {undoing}, then run this again"
    return RosSyncError(
        f"an earlier ros-sync was stopped while upgrading this database from schema {version}: {told}",
        where=where,
        hint=f"{way}; nothing was changed",
    )


def schema_of(connection: Connection) -> DatabaseSchema:
    """The tables of a database, without alembic's own."""
    tables: dict[str, dict[str, str]] = {}
    for of, name, kind in connection.exec_driver_sql(_COLUMNS[connection.dialect.name]):
        if of != _OURS:
            tables.setdefault(of, {})[name] = kind
    indexes = {name: of for name, of in connection.exec_driver_sql(_INDEXES[connection.dialect.name]) if of != _OURS}
    return DatabaseSchema(tables, indexes)


@cache
def _schemas(location: str) -> Mapping[str | None, DatabaseSchema]:
    """The tables of every version, by its number, in order."""
    script = ScriptDirectory(location)
    found: dict[str | None, DatabaseSchema] = {None: DatabaseSchema()}
    config = Config()
    config.set_main_option("script_location", location)
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        for revision in reversed(list(script.walk_revisions())):
            command.upgrade(config, revision.revision)
            found[revision.revision] = schema_of(connection)
    engine.dispose()
    return found
