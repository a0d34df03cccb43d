"""A file much larger than the memory that an import may take."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.mirror_reader import mirror_of

COMMAND = Path(sys.executable).parent / "ros-sync"
FILE_BYTES = 200_000_000
ROWS = 60_000
TEXT = "We agreed to meet again, with the buyer's lawyer. " * 67  # 3,350 characters, as a long next step has
MEMORY_BYTES = 250_000_000
PATIENCE_SECONDS = 120

MAPPING = """
version: 1
source: large
files:
  - {file: "*.csv", object: deal, id: Id, fields: {name: Name, next_step: Next}}
"""

# Runs a command and tells its peak of resident memory. It is a process of its own, because Linux counts a child's peak
# from before its exec, when it is still the parent: here a small one, and not all of pytest.
MEASURE = """
import json, resource, subprocess, sys
ended = subprocess.run(sys.argv[1:], capture_output=True, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"code": ended.returncode, "out": ended.stdout, "err": ended.stderr, "peak": peak}))
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """Give a workspace that is removed at once: pytest would keep half a gigabyte of each of the last three runs."""
    folder = tmp_path / "workspace"
    subprocess.run([COMMAND, "init", folder], check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    (folder / "connectors" / "large.yaml").write_text(MAPPING)
    yield folder
    shutil.rmtree(folder)


def test_a_file_of_200_megabytes_is_imported_in_flat_memory(workspace: Path) -> None:
    """Every row arrives, and the process never holds more than the program and a few batches."""
    export = workspace / "deals.csv"
    with export.open("w") as file:
        file.write("Id,Name,Next\n")
        file.writelines(f'{number},Deal {number},"{number}: {TEXT}"\n' for number in range(ROWS))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROS_SYNC_")}
    command = [str(COMMAND), "-w", str(workspace), "import", str(export), "--mapping", "large", "--json"]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, *command],
        capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS, env=environment,
    )  # fmt: skip  # how it is run, on one line
    result = json.loads(measured.stdout)
    assert result["code"] == 0, result["err"]
    lengths = [len(each) for each in mirror_of(workspace / "ros-sync.db").values("deal", "next_step")]
    stored = (len(lengths), min(lengths))
    assert (True, (ROWS, len(f"0: {TEXT.strip()}"))) == (export.stat().st_size > FILE_BYTES, stored)

    assert result["peak"] < MEMORY_BYTES
