"""How many records one statement names, and how many one transaction writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

Each = TypeVar("Each")

# Ids named in one statement. Some statements name them twice, and some write several columns for each: that stays far
# below what the databases take (32,766 parameters in SQLite, "Implementation Limits In SQLite"; 65,535 in PostgreSQL,
# "Message Formats", Bind).
CHUNK = 400
# Rows decided and written in one transaction, so that nobody waits longer than half a second for SQLite's one writer.
PORTION = 1_000


def chunks(values: Sequence[Each]) -> Iterable[Sequence[Each]]:
    """As many at a time as one statement names."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def portions(values: Sequence[Each]) -> Iterable[Sequence[Each]]:
    """As many at a time as one transaction writes."""
    return (values[start : start + PORTION] for start in range(0, len(values), PORTION))
