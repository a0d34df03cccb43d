"""The first tick of a large company: CPU, memory, and how long a write transaction holds the writer.

300,000 open deals, 22,500 won ones and 100,000 leads, with the shipped rules: about 115,000 alerts and 122,500 clocks.
Each tick is a process of its own, so that its memory is its own (VmHWM).
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ros_sync import clock

Row = tuple[str, str, str]
NOW = datetime(2026, 3, 4, 11, tzinfo=UTC)
RULES = Path(__file__).parents[1] / "rules"
OPEN_DEALS, WON_DEALS, LEADS, SELLERS, TEAM = 300_000, 22_500, 100_000, 400, 8

# Some deals in a hundred trouble each rule; one in eight hundred has an owner whom nobody knows.
DEALS = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :open + :won)
INSERT INTO deal (source, id, valid_from, name, amount_minor, currency, amount_home_minor, pipeline, stage, stage_kind,
                  segment, owner_id, close_date, first_close_date, created_at, closed_at, next_step, next_step_date,
                  last_buyer_activity_at, advanced_at, push_count)
SELECT 'crm', CAST(n AS TEXT), :now, 'Deal ' || n, 100000 + n, 'EUR', 100000 + n, 'default', 'Proposal',
       CASE WHEN n < :open THEN 'open' ELSE 'won' END, CASE WHEN n % 5 = 0 THEN 'enterprise' ELSE 'smb' END,
       CASE WHEN n % 800 = 7 THEN 'left' ELSE CAST(n % :sellers AS TEXT) END, '2026-04-30', '2026-02-28',
       :now - (100 + n % 400) * :day, CASE WHEN n >= :open THEN :now - (n % 28) * :day - :hour END,
       CASE WHEN n % 100 >= :vague THEN 'call' END, '2026-03-10',
       CASE WHEN n % 100 < :silent THEN :now - (40 + n % 60) * :day ELSE :now - (n % 9) * :day END,
       :now - CASE WHEN n % 100 >= :slow THEN 10 ELSE 120 END * :day,
       CASE WHEN n % 70 = 1 THEN 3 WHEN n % 50 = 0 THEN 2 ELSE 0 END
FROM numbers
"""

# Deals on which no rule fired: their next step is gone.
FIFTEEN_THOUSAND = """
UPDATE deal SET next_step = NULL WHERE rowid IN (
    SELECT deal.rowid FROM deal LEFT JOIN alert ON alert.source = deal.source AND alert.record_id = deal.id
    WHERE alert.id IS NULL AND stage_kind = 'open' LIMIT 15000)
"""


def run() -> list[Row]:
    """Measure; rows of (what, figure, bound)."""
    with tempfile.TemporaryDirectory(prefix="ros-sync-bench-") as name:
        path = Path(name) / "ros-sync.db"
        fill(path, vague=4, silent=7, slow=5)
        first = _in_a_process(path, NOW)
        idle = _in_a_process(path, NOW + timedelta(minutes=5))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(FIFTEEN_THOUSAND)
        more = _in_a_process(path, NOW + timedelta(minutes=10))
    assert not idle["opened"], idle
    held = max(first["held"], more["held"])
    return [
        (
            f"first tick: CPU seconds ({first['opened']:,} alerts, {first['started']:,} clocks)",
            f"{first['seconds']:.1f}",
            "<= 60",
        ),
        ("  memory at most", f"{max(first['megabytes'], more['megabytes']):.0f} MB", "<= 250 MB"),
        ("  a transaction held the writer for at most", f"{held:.2f} s", "<= 0.5 s"),
        (f"  {more['opened']:,} new alerts later: CPU seconds", f"{more['seconds']:.1f}", "<= 8"),
        ("  a tick in which nothing changed: CPU seconds", f"{idle['seconds']:.2f}", ""),
    ]


def fill(path: Path, *, vague: int, silent: int, slow: int) -> None:
    """Make the company's mirror."""
    # the measured processes import as little as they need
    from ros_sync.mirror.database import open_engine  # noqa: PLC0415

    open_engine(f"sqlite:///{path}").dispose()
    now, day = clock.to_micros(NOW), 86_400_000_000
    values = {
        "open": OPEN_DEALS, "won": WON_DEALS, "now": now, "day": day, "hour": day // 24, "sellers": SELLERS,
        "vague": vague, "silent": silent, "slow": slow,
    }  # fmt: skip
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(DEALS, values)
        connection.executemany(
            "INSERT INTO lead (source, id, valid_from, name, company, owner_id, became_mql_at, accepted_at)"
            " VALUES ('crm', ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    str(n), now, f"Lead {n}", f"Company {n % 9_000}", str(n % SELLERS), now - (n % 90) * day,
                    None if n % 2 == 0 else now - (n % 90) * day,
                )
                for n in range(LEADS)
            ),
        )  # fmt: skip
        people = [
            (str(n), now, f"Seller {n}", f"seller{n}@loom.example", str(n - n % TEAM) if n % TEAM else None)
            for n in range(SELLERS)
        ]
        connection.executemany(
            "INSERT INTO owner (source, id, valid_from, name, email, manager) VALUES ('crm', ?, ?, ?, ?, ?)", people
        )
        connection.execute("ANALYZE")


def _in_a_process(path: Path, now: datetime) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, str(path), now.isoformat()], check=True, capture_output=True, text=True
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def tick_here(path: Path, now: datetime) -> dict[str, float]:
    """One tick in this process, with what it cost."""
    import time  # noqa: PLC0415

    from sqlalchemy import event  # noqa: PLC0415

    from ros_sync.jobs.cycle import tick  # noqa: PLC0415
    from ros_sync.mirror.database import open_engine  # noqa: PLC0415
    from ros_sync.organisation.company import Organisation  # noqa: PLC0415
    from ros_sync.rules.rule_files import load  # noqa: PLC0415
    from ros_sync.workspace.company import Company  # noqa: PLC0415

    engine = open_engine(f"sqlite:///{path}")
    company = Company(Organisation(), load([RULES]))
    held = [0.0, 0.0]

    @event.listens_for(engine, "before_cursor_execute")
    def wrote(_c: object, _k: object, statement: str, *_: object) -> None:
        if not held[1] and statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
            held[1] = time.perf_counter()

    @event.listens_for(engine, "commit")
    def committed(_c: object) -> None:
        if held[1]:
            held[0] = max(held[0], time.perf_counter() - held[1])
        held[1] = 0.0

    before = resource.getrusage(resource.RUSAGE_SELF)
    report = tick(engine, company, now, transport="console")
    after = resource.getrusage(resource.RUSAGE_SELF)
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return {
        "seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "opened": report.alerts.opened,
        "started": report.clocks.started,
        "messages": report.notifications.messages,
        "megabytes": peak / 1024,
        "held": held[0],
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(tick_here(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))))
    else:
        for line in run():
            print(line)
