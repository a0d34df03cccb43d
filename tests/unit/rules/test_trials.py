"""Trying the tests inside rule files."""

from __future__ import annotations

from pathlib import Path

from ros_sync.rules.files import load
from ros_sync.rules.trials import TrialOutcome, run_tests

FILE = """version: 1
rules:
  - id: big
    title: Big
    applies_to: deal
    when: [is_open, amount_home >= 20k, close_date is past]
    message: "{name}"
    tests:
      - {name: t, now: 2026-03-16 09:00, given: {GIVEN}, expect: fires}
"""


def outcome(tmp_path: Path, given: str) -> TrialOutcome:
    """The outcome of the one test, with these values given."""
    path = tmp_path / "rules.yaml"
    path.write_text(FILE.replace("GIVEN", given))
    (only,) = run_tests(load([path]))
    return only


def test_an_amount_in_the_home_currency_is_worth_itself(tmp_path: Path) -> None:
    """An amount given in the company's currency fills both amounts."""
    assert outcome(tmp_path, "amount: 20000 EUR, close_date: 2026-03-15").passed


def test_an_amount_in_another_currency_has_no_home_value(tmp_path: Path) -> None:
    """An amount given in another currency leaves the amount in the company's currency missing."""
    assert not outcome(tmp_path, "amount: 20000 USD, close_date: 2026-03-15").passed


def test_a_deal_is_open_unless_said_otherwise(tmp_path: Path) -> None:
    """What kind of stage a deal is in decides whether it is open."""
    assert not outcome(tmp_path, "stage_kind: lost, amount_home: 20k, close_date: 2026-03-15").passed


def test_a_failed_test_tells_what_each_line_saw(tmp_path: Path) -> None:
    """The outcome of a failed test names every line, whether it held, and what it saw."""
    expected = (
        "big: t: is silent, and was expected to fire\n"
        "  holds  is_open: is open: yes\n"
        "  fails  amount_home >= 20k: amount EUR 5: not at least EUR 20,000\n"
        "  holds  close_date is past: close date 15 Mar 2026, 1 day ago: past"
    )
    assert expected == outcome(tmp_path, "amount: 5 EUR, close_date: 2026-03-15").words
