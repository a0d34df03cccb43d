"""Leads that change hands while their clock runs: late for the team all the same, and told once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.integration.alerts.conftest import MONDAY, Firm

from ros_sync import clock

HOUR = timedelta(hours=1)
RULE = """
version: 1
rules:
  - id: answer
    title: Not answered
    applies_to: lead
    clock: {{starts: {starts}, stops: [accepted, rejected], within: 4 hours, calendar: owner}}
    notify:
      - {{to: owner, mode: direct}}
      - {{to: manager, mode: direct, after: 2 hours}}
    message: "{{name}}: answer"
"""


class Lead:
    """Mallory, a lead that goes from hand to hand."""

    def __init__(self, firm: Firm, starts: str) -> None:
        self.firm = firm
        self.values: dict[str, Any] = dict.fromkeys(("became_mql_at", "assigned_at"), clock.to_micros(MONDAY))
        firm.rules(RULE, starts=starts)
        self.at(0)

    def at(self, hours: float, **values: Any) -> None:
        """Let the lead be so from then on, and tick."""
        at = MONDAY + hours * HOUR
        if "owner_id" in values:
            values["assigned_at"] = clock.to_micros(at)
        self.values |= values
        self.firm.lead("1", "Mallory", at, **self.values)
        self.firm.tick(at)

    @property
    def alerts(self) -> list[tuple[Any, ...]]:
        return self.firm.rows("SELECT episode, state FROM alert ORDER BY id")

    @property
    def told(self) -> list[str]:
        """Who was told, in order."""
        return [recipient for recipient, _ in self.firm.told()]


@pytest.fixture(params=["became_mql", "assigned"])
def lead(request: pytest.FixtureRequest, firm: Firm) -> Lead:
    """Give a lead of Ann's that is to be answered within four hours."""
    return Lead(firm, request.param)


def test_a_lead_handed_over_before_its_deadline_is_late_at_its_deadline(lead: Lead) -> None:
    """Handed over at three hours of four: told at four, to whom it belongs now."""
    lead.at(3, owner_id="b")
    lead.at(3.9)
    before = lead.alerts
    lead.at(4)
    assert ([], [(1, "open")], ["bob@example.com"]) == (before, lead.alerts, lead.told)


def test_both_clocks_are_one_alert(lead: Lead) -> None:
    """When the new owner's own deadline passes too, nobody is told again."""
    lead.at(3, owner_id="b")
    for hours in (4, 5, 7, 8, 30):
        lead.at(hours)
    assert ([(1, "open")], ["bob@example.com", "meg@example.com"]) == (lead.alerts, lead.told)


def test_there_and_back_again_is_told_once_to_each(lead: Lead) -> None:
    """Late with Bob, given to Ann, back to Bob: one alert; each hears of it once, and the manager once."""
    lead.at(3, owner_id="b")
    lead.at(4)
    lead.at(5, owner_id="a")
    lead.at(5.5, owner_id="b")
    lead.at(6)
    lead.at(12)
    assert ([(1, "open")], ["bob@example.com", "ann@example.com", "meg@example.com"]) == (lead.alerts, lead.told)


def test_an_alert_on_a_lead_that_was_handed_over_is_explained_by_the_teams_clock(lead: Lead) -> None:
    """The line of the clock holds, though the new owner had it for an hour only."""
    lead.at(3, owner_id="b")
    lead.at(4)
    (line,) = lead.firm.why()
    assert (True, True) == (line["holds"], "within 4 hours" in line["words"])


def test_an_acceptance_that_is_taken_back_is_asked_about_again(lead: Lead) -> None:
    """Accepted in time and taken back: silent until the deadline, then told; taken back once more: told once more."""
    lead.at(1, accepted_at=clock.to_micros(MONDAY + HOUR))
    lead.at(2, accepted_at=None)
    before = lead.alerts
    lead.at(4)
    lead.at(5, accepted_at=clock.to_micros(MONDAY + 5 * HOUR))
    lead.at(6, accepted_at=None)
    assert ([], [(1, "resolved"), (2, "open")]) == (before, lead.alerts)


def test_an_idle_tick_after_a_hand_over_writes_nothing(lead: Lead) -> None:
    """Two clocks cost no more than one while nothing happens."""
    lead.at(3, owner_id="b")
    lead.at(7)
    lead.firm.tick(MONDAY + 8 * HOUR)
    assert [] == lead.firm.writes(MONDAY + 8.5 * HOUR)
