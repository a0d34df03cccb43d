"""The console command as a person runs it: a process of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Self

import pytest

from ros_sync.jobs.lock import DatabaseLock

COMMAND = Path(sys.executable).parent / "ros-sync"
PATIENCE_SECONDS = 60  # for a process on a busy machine; each wait ends as soon as its condition holds

# `ros-sync serve` with one job that begins, and ends when it is let go.
SERVE_A_SLOW_JOB = """
import sys, time
from pathlib import Path
from ros_sync.cli import main, run_serve
from ros_sync.jobs.schedule import Job

def slow(now):
    Path("began").touch()
    while not Path("let-go").exists():
        time.sleep(0.01)
    Path("ended").touch()

run_serve.planned_jobs = lambda *_: [Job("tick", 3600, slow, vital=True)]
sys.argv = ["ros-sync", "serve", "--port", "0"]
main()
"""


def environment() -> dict[str, str]:
    """The environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ROS_SYNC_")}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment(), check=False
    )


class Process:
    """A running process whose log lines are read as they come."""

    def __init__(self, *command: str | Path, folder: Path) -> None:
        self.popen = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment()
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._seen: list[str] = []
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.kill()
        self.popen.wait()
        self._reader.join()
        for stream in (self.popen.stdout, self.popen.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            self._lines.put(line)
        self._lines.put("")

    def logged(self, event: str) -> dict[str, Any]:
        """Wait for a log line with that event."""
        while True:
            line = self._lines.get(timeout=PATIENCE_SECONDS)
            self._seen.append(line)
            if not line:
                pytest.fail(f"the process ended without {event}: {''.join(self._seen)}")
            if line.startswith("{") and (entry := json.loads(line))["event"] == event:
                assert isinstance(entry, dict)
                return entry

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(PATIENCE_SECONDS)


def get(url: str) -> tuple[int, dict[str, str], bytes]:
    """Ask for a page: status, headers, body."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PATIENCE_SECONDS) as answer:
            assert isinstance(answer, HTTPResponse)
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def await_file(path: Path) -> None:
    """Wait until a file is there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a workspace laid out by `ros-sync init`, with one rule file more that cannot be used."""
    folder = tmp_path_factory.mktemp("console") / "acme"
    made = run("init", folder)
    assert made.returncode == 0, made.stderr
    (folder / "rules/zoo.yaml").write_text("version: [")
    return folder


@pytest.fixture(scope="module")
def server(workspace: Path) -> Iterator[tuple[Process, str]]:
    """Give a running `ros-sync serve` and its address."""
    with Process(COMMAND, "serve", "--port", "0", folder=workspace) as process:
        yield process, process.logged("serving")["url"]


def test_serve_is_alive(server: tuple[Process, str]) -> None:
    """/healthz answers 200 while the process runs."""
    assert get(f"{server[1]}/healthz")[::2] == (200, b'{"status":"alive"}')


def test_serve_becomes_ready(server: tuple[Process, str]) -> None:
    """/readyz answers 200 once the first tick has run."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := get(f"{server[1]}/readyz"))[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (answer[0], json.loads(answer[2])["ready"]) == (200, True), answer[2]


def test_serve_is_degraded_by_a_broken_file(server: tuple[Process, str]) -> None:
    """A file that cannot be used is told by /readyz as a reason without its words, and the rest is ready."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := json.loads(get(f"{server[1]}/readyz")[2]))["ready"]:
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    assert ["rules/zoo.yaml:1:11 cannot be used, and no version of it is in use"] == answer["degraded"]


def test_serve_listens_on_this_machine_alone(server: tuple[Process, str]) -> None:
    """Unless told otherwise, the address is the loopback one."""
    assert server[1].startswith("http://127.0.0.1:")


def test_serve_keeps_a_second_process_away(server: tuple[Process, str], workspace: Path) -> None:
    """A second process on the same SQLite file is refused, and told the first one's number and command."""
    refused = run("-w", workspace, "serve", "--port", "0")
    words = f"another ros-sync process is using this database: process {server[0].popen.pid} (ros-sync serve --port 0)"
    assert (refused.returncode, words in refused.stderr, "Traceback" in refused.stderr) == (1, True, False)


def test_status_works_beside_serve(server: tuple[Process, str], workspace: Path) -> None:
    """While `serve` runs, `status --json` prints JSON on stdout, and nothing else."""
    status = run("-w", workspace, "status", "--json")
    assert (0, str(workspace)) == (status.returncode, json.loads(status.stdout)["workspace"]), status.stderr


def test_unready_says_why_and_sigterm_lets_the_job_finish(tmp_path: Path) -> None:
    """Before the first tick has run /readyz is 503 with the reason; SIGTERM waits for the job and exits with 0."""
    (tmp_path / "ros-sync.toml").write_text("")
    with Process(sys.executable, "-c", SERVE_A_SLOW_JOB, folder=tmp_path) as process:
        url = process.logged("serving")["url"]
        await_file(tmp_path / "began")
        status, _, body = get(f"{url}/readyz")
        assert (status, json.loads(body)["reasons"]) == (503, ["tick has not run yet"])
        process.popen.send_signal(signal.SIGTERM)
        process.logged("stopping")
        (tmp_path / "let-go").touch()
        assert (process.popen.wait(PATIENCE_SECONDS), (tmp_path / "ended").exists()) == (0, True)


def test_sigint_stops_and_the_lock_is_free(tmp_path: Path) -> None:
    """Ctrl-C stops `serve` cleanly, and somebody else may have the database."""
    (tmp_path / "ros-sync.toml").write_text("")
    with Process(COMMAND, "serve", "--port", "0", folder=tmp_path) as process:
        process.logged("serving")
        assert process.stop(signal.SIGINT) == 0
    with DatabaseLock(f"sqlite:///{tmp_path / 'ros-sync.db'}") as lock:
        assert lock.path is not None


def test_unknown_command() -> None:
    """Wrong usage exits with 2 and suggests what is close."""
    wrong = run("stats")
    assert (wrong.returncode, "Did you mean 'status'?" in wrong.stderr) == (2, True)


def test_broken_pipe_is_quiet() -> None:
    """A reader that goes away, as `head` does, is no error worth words."""
    with subprocess.Popen([COMMAND, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
