"""A tick looks at what is open, however much has ended over the years: told by SQLite's own plan of each question."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event
from tests.integration.alerts.conftest import MONDAY, Firm

DAY = timedelta(days=1)
RULES = """
version: 1
rules:
  - id: no-step
    title: No next step
    applies_to: deal
    when: [is_open, next_step is missing]
    for: 1 day
    message: "no next step"
    notify: [{{to: owner, mode: digest}}]
  - id: slow
    title: Not answered
    applies_to: lead
    when: [accepted is missing]
    clock: {{starts: became_mql, stops: [accepted, rejected], within: 1 business day}}
    message: "not answered"
"""
# All rows of a table, or all clocks of one definition, those that ended years ago among them.
EVERYTHING = (
    "SCAN alert",
    "SCAN alert_notification",
    "SCAN sla_clock",
    "SCAN sla_owner_clock",
    "autoindex_sla_clock_1 (clock=? AND object=?)",
)


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """SQLite alone: the plans are its own."""
    return sqlite_engine


def test_a_tick_in_which_nothing_changed_asks_for_no_more_than_what_is_open(firm: Firm) -> None:
    """Neither the alerts nor the clocks that have ended are gone through."""
    firm.rules(RULES)
    for number in range(8):
        firm.deal(f"{number}", next_step="call" if number % 2 else None)
        firm.lead(f"{number}", f"Lead{number}", became_mql_at=MONDAY, accepted_at=MONDAY if number % 2 else None)
    for days in range(5):
        firm.tick(MONDAY + days * DAY)
    asked: dict[str, Any] = {}

    @event.listens_for(firm.engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.setdefault(statement, values)

    firm.tick(MONDAY + 5 * DAY)
    with firm.engine.connect() as connection:
        plans = {
            statement: [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            for statement, values in list(asked.items())
        }
    steps = [step for plan in plans.values() for step in plan]
    assert any("ix_alert_unresolved" in step for step in steps), steps
    assert any("ix_sla_clock_open" in step for step in steps), steps
    found = [
        (step, statement)
        for statement, plan in plans.items()
        for step in plan
        if step in EVERYTHING or step.endswith(EVERYTHING[-1])
    ]
    assert [] == found
