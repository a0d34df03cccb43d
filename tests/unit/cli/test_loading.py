"""What a command loads is most of what it costs: held here by names, since times differ from machine to machine."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from tests.unit.cli.loading import ELSEWHERE, HELP, IMPORTS, loaded

import ros_sync
from ros_sync.cli.app import app, narrowed
from ros_sync.cli.names import COMMANDS, FORMER_NAMES, unknown

MAPPING = """
version: 1
source: crm
timezone: Europe/Berlin
currency: EUR
number: {decimal: "."}
stages:
  default: [{name: Open, kind: open}]
files:
  - {file: "deals*", object: deal, id: Id, fields: {name: Name}}
"""
OURS = {
    "ros_sync.clock", "ros_sync.errors", "ros_sync.notifiers", "ros_sync.notifiers.plaintext", "ros_sync.plain_data",
    "ros_sync.terminal", "ros_sync.workspace", "ros_sync.workspace.vendors",
}  # fmt: skip
# The files of `cli/commands` that declare them, which the application names, and what they share.
DECLARING = {name for name, value in vars(sys.modules["ros_sync.cli.app"]).items() if isinstance(value, ModuleType)}
DECLARING = {f"commands.{name}" for name in DECLARING - {"names"}}
DECLARING |= {"app", "commands", "help", "invocation", "names"}


@pytest.mark.parametrize("arguments", [("--help",), ("import", "--help"), ("sync", "audit", "--help"), ("rules",)])
def test_help_loads_nothing_that_works(arguments: tuple[str, ...]) -> None:
    """No database, no settings, no client of a vendor, no YAML, no web; of ours only what declares commands.

    No garbage is looked for.
    """
    run = loaded(*arguments)
    ours = {name for name in run.modules if name.startswith("ros_sync.")}
    allowed = OURS | {"ros_sync.cli"} | {f"ros_sync.cli.{name}" for name in DECLARING}
    assert (set(), set(), 0) == (run.tops - HELP, ours - allowed, run.collections)


@pytest.mark.parametrize("arguments", [("stats",), ("-w", "acme", "stats"), ("rules", "chekc"), ("sync", "adit")])
def test_a_mistyped_command_loads_nothing(arguments: tuple[str, ...]) -> None:
    """It is answered by the list of names alone."""
    run = loaded(*arguments)
    assert (2, {"ros_sync", "ros_sync.cli", "ros_sync.cli.names"}) == (run.code, set(run.foreign()))


def test_the_names_are_those_of_the_application() -> None:
    """The list that answers the mistyped has each command and each below it."""
    root: Any = typer.main.get_command(app)
    shown = {name: each for name, each in root.commands.items() if not each.hidden}
    assert {name: tuple(sorted(getattr(each, "commands", ()))) for name, each in shown.items()} == COMMANDS
    assert FORMER_NAMES.keys() == root.commands.keys() - shown.keys()
    assert set(FORMER_NAMES.values()) <= COMMANDS.keys()


SEE_ALL = "Run `ros-sync --help` to see all commands.\n"


@pytest.mark.parametrize(
    "line, said",
    [
        ("stats", f"error: unknown command 'stats'\n  Did you mean 'status'? {SEE_ALL}"),
        ("rules chekc", (
            "error: unknown command 'rules chekc'\n  Did you mean 'rules check'? Run `ros-sync rules --help` "
            "to see all commands.\n"
        )),
        ("xyzzy", f"error: unknown command 'xyzzy'\n  {SEE_ALL}"),
        ("--debug -w here tik", f"error: unknown command 'tik'\n  Did you mean 'tick'? {SEE_ALL}"),
        ("--workspace=here tik", f"error: unknown command 'tik'\n  Did you mean 'tick'? {SEE_ALL}"),
        ("\x1b[2J", "error: unknown command '\\x1b[2J'\n  Run `ros-sync --help` to see all commands.\n"),
    ],
)  # fmt: skip
def test_a_mistyped_command_is_told_with_what_is_close(line: str, said: str) -> None:
    """Wherever it stands on the line."""
    assert said == unknown(line.split())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--help",
        "-h",
        "--version",
        "-V",
        "--nosuch",
        "-w",
        "status",
        "sync",
        "sync --full",
        "import x.csv",
        "-whereto tik",
    ],
)
def test_what_may_be_right_is_left_to_the_application(line: str) -> None:
    """Options that are not known here, and whatever stands behind a command without others below it."""
    assert None is unknown(line.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_the_same_without_the_others(name: str) -> None:
    """Of the application, the commands that the line does not name are left out; the one that it names is whole."""
    whole: Any = typer.main.get_command(app)
    narrow: Any = typer.main.get_command(narrowed(name))
    (found,) = narrow.commands.values()
    shown = [each.get_help(typer.Context(each)) for each in (found, whole.commands[name])]
    assert (name, shown[0]) == (found.name, shown[1])
    assert [*getattr(found, "commands", ())] == [*getattr(whole.commands[name], "commands", ())]


def test_an_import_loads_what_reads_files_and_the_mirror(tmp_path: Path) -> None:
    """On a database that is there: no ORM, no migrations, no rules, no client of a vendor, no scheduler, no bars.

    And Python looks for garbage neither while it loads nor, of so few rows, while it works.
    """
    (tmp_path / "connectors").mkdir()
    (tmp_path / "ros-sync.toml").touch()
    (tmp_path / "connectors/crm.yaml").write_text(MAPPING)
    (tmp_path / "deals.csv").write_text("Id,Name\n1,Loom\n")
    line = ("--workspace", str(tmp_path), "import", str(tmp_path / "deals.csv"))
    loaded(*line)  # makes the tables
    run = loaded(*line)
    assert (0, set(), set(), 0) == (run.code, run.tops - IMPORTS, ELSEWHERE & run.modules, run.collections)


def test_files_of_tables_have_real_annotations() -> None:
    """Annotations that are texts would be read twice for each column, by pydantic and by SQLAlchemy, at every start."""
    files = [file for file in Path(ros_sync.__file__).parent.rglob("*.py") if "table=True" in file.read_text()]
    assert ([], True) == ([file for file in files if "import annotations" in file.read_text()], len(files) > 1)
