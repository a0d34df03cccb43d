"""Following HubSpot: CPU against the bare floor and the official client's objects, the share of calls used, memory.

Each measurement is a process of its own (`hubspot_sides`) against the sandbox's HubSpot in another one. CPU is user and
system time of all threads between the first call for records and the last write; imports, opening the database and
the connection are outside on every side. Describing the account (7 calls, about 20 ms) is inside ours in the back-fill,
as the first cycle of a process does it; no other side does. 1,000 changes are one cycle of a process that is already
running: it has described the account and has polled before, so that SQLAlchemy has compiled its statements. The floor
writes the same columns and versions with whatever is at hand; ours works them out, and writes the change history, which
no other side does.

The sides of a round follow each other within half a minute, and a ratio is the median of the rounds' ratios: a shared
machine is half as fast in one minute as in the next, so that the best of one side and the best of the other may be of
different machines.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import hubspot_peers
from benchmarks.hubspot_account import CHANGED, Running, running

Row = tuple[str, str, str]
ROUNDS = 5
DEALS, MANY_DEALS = 20_000, 200_000
SIDES = ("floor", "ours", "typed")
CALLS_ALLOWED, WINDOW_SECONDS = 190, 10.0  # HubSpot, "API usage guidelines and limits"; the sandbox holds to them
HTTP_TOO_MANY = 429


def run() -> list[Row]:
    """Measure; rows of (what, figure, bound)."""
    with tempfile.TemporaryDirectory(prefix="ros-sync-bench-") as name:
        folder = Path(name)
        with running(DEALS) as account:
            rows = [*_speed(account, folder), *_memory(account, folder)]
        with running(DEALS, limits=True) as account:
            rows += _calls(account, folder)
    return rows


# ---- CPU


def _speed(account: Running, folder: Path) -> list[Row]:
    backfill = _rounds(account, folder, "backfill")
    ids = folder / "tracked"
    ids.write_text("\n".join(account.change()))
    changes = _rounds(account, folder, "changes", ids)
    return [
        *_ratios(f"HubSpot, back-fill of {DEALS:,} deals of 60 properties", backfill),
        *hubspot_peers.run(account.url, account.token, DEALS, median(backfill["ours"])),
        *_ratios(f"HubSpot, {CHANGED:,} changes, 100 of them tracked", changes),
    ]


def _rounds(account: Running, folder: Path, work: str, ids: Path | None = None) -> dict[str, list[float]]:
    """The CPU seconds of each side in each round. A poll works on a copy of what the side's first back-fill left."""
    taken: dict[str, list[float]] = {side: [] for side in SIDES}
    expected = DEALS if work == "backfill" else CHANGED
    for number in range(ROUNDS):
        place = folder / f"{work}-{number}"
        place.mkdir()
        rows = []
        for side in SIDES:  # side by side, so that a slow moment of the machine hits all
            if work == "changes" and side != "typed":
                shutil.copy(folder / "backfill-0" / f"{side}.db", place)
            result = _in_a_process(side, work, account, place, ids)
            assert result["deals"] == expected, result
            taken[side].append(result["seconds"])
            rows.append(result["rows"])
        assert rows[0] == rows[1], f"the floor does not write what ours does: {rows}"
        if number:
            shutil.rmtree(place)
    return taken


def _ratios(what: str, rounds: dict[str, list[float]]) -> list[Row]:
    to_floor, to_typed = (
        [ours / other for ours, other in zip(rounds["ours"], rounds[side], strict=True)] for side in ("floor", "typed")
    )
    floor, ours, typed = (min(rounds[side]) for side in SIDES)
    each = ", ".join(f"{ratio:.2f}" for ratio in to_floor)
    return [
        (f"{what}, against urllib3 + orjson + executemany", f"{median(to_floor):.2f} x", "≤ 2.5 x"),
        ("  against hubspot-api-client's objects, nothing done with them", f"{median(to_typed):.2f} x", "< 1 x"),
        ("  against the floor in each round; the least against the least", f"{each}; {ours / floor:.2f}", ""),
        ("  least CPU of the floor, ours, the client (seconds)", f"{floor:.2f}, {ours:.2f}, {typed:.2f}", ""),
    ]


# ---- calls


def _calls(account: Running, folder: Path) -> list[Row]:
    place = folder / "limited"
    place.mkdir()
    _in_a_process("ours", "limited", account, place)
    calls = account.calls()
    refused = sum(status == HTTP_TOO_MANY for _, status in calls)
    share = _share([at for at, status in calls if status != HTTP_TOO_MANY])
    return [
        ("HubSpot, share of the allowed calls used in a back-fill", f"{share:.1%}", "≥ 95%"),
        ("  calls, of them refused (429)", f"{len(calls):,}, {refused}", "none refused"),
    ]


def _share(instants: Sequence[float]) -> float:
    """The share of the allowed calls in the worst full window of ten seconds, the first call to the last."""
    windows = int((instants[-1] - instants[0]) / WINDOW_SECONDS)
    starts = [instants[0] + number * WINDOW_SECONDS for number in range(windows)]
    counts = [sum(start <= at < start + WINDOW_SECONDS for at in instants) for start in starts]
    return min(counts) / CALLS_ALLOWED


# ---- memory


def _memory(account: Running, folder: Path) -> list[Row]:
    peaks = [_peak(account, folder / "few")]
    with running(MANY_DEALS, lean=True) as many:
        peaks.append(_peak(many, folder / "many"))
    few, more = peaks
    return [
        (f"HubSpot, peak memory of {MANY_DEALS:,} deals against {DEALS:,}", f"{more / few:.2f} x", "≤ 1.15 x"),
        ("  peak memory of both", f"{few:.0f} MB, {more:.0f} MB", ""),
    ]


def _peak(account: Running, place: Path) -> float:
    place.mkdir()
    peak = float(_in_a_process("ours", "backfill", account, place)["peak_mb"])
    shutil.rmtree(place)
    return peak


def _in_a_process(side: str, work: str, account: Running, folder: Path, ids: Path | None = None) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.hubspot_sides", side, work, account.url, account.token, str(folder)]
    done = subprocess.run(command + ([str(ids)] if ids else []), check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    for line in run():
        print(line)
