"""Years of 52 and 53 weeks against calendars that were published: the NRF's, and those of companies' annual reports."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ros_sync.organisation.fiscal import FiscalCalendar, FiscalYear, NamedBy, Span
from ros_sync.organisation.fiscal_weeks import Anchor, Pattern, WeekYear

unhurried = settings(deadline=None)
WEEK = timedelta(weeks=1)


def ends(anchor: str, pattern: str = "4-4-5", *, extra: int = 12, named_by: NamedBy = NamedBy.END) -> WeekYear:
    return WeekYear(Pattern(pattern), Anchor.parse(anchor), NamedBy.END, extra, named_by)


NRF = ends("saturday nearest january 31", "4-5-4", named_by=NamedBy.START)
APPLE = ends("last saturday of september", "5-4-4", extra=3)
CISCO = ends("last saturday of july", extra=9)
NVIDIA = ends("last sunday of january")
INTEL = ends("last saturday of december")
COSTCO_DAY = ends("sunday nearest august 31")
JOHNSON = ends("sunday nearest december 31")


@pytest.mark.parametrize(
    "year,first,last,weeks",
    [
        (2000, "2000-01-30", "2001-02-03", 53),
        (2005, "2005-01-30", "2006-01-28", 52),
        (2006, "2006-01-29", "2007-02-03", 53),
        (2007, "2007-02-04", "2008-02-02", 52),
        (2012, "2012-01-29", "2013-02-02", 53),
        (2016, "2016-01-31", "2017-01-28", 52),
        (2017, "2017-01-29", "2018-02-03", 53),
        (2018, "2018-02-04", "2019-02-02", 52),
        (2022, "2022-01-30", "2023-01-28", 52),
        (2023, "2023-01-29", "2024-02-03", 53),
        (2024, "2024-02-04", "2025-02-01", 52),
        (2025, "2025-02-02", "2026-01-31", 52),
        (2026, "2026-02-01", "2027-01-30", 52),
    ],
)
def test_the_retail_calendar(year: int, first: str, last: str, weeks: int) -> None:
    """The NRF's 4-5-4 years end on the Saturday nearest to 31 January, and are named by their start."""
    found = NRF.period(f"FY{year}")
    assert (first, last, weeks) == (found.start.isoformat(), found.last_day.isoformat(), NRF.weeks_in(year))


def test_only_these_retail_years_have_53_weeks() -> None:
    """From 2000 to 2026 the NRF had 53 weeks in 2000, 2006, 2012, 2017 and 2023."""
    assert [2000, 2006, 2012, 2017, 2023] == [year for year in range(2000, 2027) if NRF.weeks_in(year) == 53]


@pytest.mark.parametrize(
    "year,last_days",
    [
        (
            2026,
            (
                "2026-02-28 2026-04-04 2026-05-02 2026-05-30 2026-07-04 2026-08-01 "
                "2026-08-29 2026-10-03 2026-10-31 2026-11-28 2027-01-02 2027-01-30"
            ),
        ),
        (
            2023,
            (
                "2023-02-25 2023-04-01 2023-04-29 2023-05-27 2023-07-01 2023-07-29 "
                "2023-08-26 2023-09-30 2023-10-28 2023-11-25 2023-12-30 2024-02-03"
            ),
        ),
    ],
)
def test_the_months_of_retail(year: int, last_days: str) -> None:
    """Periods have four, five and four weeks, and the last one takes the 53rd."""
    found = NRF.periods_of_year(year, Span.MONTH)
    assert last_days == " ".join(each.last_day.isoformat() for each in found)
    assert [f"{year}-P{number:02}" for number in range(1, 13)] == [each.label for each in found]


@pytest.mark.parametrize(
    "company,year,last_days",
    [
        # The quarter that holds Christmas takes Apple's 53rd week.
        (APPLE, 2017, "2016-12-31 2017-04-01 2017-07-01 2017-09-30"),
        (APPLE, 2022, "2021-12-25 2022-03-26 2022-06-25 2022-09-24"),
        (APPLE, 2023, "2022-12-31 2023-04-01 2023-07-01 2023-09-30"),
        (APPLE, 2024, "2023-12-30 2024-03-30 2024-06-29 2024-09-28"),
        # Cisco's goes to the third quarter.
        (CISCO, 2010, "2009-10-24 2010-01-23 2010-05-01 2010-07-31"),
        (CISCO, 2016, "2015-10-24 2016-01-23 2016-04-30 2016-07-30"),
        (CISCO, 2020, "2019-10-26 2020-01-25 2020-04-25 2020-07-25"),
        (CISCO, 2021, "2020-10-24 2021-01-23 2021-05-01 2021-07-31"),
        (NVIDIA, 2024, "2023-04-30 2023-07-30 2023-10-29 2024-01-28"),
        (NVIDIA, 2025, "2024-04-28 2024-07-28 2024-10-27 2025-01-26"),
    ],
)
def test_the_quarters_of_technology_companies(company: WeekYear, year: int, last_days: str) -> None:
    """Quarters end on the days that the companies reported."""
    found = company.periods_of_year(year, Span.QUARTER)
    assert last_days == " ".join(each.last_day.isoformat() for each in found)
    assert [f"{year}-Q{number}" for number in range(1, 5)] == [each.label for each in found]


@pytest.mark.parametrize(
    "company,year,last_day,weeks",
    [
        (APPLE, 2018, "2018-09-29", 52),
        (CISCO, 2022, "2022-07-30", 52),
        (NVIDIA, 2016, "2016-01-31", 53),
        (NVIDIA, 2017, "2017-01-29", 52),
        (NVIDIA, 2021, "2021-01-31", 53),
        (NVIDIA, 2022, "2022-01-30", 52),
        (INTEL, 2016, "2016-12-31", 53),
        (INTEL, 2021, "2021-12-25", 52),
        (INTEL, 2022, "2022-12-31", 53),
        (INTEL, 2023, "2023-12-30", 52),
        (COSTCO_DAY, 2017, "2017-09-03", 53),
        (COSTCO_DAY, 2022, "2022-08-28", 52),
        (COSTCO_DAY, 2023, "2023-09-03", 53),
        (COSTCO_DAY, 2024, "2024-09-01", 52),
        # The year that ends in January keeps the number of the December that it is held by.
        (JOHNSON, 2020, "2021-01-03", 53),
        (JOHNSON, 2021, "2022-01-02", 52),
        (JOHNSON, 2022, "2023-01-01", 52),
        (JOHNSON, 2023, "2023-12-31", 52),
    ],
)
def test_the_years_of_companies(company: WeekYear, year: int, last_day: str, weeks: int) -> None:
    """Fiscal years end on the days of the annual reports and have their weeks."""
    assert (last_day, weeks) == (company.period(f"FY{year}").last_day.isoformat(), company.weeks_in(year))


@given(st.integers(1990, 2090), st.integers(1, 52))
def test_a_year_from_the_monday_nearest_to_new_year_is_that_of_iso_8601(year: int, week: int) -> None:
    """ISO 8601's weeks are those of a year that begins on the Monday nearest to 1 January, whichever end names it."""
    for named_by in NamedBy:
        iso = WeekYear(Pattern.WEEKS_4_4_5, Anchor.parse("monday nearest january 1"), NamedBy.START, 12, named_by)
        day = date.fromisocalendar(year, week, 3)
        found = iso.year_of(day)
        assert (year, week) == (found.year, iso.week_of(found, day).number)


@pytest.mark.parametrize(
    "text,shown",
    [
        ("last Saturday of January", "last saturday of january"),
        ("the last sat in jan", "last saturday of january"),
        ("first Sunday of February", "first sunday of february"),
        ("Saturday nearest to January 31st", "saturday nearest january 31"),
        ("friday closest to 31 january", "friday nearest january 31"),
    ],
)
def test_an_anchor_is_read(text: str, shown: str) -> None:
    """An anchor is written as one would say it."""
    assert shown == str(Anchor.parse(text))


@pytest.mark.parametrize(
    "text,problem",
    [
        ("january", "does not say on which day; write it like"),
        ("last caturday of january", "'caturday' is not a weekday"),
        ("last saturday of ma", "'ma' is not a month"),
        ("saturday nearest april 31", "April has no day 31"),
        ("saturday nearest february 29", "not every year has a February 29; use february 28 or march 1"),
        ("fifth saturday of january", "does not say on which day"),
    ],
)
def test_what_is_no_anchor_is_refused(text: str, problem: str) -> None:
    """Anything else is refused with what is wrong with it."""
    with pytest.raises(ValueError, match=problem):
        Anchor.parse(text)


def test_a_calendar_month_means_nothing_in_a_year_of_weeks() -> None:
    """`2026-03` is a calendar month; the third period is written with a P."""
    with pytest.raises(ValueError, match=r"write it like 2026-P03"):
        NRF.period("2026-03")


ANCHORS = st.one_of(
    st.builds(Anchor, st.integers(0, 6), st.integers(1, 12), day=st.integers(1, 28)),
    st.builds(Anchor, st.integers(0, 6), st.integers(1, 12), which=st.sampled_from([-1, 1, 2, 3, 4])),
)
WEEK_YEARS = st.builds(
    WeekYear,
    st.sampled_from(Pattern),
    ANCHORS,
    st.sampled_from(NamedBy),
    st.integers(1, 12),
    st.sampled_from(NamedBy),
)
MONTH_YEARS = st.builds(FiscalYear, st.integers(1, 12), st.sampled_from(NamedBy), st.integers(0, 6))
CALENDARS = st.one_of(WEEK_YEARS, MONTH_YEARS)
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@unhurried
@given(CALENDARS, DAYS, st.sampled_from(Span))
def test_periods_tile_time(fiscal: FiscalCalendar, day: date, span: Span) -> None:
    """A day lies in exactly one period.

    Each begins where the one before it ends, and its first and last days are its own.
    """
    period = fiscal.period_of(span, day)
    assert day in period
    assert (period, period) == (fiscal.period_of(span, period.start), fiscal.period_of(span, period.last_day))
    assert (period.end, period.start) == (fiscal.after(period).start, fiscal.before(period).end)
    assert period == fiscal.before(fiscal.after(period))


@unhurried
@given(CALENDARS, DAYS)
def test_years_are_made_of_quarters_and_those_of_months(fiscal: FiscalCalendar, day: date) -> None:
    """A year's periods cover it without gaps, and each says its place and knows itself by its label."""
    year = fiscal.year_of(day)
    for span, count in ((Span.MONTH, 12), (Span.QUARTER, 4)):
        parts = fiscal.periods_in(year, span)
        assert list(range(1, count + 1)) == [each.number for each in parts]
        assert (year.start, year.end, {year.year}) == (parts[0].start, parts[-1].end, {each.year for each in parts})
        assert all(first.end == second.start for first, second in pairwise(parts))
        assert list(parts) == [fiscal.period(each.label) for each in parts]
    assert year == fiscal.period(year.label)


@unhurried
@given(WEEK_YEARS, DAYS)
def test_a_year_of_weeks_follows_its_pattern(fiscal: WeekYear, day: date) -> None:
    """Years have 52 or 53 weeks, and periods those of the pattern; the 53rd is where it was said to go."""
    year = fiscal.year_of(day)
    wanted = list(fiscal.pattern.weeks * 4)
    if year.days == 371:
        wanted[fiscal.extra_week_in - 1] += 1
    assert year.days in (364, 371)
    assert wanted == [each.days // 7 for each in fiscal.periods_in(year, Span.MONTH)]
    held = year.start if fiscal.anchored_at is NamedBy.START else year.last_day
    assert fiscal.anchor.weekday == held.weekday()


@unhurried
@given(CALENDARS, DAYS, st.sampled_from(Span))
def test_weeks_tile_a_period(fiscal: FiscalCalendar, day: date, span: Span) -> None:
    """The weeks of a period are counted without gaps.

    Only its first and last may be cut off, and none in a year of weeks.
    """
    period = fiscal.period_of(span, day)
    weeks = []
    at = period.start
    while at < period.end:
        weeks.append(fiscal.week_of(period, at))
        at = weeks[-1].end
    assert period.end == at
    assert list(range(1, weeks[0].of + 1)) == [week.number for week in weeks]
    assert not any(week.is_partial for week in weeks[1:-1])
    assert all(week.start.weekday() == fiscal.week_starts for week in weeks[1:])
    if isinstance(fiscal, WeekYear):
        assert not any(week.is_partial for week in weeks)


@unhurried
@given(WEEK_YEARS, st.one_of(st.dates(date.min, date(3, 1, 1)), st.dates(date(9996, 1, 1), date.max)))
def test_a_period_at_the_end_of_the_calendar(fiscal: WeekYear, day: date) -> None:
    """People write 9999-12-31 for never: its month, quarter and year are told, and hold it or end with it."""
    for span in Span:
        period = fiscal.period_of(span, day)
        assert period.start <= day <= period.end


@unhurried
@given(WEEK_YEARS, WEEK_YEARS)
def test_quarters_that_differ_have_another_text(one: WeekYear, other: WeekYear) -> None:
    """Two calendars whose texts are alike have the same quarters: what was counted by one holds in the other."""
    if one.quarters == other.quarters:
        days = [date(2000, 1, 1) + 30 * done * timedelta(days=1) for done in range(360)]
        assert [one.quarter_of(day).start for day in days] == [other.quarter_of(day).start for day in days]
