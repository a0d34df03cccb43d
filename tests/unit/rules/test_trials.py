"""Trying the tests inside rule files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_sync.rules.rule_files import load
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


HELD = """version: 1
rules:
  - id: held
    title: Held
    applies_to: deal
    params: {quiet: 14 days}
    when:
      - LINE
    for: HOLD
    message: "{name}"
    tests:
      - {name: t, now: NOW, given: {GIVEN}, expect: fires}
"""
QUIET = "last_activity older than $quiet"
HOLDS = [
    # line, for, now, given, fires
    ("close_date is past", "2 days", "2026-03-16 09:00", "close_date: 2026-03-15", False),
    ("close_date is past", "2 days", "2026-03-16 09:00", "close_date: 2026-03-13", True),
    ("close_date is past", "2 days", "2026-03-16 00:00", "close_date: 2026-03-13", True),
    ("close_date is past", "2 days", "2026-03-15 23:59", "close_date: 2026-03-13", False),
    ("close_date is past", "0 days", "2026-03-16 09:00", "close_date: 2026-03-15", True),
    ("close_date is past", "1 business day", "2026-03-16 09:00", "close_date: 2026-03-12", True),
    ("close_date is past", "1 business day", "2026-03-16 09:00", "close_date: 2026-03-15", False),
    (QUIET, "1 day", "2026-03-16 09:00", "last_activity: 2026-03-01 08:59", True),
    (QUIET, "1 day", "2026-03-16 09:00", "last_activity: 2026-03-01 09:00", False),
    (QUIET, "1 hour", "2026-03-16 09:00", "last_activity: 2026-03-02 08:01", False),
    (QUIET, "1 hour", "2026-03-16 09:00", "last_activity: 2026-03-02 07:59", True),
    ("next_step is missing", "2 days", "2026-03-16 09:00", "stage: proposal", True),
    ("next_step is missing", "2 days", "2026-03-16 09:00", "created: 2026-03-15 09:00", False),
    ("next_step is missing", "2 days", "2026-03-16 09:00", "created: 2026-03-14 09:00", True),
    (
        "last_activity newer than 1 hour or last_activity older than 2 hours",
        "1 day",
        "2026-03-16 09:00",
        "last_activity: 2026-03-16 02:30",
        False,
    ),
    ("next_step is missing", "400 days", "2026-03-16 09:00", "stage: proposal", True),
]


@pytest.mark.parametrize("line,hold,now,given,fires", HOLDS)
def test_a_rule_must_hold_as_long_as_its_for_asks(
    tmp_path: Path, line: str, hold: str, now: str, given: str, fires: bool
) -> None:
    """A test fires only where the record, as it is given, has made the rule fire all through its `for`."""
    path = tmp_path / "rules.yaml"
    path.write_text(HELD.replace("LINE", line).replace("HOLD", hold).replace("NOW", now).replace("GIVEN", given))
    (only,) = run_tests(load([path]))

    assert fires is only.passed, only.words


def test_what_did_not_hold_long_enough_is_told(tmp_path: Path) -> None:
    """A test that fails for its `for` says since when the rule has not held."""
    path = tmp_path / "rules.yaml"
    text = HELD.replace("LINE", "close_date is past").replace("HOLD", "2 days").replace("NOW", "2026-03-16 09:00")
    path.write_text(text.replace("GIVEN", "close_date: 2026-03-15"))
    (only,) = run_tests(load([path]))

    assert only.words.endswith(
        "fails  for 2 days: did not hold on 15 Mar 2026, 9 hours ago, and must hold for 2 days"
    ), only.words
