"""A block: a few rows of a file, by columns, as text, before they are given a meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ros_sync.connectors.base import Quarantined
from ros_sync.connectors.export.mapping import Column
from ros_sync.errors import ImportRefusedError, Where
from ros_sync.fields import did_you_mean

# Rows turned into columns at a time. A hundred rows of some dozen cells stay in the processor's cache;
# measured on 200,000 rows of 30 columns, blocks of 5,000 take twice as long.
BLOCK_ROWS = 100
# Of columns that are missing: those that are told with where the mapping asks for them, and those whose names are told.
_EXPLAINED, _NAMED = 3, 10
_PRESENT = 20  # of the columns that there are: a few lines of a screen


@dataclass(slots=True)
class Block:
    """Cells by column name, all columns of one length; `lines` is where each row begins, counted from 1."""

    columns: dict[str, Sequence[str]]
    lines: Sequence[int]
    quarantined: list[Quarantined] = field(default_factory=list)


def refuse_missing(
    path: Path, missing: Sequence[Column], present: Sequence[str], hint: str | None = None
) -> ImportRefusedError:
    """The refusal of a file that lacks columns: which, where the mapping asks for them, and what there is."""
    parts = [
        f"there is no column {column.name!r}, which {column.where} asks for{_perhaps(column.name, present)}"
        for column in missing[:_EXPLAINED]
    ]
    if others := missing[_EXPLAINED:]:
        names = ", ".join(repr(column.name) for column in others[: _NAMED - _EXPLAINED])
        parts.append(f"nor are there {names}{_and_more(missing, _NAMED)}")
    columns = ", ".join(present[:_PRESENT]) + _and_more(present, _PRESENT)
    return ImportRefusedError(f"{'; '.join(parts)}; the columns are: {columns}", where=Where(str(path)), hint=hint)


def _perhaps(name: str, present: Sequence[str]) -> str:
    """Which column may be meant; those that there are follow anyway."""
    guess = did_you_mean(name, present)
    return f"; {guess}" if guess and guess.startswith("did you mean") else ""


def _and_more(names: Sequence[object], shown: int) -> str:
    return f" and {len(names) - shown:,} more" if len(names) > shown else ""
