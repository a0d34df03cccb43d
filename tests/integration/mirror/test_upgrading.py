"""Creating and upgrading the tables: wholly or not at all, whatever ends the process in between.

What a killed process leaves is what a reader finds while it works: of a SQLite database its files as they are at that
moment, of a PostgreSQL what another session sees. So one run shows each state that a kill before each of its statements
would have left; each different one is then opened.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from ros_sync.errors import RosSyncError
from ros_sync.jobs.cycle import tick
from ros_sync.mirror.database import configured, open_engine
from ros_sync.mirror.schema_version import MIGRATIONS, newest
from ros_sync.mirror.upgrade_copy import copies
from ros_sync.mirror.upgrading import bring_up_to_date
from ros_sync.organisation.company import Organisation
from ros_sync.rules.model import RuleSet
from ros_sync.workspace.company import Company

VERSIONS = [script.revision for script in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))]
OLDER = VERSIONS[:-1]

OWNER = "INSERT INTO owner (source, id, valid_from) VALUES ('crm', '1', 0)"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OPENINGS = Path(__file__).with_name("openings.py")


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give a SQLite database of each older version, with an owner in it."""
    folder = tmp_path_factory.mktemp("older")
    path = folder / "growing.db"
    found: dict[str, Path] = {}
    for version in OLDER:
        migrate(f"sqlite:///{path}", version)
        if not found:
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute(OWNER)
        found[version] = folder / f"{version}.db"
        shutil.copy(path, found[version])
    return found


def migrate(url: str, version: str) -> None:
    """Bring a database to a version as ros-sync did at first: on SQLite each statement of DDL by itself."""
    engine = create_engine(url)
    with engine.begin() as connection:
        _alembic(connection, version)
    engine.dispose()


def _alembic(connection: Any, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


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


@contextmanager
def before_each_statement(then: Callable[[int], None]) -> Iterator[list[str]]:
    """Call `then` with its number before each statement on whatever database that is not in memory; the statements."""
    seen: list[str] = []

    def listen(connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        if connection.engine.url.database is not None:  # in memory, the program looks up what each version has
            then(len(seen))
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


# ---- SQLite


def states_while(path: Path, folder: Path, act: Callable[[], None]) -> tuple[list[Path], list[str]]:
    """Each different state of the database's files before the statements of `act`, and the statements."""
    states: dict[str, Path] = {}

    def keep(_number: int) -> None:
        files = {end: path.with_name(path.name + end) for end in ("", "-wal", "-journal")}
        held = {end: file.read_bytes() for end, file in files.items() if file.exists() and file.stat().st_size}
        digest = sha256(repr(sorted(held.items())).encode()).hexdigest()
        if digest not in states:
            states[digest] = folder / f"state-{len(states)}.db"
            for end, content in held.items():
                states[digest].with_name(states[digest].name + end).write_bytes(content)

    with before_each_statement(keep) as statements:
        act()
    return list(states.values()), statements


def test_a_first_creation_killed_before_any_of_its_statements_can_be_begun_again(tmp_path: Path) -> None:
    """On SQLite every state that a kill can leave opens, and has all tables then."""
    path = tmp_path / "new.db"
    states, statements = states_while(path, tmp_path, lambda: open_engine(f"sqlite:///{path}").dispose())
    made = [each for each in statements if each.lstrip().startswith("CREATE TABLE")]
    assert len(made) > 25
    for state in states:
        open_engine(f"sqlite:///{state}").dispose()
        assert (VERSIONS[-1], 0) == at(f"sqlite:///{state}")


@pytest.mark.parametrize("version", OLDER)
def test_an_upgrade_killed_before_any_of_its_statements_can_be_begun_again(
    older: dict[str, Path], tmp_path: Path, version: str
) -> None:
    """On SQLite every state that a kill can leave is of a known version, holds what it held, and opens."""
    path = tmp_path / "old.db"
    shutil.copy(older[version], path)
    states, _ = states_while(path, tmp_path, lambda: open_engine(f"sqlite:///{path}").dispose())
    for state in states:
        assert (version, 1) == at(f"sqlite:///{state}")
        open_engine(f"sqlite:///{state}").dispose()
        assert (VERSIONS[-1], 1) == at(f"sqlite:///{state}")


# ---- PostgreSQL


def seen_while(url: str, act: Callable[[], None]) -> tuple[set[str], list[str]]:
    """Each different schema that another session sees before the statements of `act`, and the statements."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    seen: set[str] = set()
    with engine.connect() as watching:
        driver = watching.connection.driver_connection
        assert driver is not None

        def look(_number: int) -> None:
            rows = driver.execute(
                "SELECT table_name, column_name, data_type FROM information_schema.columns"
                " WHERE table_schema = 'public' UNION SELECT indexname, tablename, '' FROM pg_indexes"
                " WHERE schemaname = 'public' ORDER BY 1, 2"
            ).fetchall()
            seen.add(repr(rows))

        with before_each_statement(look) as statements:
            act()
    engine.dispose()
    return seen, statements


@pytest.mark.postgresql
@pytest.mark.parametrize("version", [None, *OLDER[:1]])
def test_on_postgresql_nothing_is_left_before_the_last_statement(postgresql_url: str, version: str | None) -> None:
    """A creation or upgrade that is killed before any of its statements leaves the tables as they were."""
    if version is not None:
        migrate(postgresql_url, version)
    seen, statements = seen_while(postgresql_url, lambda: open_engine(postgresql_url).dispose())
    assert (1, True) == (len(seen), len(statements) > len(OLDER))


# ---- kills for real, and several at once


def openings(what: str, url: str, figure: int) -> list[int]:
    """Open the database in processes of their own: how each ended."""
    done = subprocess.run(
        [sys.executable, str(OPENINGS), what, url, str(figure)], stdout=subprocess.PIPE, check=True, timeout=120
    )
    ends: list[int] = json.loads(done.stdout.splitlines()[-1])
    return ends


def test_one_process_after_the_other_is_killed_while_it_creates_the_tables(database_url: str) -> None:
    """Each opens what the one before it left, is killed a little later, and the last one gets through."""
    ends = openings("killed", database_url, 25)
    assert (True, [-signal.SIGKILL] * (len(ends) - 1), 0) == (len(ends) > 4, ends[:-1], ends[-1])
    assert (VERSIONS[-1], 0) == at(database_url)


def test_one_process_after_the_other_is_killed_while_it_upgrades(older: dict[str, Path], tmp_path: Path) -> None:
    """The same from the oldest version: what was stored is there in the end, and one copy of it."""
    path = tmp_path / "old.db"
    shutil.copy(older[OLDER[0]], path)
    ends = openings("killed", f"sqlite:///{path}", 12)
    assert (True, [-signal.SIGKILL] * (len(ends) - 1), 0) == (len(ends) > 2, ends[:-1], ends[-1])
    assert (VERSIONS[-1], 1) == at(f"sqlite:///{path}")
    assert [f"old.db.schema-{OLDER[0]}.db"] == [each.name for each in copies(path)]


def test_two_processes_that_open_one_new_database_at_once_both_get_it(database_url: str) -> None:
    """One makes the tables, the other waits for them."""
    assert [0, 0, 0] == openings("together", database_url, 3)


# ---- foreign keys

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
        with pytest.raises(
            RosSyncError, match=r"would leave rows that refer to nothing: 1 in child.*nothing was changed"
        ):
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


# ---- the copy


def test_a_database_is_copied_aside_before_an_upgrade(older: dict[str, Path], tmp_path: Path) -> None:
    """The copy is its owner's alone, is of the version before, holds what is only in the log yet, and goes with a good tick.

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
    with pytest.raises(RosSyncError, match=r"cannot be copied aside before its upgrade.*free at least 1 MB"):
        open_engine(f"sqlite:///{path}")
    assert (OLDER[0], 1) == at(f"sqlite:///{path}")


def test_a_copy_that_was_cut_off_is_begun_again(older: dict[str, Path], tmp_path: Path) -> None:
    """What a kill left of one is no copy, and does not stand in the way."""
    path = tmp_path / "old.db"
    shutil.copy(older[OLDER[0]], path)
    (tmp_path / f"old.db.schema-{OLDER[0]}.unfinished.db").write_bytes(b"half")
    open_engine(f"sqlite:///{path}").dispose()
    assert [f"old.db.schema-{OLDER[0]}.db"] == [each.name for each in copies(path)]


# ---- what earlier versions left half-way


def left_half_way(start: Path | None, end: str, folder: Path) -> list[Path]:
    """Every state in which the first versions left a SQLite database when killed on the way to `end`, less the first."""
    path = folder / "x.db"
    if start is not None:
        shutil.copy(start, path)
    states, _ = states_while(path, folder, lambda: migrate(f"sqlite:///{path}", end))
    return [state for state in states if content(state) != (content(start) if start is not None else [])]


def content(path: Path) -> list[str]:
    """All that is in the file, as SQL, less alembic's own table."""
    with closing(sqlite3.connect(path)) as connection:
        return [
            line
            for line in connection.iterdump()
            if "alembic_version" not in line and line not in ("BEGIN TRANSACTION;", "COMMIT;")
        ]


def test_a_creation_that_an_earlier_version_left_half_way_is_told(tmp_path: Path) -> None:
    """Wherever it was killed: the message says that no row is lost with the file, and nothing in it is touched."""
    states = left_half_way(None, OLDER[0], tmp_path)
    assert len(states) > 25
    for state in states:
        before = content(state)
        with pytest.raises(RosSyncError, match=rf"ended while it made this database.*no rows.*move {state}, .* away"):
            open_engine(f"sqlite:///{state}")
        assert before == content(state)


@pytest.mark.parametrize("start,end", [("0001", "0002"), ("0002", "0003"), ("0001", "0003")])
def test_an_upgrade_that_an_earlier_version_left_half_way_is_told_and_can_be_taken_back(
    older: dict[str, Path], tmp_path: Path, start: str, end: str
) -> None:
    """Wherever it was killed: the message has the SQL that takes back what was begun; after it, the database opens."""
    states = left_half_way(older[start], end, tmp_path)
    assert len(states) > 0
    for state in states:
        before = content(state)
        with pytest.raises(RosSyncError, match=f"ended while it upgraded this database from schema {start}") as caught:
            open_engine(f"sqlite:///{state}")
        assert before == content(state)
        told = re.search(r"with sqlite3 (.+), and run it again", str(caught.value.hint))
        assert told is not None
        file, sql = shlex.split(told[1])
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(sql)
        open_engine(f"sqlite:///{state}").dispose()
        assert (VERSIONS[-1], 1) == at(f"sqlite:///{state}")


@pytest.mark.parametrize("filled,told", [(True, "rows in them.*account"), (False, "ended while it made this database")])
def test_tables_of_the_same_names_are_left_alone(database_url: str, filled: bool, told: str) -> None:
    """A database that another program uses is not written to, on SQLite and PostgreSQL."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE account (id INTEGER)")
        connection.exec_driver_sql("CREATE TABLE theirs (id INTEGER)")
        if filled:
            connection.exec_driver_sql("INSERT INTO account VALUES (1)")
    with pytest.raises(RosSyncError, match=told):
        open_engine(database_url)
    assert {"account", "theirs"} == set(inspect(engine).get_table_names())
    engine.dispose()


def test_tables_of_others_do_not_hold_ros_sync_up(database_url: str) -> None:
    """Another table in the same database is none of ours."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (id INTEGER)")
    open_engine(database_url).dispose()
    assert "theirs" in inspect(engine).get_table_names()
    engine.dispose()


def test_the_newest_version_is_the_last_migrations() -> None:
    """What is read from the files' names, to do without alembic, is what alembic says."""
    assert newest() == ScriptDirectory(str(MIGRATIONS)).get_current_head()
