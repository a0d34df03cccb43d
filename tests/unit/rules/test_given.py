"""What a test of a rule can be given, and at what moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_sync.errors import ProblemsError
from ros_sync.rules.rule_files import load
from ros_sync.rules.trials import run_tests

FILE = """version: 1
rules:
  - id: one
    title: One
    applies_to: deal
    when: [is_open, "not created newer than 3 days", "not close_date within next 3660 days"]
    clock: {starts: created, stops: [closed], within: 5 business days}
    message: "{name} {created:age} {amount}"
    tests:
      - {name: t, now: NOW, given: {GIVEN}, expect: silent}
"""

TOO_FAR = [
    ("0001-01-01 00:00", ""),
    ("0001-01-01 00:00+14:00", ""),
    ("9999-12-31 23:59-12:00", ""),
    ("9999-12-31", ""),
    ("1899-12-31", ""),
    ("3000-01-01", ""),
    ("2026-03-16", "created: 0001-01-01 00:00+14:00"),
    ("2026-03-16", "created: 9999-12-31T23:59:59.999999-12:00"),
    ("2026-03-16", "close_date: 0001-01-01"),
    ("2026-03-16", "close_date: 9999-12-31"),
]
WRONG = [
    ("2026-03-16 25:00", "", "not a day and time"),
    ("2026-02-30", "", "not a day and time"),
    ("2026-03-16 09:00+99:00", "", "not a day and time"),
    ("2026-03-16", "push_count: 1e400", "number"),
    ("2026-03-16", "push_count: nan", "number"),
    ("2026-03-16", "push_count: -.inf", "number"),
    ("2026-03-16", "push_count: 999999999999999999999", "too large"),
    ("2026-03-16", "probability: 0.00000000001", "decimals"),
    ("2026-03-16", "amount: 0.001", "more decimals"),
    ("2026-03-16", "amount: 0.001 EUR", "more decimals"),
    ("2026-03-16", "amount: 0.5 JPY", "more decimals"),
    ("2026-03-16", "amount: 99999999999999999999 EUR", "too large"),
    ("2026-03-16", "amount_home: 5 USD", "company's currency"),
    ("2026-03-16", r'name: "a\0b"', "invisible character"),
    ("2026-03-16", r'name: "a\ud800b"', "invisible character"),
]
FINE = [
    ("1900-01-01 00:00+14:00", "created: 1900-01-01 00:00+14:00"),
    ("2999-12-31 23:59-12:00", "close_date: 2999-12-31, amount: 100000000000000 KWD"),
    ("2026-03-29 02:30", "created: 2026-03-29 02:30, push_count: -100000000000000"),
    ("2026-03-16", "created: 1900-01-01, amount: 0.01, probability: 0.000001"),
]


def write(tmp_path: Path, now: str, given: str) -> Path:
    """A rule file with one test."""
    path = tmp_path / "rules.yaml"
    path.write_text(FILE.replace("NOW", now).replace("GIVEN", given))
    return path


@pytest.mark.parametrize("now,given,words", [*((now, given, "out of range") for now, given in TOO_FAR), *WRONG])
def test_what_cannot_be_is_refused_at_its_place(tmp_path: Path, now: str, given: str, words: str) -> None:
    """A moment or a value beyond the bounds is one problem in its line, and not a traceback."""
    with pytest.raises(ProblemsError) as caught:
        load([write(tmp_path, now, given)], home_currency="EUR")

    (problem,) = caught.value.problems
    assert (10, True) == (problem.where and problem.where.line, words in str(problem)), str(problem)


@pytest.mark.parametrize("now,given", FINE)
def test_what_is_far_but_can_be_is_tried(tmp_path: Path, now: str, given: str) -> None:
    """At the bounds a test runs and tells what it saw."""
    assert 1 == len(run_tests(load([write(tmp_path, now, given)], home_currency="EUR")))
