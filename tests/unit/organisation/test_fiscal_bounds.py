"""When periods begin and end as instants, and what is left of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ros_sync.organisation.calendars import OFFICE_WEEK, BusinessCalendar
from ros_sync.organisation.company import CompanyProfile, Member, Organisation
from ros_sync.organisation.fiscal import FiscalCalendar, FiscalYear, NamedBy, Span
from ros_sync.organisation.fiscal_weeks import Anchor, Pattern, WeekYear
from ros_sync.organisation.people import Directory

unhurried = settings(deadline=None)
FRIDAYS = WeekYear(Pattern.WEEKS_4_4_5, Anchor.parse("last friday of april"))
BERLIN = ZoneInfo("Europe/Berlin")
# Clocks changed at or just after midnight in all of these, some back into the day before; Samoa left a whole day out.
MIDNIGHT_ZONES = (
    "Africa/Cairo",
    "America/Asuncion",
    "America/Havana",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Beirut",
    "Asia/Tehran",
    "Pacific/Apia",
)


@unhurried
@given(
    st.sampled_from([FiscalYear(), FiscalYear(11), FRIDAYS]),
    st.sampled_from(MIDNIGHT_ZONES),
    st.datetimes(datetime(1985, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001  # its zone is put in below
    st.sampled_from(Span),
)
def test_an_instant_lies_in_exactly_one_period(fiscal: FiscalCalendar, zone: str, at: datetime, span: Span) -> None:
    """Where clocks change at midnight, each instant lies within the bounds of its period and of no other."""
    _assert_within_bounds(fiscal, ZoneInfo(zone), at.replace(tzinfo=UTC), span)


@pytest.mark.parametrize("zone", MIDNIGHT_ZONES)
def test_bounds_hold_around_every_clock_change(zone: str) -> None:
    """Every quarter of an hour around each clock change of forty years lies within its period's bounds.

    Weeks that begin on Sunday, when clocks are mostly changed, bring the two together.
    """
    tz = ZoneInfo(zone)
    sundays = WeekYear(Pattern.WEEKS_4_4_5, Anchor.parse("last saturday of october"))
    day, offset = datetime(1985, 1, 1, tzinfo=UTC), None
    while day.year < 2026:
        now = day.astimezone(tz).utcoffset()
        if offset is not None and now != offset:
            for step in range(-100, 4):
                for fiscal in (sundays, FiscalYear(4)):
                    _assert_within_bounds(fiscal, tz, day + step * timedelta(minutes=15), Span.MONTH)
        day, offset = day + timedelta(days=1), now


def test_money_counts_by_the_company_s_days() -> None:
    """A deal that is signed at 01:00 in Berlin on 1 April counts for April there, and for March in New York."""
    at = datetime(2026, 3, 31, 23, tzinfo=UTC)
    assert ("2026-04", "2026-03") == tuple(
        CompanyProfile(timezone=zone).period_at(Span.MONTH, at).label for zone in ("Europe/Berlin", "America/New_York")
    )


def test_the_bounds_of_a_period_are_the_company_s_midnights() -> None:
    """A quarter begins and ends at midnight in the company's zone, on either side of a clock change."""
    company = CompanyProfile(timezone="Europe/Berlin")
    assert (
        datetime(2025, 12, 31, 23, tzinfo=UTC),
        datetime(2026, 3, 31, 22, tzinfo=UTC),
    ) == company.bounds(company.fiscal_year.period("2026-Q1"))


def test_a_person_s_deadline_is_in_their_own_zone() -> None:
    """Five o'clock on Friday is five o'clock where the person is, whatever the company's zone is."""
    people = {"ada@x.example": Member("ada@x.example", timezone="America/New_York")}
    ada = Directory(Organisation(CompanyProfile(timezone="Europe/Berlin"), people=people)).find("ada@x.example")
    assert ada is not None
    assert datetime(2026, 3, 6, 22, tzinfo=UTC) == ada.due_at(date(2026, 3, 6), time(17))


@pytest.mark.parametrize(
    "day,at,instant",
    [
        (date(2026, 3, 29), time(2, 30), datetime(2026, 3, 29, 1, tzinfo=UTC)),  # there is none: clocks go forward
        (date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),  # the second of two
    ],
)
def test_a_deadline_at_a_clock_change(day: date, at: time, instant: datetime) -> None:
    """A time that does not exist is that of the clock change, and of two the second counts."""
    people = {"ada@x.example": Member("ada@x.example", timezone="Europe/Berlin")}
    ada = Directory(Organisation(people=people)).find("ada@x.example")
    assert ada is not None
    assert instant == ada.due_at(day, at)


@pytest.mark.parametrize(
    "day,left",
    [
        (date(2025, 12, 1), 21),  # before the month: all of it
        (date(2026, 1, 1), 21),  # closed
        (date(2026, 1, 29), 2),
        (date(2026, 1, 30), 1),
        (date(2026, 1, 31), 0),
        (date(2026, 3, 1), 0),
    ],
)
def test_working_days_left(day: date, left: int) -> None:
    """A day counts until it is over; weekends, holidays and closed days do not."""
    closed = frozenset({date(2026, 1, 1)})
    calendar = BusinessCalendar("office", BERLIN, OFFICE_WEEK, closed=closed)
    assert left == FiscalYear().period("2026-01").working_days_left(day, calendar)


@pytest.mark.parametrize(
    "day,week,partial",
    [
        (date(2026, 1, 1), "week 1 of 14", True),  # a Thursday
        (date(2026, 1, 4), "week 1 of 14", True),
        (date(2026, 1, 5), "week 2 of 14", False),
        (date(2026, 3, 31), "week 14 of 14", True),
    ],
)
def test_the_weeks_of_a_quarter_of_months(day: date, week: str, partial: bool) -> None:
    """Weeks run from Monday to Sunday, and those that the quarter cuts off are partial."""
    fiscal = FiscalYear()
    found = fiscal.week_of(fiscal.period("2026-Q1"), day)
    assert (week, partial) == (str(found), found.is_partial)


def test_a_day_elsewhere_has_no_week_in_a_period() -> None:
    """Asking for the week of a day that a period does not have is refused."""
    fiscal = FiscalYear()
    with pytest.raises(ValueError, match="2026-04-01 does not lie in 2026-Q1"):
        fiscal.week_of(fiscal.period("2026-Q1"), date(2026, 4, 1))


def test_a_month_has_no_quarters() -> None:
    """A period is made of shorter ones."""
    fiscal = FiscalYear()
    with pytest.raises(ValueError, match="a month has no quarters"):
        fiscal.periods_in(fiscal.period("2026-01"), Span.QUARTER)


@pytest.mark.parametrize(
    "fiscal,label,same",
    [
        (FiscalYear(), "2026-P03", "2026-03"),
        (FiscalYear(2), "2027-P01", "2026-02"),
        (FiscalYear(2, NamedBy.START), "2026-P12", "2027-01"),
        (FiscalYear(2), "FY2027", "2027"),
        (FiscalYear(2), "FY2027-Q1", "2027-Q1"),
    ],
)
def test_labels_that_mean_the_same(fiscal: FiscalYear, label: str, same: str) -> None:
    """A P counts the months of the fiscal year, where a number alone is a calendar month."""
    assert fiscal.period(same) == fiscal.period(label)


@pytest.mark.parametrize("named_by,label", [(NamedBy.END, "2027-Q1"), (NamedBy.START, "2026-Q1")])
def test_a_year_is_named_by_one_of_its_ends(named_by: NamedBy, label: str) -> None:
    """The year that begins in February 2026 is 2027 by its end, and 2026 by its start."""
    assert label == FiscalYear(2, named_by).quarter_of(date(2026, 2, 1)).label


def test_a_calendar_year_has_one_name() -> None:
    """A year that begins in January begins and ends in the same one."""
    day = date(2026, 5, 1)
    assert FiscalYear(1, NamedBy.START).year_of(day) == FiscalYear(1, NamedBy.END).year_of(day)


def _assert_within_bounds(fiscal: FiscalCalendar, tz: ZoneInfo, at: datetime, span: Span) -> None:
    period = fiscal.period_at(span, at, tz)
    starts_at, ends_at = period.instants(tz)
    assert starts_at <= at < ends_at
    assert (ends_at, starts_at) == (fiscal.after(period).instants(tz)[0], fiscal.before(period).instants(tz)[1])
