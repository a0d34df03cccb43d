"""Commands that are printed can be typed as they stand."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ros_sync.terminal import typed

COMMAND = Path(sys.executable).with_name("ros-sync")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stand in another folder than that of the program, which is not found by its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("sys.argv", [str(COMMAND), "demo"])


@pytest.mark.usefixtures("elsewhere")
def test_a_program_that_is_not_on_the_path_is_named_by_its_place() -> None:
    """After `make demo` the program stands in a folder of its own: what is printed finds it."""
    line = typed("--version")
    found = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("ros-sync ")


def test_a_program_on_the_path_is_named_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shell finds it, its name is enough."""
    monkeypatch.setenv("PATH", f"{COMMAND.parent}:/usr/bin")
    monkeypatch.setattr("sys.argv", [str(COMMAND), "demo"])
    assert typed("-w", Path("/srv/acme"), "status") == "ros-sync -w /srv/acme status"


def test_another_program_of_that_name_on_the_path_is_not_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An older installation that the shell would find is not the one that was run."""
    (tmp_path / "ros-sync").write_text("#!/bin/sh\n")
    (tmp_path / "ros-sync").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin")
    monkeypatch.setattr("sys.argv", [str(COMMAND), "demo"])
    monkeypatch.chdir(tmp_path)
    assert shlex.split(typed("status"))[0] == str(COMMAND)


@pytest.mark.parametrize("folder", ["my demo", "it's", "$HOME", "a;b", "(x)"])
def test_what_a_shell_would_read_otherwise_is_quoted(folder: str) -> None:
    """A folder with a space or a sign of the shell's in its name stays one word."""
    assert shlex.split(typed("-w", Path(folder), "status"))[-3:] == ["-w", folder, "status"]


@pytest.mark.usefixtures("elsewhere")
def test_a_command_of_another_kind_is_named_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a module or by a test, the program has no place of its own to name."""
    monkeypatch.setattr("sys.argv", ["/usr/bin/python", "-m", "ros_sync"])
    assert typed("status") == "ros-sync status"
