"""Two spellings of one value are one value, and two values are two, whatever the property's type."""

from __future__ import annotations

import pytest

from ros_sync.connectors.hubspot.definitions import PropertyDefinition
from ros_sync.connectors.hubspot.spelling import alike

SAME = [
    ("number", "2500.50", "2500.5"),
    ("number", "2.5e3", "2500"),
    ("number", 0, "0.00"),
    ("date", "2026-03-31", "1774915200000"),
    ("date", "2026-03-31T00:00:00Z", "2026-03-31"),
    ("datetime", "2026-03-31T09:00:00.000Z", "2026-03-31T09:00:00Z"),
    ("datetime", "1774947600000", "2026-03-31T09:00:00Z"),
    ("bool", "True", "true"),
    ("bool", True, "true"),
    ("bool", "no", "false"),
    ("enumeration", "A;B", ";B;A"),
    ("enumeration", "Won", "won"),
    ("enumeration", True, "true"),
    ("string", " Call\r\nJane", "Call\nJane "),
    ("string", None, ""),
    (None, "1.0", "1"),
]
DIFFERENT = [
    ("number", "2500.50", "2500.05"),
    ("number", "", "0"),
    ("number", "nan", "0"),
    ("date", "2026-03-31", "2026-04-01"),
    ("datetime", "2026-03-31T09:00:00Z", "2026-03-31T09:00:01Z"),
    ("bool", "false", "true"),
    ("bool", None, "false"),
    ("enumeration", "A;B", "A"),
    ("enumeration", "customer", "lead"),
    ("string", "007", "7"),
    ("string", "1e3", "1000"),
    ("string", "call", "Call"),
    ("string", None, "Call"),
]


@pytest.mark.parametrize(
    "kind, held, wanted, same", [(*each, True) for each in SAME] + [(*each, False) for each in DIFFERENT]
)
def test_values_are_compared_by_what_they_mean(kind: str | None, held: object, wanted: str, same: bool) -> None:
    """Numbers as numbers, days as days, options in any order, texts as they stand."""
    assert same is alike(held, wanted, PropertyDefinition("it", kind) if kind else None)
