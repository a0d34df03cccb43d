"""Bringing a database up to this program's version: in one transaction, so that it happens wholly or not at all.

PostgreSQL does so by itself. On SQLite, Python's driver begins no transaction before DDL, and each statement of a
migration would be committed alone; so the driver's own transactions are switched off here, and begun by hand. Foreign
keys are off meanwhile, and checked before the commit: a table that is recreated (alembic's batches) is dropped on the
way, which with them would delete its children's rows (sqlite.org, "Foreign key support", 5, and "ALTER TABLE", 7).

A SQLite database that is upgraded is copied aside first (`upgrade_copy`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from ros_sync.errors import DatabaseTooNewError, RosSyncError, Where
from ros_sync.mirror.schema_version import MIGRATIONS, shown
from ros_sync.mirror.unfinished import refuse_unfinished
from ros_sync.mirror.upgrade_copy import copy_aside, file_of

_UPGRADE_LOCK = int.from_bytes(b"ros-sync")  # PostgreSQL's advisory lock: one process upgrades, the others wait for it

log = structlog.stdlib.get_logger(__name__)

_alembic = threading.Lock()  # its `op` and `context` are the process's, not the thread's


def bring_up_to_date(engine: Engine, *, upgrade: bool, migrations: Path = MIGRATIONS) -> None:
    """Create or upgrade the tables; without `upgrade`, RosSyncError where that would be needed.

    DatabaseTooNewError where a newer ros-sync wrote the database, RosSyncError where one of before was cut off on the
    way or what is stored contradicts the new tables; nothing is changed then.
    """
    script = ScriptDirectory(str(migrations))
    with engine.connect() as connection:
        if _version(connection, script) == script.get_current_head():
            return
    if not upgrade:
        raise RosSyncError(
            "the database is from an older ros-sync, or empty",
            where=Where(file=shown(engine.url)),
            hint="run `ros-sync sync` to upgrade it, or `ros-sync import` if no CRM is synced",
        )
    with _alembic, _alone(engine) as connection:
        current = _version(connection, script)  # somebody else may have been quicker
        if current != script.get_current_head():
            refuse_unfinished(connection, current, script)
            _upgrade(connection, script, current)


def _version(connection: Connection, script: ScriptDirectory) -> str | None:
    """The version of the database; None for one that has none yet."""
    known = {revision.revision for revision in script.walk_revisions()}
    current = MigrationContext.configure(connection).get_current_heads()
    unknown = [revision for revision in current if revision not in known]
    if unknown:
        raise DatabaseTooNewError(
            f"the database was written by a newer ros-sync (its schema is {unknown[0]!r})",
            where=Where(file=shown(connection.engine.url)),
            hint="run that version, or restore a backup made with this one; nothing was changed",
        )
    return current[0] if current else None


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction around whatever is done, in which nobody else writes the schema."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            yield connection
        return
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        former, driver.isolation_level = driver.isolation_level, None
        driver.execute("PRAGMA foreign_keys=OFF")  # inside a transaction it would do nothing
        try:
            with connection.begin():
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        finally:
            driver.execute("PRAGMA foreign_keys=ON")
            driver.isolation_level = former


def _upgrade(connection: Connection, script: ScriptDirectory, current: str | None) -> None:
    path = file_of(connection.engine.url)
    copy = copy_aside(path, current) if path is not None and current is not None else None
    config = Config()
    config.set_main_option("script_location", str(script.dir))
    config.attributes["connection"] = connection
    try:
        before = _dangling(connection)
        command.upgrade(config, "head")
        _refuse_dangling(connection, _dangling(connection) - before)
    except Exception:
        if copy is not None:
            copy.unlink(missing_ok=True)  # the database stays as it is
        raise
    if current is not None:
        log.info("database_upgraded", was=current, now=script.get_current_head(), copy=str(copy) if copy else None)


def _dangling(connection: Connection) -> Counter[str]:
    """The rows of each table whose foreign key refers to nothing. PostgreSQL has none: it checks by itself."""
    if connection.dialect.name != "sqlite":
        return Counter()
    return Counter(str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check"))


def _refuse_dangling(connection: Connection, dangling: Counter[str]) -> None:
    if not dangling:
        return
    found = ", ".join(f"{number} in {name}" for name, number in sorted(dangling.items()))
    raise RosSyncError(
        f"the upgrade would leave dangling references: {found}",
        where=Where(file=shown(connection.engine.url)),
        hint="nothing was changed; keep using your previous version and report this",
    )
