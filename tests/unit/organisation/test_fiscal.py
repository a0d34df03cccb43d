from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ros_sync.organisation.fiscal import FiscalYear, Period

unhurried = settings(deadline=None)  # the machine that runs the tests may be busy
DAYS = st.dates(date(1990, 1, 1), date(2090, 1, 1))
STARTS = st.integers(1, 12).map(FiscalYear)


@pytest.mark.parametrize(
    "starts,day,label,start,last_day",
    [
        (1, "2026-03-05", "2026-Q1", "2026-01-01", "2026-03-31"),
        (1, "2026-12-31", "2026-Q4", "2026-10-01", "2026-12-31"),
        (2, "2026-01-31", "2026-Q4", "2025-11-01", "2026-01-31"),
        (2, "2026-02-01", "2027-Q1", "2026-02-01", "2026-04-30"),
        (10, "2026-03-05", "2026-Q2", "2026-01-01", "2026-03-31"),
    ],
)
def test_the_quarter_of_a_day(starts: int, day: str, label: str, start: str, last_day: str) -> None:
    """A fiscal quarter counts from the month in which the year begins and is named by the year in which that ends."""
    quarter = FiscalYear(starts).quarter_of(date.fromisoformat(day))
    assert (label, start, last_day) == (quarter.label, quarter.start.isoformat(), quarter.last_day.isoformat())


@pytest.mark.parametrize(
    "starts,label,start,end", [(1, "2026", "2026-01-01", "2027-01-01"), (4, "2027", "2026-04-01", "2027-04-01")]
)
def test_a_year_by_its_label(starts: int, label: str, start: str, end: str) -> None:
    """A fiscal year is named by the calendar year in which it ends."""
    year = FiscalYear(starts).period(label)
    assert (start, end) == (year.start.isoformat(), year.end.isoformat())


@unhurried
@given(STARTS, DAYS)
def test_a_label_leads_back_to_its_period(year: FiscalYear, day: date) -> None:
    """Reading a period's label gives that period, whatever month the year begins with."""
    periods = [year.month_of(day), year.quarter_of(day), year.year_of(day)]
    assert periods == [year.period(period.label) for period in periods]


@unhurried
@given(STARTS, DAYS)
def test_a_day_lies_in_its_periods(year: FiscalYear, day: date) -> None:
    """A day lies in its month, its month in its quarter, its quarter in its year."""
    periods = [year.month_of(day), year.quarter_of(day), year.year_of(day)]
    expected = [True] * 5
    assert expected == [
        *(day in period for period in periods),
        *(_within(inner, outer) for inner, outer in pairwise(periods)),
    ]


@unhurried
@given(STARTS, DAYS, st.integers(-20, 20))
def test_periods_follow_each_other(year: FiscalYear, day: date, count: int) -> None:
    """The period after the one `count` later begins where that ends."""
    quarter = year.quarter_of(day)
    assert year.after(quarter, count).end == year.after(quarter, count + 1).start


@unhurried
@given(STARTS, DAYS)
def test_the_period_after_one_is_the_next(year: FiscalYear, day: date) -> None:
    """Without a number, the period after one begins on the day on which that ends."""
    for period in (year.month_of(day), year.quarter_of(day), year.year_of(day)):
        assert period.end == year.after(period).start


def test_a_period_begins_at_local_midnight() -> None:
    """A quarter's instants are those of its zone, on either side of a clock change."""
    berlin = ZoneInfo("Europe/Berlin")
    assert (
        datetime(2026, 3, 31, 22, tzinfo=UTC),
        datetime(2026, 6, 30, 22, tzinfo=UTC),
    ) == FiscalYear().period("2026-Q2").instants(berlin)


@pytest.mark.parametrize("label", ["", "2026-Q5", "2026-13", "2026-00", "26-Q1", "Q1 2026", "0000", "2026-Q1-1"])
def test_what_is_no_label_is_refused(label: str) -> None:
    """Anything but a month, quarter or year is refused with how to write one."""
    with pytest.raises(ValueError, match="write it like 2026-Q1, 2026-03 or 2026"):
        FiscalYear().period(label)


def test_a_year_begins_in_one_of_twelve_months() -> None:
    """There is no thirteenth month."""
    with pytest.raises(ValueError, match="13 is not a month"):
        FiscalYear(13)


def _within(inner: Period, outer: Period) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


@pytest.mark.parametrize("day", [date.min, date(1, 1, 15), date(9999, 12, 31), date(9999, 11, 1)])
@pytest.mark.parametrize("starts", range(1, 13))
def test_a_period_at_the_end_of_the_calendar(day: date, starts: int) -> None:
    """People write 9999-12-31 for never: its month, quarter and year are told, and hold it or end with it."""
    fiscal = FiscalYear(starts)
    for period in (fiscal.month_of(day), fiscal.quarter_of(day), fiscal.year_of(day)):
        assert period.start <= day <= period.end
