"""Checksums of mapped properties."""

from __future__ import annotations

from ros_sync.fields import Kind
from ros_sync.sync.audit.comparison import checksum

NAMES = ("id", "name", "closing_plan", "probability")
KINDS = {"name": Kind.TEXT, "closing_plan": Kind.BOOLEAN, "probability": Kind.NUMBER}


def test_a_checksum_is_the_same_out_of_each_database() -> None:
    """Truth as 1 and as true, a number with and without a fraction of nothing: the same record."""
    assert checksum(NAMES, ("1", "Mill", 1, 1), KINDS) == checksum(NAMES, ("1", "Mill", True, 1.0), KINDS)


def test_a_checksum_tells_values_and_columns_apart() -> None:
    """Another value, or the same one in another column, is another checksum."""
    rows = [("1", "a", None, None), ("1", None, None, "a"), ("1", "b", None, None), ("2", "a", None, None)]
    assert len({checksum(NAMES, row, KINDS) for row in rows}) == len(rows)


def test_nothing_is_not_an_empty_text() -> None:
    """A missing value and one that is there differ, whatever it says."""
    assert checksum(NAMES, ("1", None, None, None), KINDS) != checksum(NAMES, ("1", "", None, None), KINDS)
