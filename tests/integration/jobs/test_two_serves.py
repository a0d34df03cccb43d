"""Two real `ros-sync serve` on one PostgreSQL: the second says so. What comes when it is alone again: test_watch.py."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ros_sync.jobs.surroundings import ANOTHER_SERVE
from ros_sync.workspace.layout import lay_out

COMMAND = str(Path(sys.executable).with_name("ros-sync"))
PATIENCE_SECONDS = 120.0
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

pytestmark = pytest.mark.postgresql


@contextmanager
def serving(folder: Path, name: str, database_url: str) -> Iterator[str]:
    """A process of its own on a workspace; its address. Its log is `<name>.log`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "ROS_SYNC_DATABASE__URL": database_url.replace("postgresql+psycopg", "postgresql"),
        "ROS_SYNC_WEB__PORT": str(port),
        "PATH": "/usr/bin:/bin",
    }
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen([COMMAND, "-w", str(folder), "serve"], stderr=log, stdout=log, env=environment)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0


def reasons(url: str) -> list[str] | None:
    """Why a process is degraded; None before it answers, and before its first tick has gone well."""
    try:
        with OPENER.open(f"{url}/readyz", timeout=5) as answer:
            found: list[str] = json.loads(answer.read())["reasons"]
    except OSError:  # 503 too: not ready yet
        return None
    return found


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def test_the_second_serve_is_told_of(tmp_path: Path, postgresql_url: str) -> None:
    """By itself, in its log and at `/readyz`; the first has nothing to say."""
    lay_out(tmp_path)
    with serving(tmp_path, "first", postgresql_url) as first:
        until(lambda: reasons(first) == [])
        with serving(tmp_path, "second", postgresql_url) as second:
            until(lambda: reasons(second) == [ANOTHER_SERVE])
            assert reasons(first) == []
    told = ["another_serve" in (tmp_path / f"{name}.log").read_text() for name in ("first", "second")]
    assert told == [False, True]
