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
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from tests.integration.mirror.versions import OLDER, VERSIONS, at, migrate

from ros_sync.errors import RosSyncError
from ros_sync.mirror.database import open_engine
from ros_sync.mirror.schema_version import MIGRATIONS, newest
from ros_sync.mirror.upgrade_copy import copies

OPENINGS = Path(__file__).with_name("openings.py")


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


def left_half_way(start: Path | None, end: str, folder: Path) -> list[Path]:
    """Every state in which the first versions left SQLite when killed on the way to `end`, less the first."""
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
        with pytest.raises(
            RosSyncError, match=rf"stopped while creating this database.*they are empty.*move {state}, .* away"
        ):
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
        with pytest.raises(RosSyncError, match=f"stopped while upgrading this database from schema {start}") as caught:
            open_engine(f"sqlite:///{state}")
        assert before == content(state)
        told = re.search(r"with sqlite3 (.+), then run this again", str(caught.value.hint))
        assert told is not None
        file, sql = shlex.split(told[1])
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(sql)
        open_engine(f"sqlite:///{state}").dispose()
        assert (VERSIONS[-1], 1) == at(f"sqlite:///{state}")


@pytest.mark.parametrize(
    "filled,told", [(True, "rows in them.*account"), (False, "stopped while creating this database")]
)
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
