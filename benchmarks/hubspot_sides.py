"""What is measured of following HubSpot, each in a process of its own: ours, the floor, the official client's objects.

python -m benchmarks.hubspot_sides SIDE WORK URL TOKEN FOLDER [IDS]     one measurement, as JSON

SIDE is ours, floor or typed; WORK is backfill or changes (of a database that the side's own back-fill left); IDS is a
file with the ids of the deals in which a tracked property changed, which the floor and the client are told, and ours
finds out. The clock is that of the processor, user and system time of all threads. What each side does once in
its life stays outside: imports, opening the database, a first call that opens the connection; before it polls for
changes, ours has described the account and has polled once on a copy of the database, as a process that follows an
account has many times (SQLAlchemy compiles each statement once).
"""

from __future__ import annotations

import gc
import json
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.hubspot_account import CHANGE_STEP, MAPPING, NOW, OVERLAP

Work = Callable[[], int]
END = 10_000_000_000_000_000  # microseconds; after everything
TABLES = ("deal", "deal_version", "record_link")


def measure(side: str, work: str, url: str, token: str, folder: Path, ids: Path | None) -> dict[str, Any]:
    """Do the work once; seconds of CPU, deals read, peak memory in MB and rows in the tables."""
    database = folder / f"{side}.db"
    tracked = ids.read_text().split() if ids else []
    do, close = {"ours": _ours, "floor": _floor, "typed": _typed}[side](work, url, token, database, tracked)
    gc.collect()
    gc.freeze()
    started = time.process_time()
    deals = do()
    seconds = time.process_time() - started
    close()
    rows = {} if side == "typed" else _rows(database)
    return {"deals": deals, "seconds": seconds, "peak_mb": _peak_mb(), "rows": rows}


def _peak_mb() -> float:
    """The most memory that this program held. `getrusage` tells of the process that it was forked from too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _rows(database: Path) -> dict[str, int]:
    connection = sqlite3.connect(database)
    found = {name: int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in TABLES}
    connection.close()
    return found


# ---- ours


def _ours(work: str, url: str, token: str, database: Path, tracked: list[str]) -> tuple[Work, Callable[[], None]]:
    from ros_sync.connectors.hubspot.call_limits import limits_of  # noqa: PLC0415
    from ros_sync.connectors.hubspot.client import HubSpotClient  # noqa: PLC0415  # each process loads what it needs
    from ros_sync.connectors.hubspot.mapping_file import load_hubspot  # noqa: PLC0415
    from ros_sync.connectors.hubspot.source import HubSpotSource  # noqa: PLC0415
    from ros_sync.connectors.hubspot.tokens import PrivateAppToken  # noqa: PLC0415
    from ros_sync.connectors.pace import MemoryPace  # noqa: PLC0415
    from ros_sync.mirror.catalogue import objects  # noqa: PLC0415
    from ros_sync.mirror.database import open_engine  # noqa: PLC0415
    from ros_sync.sync.follow.engine import Syncer  # noqa: PLC0415
    from ros_sync.sync.ingest.deals import DealContext  # noqa: PLC0415

    del tracked
    now = NOW if work != "changes" else NOW + CHANGE_STEP
    file = database.with_suffix(".yaml")
    file.write_text(MAPPING)
    mapping = load_hubspot(file, {name: each.settable for name, each in objects().items()})

    def syncer_on(path: Path) -> Syncer:
        pace = MemoryPace(limits_of()) if work == "limited" else MemoryPace(limits_of(None, None))
        client = HubSpotClient(PrivateAppToken(token), pace, now=lambda: now, sleep=time.sleep, api_url=url)
        source = HubSpotSource(mapping, client, now=lambda: now)
        if work == "changes":
            source.describe()
        engine = open_engine(f"sqlite:///{path}")
        return Syncer(engine, source, DealContext("EUR", {}, first_of_quarter), now=lambda: now)

    if work == "changes":
        warm = database.with_name("warm.db")
        shutil.copy(database, warm)
        syncer_on(warm).cycle()
    syncer = syncer_on(database)

    def do() -> int:
        report = syncer.cycle()
        assert report.trouble is None, report.trouble
        counted = report.of("deals")
        assert counted.quarantined == 0, counted.examples[:3]
        return counted.read

    return do, syncer.engine.dispose


def first_of_quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


# ---- the floor


def _floor(work: str, url: str, token: str, database: Path, tracked: list[str]) -> tuple[Work, Callable[[], None]]:
    from benchmarks.bare_hubspot import Bare  # noqa: PLC0415

    from ros_sync.mirror.database import open_engine  # noqa: PLC0415

    open_engine(f"sqlite:///{database}").dispose()
    bare = Bare(url, token, database)
    bare.warm_up()
    if work == "backfill":
        return bare.backfill, bare.close
    return lambda: bare.changes(_since(), tracked), bare.close


def _since() -> int:
    """From when on a poll searches, in milliseconds."""
    return int((NOW - OVERLAP).timestamp() * 1_000)


# ---- the official client


def _typed(work: str, url: str, token: str, database: Path, tracked: list[str]) -> tuple[Work, Callable[[], None]]:
    import hubspot  # noqa: PLC0415
    from benchmarks.bare_hubspot import ASKED, HISTORY_PAGE, MODIFIED, PAGE, SEARCH_PAGE  # noqa: PLC0415
    from benchmarks.hubspot_account import TRACKED  # noqa: PLC0415
    from hubspot.crm.objects import BatchReadInputSimplePublicObjectId, PublicObjectSearchRequest  # noqa: PLC0415

    del database
    objects = hubspot.HubSpot(access_token=token, host=url).crm.objects
    objects.basic_api.get_page("deals", limit=1)

    def backfill() -> int:
        count = 0
        more: dict[str, str] = {}
        while True:
            page = objects.basic_api.get_page(
                "deals", limit=PAGE, properties=[",".join(ASKED)], properties_with_history=[",".join(TRACKED)],
                associations=["companies"], **more,
            )  # fmt: skip
            count += len(page.results)
            if page.paging is None or page.paging.next is None:
                return count
            more = {"after": page.paging.next.after}

    def changes() -> int:
        count, last = 0, "0"
        while True:
            filters = [
                {"propertyName": MODIFIED, "operator": "GTE", "value": str(_since())},
                {"propertyName": "hs_object_id", "operator": "GT", "value": last},
            ]
            asked = PublicObjectSearchRequest(
                filter_groups=[{"filters": filters}], properties=list(ASKED), limit=SEARCH_PAGE,
                sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            )  # fmt: skip
            found = objects.search_api.do_search("deals", asked)
            count += len(found.results)
            if found.total <= len(found.results):
                break
            last = found.results[-1].id
        for start in range(0, len(tracked), HISTORY_PAGE):
            inputs = [{"id": each} for each in tracked[start : start + HISTORY_PAGE]]
            wanted = BatchReadInputSimplePublicObjectId(
                inputs=inputs, properties=list(ASKED), properties_with_history=list(TRACKED)
            )
            objects.batch_api.read("deals", wanted)
        return count

    return (backfill if work == "backfill" else changes), lambda: None


if __name__ == "__main__":
    side, work, url, token, folder, *ids = sys.argv[1:]
    print(json.dumps(measure(side, work, url, token, Path(folder), Path(ids[0]) if ids else None)))
