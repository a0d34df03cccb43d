"""What follows from the history of a deal: pushes, slips, stage entries. Pure functions of its changes.

Instants are microseconds since 1970 UTC, as they are stored: thousands of deals are counted in a back-fill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from ros_sync import clock

DAY = 24 * 3600 * 1_000_000
CORRECTION = DAY  # domain.md 2: moves less than 24 hours after the previous one are one change
CLOSING = DAY  # domain.md 2: what is set within 24 hours before closing belongs to the closing
CLOSED = frozenset(("won", "lost"))


class DateMove(NamedTuple):
    """The close date was moved at `at`."""

    at: int
    old: date | None
    new: date | None


class KindMove(NamedTuple):
    """The stage's kind (open, won, lost; None where it is not known) changed at `at`."""

    at: int
    old: str | None
    new: str | None


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

    A push is a move to a later calendar month; several months at once are one push, a move within the month is none,
    and a pull-in takes none off. `moves` are those between dates that the deal had as an open deal (`open_moves`),
    `first` is the close date before the first move (or the present one), `quarter_of` gives the first day of a day's
    fiscal quarter.
    """
    pushes = fiscal = pulls = days = 0
    known: date | None = None  # the last date it had: blanking it for a while hides no push
    for move in _corrected(moves):
        old = move.old or known
        known = move.new or old
        if old is None or move.new is None:
            continue
        before, after = (old.year, old.month), (move.new.year, move.new.month)
        pushes += after > before
        pulls += after < before
        fiscal += quarter_of(move.new) > quarter_of(old)
        days += max(0, (move.new - old).days)
    net = (present - first).days if first is not None and present is not None else None
    return Slip(pushes, fiscal, pulls, days, first, net)


def _corrected(moves: Iterable[DateMove]) -> list[DateMove]:
    """Draw moves less than 24 hours after the previous one together."""
    drawn: list[DateMove] = []
    for move in moves:
        last = drawn[-1] if drawn else None
        if last is None or move.at - last.at >= CORRECTION:
            drawn.append(move)
        else:
            drawn[-1] = DateMove(move.at, last.old, move.new)
    return drawn


def open_moves(
    moves: Sequence[DateMove], kinds: Sequence[KindMove], present_kind: str | None
) -> tuple[date | None, list[DateMove]]:
    """The first date that the deal had as an open deal, and its moves between such dates (domain.md 2, "push count").

    What is set while the deal is closed, at the instant of closing or within 24 hours before it belongs to the
    closing. A reopened deal goes on from the date that it had as an open deal: the date that it carries over counts
    from the reopening only where it still lies ahead, since one that has passed says when the deal was closed and not
    when it is expected. `moves` and `kinds` come oldest first; `present_kind` is what the deal always was where it
    has no `kinds`.
    """
    spells = _closed_spells(kinds, present_kind)
    first = known = kept_day = None
    found: list[DateMove] = []
    for at, day, reopened in _events(moves, spells):
        set_day = kept_day if reopened else day
        if _belongs_to_closing(at, spells):
            kept_day = set_day
            continue
        if reopened and (kept_day is None or not _lies_ahead(kept_day, at)):
            kept_day = None
            continue
        kept_day = None
        first = first or set_day
        if set_day != known:
            if at is not None:
                found.append(DateMove(at, known, set_day))
            known = set_day
    return first, found


def _events(
    moves: Sequence[DateMove], spells: Sequence[tuple[int | None, int | None]]
) -> list[tuple[int | None, date | None, bool]]:
    """What happened, in order: (at, date set, whether it is a reopening); `at` is None for the date at the beginning.

    Where a date is set at the instant of reopening, it is set after it; of several set at one instant the last one is.
    """
    settled = {move.at: move.new for move in moves}
    begin = [(None, moves[0].old, False)] if moves and moves[0].old is not None else []
    reopenings = [(until, None, True) for _, until in spells if until is not None]
    dates = [(at, day, False) for at, day in settled.items()]
    return [*begin, *sorted([*reopenings, *dates], key=lambda each: (each[0], not each[2]))]


def _closed_spells(kinds: Sequence[KindMove], present_kind: str | None) -> list[tuple[int | None, int | None]]:
    """The stretches [since, until) in which the deal was closed, in order; None where one has no known end.

    Of several changes at one instant the last one says what the deal is from then on.
    """
    settled = {at: new for at, _, new in kinds}
    spells: list[tuple[int | None, int | None]] = []
    closed = (kinds[0].old if kinds else present_kind) in CLOSED
    since: int | None = None
    for at, kind in settled.items():
        if closed and kind not in CLOSED:
            spells.append((since, at))
        elif not closed and kind in CLOSED:
            since = at
        closed = kind in CLOSED
    return [*spells, (since, None)] if closed else spells


def _belongs_to_closing(at: int | None, spells: Sequence[tuple[int | None, int | None]]) -> bool:
    """Whether what is set at `at` (None: at the beginning) is set while closed, or within 24 hours before closing."""
    if at is None:
        return bool(spells) and spells[0][0] is None
    for since, until in spells:
        if until is None or at < until:
            return since is None or since - at <= CLOSING
    return False


def _lies_ahead(day: date, at: int | None) -> bool:
    """Whether a date is still to come at `at` in every time zone."""
    return at is not None and day > clock.from_micros(at).date() + timedelta(days=1)


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
