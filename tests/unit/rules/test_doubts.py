"""Warnings: what a rule file says that can be read and is probably not meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_sync.rules.doubts import Doubter
from ros_sync.rules.rule_files import load

FILE = """version: 1
rules:
  - id: one
    title: One
    applies_to: deal
    params: {floor: 0, category: commit}
    vary: [{if: segment is "smb", params: {floor: 5, category: Commit}}]
    when:
LINES
    message: "{name}"
"""
DOUBTER = Doubter(
    {"deal": {"stage": {"Proposal", "Negotiation"}, "segment": {"smb"}}}, {"Ada Example", "ada@example.com"}
)


def warnings(tmp_path: Path, *lines: str, doubter: Doubter = DOUBTER, more: str = "") -> list[str]:
    """The warnings of a rule with these lines, each as `line:column message`."""
    path = tmp_path / "rules.yaml"
    path.write_text(FILE.replace("LINES", "\n".join(f"      - {line}" for line in lines)) + more)
    found = load([path], home_currency="EUR", doubter=doubter).warnings
    return [str(warning).removeprefix(f"{path}:") for warning in found]


DOUBTED = [
    ('stage is "Porposal"', "9:18", 'did you mean "Proposal"?'),
    ('stage is "proposal"', "9:18", 'text is compared exactly: write "Proposal"'),
    ('stage is one of ["Negotiation", "Propossal"]', "9:41", 'did you mean "Proposal"?'),
    ('segment is "SMB"', "9:20", 'write "smb"'),
    ('forecast_category is "Commit"', "9:30", 'write "commit"'),
    ('forecast_category is not "Comit"', "9:34", 'did you mean "commit"?'),
    ('not forecast_category is one of ["upside"]', "9:42", "known: best case, closed, commit"),
    ("forecast_category is $category", "9:9", 'write "commit"'),
    ('stage_kind is "opne"', "9:23", 'did you mean "open"?'),
    ('owner is "Ada Example"', "9:18", "looks like a name"),
    ('owner is "ada@example.com"', "9:18", "looks like a name or an e-mail address"),
    ('owner is one of ["Bob Builder"]', "9:26", "looks like a name"),
    ("probability > 15", "9:9", "write 0.15 for 15 %"),
    ("probability >= 1.01 or methodology_share < 0", "9:9", "can never be true"),
    ("push_count < 0", "9:9", "can never be true"),
    ("push_count > 5 and push_count < 3", "9:9", "can never be true"),
    ("push_count > 3 and push_count < 3 + $floor - $floor", "9:9", "can never be true"),
    ('stage is "Proposal" and stage is "Negotiation"', "9:9", "can never be true"),
    ('stage is "Proposal" and stage is missing', "9:9", "can never be true"),
    ('stage is one of ["Proposal"] and stage is not one of ["Proposal"]', "9:9", "can never be true"),
    ("is_open and is_closed", "9:9", "can never be true"),
    ('is_won and stage_kind is not "won"', "9:9", "can never be true"),
    ("is_open and not is_open", "9:9", "can never be true"),
    ("push_count != push_count", "9:9", "can never be true"),
    ("not (next_step is missing or next_step is present)", "9:9", "can never be true"),
    ("close_date is past and close_date within next 30 days", "9:9", "can never be true"),
    ("last_activity older than 14 days and last_activity newer than 7 days", "9:9", "can never be true"),
    ("close_date > 2026-12-31 and close_date < 2026-01-01", "9:9", "can never be true"),
    ("amount_home > 20k and amount_home < 10k", "9:9", "can never be true"),
    ("next_step is missing or next_step is present", "9:9", "true for every record"),
    ("push_count is missing or push_count >= 0", "9:9", "true for every record"),
    ("is_open or not is_open", "9:9", "true for every record"),
    ("not push_count > 5 or push_count > 3", "9:9", "true for every record"),
]
UNDOUBTED = [
    'stage is "Something of our own"',
    'segment is "enterprise"',
    "amount_home >= $floor or amount_home is missing",
    "not created newer than 14 days",
    "push_count >= 0",
    'not stage is "Proposal" or stage is "Proposal" and push_count > 1',
    "close_date > 2020-01-01",
    "close_date > 2026-01-01 and close_date is past",
    "close_date older than 14 days and last_activity newer than 7 days",
    "probability > 0.15 and probability <= 1",
    "net_slip_days < 0",
    'owner is "4711"',
    'next_step contains "a" and not next_step contains "b"',
    "push_count > 3 and push_count < 3 + $floor",
    "push_count = fiscal_push_count and push_count != days_pushed",
    "is_open or is_closed",
]


@pytest.mark.parametrize("line,place,words", DOUBTED)
def test_what_is_hardly_meant_is_warned_about(tmp_path: Path, line: str, place: str, words: str) -> None:
    """A value that no record has, and a line that never or always holds, is one warning at its place."""
    (found,) = warnings(tmp_path, line)

    assert (True, True) == (found.startswith(place), words in found), found


@pytest.mark.parametrize("line", UNDOUBTED)
def test_what_may_be_meant_is_left_alone(tmp_path: Path, line: str) -> None:
    """What some record can make true, and some other false, is no warning."""
    assert [] == warnings(tmp_path, line)


def test_lines_that_exclude_each_other(tmp_path: Path) -> None:
    """Lines that can each hold, and never together, are told at the first that cannot."""
    (found,) = warnings(tmp_path, "is_open", "push_count >= 2", "is_won", "close_date is past")

    assert found.startswith("11:9, rules[1].when[3]: this can never be true together with the lines above it")


def test_values_in_tests_and_clocks_are_looked_at(tmp_path: Path) -> None:
    """Words that no record has are warned about under `given` and `only_if` as well."""
    more = (
        "    clock: {starts: closed, stops: [handed_off], within: 2 days, only_if: {stage_kind: [Won]}}\n"
        "    tests: [{name: a, now: 2026-03-01, given: {forecast_category: Commit, stage: Porposal}, expect: silent}]\n"
    )
    found = warnings(tmp_path, "is_open", 'stage is not "Proposal"', more=more)

    assert ["12:89", "13:67", "13:82"] == [":".join(each.split(",")[0].split(":")[:2]) for each in found], found


def test_a_text_that_decides_nothing_is_not_doubted(tmp_path: Path) -> None:
    """A test may give a stage that no file names, where the rule does not ask for the stage."""
    more = "    tests: [{name: a, now: 2026-03-01, given: {stage: proposal, segment: SMB}, expect: silent}]\n"
    found = warnings(tmp_path, "is_open", more=more)

    assert ["11:74"] == [each.split(",")[0] for each in found], found  # the segment, which `vary` asks for


def test_a_variant_that_is_never_used(tmp_path: Path) -> None:
    """The condition of a variant is looked at like a line."""
    path = tmp_path / "rules.yaml"
    text = FILE.replace('segment is "smb"', "probability > 15").replace("LINES", "      - push_count > $floor")
    path.write_text(text)
    (found,) = load([path], doubter=DOUBTER).warnings

    assert (7, True) == (found.where and found.where.line, "its values are never used" in str(found))
