from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from tests.integration.mirror_reader import table_of
from tests.integration.workspace.conftest import RULES, Place, rule

from ros_sync.config_files import Node, parsing
from ros_sync.mirror.config_versions import Role, history, in_force, keep, latest, version_in_force

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VERSIONS = table_of("config_version")


def test_nothing_is_read_or_written_while_nothing_changes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again, neither a file is opened nor the database asked."""
    first = place.now()
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("a file was opened"))
    assert ([], True) == (place.statements(), place.now() is first)


def test_a_restart_over_the_same_files_writes_nothing(place: Place) -> None:
    """What is in force is compared with what was, and is the same; also while a file is broken."""
    place.now()
    for _ in range(2):
        place.restart()
        assert set() == {statement.split()[0] for statement in place.statements()} - {"SELECT", "PRAGMA"}
        place.write("rules/one.yaml", "version: [")
        place.now()


def test_only_what_changed_is_read_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of one rule file, or a file touched without an edit, has no other file parsed."""
    place.now()
    parsed: list[str] = []
    read = parsing.read

    def noted(path: Path, *rest: Any) -> Node:
        parsed.append(path.name)
        return read(path, *rest)

    monkeypatch.setattr(parsing, "read", noted)
    (place.folder / "rules/organisation.yaml").touch()
    place.rules("one.yaml", rule("other"))
    assert (["other", "second"], ["one.yaml"]) == (place.rule_ids(), parsed)


def test_an_edit_within_the_clock_of_the_file_system_is_seen(place: Place) -> None:
    """A file of the same length, written twice in one moment, is the one that was written last."""
    place.restart(wall=time.time, sleep=lambda _: None)
    for name in ("aaaaa", "bbbbb", "ccccc"):
        place.rules("one.yaml", rule(name))
        assert [name, "second"] == place.rule_ids()


def test_a_save_that_is_under_way_is_waited_for(place: Place) -> None:
    """Half of a file that could be used by itself does not take the place of the whole one."""
    place.rules("one.yaml", rule("first"), rule("third"))
    place.now()
    waits: list[float] = []

    def finish(seconds: float) -> None:
        waits.append(seconds)
        place.rules("one.yaml", rule("first"), rule("third"), rule("fourth"))
        clock[0] += 5

    clock = [time.time()]
    place.restart(wall=lambda: clock[0], sleep=finish)
    place.rules("one.yaml", rule("first"))
    clock[0] = (place.folder / "rules/one.yaml").stat().st_ctime + 0.01
    assert (["first", "fourth", "second", "third"], 1) == (place.rule_ids(), len(waits))


def test_an_editor_that_moves_the_old_file_away_first_retires_nothing(place: Place) -> None:
    """Between the two steps of such a save the file is not there; it is looked for again before that is believed."""
    place.now()

    def finish(_seconds: float) -> None:
        place.rules("one.yaml", rule("first"))
        clock[0] += 5

    clock = [0.0]
    place.restart(wall=lambda: clock[0], sleep=finish)
    (place.folder / "rules/one.yaml").rename(place.folder / "rules/one.yaml~")
    clock[0] = (place.folder / "rules").stat().st_ctime + 0.01
    assert ["first", "second"] == place.rule_ids()
    with place.engine.connect() as connection:
        assert 1 == len(history(connection, "rules/one.yaml"))


def test_what_is_left_alone_is_not_waited_for(place: Place) -> None:
    """Files that nobody has touched for a moment are used at once."""
    place.now()
    place.restart(sleep=lambda _: pytest.fail("it waited"))
    place.rules("one.yaml", rule("other"))
    assert ["other", "second"] == place.rule_ids()


def test_a_broken_file_is_logged_once(place: Place) -> None:
    """Not at every look; another mistake is another line, and so is the end of it."""
    place.now()
    with capture_logs() as logs:
        for content in ("version: [", "version: [", "version: 3", RULES + rule("first")):
            place.write("rules/one.yaml", content)
            place.now()
            place.now()
    events = [line["event"] for line in logs]
    assert ["config_file_broken", "config_file_broken", "config_files_usable"] == events


def test_no_address_of_a_person_is_logged(place: Place) -> None:
    """The log says where and what; who is meant is told by `status` and `rules check`."""
    place.now()
    place.organisation(people=", {email: ann@example.com, manager: zed@example.com}")
    with capture_logs() as logs:
        (broken,) = place.now().broken
    assert ("zed@example.com" in broken.message, "example.com" in str(logs)) == (True, False)


def test_a_database_that_cannot_be_written_stops_no_edit(place: Place) -> None:
    """The edit is in force; it is kept as soon as that is possible."""
    place.now()
    with place.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {VERSIONS} RENAME COLUMN seen_at TO away")
    place.rules("one.yaml", rule("other"))
    place.restart()
    with pytest.raises(OperationalError, match="seen_at"):
        place.now()
    with place.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {VERSIONS} RENAME COLUMN away TO seen_at")
        connection.exec_driver_sql(
            f"CREATE TRIGGER full BEFORE INSERT ON {VERSIONS} BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    place.restart()
    assert ["other", "second"] == place.rule_ids()
    with place.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    place.now()
    with place.engine.connect() as connection:
        assert 2 == latest(connection)["rules/one.yaml"].number


def test_what_was_in_force_on_a_past_day_is_known(engine: Engine) -> None:
    """Each version holds from its own instant until the next one's; before the first nothing is known."""
    path = "rules/one.yaml"
    with engine.begin() as connection:
        for at, text in ((NOON, "a"), (NOON + HOUR, "b"), (NOON + 2 * HOUR, None), (NOON + 3 * HOUR, "c")):
            keep(connection, {path: (Role.RULES, text)}, latest(connection), at)
        keep(connection, {"rules/organisation.yaml": (Role.ORGANISATION, "o")}, {}, NOON)
        asked = [NOON - HOUR, NOON, NOON + HOUR / 2, NOON + HOUR, NOON + 2.5 * HOUR, NOON + 9 * HOUR]
        found = [version_in_force(connection, path, at) for at in asked]
        assert [None, "a", "a", "b", None, "c"] == [version and version.text for version in found]
        assert {path: "a", "rules/organisation.yaml": "o"} == {
            each.path: each.text for each in in_force(connection, NOON).values()
        }
        assert {"rules/organisation.yaml"} == set(in_force(connection, NOON + 2.5 * HOUR))
        assert {path} == set(in_force(connection, NOON, Role.RULES))


def test_a_clock_that_was_put_back_puts_no_version_before_the_last(engine: Engine) -> None:
    """The newest version stays the newest; when it was seen by the clock is kept beside."""
    with engine.begin() as connection:
        for at, text in ((NOON, "a"), (NOON - HOUR, "b")):
            keep(connection, {"x.yaml": (Role.RULES, text)}, latest(connection), at)
        version = version_in_force(connection, "x.yaml", NOON)
        assert version is not None
        assert ("b", NOON, NOON - HOUR) == (version.text, version.effective_from, version.seen_at)


def test_what_another_process_kept_is_not_kept_twice(engine: Engine) -> None:
    """Two processes that see the same edit write one version."""
    with engine.begin() as connection:
        for _ in range(2):
            keep(connection, {"x.yaml": (Role.RULES, "a")}, latest(connection), NOON)
        assert 1 == len(history(connection, "x.yaml"))
