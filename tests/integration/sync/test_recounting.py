"""Pushes and slips that an earlier version counted are counted anew, once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of, put, remove

from ros_sync.organisation.company import CompanyProfile, Organisation
from ros_sync.organisation.fiscal import FiscalYear
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.recounting import recount_slips

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
LOST = datetime(2026, 3, 2, 9, tzinfo=UTC)
CONTEXT = DealContext.of(Organisation())
HISTORIES: dict[str, list[tuple[datetime, str, str, str]]] = {
    "reopened": [
        (LOST, "stage_kind", "open", "lost"),
        (LOST, "close_date", "2026-06-30", "2026-03-02"),
        (LOST + timedelta(days=30), "stage_kind", "lost", "open"),
        (LOST + timedelta(days=30), "close_date", "2026-03-02", "2026-06-30"),
    ],
    "pushed": [(LOST, "close_date", "2026-03-31", "2026-04-30")],
    "untouched": [],
}


def upgraded(engine: Engine) -> None:
    """A database in which an earlier version has counted a push of 120 days for each deal whose date moved."""
    counted = {"push_count": 1, "fiscal_push_count": 1, "days_pushed": 120, "pull_in_count": 1, "net_slip_days": 0}
    first = {"reopened": date(2026, 6, 30), "pushed": date(2026, 3, 31), "untouched": date(2026, 5, 1)}
    with engine.begin() as connection:
        for deal, changes in HISTORIES.items():
            row: dict[str, Any] = {"source": "crm", "id": deal, "valid_from": LOST, "stage_kind": "open"}
            row |= {
                "first_close_date": first[deal],
                "close_date": date(2026, 4, 30) if deal == "pushed" else first[deal],
            }
            row |= counted if changes else dict.fromkeys(counted, 0)
            put(connection, "deal", stage_entered_at=LOST, advanced_at=LOST, **row)
            for at, field, old, new in changes:
                change = {"object": "deal", "source": "crm", "record_id": deal, "field": field}
                put(connection, "change", at=at, old=old, new=new, **change)


def slips(engine: Engine) -> list[tuple[Any, ...]]:
    told = ("id", "push_count", "fiscal_push_count", "pull_in_count", "days_pushed", "net_slip_days")
    return [each.pick(*told) for each in mirror_of(engine).deals()]


def test_deals_that_an_earlier_version_counted_are_counted_anew_once(engine: Engine) -> None:
    """The numbers become those of today's definition; a second look finds nothing to do."""
    upgraded(engine)
    changed = [recount_slips(engine, CONTEXT, NOW) for _ in range(2)]
    expected = [("pushed", 1, 1, 0, 30, 30), ("reopened", 0, 0, 0, 0, 0), ("untouched", 0, 0, 0, 0, 0)]
    assert ([2, 0], expected) == (changed, slips(engine))


def test_another_fiscal_year_is_another_count(engine: Engine) -> None:
    """Where quarters begin in February, March to April is no push over a quarter's end."""
    upgraded(engine)
    recount_slips(engine, CONTEXT, NOW)
    changed = recount_slips(engine, DealContext.of(Organisation(CompanyProfile(fiscal_year=FiscalYear(2)))), NOW)
    assert (1, ("pushed", 1, 0, 0, 30, 30)) == (changed, slips(engine)[0])


def test_what_was_counted_right_is_not_written_to(engine: Engine) -> None:
    """A recount that was cut off before it was noted as done finds the same numbers and leaves the rows alone."""
    upgraded(engine)
    recount_slips(engine, CONTEXT, NOW)
    remove(engine, "stream_state")

    assert 0 == recount_slips(engine, CONTEXT, NOW)
