"""Findings become alerts: opened, held, inhibited, resolved, opened again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session
from tests.integration.alerts.conftest import MONDAY, STEP, Firm

from ros_sync import clock
from ros_sync.alerts import lifecycle
from ros_sync.alerts.lifecycle import RuleCounts, compose_anew

DAY = timedelta(days=1)
EVERY_KIND = """
version: 1
rules:
  - id: every-kind
    title: Every kind
    applies_to: deal
    when:
      - close_date is past
      - amount_home >= 10000
      - last_buyer_activity older than 14 days
      - push_count >= 2
      - stage is "Proposal"
    message: "{{name}} ({{amount}})"
"""
TWO = """
version: 1
rules:
  - id: no-step
    title: No next step
    applies_to: deal
    inhibited_by: [zero]
    when: [is_open, next_step is missing]
    message: "no next step"
  - id: zero
    title: No amount
    applies_to: deal
    when: [is_open, amount = 0 or amount is missing]
    message: "no amount"
"""


def states(firm: Firm) -> list[tuple[str, str, int]]:
    return firm.rows("SELECT record_id, state, episode FROM alert ORDER BY record_id, episode")


def test_an_alert_opens_where_the_rule_fires_and_nowhere_else(firm: Firm) -> None:
    """Open without a next step: yes; with one, or closed: no."""
    firm.deal("1")
    firm.deal("2", next_step="call Ann on 12 March")
    firm.deal("3", stage_kind="won")
    assert 1 == firm.tick().alerts.opened
    assert [("1", "open", 1)] == states(firm)


def test_what_each_rule_did_is_counted(firm: Firm) -> None:
    """New, resolved and open alerts of each rule, and those that wait for their time."""
    firm.rules(more="for: 2 days")
    firm.deal("1")
    firm.deal("2")
    ticks = [firm.tick(MONDAY), firm.tick(MONDAY + 2 * DAY)]
    firm.deal("1", MONDAY + 3 * DAY, next_step="demo")
    firm.deal("3", MONDAY + 3 * DAY)
    ticks.append(firm.tick(MONDAY + 3 * DAY))
    assert [
        RuleCounts("no-step", pending=2),
        RuleCounts("no-step", opened=2, open=2),
        RuleCounts("no-step", resolved=1, open=1, pending=1),
    ] == [counts for report in ticks for counts in report.alerts.rules]


def test_mending_the_record_resolves_the_alert(firm: Firm) -> None:
    """A next step was typed: the alert ends, with its moment and reason."""
    firm.deal("1")
    firm.tick()
    firm.deal("1", MONDAY + DAY, next_step="demo on Friday")
    assert 1 == firm.tick(MONDAY + DAY).alerts.resolved
    assert [("resolved", "no longer applies")] == firm.rows("SELECT state, resolution FROM alert")


def test_firing_again_is_a_new_episode(firm: Firm) -> None:
    """The second time is another alert of the same rule and record."""
    firm.deal("1")
    firm.tick()
    firm.deal("1", MONDAY + DAY, next_step="demo")
    firm.tick(MONDAY + DAY)
    firm.deal("1", MONDAY + 2 * DAY)
    firm.tick(MONDAY + 2 * DAY)
    assert [("1", "resolved", 1), ("1", "open", 2)] == states(firm)


def test_a_tick_in_which_nothing_changed_writes_nothing(firm: Firm) -> None:
    """Not one statement that writes reaches the database."""
    firm.deal("1")
    firm.tick()
    assert [] == firm.writes(MONDAY + timedelta(minutes=5))


def test_a_deleted_record_resolves_its_alerts(firm: Firm) -> None:
    """What is gone from the CRM is nobody's work."""
    firm.deal("1")
    firm.tick()
    firm.deal("1", MONDAY + DAY, deleted_at=0)
    firm.tick(MONDAY + DAY)
    assert [("1", "resolved", 1)] == states(firm)


def test_what_is_found_beyond_one_look_opens_in_the_same_tick(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few are looked up at a time; where the last look finds as many as fit, one more finds none."""
    monkeypatch.setattr(lifecycle, "LOOK", 2)
    for each in "1234":
        firm.deal(each)
    opened = firm.tick().alerts.opened
    assert (4, [("1",), ("2",), ("3",), ("4",)]) == (opened, firm.rows("SELECT record_id FROM alert ORDER BY 1"))


@pytest.mark.parametrize("days", [1, 2])
def test_a_rule_may_have_to_hold_for_a_while(firm: Firm, days: int) -> None:
    """Pending for so many days, then open; nobody is told before."""
    firm.rules(more=f"for: {days} days")
    firm.deal("1")
    opened = [firm.tick().alerts.opened, firm.tick(MONDAY + days * DAY - timedelta(seconds=1)).alerts.opened]
    before = (states(firm), firm.messages())
    opened.append(firm.tick(MONDAY + days * DAY).alerts.opened)
    assert [0, 0, 1] == opened
    assert ([("1", "pending", 1)], []) == before
    assert ([("1", "open", 1)], 1) == (states(firm), len(firm.messages()))


def test_what_is_mended_while_it_is_held_is_told_to_nobody(firm: Firm) -> None:
    """A finding of an hour never becomes a message."""
    firm.rules(more="for: 2 days")
    firm.deal("1")
    firm.tick()
    firm.deal("1", MONDAY + DAY, next_step="demo")
    firm.tick(MONDAY + 3 * DAY)
    assert ([("1", "resolved", 1)], []) == (states(firm), firm.messages())


def test_an_inhibited_rule_opens_nothing_until_the_graver_one_is_mended(firm: Firm) -> None:
    """Without an amount, the missing next step is not mentioned; with one, it is."""
    firm.rules(TWO)
    firm.deal("1", amount_minor=None)
    firm.tick()
    first = firm.rows("SELECT rule_id, state FROM alert ORDER BY id")
    firm.deal("1", MONDAY + DAY)
    firm.tick(MONDAY + DAY)
    assert [("zero", "open")] == first
    assert [("zero", "resolved"), ("no-step", "open")] == firm.rows("SELECT rule_id, state FROM alert ORDER BY id")


def test_a_rule_on_trial_silences_nobody(firm: Firm) -> None:
    """The graver rule is only on trial: the live one speaks."""
    firm.rules(TWO.replace("    title: No amount", "    title: No amount\n    status: shadow"))
    firm.deal("1", amount_minor=None)
    firm.tick()
    assert [("zero",), ("no-step",)] == firm.rows("SELECT rule_id FROM alert ORDER BY id")


CLOCK = """
version: 1
rules:
  - id: handoff
    title: Not handed over
    applies_to: deal
    clock: {{starts: closed, stops: [handed_off], within: 8 business hours, calendar: owner,
            only_if: {{stage_kind: [won]}}}}
    message: "not handed over"
"""


def test_an_overdue_clock_is_explained_by_the_calendar_that_it_ran_in(firm: Firm) -> None:
    """Ann works on Sundays: her clock is overdue on Monday morning, and every line of the reason holds."""
    path = firm.folder / "organisation.yaml"
    always = 'calendars: {always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}}}\n'
    path.write_text(
        path.read_text().replace("manager: meg@example.com}", "manager: meg@example.com, calendar: always}") + always
    )
    firm.rules(CLOCK)
    firm.deal("1", stage_kind="won", closed_at=clock.to_micros(MONDAY - timedelta(hours=12)))
    firm.tick()
    assert [True] == [line["holds"] for line in firm.why()]


def test_a_rule_on_trial_alerts_and_tells_nobody_until_it_goes_live(firm: Firm) -> None:
    """Shadow first; what it found is told once the rule is live."""
    firm.rules(more="status: shadow")
    firm.deal("1")
    firm.tick()
    silent = firm.messages()
    firm.rules(more="status: live")
    firm.tick(MONDAY + DAY)
    assert ([], 1) == (silent, len(firm.messages()))


def test_a_rule_that_is_retired_or_gone_ends_its_alerts(firm: Firm) -> None:
    """Nothing keeps nagging for a rule that nobody stands for any more."""
    firm.deal("1")
    firm.tick()
    firm.rules(more="status: retired")
    firm.tick(MONDAY + DAY)
    assert [("resolved", "rule retired")] == firm.rows("SELECT state, resolution FROM alert")


def test_tuning_a_rule_does_not_fire_everything_again(firm: Firm) -> None:
    """A rule whose message and conditions changed keeps the alerts of the records it still fires on."""
    firm.deal("1")
    firm.tick()
    firm.rules(STEP.replace("next_step is missing", "next_step is missing or next_step_date is missing"), more="")
    again = firm.tick(MONDAY + DAY)
    assert (0, 0) == (again.alerts.opened, again.alerts.resolved)


def test_an_alert_is_explained_by_what_its_rule_saw_when_it_fired(firm: Firm) -> None:
    """Line by line, from the values of then: the deal has a next step by now."""
    firm.deal("1")
    firm.tick()
    firm.deal("1", MONDAY + DAY, next_step="demo on Friday")
    firm.tick(MONDAY + DAY)
    assert ["is open: yes", "next step is missing"] == [line["words"] for line in firm.why()]


def test_values_of_every_kind_are_explained_as_they_were(firm: Firm) -> None:
    """Money, days, instants, numbers and texts come back from what was kept as they went in."""
    firm.rules(EVERY_KIND)
    firm.deal(
        "1",
        amount_minor=2_000_000,
        amount_home_minor=1_850_000,
        currency="USD",
        close_date="2026-02-27",
        stage="Proposal",
        push_count=3,
        last_buyer_activity_at=clock.to_micros(MONDAY - timedelta(days=20)),
    )
    firm.tick()
    assert [
        "close date 27 Feb 2026, 3 days ago: past",
        "amount EUR 18,500: at least EUR 10,000",
        "last buyer activity 10 Feb 2026, 20 days ago: older than 14 days",
        "push count 3: at least 2",
        "stage “Proposal”: is “Proposal”",
    ] == [line["words"] for line in firm.why()]


def test_a_message_is_noted_as_due_once(firm: Firm) -> None:
    """However often it is asked to be composed anew, and whatever else is due.

    Once, and only those about the alerts.
    """
    for record_id, owner in (("1", "a"), ("2", "b"), ("3", "a")):
        firm.deal(record_id, owner_id=owner)
    firm.tick()
    due = []
    with Session(firm.engine) as session:
        for alerts in ([1], [1], [2, 3], []):
            compose_anew(session, alerts)
            due.append(session.connection().execute(text("SELECT count(*) FROM message_due")).scalar_one())
    assert [1, 1, 2, 2] == due
