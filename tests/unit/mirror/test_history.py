"""Pushes, slips and stage entries out of a deal's history."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from ros_sync import clock
from ros_sync.mirror.history import DateMove, Slip, StageEntry, StageMove, slip, stage_entry


def quarter_of(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def at(day: int, hour: int = 9) -> int:
    return clock.to_micros(datetime(2026, 3, day, hour, tzinfo=UTC))


def moved(old: date, new: date, when: int | None = None) -> DateMove:
    return DateMove(when or at(2), old, new)


@pytest.mark.parametrize(
    "old, new, pushes, pulls",
    [
        (date(2026, 4, 1), date(2026, 4, 30), 0, 0),
        (date(2026, 4, 30), date(2026, 5, 1), 1, 0),
        (date(2026, 4, 30), date(2026, 9, 30), 1, 0),
        (date(2026, 12, 31), date(2027, 1, 1), 1, 0),
        (date(2026, 5, 1), date(2026, 4, 30), 0, 1),
        (date(2027, 1, 1), date(2026, 12, 1), 0, 1),
    ],
)
def test_a_push_is_a_move_to_a_later_calendar_month(old: date, new: date, pushes: int, pulls: int) -> None:
    """Within a month nothing counts, over several months it counts once, backwards it is a pull-in."""
    counted = slip(old, new, [moved(old, new)], quarter_of)
    assert (pushes, pulls) == (counted.push_count, counted.pull_in_count)


def test_a_pull_in_never_takes_a_push_off() -> None:
    """Two pushes and a pull-in stay two pushes; days pushed add up, the net slip does not."""
    a, b, c, d = date(2026, 3, 31), date(2026, 4, 30), date(2026, 6, 15), date(2026, 5, 15)
    moves = [moved(a, b, at(2)), moved(b, c, at(9)), moved(c, d, at(16))]
    assert Slip(2, 1, 1, 30 + 46, a, 45) == slip(a, d, moves, quarter_of)


def test_corrections_within_a_day_count_as_one_change() -> None:
    """A slip of the finger that is set right within 24 hours is no push."""
    a, wrong = date(2026, 3, 31), date(2027, 3, 31)
    moves = [moved(a, wrong, at(2, 9)), moved(wrong, a, at(3, 8))]
    assert Slip(first_close_date=a, net_slip_days=0) == slip(a, a, moves, quarter_of)


def test_moves_a_day_apart_count_each() -> None:
    """Three pushes in three daily exports are three, not one that is corrected again and again."""
    days = [date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31), date(2026, 6, 30)]
    moves = [moved(old, new, at(2 + number)) for number, (old, new) in enumerate(pairwise(days))]
    assert 3 == slip(days[0], days[-1], moves, quarter_of).push_count


@pytest.mark.parametrize("hours, pushes", [(20, 1), (23, 1), (24, 6), (25, 6)])
def test_moves_less_than_a_day_after_the_previous_one_are_one_change(hours: int, pushes: int) -> None:
    """Six moves, each less than 24 hours after the one before, are one push; at 24 hours each is one."""
    days = [date(2026, month, 28) for month in range(3, 10)]
    begin = at(2)
    moves = [moved(a, b, begin + number * hours * 3_600_000_000) for number, (a, b) in enumerate(pairwise(days))]
    assert (pushes, 184) == ((counted := slip(days[0], days[-1], moves, quarter_of)).push_count, counted.days_pushed)


def test_blanking_the_date_for_a_while_hides_no_push() -> None:
    """March, nothing, June: one push."""
    march, june = date(2026, 3, 31), date(2026, 6, 30)
    moves = [DateMove(at(2), march, None), DateMove(at(9), None, june)]
    assert (1, 91) == ((counted := slip(march, june, moves, quarter_of)).push_count, counted.days_pushed)


def test_a_first_close_date_is_no_push() -> None:
    """Setting a date where there was none moves nothing."""
    moves = [DateMove(at(2), None, date(2026, 5, 1))]
    assert 0 == slip(None, date(2026, 5, 1), moves, quarter_of).push_count


def test_a_deal_that_never_moved_counts_from_creation_and_says_so() -> None:
    """Days in stage begin with the deal where no stage entry is known."""
    assert StageEntry(at(1), known=False, days_before=0.0, advanced_at=at(1)) == stage_entry(at(1), [])


def test_going_back_is_no_advance_and_earlier_time_in_the_stage_is_kept() -> None:
    """Discovery, proposal, discovery: entered again on the 12th, three days before, advanced on the 4th."""
    moves = [StageMove(at(4), "discovery", "proposal", 1, 2), StageMove(at(12), "proposal", "discovery", 2, 1)]
    assert StageEntry(at(12), known=True, days_before=3.0, advanced_at=at(4)) == stage_entry(at(1), moves)
