"""The shipped rules over the mirror's tables, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, insert, select, update

from ros_sync.fields import Kind
from ros_sync.mirror.as_of import as_of
from ros_sync.mirror.catalogue import objects
from ros_sync.organisation.company import Organisation, standard_calendar
from ros_sync.organisation.people import Directory
from ros_sync.rules.evaluate import clock_definitions, describe, explain, findings
from ros_sync.rules.facts import explain_facts, explained_fields, facts_of
from ros_sync.rules.language import Moment
from ros_sync.rules.model import Rule
from ros_sync.rules.rule_files import load
from ros_sync.sla.clocks import advance

NOW = datetime(2026, 3, 16, 9, tzinfo=UTC)
MOMENT = Moment(NOW, ZoneInfo("UTC"), standard_calendar("UTC"), "EUR")
FOLDER = Path(__file__).parents[3] / "rules"
SHIPPED = load([FOLDER / "deals.yaml", FOLDER / "leads.yaml"])
DEAL, LEAD = objects()["deal"].table, objects()["lead"].table


def days_ago(days: float) -> datetime:
    """The instant so many days before now."""
    return NOW - timedelta(days=days)


def fill(engine: Engine, table: Any, rows: dict[str, dict[str, Any]]) -> None:
    """Insert rows by id; deals are open."""
    standing = {"source": "crm", "valid_from": days_ago(400)}
    names = {name for values in rows.values() for name in values}
    with engine.begin() as connection:
        for name, values in rows.items():
            default = {"stage_kind": "open"} if table is DEAL else {}
            connection.execute(insert(table), {"id": name, **standing, **default, **dict.fromkeys(names), **values})


def found(engine: Engine, rule: Rule, selectable: Any) -> list[str]:
    """The ids of the records on which the rule fires."""
    with engine.connect() as connection:
        return sorted(row.id for row in connection.execute(findings(rule, selectable, MOMENT)))


def test_each_record_rule_finds_its_deals(engine: Engine) -> None:
    """The record rules find what they are named for, and neither closed nor deleted deals."""
    well = {
        "last_buyer_activity_at": days_ago(1),
        "created_at": days_ago(100),
        "next_step": "Call",
        "next_step_date": NOW.date(),
        "advanced_at": days_ago(10),
        "stage_kind": "open",
    }
    rows = {
        "well": well,
        "quiet": {**well, "last_buyer_activity_at": days_ago(15)},
        "quiet-enterprise": {**well, "last_buyer_activity_at": days_ago(15), "segment": "enterprise"},
        "quiet-deleted": {**well, "last_buyer_activity_at": days_ago(15), "deleted_at": days_ago(1)},
        "never": {**well, "last_buyer_activity_at": None},
        "stepless": {**well, "next_step_date": None},
        "pushed": {**well, "push_count": 2},
        "pushed-more": {**well, "push_count": 3},
        "stuck": {**well, "advanced_at": days_ago(91)},
        "lost": {"stage_kind": "lost", "push_count": 5, "advanced_at": days_ago(500)},
    }
    fill(engine, DEAL, rows)
    record_rules = [rule for rule in SHIPPED if rule.applies_to == "deal" and rule.clock is None]

    expected = {
        "stalled": ["never", "quiet"],
        "missing-next-step": ["stepless"],
        "push-count": ["pushed", "pushed-more"],
        "push-count-manager": ["pushed-more"],
        "not-advanced": ["stuck"],
    }
    assert expected == {rule.id: found(engine, rule, DEAL) for rule in record_rules}


def test_sql_and_explanation_agree_on_stored_rows(engine: Engine) -> None:
    """What the database finds is what an explanation of the same row says."""
    quiet = [None, 1, 13.9, 14, 14.1, 40]
    rows = {
        f"{segment}-{age}": {
            "segment": segment,
            "last_buyer_activity_at": None if age is None else days_ago(age),
            "created_at": days_ago(50),
        }
        for segment in ("enterprise", "smb", None)
        for age in quiet
    }
    fill(engine, DEAL, rows)
    rule = SHIPPED.by_id["stalled"]
    with engine.connect() as connection:
        stored = connection.execute(select(DEAL)).mappings().all()

    assert sorted(row["id"] for row in stored if explain(rule, row, MOMENT).fires) == found(engine, rule, DEAL)


def test_clock_rules_fire_once_the_stored_deadline_has_passed(engine: Engine) -> None:
    """A clock rule finds records whose due instant is past, that nothing stopped, and whose lines hold."""
    won = {"stage_kind": "won", "closed_at": days_ago(3), "handed_off_at": None}
    deals = {
        "waiting": won,
        "handed": {**won, "handed_off_at": days_ago(2)},
        "fresh": {**won, "closed_at": days_ago(1)},
        "lost": {**won, "stage_kind": "lost"},
        "old": {**won, "closed_at": days_ago(60)},
    }
    fill(engine, DEAL, deals)
    mql = {"became_mql_at": days_ago(10), "accepted_at": None, "rejected_at": None}
    fill(
        engine,
        LEAD,
        {"late": mql, "accepted": {**mql, "accepted_at": days_ago(9)}, "new": {**mql, "became_mql_at": days_ago(1)}},
    )
    with engine.begin() as connection:
        advance(connection, clock_definitions(SHIPPED), Directory(Organisation(), []), NOW)

    handoff, response = SHIPPED.by_id["handoff-overdue"], SHIPPED.by_id["mql-response-timeout"]
    assert (["waiting"], ["late"]) == (found(engine, handoff, DEAL), found(engine, response, LEAD))


def test_a_rule_runs_unchanged_on_a_past_state(engine: Engine) -> None:
    """The condition of a rule finds what it would have found at a past moment."""
    fill(engine, DEAL, {"mended": {"next_step": "Call", "next_step_date": NOW.date()}})
    version = {
        "source": "crm",
        "id": "mended",
        "stage_kind": "open",
        "valid_from": days_ago(500),
        "valid_to": days_ago(400),
    }
    with engine.begin() as connection:
        connection.execute(insert(objects()["deal"].version_table), version)
    rule = SHIPPED.by_id["missing-next-step"]

    past = found(engine, rule, as_of(objects()["deal"], days_ago(450)))
    assert (["mended"], []) == (past, found(engine, rule, DEAL))


def test_custom_properties_are_found_in_the_json_column(engine: Engine, tmp_path: Path) -> None:
    """A rule asks about a company's own property by the kind its mapping declares."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "version: 1\nrules:\n  - {id: big-team, title: Big, applies_to: deal, "
        'when: ["custom.team_size >= 5"], message: "{name} {custom.team_size}"}\n'
    )
    (rule,) = load([path], custom={"deal": {"team_size": Kind.NUMBER}})
    sizes = {"big": 12, "small": 2, "text": "12", "none": None}
    fill(
        engine,
        DEAL,
        {name: {"custom": {"team_size": size}} for name, size in sizes.items()} | {"bare": {"custom": None}},
    )

    assert ["big"] == found(engine, rule, DEAL)


def test_a_finding_is_described(engine: Engine) -> None:
    """A finding is told with the record's name, its amount and the message.

    What each line saw can be told from its facts.
    """
    row = {"name": "Loom", "amount_minor": 2_000_000, "currency": "USD", "next_step": "Call", "next_step_date": None}
    fill(engine, DEAL, {"one": row})
    with engine.connect() as connection:
        stored = connection.execute(select(DEAL)).mappings().one()

    rule = SHIPPED.by_id["missing-next-step"]
    told = describe(rule, stored, MOMENT)
    facts = facts_of(rule, dict(stored), explained_fields(rule))
    seen = explain_facts(rule, "crm", facts, MOMENT).lines[1].words
    expected = ("Loom", "USD 20,000", "Loom (USD 20,000): no next step with a date", "next step date is missing")
    assert expected == (told.headline, told.lead, told.text, seen)


@pytest.mark.parametrize("deleted", [True, False])
def test_a_deleted_record_is_explained_as_silent(engine: Engine, deleted: bool) -> None:
    """No rule fires on a deleted record, and an explanation says the same."""
    fill(engine, DEAL, {"one": {"next_step": None}})
    with engine.begin() as connection:
        connection.execute(update(DEAL).values(deleted_at=NOW if deleted else None))
        stored = connection.execute(select(DEAL)).mappings().one()

    assert explain(SHIPPED.by_id["missing-next-step"], stored, MOMENT).fires is not deleted
