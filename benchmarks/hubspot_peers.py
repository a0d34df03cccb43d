"""What else follows HubSpot from Python: dlt, run beside ours; Singer's tap-hubspot, installed and looked at.

Each is installed with pip (and whatever index pip is set up for) into a virtual environment that is thrown away. dlt's
rest_api source reads the same pages from the same paths (the verified HubSpot source is no part of the package and
knows one host alone) and writes to SQLite through its sqlalchemy destination.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from benchmarks.bare_hubspot import ASKED, PAGE
from benchmarks.hubspot_account import TRACKED

Row = tuple[str, str, str]
INSTALL_SECONDS, RUN_SECONDS = 600, 1_800
DLT = """
import json, resource, sys, time
import dlt
from dlt.sources.rest_api import rest_api_source

url, token, folder, asked, tracked, page = json.loads(sys.argv[1])
source = rest_api_source({
    "client": {"base_url": url, "auth": {"type": "bearer", "token": token},
               "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"}},
    "resources": [{"name": "deals", "primary_key": "id", "write_disposition": "append", "endpoint": {
        "path": "crm/v3/objects/deals", "data_selector": "results",
        "params": {"limit": page, "properties": ",".join(asked), "propertiesWithHistory": ",".join(tracked),
                   "associations": "companies"}}}],
})
pipeline = dlt.pipeline("bench", destination=dlt.destinations.sqlalchemy(f"sqlite:///{folder}/dlt.db"),
                        dataset_name="main", pipelines_dir=folder)
def cpu():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
started = cpu()
pipeline.run(source)
seconds = cpu() - started
rows = pipeline.last_trace.last_normalize_info.row_counts
print(json.dumps({"seconds": seconds, "deals": rows["deals"]}))
"""


def run(url: str, token: str, deals: int, ours_seconds: float) -> list[Row]:
    """Install and measure; rows of (what, figure, bound). What cannot be installed or run has a row that says why."""
    with tempfile.TemporaryDirectory(prefix="ros-sync-peers-") as name:
        folder = Path(name)
        return [_dlt(folder, url, token, deals, ours_seconds), _tap(folder)]


def _dlt(folder: Path, url: str, token: str, deals: int, ours_seconds: float) -> Row:
    what = "  dlt (rest_api to SQLite), the same back-fill"
    python, problem = _installed(folder / "dlt", "dlt[sqlalchemy]")
    if problem:
        return what, "not installed", problem
    asked = json.dumps([url, token, str(folder), ASKED, TRACKED, PAGE])
    try:
        done = subprocess.run(
            [str(python), "-c", DLT, asked],
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
            cwd=folder,
        )
    except subprocess.TimeoutExpired:
        return what, f"no end after {RUN_SECONDS} s", ""
    if done.returncode:
        return what, "failed", _last_line(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    if told["deals"] != deals:
        return what, "failed", f"{told['deals']} deals of {deals}"
    version = _version(python, "dlt")
    return what, f"{told['seconds']:.1f} s, {told['seconds'] / ours_seconds:.1f} x ours", f"dlt {version}"


def _tap(folder: Path) -> Row:
    """tap-hubspot has one host in its code, so it cannot be pointed at the sandbox; its line there is the proof."""
    what = "  Singer's tap-hubspot, the same back-fill"
    python, problem = _installed(folder / "tap", "tap-hubspot")
    if problem:
        return what, "not installed", problem
    look = "import pathlib, tap_hubspot; print(pathlib.Path(tap_hubspot.__file__).read_text())"
    code = subprocess.run([str(python), "-c", look], capture_output=True, text=True, check=False).stdout
    host = next((line.strip() for line in code.splitlines() if line.startswith("BASE_URL")), "")
    reason = (
        f"its host is fixed: {host}" if host and "config['base_url']" not in code else "it is not known how to run it"
    )
    return what, "cannot be run here", f"{reason} ({_version(python, 'tap-hubspot')})"


def _installed(environment: Path, package: str) -> tuple[Path, str]:
    """The interpreter of a new environment with the package, and why it has none (empty: it has)."""
    python = environment / "bin/python"
    try:
        venv.create(environment, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return python, str(error)
    return python, _last_line(done.stderr) if done.returncode else ""


def _version(python: Path, package: str) -> str:
    code = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1][:80]


if __name__ == "__main__":
    for row in run(sys.argv[1], sys.argv[2], int(sys.argv[3]), 1.0):
        print(row)
