"""What an upgrade keeps: rows that refer to others, and a copy of the database as it was."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import IntegrityError, OperationalError
from tests.integration.mirror.versions import OLDER, OWNER, at

from ros_sync.errors import RosSyncError
from ros_sync.jobs.cycle import tick
from ros_sync.mirror.database import configured, open_engine
from ros_sync.mirror.schema_version import MIGRATIONS
from ros_sync.mirror.upgrade_copy import copies
from ros_sync.mirror.upgrading import bring_up_to_date
from ros_sync.organisation.company import Organisation
from ros_sync.rules.model import RuleSet
from ros_sync.workspace.company import Company

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIRST = """
    op.create_table("parent", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("name", sa.String()))
    op.create_table(
        "child",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("parent_id", sa.Integer(), sa.ForeignKey("parent.id", ondelete="CASCADE"), nullable=False),
    )
    op.execute("INSERT INTO parent (id, name) VALUES (1, 'a'), (2, 'b')")
    op.execute("INSERT INTO child (id, parent_id) VALUES (1, 1), (2, 2)")
"""
RECREATED = """
    with op.batch_alter_table("parent", recreate="always") as batch:
        batch.alter_column("name", nullable=False)
"""
DANGLING = "    op.execute('DELETE FROM parent WHERE id = 2')"
FAILING = "    op.execute('CREATE TABLE more (id INTEGER)')\n    op.execute('CREATE TABLE parent (id INTEGER)')"


def with_migrations(folder: Path, *bodies: str) -> Path:
    """A folder of migrations that do so, one after the other."""
    shutil.copy(MIGRATIONS / "env.py", folder)
    (folder / "versions").mkdir(exist_ok=True)
    for number, body in enumerate(bodies, start=1):
        before = f"'{number - 1}'" if number > 1 else None
        (folder / "versions" / f"{number}_step.py").write_text(
            f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '{number}'\ndown_revision = {before}\n"
            f"branch_labels = depends_on = None\ndef upgrade():\n{body}\n"
        )
    return folder


@contextmanager
def opened(path: Path) -> Iterator[Engine]:
    """The engine on a file with no tables of ros-sync's, as the program configures it."""
    engine = configured(f"sqlite:///{path}")
    try:
        yield engine
    finally:
        engine.dispose()


def children(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM child").scalar_one())


def test_a_table_that_is_recreated_keeps_the_rows_that_refer_to_it(tmp_path: Path) -> None:
    """Dropping the old one on the way deletes no children by cascade; foreign keys hold again afterwards."""
    with opened(tmp_path / "x.db") as engine:
        bring_up_to_date(engine, upgrade=True, migrations=with_migrations(tmp_path, FIRST))
        bring_up_to_date(engine, upgrade=True, migrations=with_migrations(tmp_path, FIRST, RECREATED))
        assert 2 == children(engine)
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO child (id, parent_id) VALUES (3, 99)")


def test_an_upgrade_that_leaves_rows_without_their_parent_is_taken_back(tmp_path: Path) -> None:
    """The message names the table; the database is of the version before, and no copy is left."""
    path = tmp_path / "x.db"
    with opened(path) as engine:
        bring_up_to_date(engine, upgrade=True, migrations=with_migrations(tmp_path, FIRST))
        with pytest.raises(RosSyncError, match=r"would leave dangling references: 1 in child.*nothing was changed"):
            bring_up_to_date(engine, upgrade=True, migrations=with_migrations(tmp_path, FIRST, DANGLING))
        with engine.connect() as connection:
            assert "1" == connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
            assert 2 == connection.exec_driver_sql("SELECT count(*) FROM parent").scalar_one()
    assert [] == copies(path)


def test_rows_that_had_no_parent_before_do_not_hold_an_upgrade_up(tmp_path: Path) -> None:
    """What another program left in the file is not this upgrade's doing."""
    with opened(tmp_path / "x.db") as engine:
        bring_up_to_date(engine, upgrade=True, migrations=with_migrations(tmp_path, FIRST))
        with closing(sqlite3.connect(tmp_path / "x.db")) as connection, connection:
            connection.execute("DELETE FROM parent WHERE id = 2")
        bring_up_to_date(engine, upgrade=True, migrations=with_migrations(tmp_path, FIRST, RECREATED))
        assert 2 == children(engine)


def test_an_upgrade_that_fails_changes_nothing_and_leaves_no_copy(tmp_path: Path) -> None:
    """Also the tables that it had made by then are gone."""
    path = tmp_path / "x.db"
    with opened(path) as engine:
        bring_up_to_date(engine, upgrade=True, migrations=with_migrations(tmp_path, FIRST))
        with pytest.raises(OperationalError, match="parent already exists"):
            bring_up_to_date(engine, upgrade=True, migrations=with_migrations(tmp_path, FIRST, FAILING))
        assert {"parent", "child", "alembic_version"} == set(inspect(engine).get_table_names())
    assert [] == copies(path)


def test_a_database_is_copied_aside_before_an_upgrade(older: dict[str, Path], tmp_path: Path) -> None:
    """The copy is its owner's alone, of the version before, holds what only the log has yet, and goes with a good tick.

    One that concluded nothing about a source, as that was not read for long, is none.
    """
    path = tmp_path / "old.db"
    shutil.copy(older[OLDER[0]], path)
    with closing(sqlite3.connect(path)) as open_elsewhere:
        open_elsewhere.execute("PRAGMA journal_mode=WAL")
        open_elsewhere.execute(OWNER.replace("'1'", "'2'"))
        open_elsewhere.commit()
        engine = open_engine(f"sqlite:///{path}")
        (copy,) = copies(path)
        assert (oct(copy.stat().st_mode & 0o777), (OLDER[0], 2)) == ("0o600", at(f"sqlite:///{copy}"))
        company = Company(Organisation(), RuleSet(()))
        open_elsewhere.execute("INSERT INTO source_state (source, updated_at, problems) VALUES ('crm', 1, '[]')")
        open_elsewhere.commit()
        tick(engine, company, NOW, transport="console")
        kept = copies(path)
        open_elsewhere.execute("DELETE FROM source_state")
        open_elsewhere.commit()
        tick(engine, company, NOW, transport="console")
        engine.dispose()
    assert ([copy], []) == (kept, copies(path))


def test_no_copy_is_made_where_there_is_nothing_to_copy(database_url: str, tmp_path: Path) -> None:
    """Neither a first creation nor a second opening leaves one."""
    open_engine(database_url).dispose()
    open_engine(database_url).dispose()
    assert [] == [each.name for each in tmp_path.iterdir() if "schema" in each.name]


def test_without_room_for_the_copy_nothing_is_upgraded(older: dict[str, Path], tmp_path: Path) -> None:
    """The message says where and how much room is needed; the database is of its version and can still be read."""
    path = tmp_path / "old.db"
    shutil.copy(older[OLDER[0]], path)
    (tmp_path / f"old.db.schema-{OLDER[0]}.unfinished.db").mkdir()  # no file can be written there
    with pytest.raises(RosSyncError, match=r"can't back up the database before the upgrade.*free up at least 1 MB"):
        open_engine(f"sqlite:///{path}")
    assert (OLDER[0], 1) == at(f"sqlite:///{path}")


def test_a_copy_that_was_cut_off_is_begun_again(older: dict[str, Path], tmp_path: Path) -> None:
    """What a kill left of one is no copy, and does not stand in the way."""
    path = tmp_path / "old.db"
    shutil.copy(older[OLDER[0]], path)
    (tmp_path / f"old.db.schema-{OLDER[0]}.unfinished.db").write_bytes(b"half")
    open_engine(f"sqlite:///{path}").dispose()
    assert [f"old.db.schema-{OLDER[0]}.db"] == [each.name for each in copies(path)]
