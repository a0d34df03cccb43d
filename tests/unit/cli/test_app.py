from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ros_sync import __version__, settings
from ros_sync.cli import main
from ros_sync.cli.app import app
from ros_sync.errors import ProblemsError, SettingsError, Where

REFERENCE = Path(__file__).parents[3] / "docs/reference/commands.md"


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command with its full name, such as `rules check`."""
    root: Any = typer.main.get_command(app)
    for name, command in (group or root).commands.items():
        if command.hidden:  # a former name
            continue
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        if not hasattr(command, "commands") or command.invoke_without_command:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands())


def section_of(name: str) -> str:
    """What the reference page says about a command; empty where it says nothing."""
    pattern = rf"^## `ros-sync {re.escape(name)}\b[^\n]*`\n(.*?)(?=^## |\Z)"
    match = re.search(pattern, REFERENCE.read_text(), flags=re.MULTILINE | re.DOTALL)
    return match[0] if match else ""


def test_version() -> None:
    """--version and -V print the version."""
    shown = [CliRunner().invoke(app, [option]).stdout for option in ("--version", "-V")]
    assert [f"ros-sync {__version__}\n"] * 2 == shown


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_one_sentence_and_an_example(name: str) -> None:
    """The help of a command begins with one sentence and ends with an example of that command."""
    text = str(COMMANDS[name].help)
    assert (text.splitlines()[0].endswith("."), f"[bold]ros-sync {name}" in text) == (True, True)


@pytest.mark.parametrize("name", ["", "alerts", "rules", *COMMANDS])
def test_help_shows_no_kind_beside_an_option_that_takes_no_value(name: str) -> None:
    """`--json <bool>` would look as if a value were to be given; so would `--help <bool>`."""
    shown = CliRunner().invoke(app, [*name.split(), "--help"]).stdout
    assert ("--help" in shown, "bool" in shown.lower(), "list[" in shown.lower()) == (True, False, False)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_in_the_reference(name: str) -> None:
    """The reference page has a section for each command that names each of its options."""
    options = [option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")]
    section = section_of(name)
    assert [option for option in ["## `", *options] if option not in section and option != "--help"] == []


def test_reference_has_no_other_commands() -> None:
    """The reference page describes no command that does not exist."""
    documented = re.findall(r"^## `ros-sync ((?:[a-z-]+ ?)+)", REFERENCE.read_text(), flags=re.MULTILINE)
    assert sorted(COMMANDS) == sorted(name.strip() for name in documented)


def ending(monkeypatch: pytest.MonkeyPatch, error: BaseException, *options: str) -> int | str | None:
    """Run the console command so that it meets an error; its exit code."""

    def find_workspace(_given: Path | None) -> Path:
        raise error

    monkeypatch.setattr(settings, "find_workspace", find_workspace)
    monkeypatch.setattr("sys.argv", ["ros-sync", *options, "status"])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


PROBLEM = SettingsError(
    "there is no such key", where=Where(file="ros-sync.toml", line=2), hint="did you mean 'web.port'?"
)


def test_error_exits_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours ends the command with exit code 1."""
    assert ending(monkeypatch, PROBLEM) == 1


def test_error_is_a_message(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An error of ours is told on stderr with where, what and what to do, and nothing is on stdout."""
    ending(monkeypatch, PROBLEM)
    expected = "error: ros-sync.toml:2: there is no such key\n  did you mean 'web.port'?\n"
    assert ("", expected) == capsys.readouterr()


def test_problems_are_told_one_by_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Several problems are several messages."""
    ending(monkeypatch, ProblemsError([PROBLEM, PROBLEM]))
    assert capsys.readouterr().err.count("error: ros-sync.toml:2: there is no such key") == 2


def test_message_is_no_markup(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets in a message, such as a section's name, are shown as they are."""
    ending(monkeypatch, SettingsError("[web] is [/bold] odd"))
    assert capsys.readouterr().err == "error: [web] is [/bold] odd\n"


def test_message_does_not_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Control characters of what a message quotes are left out, in the place and the hint too."""
    ending(monkeypatch, SettingsError("a\x1bb", where=Where(file="c\x1bd"), hint="e\x9bf"))
    assert capsys.readouterr().err == "error: cd: ab\n  ef\n"


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With --debug the traceback follows the message."""
    ending(monkeypatch, PROBLEM, "--debug")
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_surprise_is_one_masked_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An error that nobody foresaw is told in one line, with secrets masked, and the way to see more."""
    ending(monkeypatch, ValueError("bad xoxb-123456789-secret\nmore of it"))
    assert capsys.readouterr().err.splitlines()[0] == "unexpected error: ValueError: bad ***"


def test_ctrl_c_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command with exit code 130."""
    assert ending(monkeypatch, KeyboardInterrupt()) == 130


def test_the_line_of_sync_names_what_is_below_it() -> None:
    """Whoever reads the list of commands learns of audit and write, which are no commands of their own."""
    first = str(COMMANDS["sync"].help).split("\n\n", maxsplit=1)[0]
    assert ("sync audit" in first, "sync write" in first) == (True, True)
