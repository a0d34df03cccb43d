"""What a command loads is most of what it costs: held here by names, since times differ from machine to machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

import ros_sync
from ros_sync.cli.app import app
from ros_sync.cli.names import COMMANDS, unknown

LOADED = """
import json, sys
sys.argv = ["ros-sync", *sys.argv[1:]]
import ros_sync.cli
try:
    ros_sync.cli.main()
except SystemExit as end:
    code = end.code
print("\\n" + json.dumps([code, sorted(sys.modules)]))
"""
# Typer and what it draws help with; pydantic is Typer's own wish where it finds it.
HELP = {
    "annotated_doc", "annotated_types", "attr", "markdown_it", "mdurl", "pydantic", "pydantic_core", "pygments",
    "rich", "ros_sync", "shellingham", "typer", "typing_extensions", "typing_inspection",
}  # fmt: skip
OURS = {"ros_sync.clock", "ros_sync.errors", "ros_sync.notifiers", "ros_sync.notifiers.plaintext"}
# The files of `cli` that declare commands, which the application names, and what they share.
DECLARING = {name for name, value in vars(sys.modules["ros_sync.cli.app"]).items() if isinstance(value, ModuleType)}
DECLARING |= {"app", "help", "invocation", "names", "shipped"}


def loaded(*arguments: str) -> tuple[int, set[str]]:
    """The exit code of a command line, and the modules that it loaded beside the standard library's."""
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    code, names = json.loads(done.stdout.splitlines()[-1])
    before = {"__main__", "_distutils_hack"} | set(sys.stdlib_module_names)
    tops = {name: name.partition(".")[0] for name in names}
    return code, {
        name for name, top in tops.items() if top not in before and not top.startswith(("_", "sitecustomize"))
    }


@pytest.mark.parametrize("arguments", [("--help",), ("import", "--help"), ("sync", "audit", "--help"), ("rules",)])
def test_help_loads_nothing_that_works(arguments: tuple[str, ...]) -> None:
    """No database, no settings, no client of a vendor, no YAML, no web; of ours only what declares commands."""
    _, names = loaded(*arguments)
    ours = {name for name in names if name.startswith("ros_sync.")}
    allowed = OURS | {"ros_sync.cli"} | {f"ros_sync.cli.{name}" for name in DECLARING}
    assert (set(), set()) == ({name.partition(".")[0] for name in names} - HELP, ours - allowed)


@pytest.mark.parametrize("arguments", [("stats",), ("-w", "acme", "stats"), ("rules", "chekc"), ("sync", "adit")])
def test_a_mistyped_command_loads_nothing(arguments: tuple[str, ...]) -> None:
    """It is answered by the list of names alone."""
    assert (2, {"ros_sync", "ros_sync.cli", "ros_sync.cli.names"}) == loaded(*arguments)


def test_the_names_are_those_of_the_application() -> None:
    """The list that answers the mistyped has each command and each below it."""
    root: Any = typer.main.get_command(app)
    assert {name: tuple(sorted(getattr(each, "commands", ()))) for name, each in root.commands.items()} == COMMANDS


@pytest.mark.parametrize(
    "line, said",
    [
        ("stats", "error: there is no command 'stats'\n  Did you mean 'status'? `ros-sync --help` lists what there is\n"),
        ("rules chekc", "error: there is no command 'rules chekc'\n  Did you mean 'rules check'? `ros-sync rules --help` lists what there is\n"),
        ("xyzzy", "error: there is no command 'xyzzy'\n  `ros-sync --help` lists what there is\n"),
        ("--debug -w here tik", "error: there is no command 'tik'\n  Did you mean 'tick'? `ros-sync --help` lists what there is\n"),
        ("--workspace=here tik", "error: there is no command 'tik'\n  Did you mean 'tick'? `ros-sync --help` lists what there is\n"),
        ("\x1b[2J", "error: there is no command '\\x1b[2J'\n  `ros-sync --help` lists what there is\n"),
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


def test_an_import_loads_neither_rules_nor_vendors() -> None:
    """Bringing in a file needs no condition language, no Slack, no HubSpot client, no scheduler and no migrations."""
    code = "import json, sys, ros_sync.cli.importing; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "alembic", "apscheduler", "fastapi", "holidays", "hubspot", "lark", "psycopg", "python_calamine", "requests",
        "slack_sdk", "sqlalchemy.dialects.postgresql", "tenacity", "uvicorn", "ros_sync.rules",
    }  # fmt: skip
    assert set() == heavy & set(json.loads(done.stdout))


def test_a_sync_loads_neither_rules_nor_the_web() -> None:
    """Following a CRM needs its client, and neither rules nor Slack nor the scheduler nor the web."""
    code = "import json, sys, ros_sync.cli.syncing; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "alembic", "apscheduler", "fastapi", "holidays", "lark", "psycopg", "requests", "slack_sdk", "uvicorn",
        "sqlalchemy.dialects.postgresql", "ros_sync.rules",
    }  # fmt: skip
    assert set() == heavy & set(json.loads(done.stdout))


def test_files_of_tables_have_real_annotations() -> None:
    """Annotations that are texts would be read twice for each column, by pydantic and by SQLAlchemy, at every start."""
    files = [file for file in Path(ros_sync.__file__).parent.rglob("*.py") if "table=True" in file.read_text()]
    assert ([], True) == ([file for file in files if "import annotations" in file.read_text()], len(files) > 1)
