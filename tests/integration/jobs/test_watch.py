"""A process that looks after itself: a full disk, a file that is moved away, another `serve`, an outside monitor."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from structlog.testing import capture_logs
from tests.integration.mirror_reader import put, table_of

from ros_sync import clock
from ros_sync.errors import DatabaseTroubleError
from ros_sync.jobs.health import Standing
from ros_sync.jobs.health_table import standings
from ros_sync.jobs.ping import PingUrl
from ros_sync.jobs.schedule import Job, Schedule
from ros_sync.jobs.surroundings import FileGuard, SoleServe, short_of_room
from ros_sync.jobs.watch import Watch
from ros_sync.mirror.database import open_engine

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path, sqlite_template: Path) -> Path:
    """Give a SQLite database with all tables."""
    return Path(shutil.copy(sqlite_template, tmp_path / "ros-sync.db"))


@pytest.fixture
def small(file: Path) -> Iterator[Engine]:
    """Give a database that is as large as it may get: SQLite says the same as on a full disk."""
    engine = open_engine(f"sqlite:///{file}")

    def shrink(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={connection.execute('PRAGMA page_count').fetchone()[0]}")

    event.listen(engine, "connect", shrink)
    engine.dispose()
    yield engine
    engine.dispose()


def fill(engine: Engine) -> None:
    """Write until there is no more room."""
    with engine.begin() as connection:
        put(connection, "rate_state", key="0" * 2_000_000, not_before=LONG_AGO)


def watched(watch: Watch, *jobs: Job) -> Schedule:
    schedule = Schedule(jobs, allowed=watch.guard.check, changed=watch.changed)
    watch.begin(schedule.health)
    return schedule


def test_a_full_disk_is_named_wherever_somebody_looks(small: Engine) -> None:
    """The log has one line with the words "disk full", and so have the process's reasons."""
    watch = Watch(small)
    schedule = watched(watch, job := Job("tick", 300, lambda _now: fill(small), vital=True))
    with capture_logs() as logged:
        schedule.run_once(job)
    lines = [entry for entry in logged if entry["event"] == "job_failed"]
    found = ["disk full" in lines[0]["error"], lines[0].get("exc_info"), "disk full" in watch.readiness().reasons[0]]
    assert (1, [True, None, True]) == (len(lines), found)


def test_status_reads_of_the_full_disk(small: Engine) -> None:
    """As long as a row can be changed in place, what failed is written down for those who look from outside."""
    watch = Watch(small)
    schedule = watched(watch, job := Job("tick", 300, lambda _now: None, vital=True))
    schedule.run_once(job)  # makes the row
    failing = Job("tick", 300, lambda _now: fill(small), vital=True)
    with capture_logs():
        schedule.run_once(failing)
    with small.connect() as connection:
        assert ["disk full" in (each.reason or "") for each in standings(connection)] == [True]


def test_books_that_cannot_be_written_are_a_reason(file: Path) -> None:
    """Where not even the health can be written, the process says so itself, and goes on."""
    engine = open_engine(f"sqlite:///{file}")
    watch = Watch(engine)
    schedule = watched(watch, Job("tick", 300, lambda _now: None))
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {table_of('job_health')}"))
        connection.execute(text(f"CREATE VIEW {table_of('job_health')} AS SELECT 1 AS name"))
    with capture_logs() as logged:
        watch.turn()
        watch.turn()
    assert ["health_not_written"] == [entry["event"] for entry in logged]
    assert ["can't record job health" in words for words in schedule.health.troubles()] == [True]


@pytest.mark.parametrize("how", ["moved", "removed", "replaced"])
def test_a_database_file_that_is_not_there_any_more_stops_the_jobs(file: Path, how: str) -> None:
    """Nothing is done in a file that was moved away or in a new one that stands in its place; put back, all goes on."""
    watch = Watch(open_engine(f"sqlite:///{file}"))
    ran: list[datetime] = []
    schedule = watched(watch, job := Job("tick", 300, ran.append))
    aside = file.with_name("aside.db")
    file.rename(aside)
    if how == "replaced":
        file.touch()
    with capture_logs() as logged:
        schedule.run_once(job)
        watch.turn()
    words = [entry["error"] for entry in logged if entry["event"] == "job_failed"]
    expected = "was replaced by another file" if how == "replaced" else "was moved or removed"
    assert ([], [True], 0) == (ran, [expected in each for each in words], file.stat().st_size if file.exists() else 0)
    if how != "removed":
        aside.replace(file)
        schedule.run_once(job)
        assert len(ran) == 1


def test_a_database_in_memory_has_no_file_to_lose() -> None:
    """There is nothing to guard."""
    FileGuard(None).check()


def test_the_guard_names_the_file(file: Path) -> None:
    """The error says which file, and what to do."""
    guard = FileGuard(file)
    file.unlink()
    with pytest.raises(DatabaseTroubleError, match=rf"{file}: .*put it back"):
        guard.check()


def test_a_second_serve_is_told(engine: Engine) -> None:
    """On PostgreSQL the second process is told of the first, until that one ends.

    A SQLite file has a lock of its own.
    """
    first, second = SoleServe(engine), SoleServe(engine)
    here = [first.alone(), second.alone(), first.alone(), second.alone()]
    first.close()
    after = second.alone()
    second.close()
    on_postgresql = engine.dialect.name == "postgresql"
    assert ([True, not on_postgresql, True, not on_postgresql], True) == (here, after)


@pytest.mark.parametrize(
    "free,expected",
    [
        (10**12, None),
        (None, None),
        (150_000_000, "disk nearly full: 150 MB free"),
        (0, "disk full: 0 MB free"),
    ],
)
def test_room_on_the_disk(free: int | None, expected: str | None) -> None:
    """A disk that is nearly full is told before it is."""
    assert expected == short_of_room(free)


# ---- the ping


@contextmanager
def monitor(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A monitor on loopback: its address, and the paths it was called at."""
    called: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ping/very-secret", called
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_monitor_is_called_while_all_is_well(file: Path) -> None:
    """A turn of a process that is ready pings; one that is degraded or unready does not: silence is the alarm."""
    engine = open_engine(f"sqlite:///{file}")
    with monitor() as (url, called):
        watch = Watch(engine, now=clock.now, ping=PingUrl(url))
        schedule = watched(watch, job := Job("tick", 300, lambda _now: None, vital=True))
        standings_then = []
        for turn in range(3):
            if turn == 1:
                schedule.run_once(job)
            if turn == 2:
                schedule.health.trouble("x", "broken")
            watch.turn()
            standings_then.append((watch.readiness().standing, len(called)))
    assert [(Standing.UNREADY, 0), (Standing.READY, 1), (Standing.DEGRADED, 1)] == standings_then


@pytest.mark.parametrize("status", [404, 500, 302])
def test_a_ping_that_fails_is_one_line_without_the_address(status: int) -> None:
    """A monitor that refuses is logged once, and nothing of its address is: it may hold a secret."""
    with monitor(status) as (url, called), capture_logs() as logged:
        ping = PingUrl(url)
        ping()
        ping()
    expected = [{"event": "ping_failed", "reason": f"HTTP {status}", "log_level": "warning"}]
    assert (2, expected, False) == (len(called), logged, "secret" in str(logged))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/very-secret", "http://nowhere.invalid/very-secret"])
def test_a_monitor_that_is_away_is_one_line(url: str) -> None:
    """A monitor that cannot be reached stops nothing."""
    with capture_logs() as logged:
        PingUrl(url)()
    assert (["ping_failed"], False) == ([entry["event"] for entry in logged], "secret" in str(logged))
