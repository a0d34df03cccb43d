"""What follows from the history of a deal: pushes, slips, stage entries. Pure functions of its changes.

Instants are microseconds since 1970 UTC, as they are stored: thousands of deals are counted in a back-fill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

# domain.md 2: corrections within 24 hours of each other count as one change.
DAY = 24 * 3600 * 1_000_000
CORRECTION = DAY


class DateMove(NamedTuple):
    """The close date was moved at `at`. `closing` marks a move made by, or after, closing the deal."""

    at: int
    old: date | None
    new: date | None
    closing: bool = False


class Slip(NamedTuple):
    """How a deal's close date has moved while it was open."""

    push_count: int = 0
    fiscal_push_count: int = 0
    pull_in_count: int = 0
    days_pushed: int = 0
    first_close_date: date | None = None
    net_slip_days: int | None = None


class StageMove(NamedTuple):
    """The deal moved to another stage at `at`; orders count from 1 and are None where they are not known."""

    at: int
    old: str | None
    new: str | None
    old_order: int | None
    new_order: int | None


class StageEntry(NamedTuple):
    """How a deal came to its present stage."""

    entered_at: int | None
    known: bool
    days_before: float
    advanced_at: int | None


def slip(
    first: date | None, present: date | None, moves: Iterable[DateMove], quarter_of: Callable[[date], date]
) -> Slip:
    """Count pushes and pull-ins (domain.md 2, "push count").

    A push is a move to a later calendar month while the deal is open; several months at once are one push, a move
    within the month is none, and a pull-in takes none off. `first` is the close date before the first move (or the
    present one), `quarter_of` gives the first day of a day's fiscal quarter.
    """
    pushes = fiscal = pulls = days = 0
    known: date | None = None  # the last date it had: blanking it for a while hides no push
    for move in _corrected(moves):
        old = move.old or known
        known = move.new or old
        if move.closing or old is None or move.new is None:
            continue
        before, after = (old.year, old.month), (move.new.year, move.new.month)
        pushes += after > before
        pulls += after < before
        fiscal += quarter_of(move.new) > quarter_of(old)
        days += max(0, (move.new - old).days)
    net = (present - first).days if first is not None and present is not None else None
    return Slip(pushes, fiscal, pulls, days, first, net)


def _corrected(moves: Iterable[DateMove]) -> list[DateMove]:
    """Draw moves less than 24 hours after the first of them together; a closing move stands alone."""
    drawn: list[DateMove] = []
    for move in moves:
        last = drawn[-1] if drawn else None
        if last is None or last.closing or move.closing or move.at - last.at >= CORRECTION:
            drawn.append(move)
        else:
            drawn[-1] = DateMove(last.at, last.old, move.new)
    return drawn


def stage_entry(created: int | None, moves: Sequence[StageMove]) -> StageEntry:
    """When the deal entered its present stage, how long it had been there before, and when it last advanced.

    A deal that never moved counts from its creation and is marked as not known. Going back a stage is no advance.
    """
    if not moves:
        return StageEntry(created, known=False, days_before=0.0, advanced_at=created)
    present, start, stage = moves[-1].new, created, moves[0].old
    before, advanced = 0, created
    for at, _, new, old_order, new_order in moves:
        if stage == present and start is not None:
            before += at - start
        if old_order is not None and new_order is not None and new_order > old_order:
            advanced = at
        start, stage = at, new
    return StageEntry(entered_at=moves[-1].at, known=True, days_before=before / DAY, advanced_at=advanced)
