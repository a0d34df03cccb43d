from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ros_sync.errors import DatabaseBusyError, RosSyncError
from ros_sync.jobs.lock import DatabaseLock


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Give the URL of a SQLite database."""
    return f"sqlite:///{tmp_path / 'ros-sync.db'}"


def refusal(url: str) -> str:
    """Ask for a lock that is held; what is said."""
    with pytest.raises(DatabaseBusyError) as caught, DatabaseLock(url):
        pass
    return str(caught.value)


def test_second_holder_is_told_who_the_first_is(url: str) -> None:
    """The refusal names the holder's process, its command, and since when it holds the lock."""
    with DatabaseLock(url, command="ros-sync serve") as lock:
        assert lock.path is not None
        since = json.loads(lock.path.read_text())["since"]
        assert f"process {os.getpid()} (ros-sync serve), since {since}" in refusal(url)


def test_refusal_names_the_database(url: str, tmp_path: Path) -> None:
    """The refusal names the database's file."""
    with DatabaseLock(url):
        assert refusal(url).startswith(f"{tmp_path / 'ros-sync.db'}: ")


def test_lock_is_free_after_leaving(url: str) -> None:
    """After the first holder has left, the next one is let in."""
    with DatabaseLock(url):
        pass
    with DatabaseLock(url) as second:
        assert second.path is not None


def test_lock_is_free_after_an_exception(url: str) -> None:
    """A holder that leaves by an exception leaves nothing behind."""
    with pytest.raises(ZeroDivisionError), DatabaseLock(url):
        raise ZeroDivisionError
    with DatabaseLock(url) as second:
        assert second.path is not None


@pytest.mark.parametrize(
    "stale", ['{"pid": 1, "command": "gone", "since": "2020-01-01"}', "", "{not json", "[]", "\x00" * 9000]
)
def test_stale_note_is_harmless(url: str, tmp_path: Path, stale: str) -> None:
    """What a killed process left in the file keeps nobody out, and is replaced."""
    (tmp_path / "ros-sync.db.lock").write_text(stale)
    with DatabaseLock(url, command="ros-sync tick") as lock:
        assert lock.path is not None
        assert json.loads(lock.path.read_text())["command"] == "ros-sync tick"


def test_unreadable_note_of_a_live_holder(url: str, tmp_path: Path) -> None:
    """A holder whose note cannot be read is still respected."""
    with DatabaseLock(url):
        (tmp_path / "ros-sync.db.lock").write_text("{")
        assert "it has just started" in refusal(url)


def test_two_names_of_one_database(url: str, tmp_path: Path) -> None:
    """A link to the database is the same database."""
    (tmp_path / "link.db").symlink_to(tmp_path / "ros-sync.db")
    with DatabaseLock(url):
        assert refusal(f"sqlite:///{tmp_path / 'link.db'}")


def test_two_databases(url: str, tmp_path: Path) -> None:
    """Two databases in one folder do not keep each other out."""
    with DatabaseLock(url) as one, DatabaseLock(f"sqlite:///{tmp_path / 'other.db'}") as other:
        assert one.path != other.path


@pytest.mark.parametrize("url", ["postgresql+psycopg://user@host/name", "sqlite://", "sqlite:///:memory:"])
def test_no_lock_where_none_is_needed(url: str) -> None:
    """PostgreSQL, and databases in memory, can be entered twice."""
    with DatabaseLock(url) as first, DatabaseLock(url) as second:
        assert (first.path, second.path) == (None, None)


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    """A lock that cannot be made is told with its path and what to do."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RosSyncError, match=r"ros-sync\.db\.lock: can't lock the database.*allow this user to write in"),
        DatabaseLock(f"sqlite:///{tmp_path}/file/ros-sync.db"),
    ):
        pass
