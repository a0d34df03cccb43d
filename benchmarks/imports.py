"""Importing: time against the bare floor, and the memory of two sizes. Each measurement is a process of its own.

python -m benchmarks.imports floor|ours FILE DATABASE     one measurement, as JSON
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.deal_export import AS_OF, MAPPING, OWNERS, write_deals

ROUNDS = 3
ROWS = 200_000


def measure(what: str, csv_file: Path, database: Path) -> dict[str, Any]:
    """Import the file into a fresh database, in this process; seconds of wall clock and peak memory in MB."""
    from ros_sync.mirror.database import open_engine  # noqa: PLC0415  # each process loads what it needs

    engine = open_engine(f"sqlite:///{database}")
    columns = _prepare(engine, csv_file.parent)
    gc.freeze()
    started = time.perf_counter()
    if what == "floor":
        from benchmarks.bare_import import bare_import  # noqa: PLC0415

        rows = bare_import(csv_file, database, columns)
    else:
        rows = _ours(engine, csv_file)
    seconds = time.perf_counter() - started
    return {"rows": rows, "seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _prepare(engine: Any, folder: Path) -> list[str]:
    """Load the owners, write the mapping, and tell which column each of the file's is mapped to."""
    from sqlalchemy import insert  # noqa: PLC0415

    from ros_sync.mirror.tables import OWNER  # noqa: PLC0415

    (folder / "mapping.yaml").write_text(MAPPING)
    owners = [
        {"source": "crm", "id": str(n), "valid_from": AS_OF, "email": f"seller{n}@loom.example"} for n in range(OWNERS)
    ]
    with engine.begin() as connection:
        connection.execute(insert(OWNER), owners)
    return [
        "id", "name", "stage", "amount_minor", "currency", "close_date", "created_at", "closed_at", "owner_id",
        "account_id", "segment", "region", "forecast_category", "demand_source", "deal_type", "next_step",
        "next_step_date", "last_activity_at", "last_buyer_activity_at", "competitor", "loss_reason", "closing_plan",
        "contacts_engaged", "champion", "economic_buyer_engaged", "requalified_at", "handed_off_at", "custom",
        "pipeline", "modified_at",
    ]  # fmt: skip


def _ours(engine: Any, csv_file: Path) -> int:
    from ros_sync.connectors.export import load_mapping  # noqa: PLC0415
    from ros_sync.mirror.catalogue import objects  # noqa: PLC0415
    from ros_sync.sync.ingest.deals import DealContext  # noqa: PLC0415
    from ros_sync.sync.ingest.imports import import_files  # noqa: PLC0415

    mapping = load_mapping(csv_file.parent / "mapping.yaml", {name: each.settable for name, each in objects().items()})
    context = DealContext("EUR", {"USD": Decimal("0.92"), "GBP": Decimal("1.17")}, first_of_quarter)
    report = import_files(engine, mapping, [csv_file], context, as_of=AS_OF, now=AS_OF)
    assert report.total("quarantined") == 0, report.files[0].examples[:3]
    return report.total("created")


def first_of_quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def run() -> list[tuple[str, str, str]]:
    """Measure; rows of (what, figure, bound)."""
    with tempfile.TemporaryDirectory(prefix="ros-sync-bench-") as name:
        folder = Path(name)
        small, large = folder / "deals-200k.csv", folder / "deals-400k.csv"
        write_deals(small, ROWS)
        write_deals(large, 2 * ROWS)
        taken: dict[str, list[float]] = {"floor": [], "ours": []}
        peaks = {}
        for number in range(ROUNDS):
            for what in ("floor", "ours"):  # side by side, so that a slow moment of the machine hits both
                result = _in_a_process(what, small, folder / f"{what}-{number}.db")
                assert result["rows"] == ROWS
                taken[what].append(result["seconds"])
                peaks[what] = result["peak_mb"]
        peaks["large"] = _in_a_process("ours", large, folder / "large.db")["peak_mb"]
    floor, ours = min(taken["floor"]), min(taken["ours"])
    return [
        ("import of 200,000 deals of 30 columns, against csv + executemany", f"{ours / floor:.2f} x", "≤ 2.5 x"),
        ("  the floor, ours (best of 3, seconds)", f"{floor:.2f}, {ours:.2f}", ""),
        ("  peak memory, 200,000 deals", f"{peaks['ours']:.0f} MB", "< 200 MB"),
        ("  peak memory, 400,000 deals", f"{peaks['large']:.0f} MB", "the same"),
    ]


def _in_a_process(what: str, csv_file: Path, database: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.imports", what, str(csv_file), str(database)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
