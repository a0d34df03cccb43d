"""What commands cost that do next to nothing: their start, as multiples of `python -c pass`.

Beside it, as a floor, what the libraries alone cost: a program of one command that loads what the command loads of
libraries (`tests/unit/cli/loading.py` has the list), opens a database in memory, and ends in the way that ours does.

CPU time of user and system of the whole process, bytecode compiled as `make venv` leaves it, the least of several
rounds in which both sides take turns: on a shared machine the least is what the program takes, the rest is what others
took.
"""

from __future__ import annotations

import compileall
import os
import resource
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.deal_export import MAPPING, write_deals
from benchmarks.hubspot_account import MAPPING as CONNECTOR
from benchmarks.hubspot_account import running

import ros_sync

Row = tuple[str, str, str]
ROUNDS = 15
ROWS = 87
DEALS = 100
# Typer loads pydantic when it reads the line; SQLAlchemy its dialect when an engine is made.
LIBRARIES = """
import atexit, gc
gc.set_threshold(200_000)
atexit.register(gc.freeze)
import orjson, pathlib, pydantic, rich.console, rich.table, ruamel.yaml, sqlalchemy, structlog, typer
{more}
def command(path: pathlib.Path, json: bool = False):
    sqlalchemy.create_engine("sqlite://").dispose()
app = typer.Typer()
app.command()(command)
app(["x"])
"""
CLIENT = """
import hubspot.crm.associations.v4, hubspot.crm.objects, hubspot.crm.owners
import hubspot.crm.pipelines, hubspot.crm.properties, hubspot.oauth, tenacity
"""
COMMAND = str(Path(sys.executable).parent / "ros-sync")
ORGANISATION = "version: 1\ncompany: {name: Bench, currency: EUR, timezone: UTC}\n"


def run() -> list[Row]:
    """Measure; rows of (what, figure, bound)."""
    for each in (sysconfig.get_path("purelib"), Path(ros_sync.__file__).parent):
        compileall.compile_dir(each, quiet=2)  # what was copied or edited since is stale, and costs twice as much
    with tempfile.TemporaryDirectory(prefix="ros-sync-bench-") as name, running(DEALS) as account:
        folder = Path(name)
        for each in ("connectors", "rules"):
            (folder / each).mkdir()
        (folder / "ros-sync.toml").write_text(f'[hubspot]\napi_url = "{account.url}"\n')
        (folder / "rules/organisation.yaml").write_text(ORGANISATION)
        (folder / "connectors/deals.yaml").write_text(MAPPING)
        (folder / "connectors/hubspot.yaml").write_text(CONNECTOR)
        write_deals(folder / "deals.csv", ROWS)
        environment = {**os.environ, "ROS_SYNC_HUBSPOT__TOKEN": account.token}
        sides = {
            "pass": [sys.executable, "-c", "pass"],
            "mistyped": [COMMAND, "stats"],
            "help": [COMMAND, "--help"],
            "import": [COMMAND, "import", "--mapping", "deals", "deals.csv"],
            "sync": [COMMAND, "sync"],
            "import's libraries": [sys.executable, "-c", LIBRARIES.format(more="")],
            "sync's libraries": [sys.executable, "-c", LIBRARIES.format(more=CLIENT)],
        }
        for each in ("import", "sync"):  # the tables are made, and everything is there
            _run(sides[each], folder, environment)
        seconds = _least(sides, folder, environment)
    bounds = {"mistyped": 10, "help": None, "import": 30, "sync": 30}
    words = {
        "mistyped": "a mistyped command",
        "help": "ros-sync --help",
        "import": f"import of {ROWS} rows that are there already",
        "sync": "sync of a HubSpot in which nothing changed",
    }
    times = {side: each / seconds["pass"] for side, each in seconds.items()}
    return [
        (
            f"start: {words[side]}",
            f"{times[side]:.1f} x python -c pass ({1000 * seconds[side]:.0f} ms of CPU)"
            + (f"; its libraries alone {floor:.1f} x" if (floor := times.get(f"{side}'s libraries")) else ""),
            f"{bound} x" if bound else "",
        )
        for side, bound in bounds.items()
    ]


def _least(sides: dict[str, list[str]], folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """The least CPU seconds of each side."""
    least = dict.fromkeys(sides, float("inf"))
    for _ in range(ROUNDS):
        for side, command in sides.items():
            least[side] = min(least[side], _run(command, folder, environment))
    return least


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> float:
    """Run a command; the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in (0, 2), done.stderr
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


if __name__ == "__main__":
    for row in run():
        print(*row, sep="  ")
