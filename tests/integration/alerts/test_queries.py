"""Which alerts are listed for whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.alerts.conftest import Firm

from ros_sync.alerts.queries import listed, rules_with_alerts

RULES = """
version: 1
rules:
  - id: no-step
    title: No next step
    applies_to: deal
    notify: [{to: owner, mode: digest}]
    when: [is_open, next_step is missing]
    message: "no next step"
  - id: zero
    title: No amount
    applies_to: deal
    notify: [{to: owner, mode: digest}]
    when: [is_open, amount = 0]
    message: "no amount"
"""


@pytest.fixture
def asked(firm: Firm) -> Firm:
    """Ann has two deals without a next step, one of them without an amount; Bob has one that has got its step."""
    (firm.folder / "rules.yaml").write_text(RULES)
    firm.deal("1")
    firm.deal("2", amount_minor=0)
    firm.deal("3", owner_id="b")
    firm.tick()
    firm.deal("3", owner_id="b", next_step="demo")
    firm.tick()
    return firm


@pytest.mark.parametrize(
    "question, found, total",
    [
        ({}, [("zero", "2"), ("no-step", "2"), ("no-step", "1")], 3),
        ({"limit": 2}, [("zero", "2"), ("no-step", "2")], 3),
        ({"rule": "no-step"}, [("no-step", "2"), ("no-step", "1")], 2),
        ({"rule": "none"}, [], 0),
        ({"person": "Ann@Example.com"}, [("zero", "2"), ("no-step", "2"), ("no-step", "1")], 3),
        ({"person": "bob@example.com"}, [], 0),
        ({"resolved": True}, [("no-step", "3")], 1),
        ({"resolved": True, "person": "bob@example.com"}, [("no-step", "3")], 1),
        ({"resolved": True, "rule": "zero"}, [], 0),
    ],
)
def test_which_alerts_are_listed(
    asked: Firm, question: dict[str, Any], found: list[tuple[str, str]], total: int
) -> None:
    """Newest first, by rule, by whoever was told, and those that ended where they are asked for.

    All of them are counted.
    """
    with asked.engine.connect() as connection:
        rows, number = listed(connection, **{"rule": None, "person": None, "resolved": False, "limit": 10, **question})
        assert {"no-step", "zero"} == rules_with_alerts(connection)
    assert (found, total) == ([(row["rule_id"], row["record_id"]) for row in rows], number)
