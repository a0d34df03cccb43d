"""Evaluating the shipped rules on 1,000,000 deals, against SQL written by hand, and a tick in which nothing changed."""

from __future__ import annotations

import gc
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from ros_sync import clock
from ros_sync.jobs.cycle import tick
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.database import open_engine
from ros_sync.organisation.company import Organisation
from ros_sync.rules.evaluate import findings
from ros_sync.rules.rule_files import load
from ros_sync.workspace.company import Company

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEALS = 1_000_000
ROUNDS = 5
RULES = Path(__file__).parents[1] / "rules"

# A deal's columns as functions of its number n: some in a hundred deals trouble each rule.
FILL = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :deals)
INSERT INTO deal (source, id, valid_from, name, amount_minor, currency, amount_home_minor, pipeline, stage, stage_kind,
                  segment, owner_id, close_date, created_at, closed_at, next_step, next_step_date,
                  last_buyer_activity_at, advanced_at, push_count, handed_off_at)
SELECT 'crm', CAST(n AS TEXT), :now, 'Deal ' || n, 100000 + n, 'EUR', 100000 + n, 'default', 'Proposal',
       CASE WHEN n % 10 < 4 THEN 'open' WHEN n % 10 < 7 THEN 'won' ELSE 'lost' END,
       CASE WHEN n % 5 = 0 THEN 'enterprise' ELSE 'smb' END,
       CAST(n % 200 AS TEXT), '2026-04-30',
       :now - (20 + n % 400) * :day - :hour,
       CASE WHEN n % 10 >= 4 THEN :now - (n % 300) * :day - :hour END,
       CASE WHEN n % 100 >= 2 THEN 'call' END, '2026-03-10',
       CASE WHEN n % 200 != 4 THEN :now - (n * 7919 % 100) * (:day / 6) - :hour END,
       :now - (n * 31 % 95) * :day - :hour,
       CASE WHEN n % 70 = 1 THEN 3 WHEN n % 50 = 0 THEN 2 ELSE 0 END,
       CASE WHEN n % 10 BETWEEN 4 AND 6 AND n % 1000 != 4 THEN :now END
FROM numbers
"""
OPEN = "deleted_at IS NULL AND stage_kind = 'open'"


def _overdue(clock_id: str, of: str) -> str:
    """The records whose clock, the team's or an owner's, is past its due instant."""
    late = f"clock = '{clock_id}' AND object = '{of}' AND stopped_at IS NULL AND due_at <= :now"
    return f"""(source, id) IN (SELECT source, record_id FROM (
            SELECT source, record_id FROM sla_clock WHERE {late}
            UNION ALL SELECT source, record_id FROM sla_owner_clock WHERE {late}))"""


BY_HAND = {
    "stalled": f"""
        SELECT source, id FROM deal WHERE {OPEN} AND (amount_home_minor >= 0 OR amount_home_minor IS NULL)
        AND (last_buyer_activity_at < CASE WHEN segment = 'enterprise' THEN :thirty WHEN pipeline = 'smb' THEN :seven
                                      ELSE :fourteen END OR last_buyer_activity_at IS NULL)
        AND NOT coalesce(created_at > CASE WHEN segment = 'enterprise' THEN :thirty WHEN pipeline = 'smb' THEN :seven
                                      ELSE :fourteen END, 0)""",
    "missing-next-step": f"""
        SELECT source, id FROM deal WHERE {OPEN} AND (next_step IS NULL OR next_step_date IS NULL)""",
    "push-count": f"SELECT source, id FROM deal WHERE {OPEN} AND push_count >= 2",
    "push-count-manager": f"SELECT source, id FROM deal WHERE {OPEN} AND push_count >= 3",
    "not-advanced": f"SELECT source, id FROM deal WHERE {OPEN} AND advanced_at < :ninety",
    "handoff-document-overdue": f"""
        SELECT source, id FROM deal WHERE deleted_at IS NULL AND handoff_document_at IS NULL
        AND {_overdue("handoff-document-overdue", "deal")}""",
    "handoff-overdue": f"""
        SELECT source, id FROM deal WHERE deleted_at IS NULL AND {_overdue("handoff-overdue", "deal")}""",
    "kickoff-overdue": f"""
        SELECT source, id FROM deal WHERE deleted_at IS NULL AND {_overdue("kickoff-overdue", "deal")}""",
    "mql-response-timeout": f"""
        SELECT source, id FROM lead WHERE deleted_at IS NULL AND accepted_at IS NULL AND rejected_at IS NULL
        AND rejection_code IS NULL AND {_overdue("mql-response-timeout", "lead")}""",
}


def run() -> list[tuple[str, str, str]]:
    """Measure; rows of (what, figure, bound)."""
    with tempfile.TemporaryDirectory(prefix="ros-sync-bench-") as name:
        path = Path(name) / "ros-sync.db"
        engine = open_engine(f"sqlite:///{path}")
        company = Company(Organisation(), load([RULES]))
        _fill(path)
        first_tick = _seconds(lambda: tick(engine, company, NOW, transport="console"))
        ratio, ours, by_hand, found = _evaluation(engine, path, company)
        with closing(sqlite3.connect(path)) as connection, connection:
            before = connection.execute("PRAGMA data_version").fetchone()
            idle = _seconds(lambda: tick(engine, company, NOW + timedelta(minutes=5), transport="console"))
            untouched = before == connection.execute("PRAGMA data_version").fetchone()
        engine.dispose()
    return [
        ("one evaluation of the shipped rules on 1,000,000 deals, against SQL by hand", f"{ratio:.2f} x", "<= 1.5 x"),
        (f"  by hand, ours (best of {ROUNDS}, seconds; {found:,} findings)", f"{by_hand:.2f}, {ours:.2f}", ""),
        ("  a tick in which nothing changed: writes", "none" if untouched else "SOME", "none"),
        ("  that tick, and the first one (seconds)", f"{idle:.2f}, {first_tick:.1f}", ""),
    ]


def _fill(path: Path) -> None:
    now, day = clock.to_micros(NOW), 86_400_000_000
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(FILL, {"deals": DEALS, "now": now, "day": day, "hour": day // 24})
        connection.executemany(
            "INSERT INTO lead (source, id, valid_from, name, became_mql_at, accepted_at) VALUES ('crm', ?, ?, ?, ?, ?)",
            (
                (str(n), now, f"Lead {n}", now - n % 30 * day, None if n % 20 == 0 else now - n % 30 * day)
                for n in range(100_000)
            ),
        )
        people = [(str(n), now, f"Seller {n}", f"seller{n}@loom.example") for n in range(200)]
        connection.executemany(
            "INSERT INTO owner (source, id, valid_from, name, email) VALUES ('crm', ?, ?, ?, ?)", people
        )
        connection.execute("ANALYZE")


def _evaluation(engine: Engine, path: Path, company: Company) -> tuple[float, float, float, int]:
    """Both ways in turn, the same ids each time; the ratio is that of the best rounds."""
    moment = company.moment(NOW)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA cache_size=-32768")
    values = {
        "now": clock.to_micros(NOW),
        **{
            name: clock.to_micros(NOW - timedelta(days=days))
            for name, days in (("thirty", 30), ("fourteen", 14), ("ninety", 90))
        },
        "seven": clock.to_micros(moment.shift(NOW, _seven_business_days(), -1)),
    }
    tables = {name: mirrored.table for name, mirrored in objects().items()}
    taken: dict[str, list[float]] = {"ours": [], "by hand": []}
    found = 0
    for _ in range(ROUNDS):
        with engine.connect() as ours:
            queries = [(rule.id, findings(rule, tables[rule.applies_to], moment)) for rule in company.rules]
            gc.collect()
            started = time.perf_counter()
            mine = {rule_id: [tuple(row) for row in ours.execute(query)] for rule_id, query in queries}
            taken["ours"].append(time.perf_counter() - started)
        counted = {rule_id: sorted(ids) for rule_id, ids in mine.items()}
        del mine
        gc.collect()
        started = time.perf_counter()
        theirs = {rule_id: list(connection.execute(sql, values)) for rule_id, sql in BY_HAND.items()}
        taken["by hand"].append(time.perf_counter() - started)
        assert counted == {rule_id: sorted(ids) for rule_id, ids in theirs.items()}, "not the same findings"
        found = sum(map(len, counted.values()))
        del counted, theirs
    connection.close()
    best = {name: min(seconds) for name, seconds in taken.items()}
    return best["ours"] / best["by hand"], best["ours"], best["by hand"], found


def _seven_business_days() -> Any:
    from ros_sync.durations import Duration  # noqa: PLC0415

    return Duration.parse("7 business days")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    for line in run():
        print(line)
