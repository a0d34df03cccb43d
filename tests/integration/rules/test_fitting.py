"""Rules over the records of sources that fill different fields, on both databases."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine, insert, select
from tests.integration.rules.test_findings import DEAL, MOMENT, SHIPPED, days_ago, found

from ros_sync.mirror.bookkeeping import FILLED_FIELDS
from ros_sync.rules.evaluate import explain
from ros_sync.rules.facts import explain_facts, explained_fields, facts_of
from ros_sync.rules.fitting import filled, fitted

FIELDS = ["closed", "next_step", "stage", "stage_kind"]


def test_each_source_is_asked_what_it_fills(engine: Engine) -> None:
    """The deals of a source without a date are asked for the step alone, a rule that needs more is off there.

    Others as ever.
    """
    rows = [
        {"id": "1", "source": "dated", "next_step": "Call", "next_step_date": None},
        {"id": "2", "source": "dateless", "next_step": "Call", "next_step_date": None},
        {"id": "3", "source": "dateless", "next_step": None, "next_step_date": None},
    ]
    with engine.begin() as connection:
        connection.execute(insert(DEAL), [row | {"valid_from": days_ago(9), "stage_kind": "open"} for row in rows])
        connection.execute(insert(FILLED_FIELDS), [{"source": "dateless", "object": "deal", "fields": FIELDS}])
    with engine.connect() as connection:
        rules = {rule.id: rule for rule in fitted(SHIPPED, filled(connection))}
        stored = [dict(row) for row in connection.execute(select(DEAL).order_by(DEAL.c.id)).mappings()]
    rule = rules["missing-next-step"]
    assert found(engine, rule, DEAL) == ["1", "3"]
    assert [row["id"] for row in stored if explain(rule, row, MOMENT).fires] == ["1", "3"]
    facts = [facts_of(rule, row, explained_fields(rule)) for row in stored]
    seen = [explain_facts(rule, row["source"], kept, MOMENT).lines for row, kept in zip(stored, facts, strict=True)]
    assert [len(lines) for lines in seen] == [2, 2, 2]
    assert "next step date" not in seen[2][1].words
    stalled = replace(rules["stalled"], clock=None)
    assert (found(engine, stalled, DEAL), explain(stalled, stored[2], MOMENT).fires) == (["1"], False)
