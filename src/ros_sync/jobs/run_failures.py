"""What a failed run comes to: the words for those who run ros-sync, and those that anybody may read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ros_sync.errors import RosSyncError, first_line
from ros_sync.mirror.troubles import trouble_of

MAX_WORDS = 500  # characters that are kept of a reason: a screen's worth


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed. `words` may quote files and vendors; `public` names neither people nor values.

    `is_ours` is a mistake in ros-sync: its traceback is worth logging.
    """

    kind: str
    words: str
    public: str
    is_ours: bool = False


def failure_of(error: Exception) -> Failure:
    """Name what was raised. A full or locked database is told in words wherever it came up."""
    named = trouble_of(error) or (error if isinstance(error, RosSyncError) else None)
    if named is None:
        words = f"{type(error).__name__} inside ros-sync"
        return Failure(type(error).__name__, f"{words}; see the log", words, is_ours=True)
    return Failure(type(named).__name__, str(named)[:MAX_WORDS], _public(named))


def _public(error: RosSyncError) -> str:
    """The kind of error in its own words, and the place in a file; what it quotes stays out."""
    words = first_line(type(error)).rstrip(".")
    where = error.where
    if where is None or where.file is None:
        return words
    line = f":{where.line}" if where.line else ""
    return f"{words} ({Path(where.file).name}{line})"
