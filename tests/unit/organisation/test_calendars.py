from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ros_sync.durations import Duration, TimeLine, Unit
from ros_sync.organisation.calendars import BusinessCalendar, Hours

BERLIN = ZoneInfo("Europe/Berlin")
NINE_TO_FIVE: Hours = ((9 * 60, 17 * 60),)
ALL_DAY: Hours = ((0, 24 * 60),)
OFFICE = BusinessCalendar("office", BERLIN, (*((NINE_TO_FIVE,) * 5), (), ()), country="DE", subdivision="BE")
SPLIT = BusinessCalendar(
    "split",
    ZoneInfo("America/New_York"),
    (
        ((540, 720), (780, 1080)),
        ((540, 720), (780, 1080)),
        NINE_TO_FIVE,
        NINE_TO_FIVE,
        ((540, 840),),
        ((600, 720),),
        (),
    ),
    closed=frozenset({date(2026, 7, 3)}),
)
ALWAYS = BusinessCalendar("always", BERLIN, (ALL_DAY,) * 7)
NIGHT = BusinessCalendar("night", BERLIN, (((0, 150), (150, 360)),) * 7)
EVENING, SMALL_HOURS = (22 * 60, 24 * 60), (0, 6 * 60)
BOTH = (SMALL_HOURS, EVENING)
SHIFT = BusinessCalendar(
    "shift", BERLIN, ((EVENING,), BOTH, BOTH, BOTH, BOTH, (SMALL_HOURS,), ()), country="DE", subdivision="BE"
)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    "start,duration,due",
    [
        ("2026-03-04 15:00", "5 business days", "2026-03-11 15:00"),
        ("2026-03-04 15:00", "24 business hours", "2026-03-09 15:00"),
        ("2026-03-06 16:00", "1 business hour", "2026-03-06 17:00"),
        ("2026-03-06 16:00", "2 business hours", "2026-03-09 10:00"),
        ("2026-03-07 12:00", "1 business hour", "2026-03-09 10:00"),
        ("2026-03-07 12:00", "1 business day", "2026-03-10 09:00"),
        ("2026-03-06 17:00", "0 business hours", "2026-03-09 09:00"),
        ("2026-04-02 15:00", "1 business day", "2026-04-07 15:00"),
        ("2026-03-27 15:00", "8 business hours", "2026-03-30 15:00"),
        ("2026-03-27 15:00", "3 days", "2026-03-30 16:00"),
        ("2026-03-27 15:00", "90 minutes", "2026-03-27 16:30"),
        ("2026-03-27 15:00", "1 week", "2026-04-03 16:00"),
    ],
)
def test_a_duration_is_laid_on_the_calendar(start: str, duration: str, due: str) -> None:
    """Business units count working time and skip nights, weekends and holidays; the others count elapsed time."""
    assert berlin(due) == OFFICE.add(berlin(start), Duration.parse(duration))


@pytest.mark.parametrize(
    "end,duration,start",
    [
        ("2026-03-11 15:00", "5 business days", "2026-03-04 15:00"),
        ("2026-03-09 15:00", "24 business hours", "2026-03-04 15:00"),
        ("2026-03-07 12:00", "3 business days", "2026-03-03 17:00"),
        ("2026-03-07 12:00", "8 business hours", "2026-03-06 09:00"),
        ("2026-03-09 09:00", "8 business hours", "2026-03-06 09:00"),
        ("2026-03-30 16:00", "3 days", "2026-03-27 15:00"),
    ],
)
def test_a_duration_is_taken_back(end: str, duration: str, start: str) -> None:
    """Subtracting counts backwards, from the closing before where the end is outside hours."""
    assert berlin(start) == OFFICE.subtract(berlin(end), Duration.parse(duration))


def test_a_business_day_ends_with_a_shorter_day() -> None:
    """A time of day that the target day does not reach becomes that day's closing."""
    thursday = datetime(2026, 3, 5, 16, 30, tzinfo=SPLIT.timezone)
    assert datetime(2026, 3, 6, 14, 0, tzinfo=SPLIT.timezone) == SPLIT.add(thursday, Duration(1, Unit.BUSINESS_DAY))


def test_lunch_is_no_working_time() -> None:
    """Several intervals a day are counted apart."""
    monday = datetime(2026, 3, 2, 11, 0, tzinfo=SPLIT.timezone)
    assert datetime(2026, 3, 2, 15, 0, tzinfo=SPLIT.timezone) == SPLIT.add(monday, Duration(3, Unit.BUSINESS_HOUR))


def test_a_time_of_day_at_which_hours_end_is_held() -> None:
    """Noon of a Wednesday without lunch is noon of the Tuesday before, at which lunch begins, and not its end."""
    noon = datetime(2026, 3, 4, 12, 0, tzinfo=SPLIT.timezone)
    assert noon - timedelta(days=1) == SPLIT.subtract(noon, Duration(1, Unit.BUSINESS_DAY))


def test_a_closed_day_is_no_working_day() -> None:
    """The company's own closed days are skipped as holidays are."""
    thursday = datetime(2026, 7, 2, 10, 0, tzinfo=SPLIT.timezone)
    assert datetime(2026, 7, 4, 10, 0, tzinfo=SPLIT.timezone) == SPLIT.add(thursday, Duration(1, Unit.BUSINESS_DAY))


@pytest.mark.parametrize("day,hours", [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_round_the_clock_is_as_long_as_the_clocks_make_it(day: str, hours: int) -> None:
    """A 24-hour calendar's day has 23 hours where clocks go forward and 25 where they go back."""
    start = berlin(day)
    end = berlin(str(date.fromisoformat(day) + timedelta(days=1)))
    assert timedelta(hours=hours) == ALWAYS.between(start, end)


@pytest.mark.parametrize("day,hours", [("2026-03-28", 6), ("2026-03-29", 5), ("2026-10-25", 7)])
def test_hours_that_end_at_a_time_the_clocks_skip_or_repeat(day: str, hours: int) -> None:
    """Hours that meet at 02:30 neither lose nor gain time on a day on which 02:30 is missing or comes twice."""
    start = berlin(day)
    assert timedelta(hours=hours) == NIGHT.between(start, start + timedelta(hours=12))


def test_an_opening_that_does_not_exist_is_the_clock_change() -> None:
    """Hours that open at 02:30 open at 03:00 on the day on which 02:30 does not exist."""
    early = BusinessCalendar("early", BERLIN, (((150, 360),),) * 7)
    assert berlin("2026-03-29 03:00") == early.opening(berlin("2026-03-29"))


def test_an_opening_that_comes_twice_is_the_first() -> None:
    """Hours that open at 02:30 open before the clocks go back, and last an hour longer on that day."""
    early = BusinessCalendar("early", BERLIN, (((150, 360),),) * 7)
    first = berlin("2026-10-25 02:30", fold=0)
    assert first == early.opening(berlin("2026-10-25"))
    assert timedelta(hours=4.5) == early.between(berlin("2026-10-25"), berlin("2026-10-26"))


def test_a_day_ends_at_the_first_of_two_midnights() -> None:
    """In Havana clocks go back from 01:00 to 00:00: that hour belongs to the day that has begun."""
    havana = ZoneInfo("America/Havana")
    saturdays = BusinessCalendar("saturdays", havana, ((), (), (), (), (), ALL_DAY, ()))
    saturday = datetime(2026, 10, 31, tzinfo=havana).astimezone(UTC)
    assert timedelta(hours=24) == saturdays.between(saturday, saturday + timedelta(days=2))


def test_a_business_day_keeps_the_time_of_day_across_the_clock_change() -> None:
    """One business day after Saturday noon is Sunday noon, 23 hours later."""
    assert berlin("2026-03-29 12:00") == ALWAYS.add(berlin("2026-03-28 12:00"), Duration(1, Unit.BUSINESS_DAY))


def test_a_closing_at_midnight_belongs_to_the_day_it_ends() -> None:
    """A business day before the end of a 24-hour Friday is the end of Thursday."""
    week = BusinessCalendar("week", BERLIN, (*((ALL_DAY,) * 5), (), ()))
    assert berlin("2026-03-06 00:00") == week.subtract(berlin("2026-03-08 12:00"), Duration(1, Unit.BUSINESS_DAY))


@pytest.mark.parametrize(
    "start,duration,due",
    [
        ("2026-03-02 23:00", "1 business day", "2026-03-03 23:00"),
        ("2026-03-03 01:00", "1 business day", "2026-03-04 01:00"),  # still Monday's shift
        ("2026-03-03 12:00", "1 business day", "2026-03-04 22:00"),  # in daylight: from Tuesday's opening
        ("2026-03-06 23:00", "1 business day", "2026-03-09 23:00"),  # Friday's shift, then Monday's
        ("2026-03-07 01:00", "1 business day", "2026-03-10 01:00"),  # Friday's shift on Saturday
        ("2026-03-07 06:00", "1 business day", "2026-03-10 22:00"),  # Saturday morning it has ended
        ("2026-03-02 22:00", "5 business days", "2026-03-09 22:00"),  # a week of five shifts
        ("2026-03-02 23:00", "8 business hours", "2026-03-03 23:00"),
        ("2026-03-27 23:00", "1 business day", "2026-03-30 23:00"),  # over the change to summer time
        ("2026-03-28 02:30", "1 business day", "2026-03-31 02:30"),
        ("2026-03-28 01:00", "2 business days", "2026-04-01 01:00"),
    ],
)
def test_a_shift_over_midnight_is_one_business_day(start: str, duration: str, due: str) -> None:
    """22:00 to 06:00, written over two days, is the working day of the evening; so a week of five shifts has five."""
    assert berlin(due) == SHIFT.add(berlin(start), Duration.parse(duration))


@pytest.mark.parametrize(
    "end,duration,start",
    [
        ("2026-03-10 01:00", "1 business day", "2026-03-07 01:00"),
        ("2026-03-08 12:00", "1 business day", "2026-03-06 06:00"),
        ("2026-03-09 23:00", "5 business days", "2026-03-02 23:00"),
    ],
)
def test_shifts_over_midnight_are_taken_back(end: str, duration: str, start: str) -> None:
    """Counting backwards, the small hours belong to the evening before too."""
    assert berlin(start) == SHIFT.subtract(berlin(end), Duration.parse(duration))


def test_the_small_hours_after_a_holiday_are_no_business_day() -> None:
    """After Maundy Thursday's shift comes that of the Tuesday after Easter, though Saturday's small hours count."""
    thursday = berlin("2026-04-02 23:00")
    due = [SHIFT.add(thursday, Duration(1, unit)) for unit in (Unit.BUSINESS_DAY, Unit.BUSINESS_HOUR)]
    assert [berlin("2026-04-07 23:00"), berlin("2026-04-03 00:00")] == due


def test_days_from_midnight_to_midnight_are_a_business_day_each() -> None:
    """Round the clock from Monday to Friday is five days, though their hours meet.

    A bar's night ends the evening's day.
    """
    week = BusinessCalendar("week", BERLIN, (*((ALL_DAY,) * 5), (), ()))
    bar = BusinessCalendar("bar", BERLIN, (((0, 120), (480, 1440)),) * 7)
    one = Duration(1, Unit.BUSINESS_DAY)
    due = [week.add(berlin("2026-03-06 01:00"), one), bar.add(berlin("2026-03-03 01:00"), one)]
    assert [berlin("2026-03-09 01:00"), berlin("2026-03-04 01:00")] == due


@pytest.mark.parametrize(
    "start,due",
    [
        ("2026-03-06 16:00", "2026-03-09 16:00"),  # Friday to Monday
        ("2026-03-06 17:00", "2026-03-10 09:00"),  # Friday's closing is Monday's opening
        ("2026-03-06 23:00", "2026-03-10 09:00"),  # a lead of the night counts from the next opening
        ("2026-03-07 10:00", "2026-03-10 09:00"),
        ("2026-03-09 08:59", "2026-03-10 09:00"),
        ("2026-03-09 09:00", "2026-03-10 09:00"),
        ("2026-04-02 16:00", "2026-04-07 16:00"),  # over Good Friday and Easter Monday
        ("2026-04-03 12:00", "2026-04-08 09:00"),  # on Good Friday
        ("2026-03-27 16:00", "2026-03-30 16:00"),  # over the change to summer time
        ("2026-10-23 16:00", "2026-10-26 16:00"),  # and back
        ("2026-12-24 16:00", "2026-12-28 16:00"),
    ],
)
def test_a_business_day_is_24_hours_that_run_on_working_days(start: str, due: str) -> None:
    """From Friday 16:00 to Monday 16:00, holidays left out, by the wall clock."""
    assert berlin(due) == OFFICE.add(berlin(start), Duration.parse("1 business day"))


@pytest.mark.parametrize(
    "at,is_open",
    [("2026-03-06 08:59", False), ("2026-03-06 09:00", True), ("2026-03-06 17:00", False), ("2026-03-07 12:00", False)],
)
def test_whether_it_is_working_time(at: str, is_open: bool) -> None:
    """The opening instant is working time, the closing instant is not."""
    assert is_open == OFFICE.is_open(berlin(at))


@pytest.mark.parametrize("unit", list(Unit))
def test_a_slip_of_the_pen_is_never_due(unit: Unit) -> None:
    """A duration with a dozen digits is answered at once, with the last instant there is."""
    assert datetime.max.replace(tzinfo=UTC) == OFFICE.add(berlin("2026-03-04 15:00"), Duration(10**12, unit))


@pytest.mark.parametrize("duration", ["5 business days", "24 business hours", "3 weeks"])
def test_the_end_of_time_is_no_crash(duration: str) -> None:
    """A start in the year 9999, which CRMs do hold, is answered with the last instant there is."""
    assert datetime.max.replace(tzinfo=UTC) == OFFICE.add(datetime(9999, 12, 30, tzinfo=UTC), Duration.parse(duration))


@pytest.mark.parametrize("duration", ["5 business days", "24 business hours", "3 weeks"])
def test_the_beginning_of_time_is_no_crash(duration: str) -> None:
    """An end in the year 1 is answered with the first instant there is."""
    assert datetime.min.replace(tzinfo=UTC) == OFFICE.subtract(datetime(1, 1, 3, tzinfo=UTC), Duration.parse(duration))


def test_the_first_days_of_time_are_none_to_count() -> None:
    """An offset could carry an instant of theirs before the first one: counting ends on the day after them."""
    third, fourth = (datetime(1, 1, day, 12, tzinfo=BERLIN).astimezone(UTC) for day in (3, 4))
    assert datetime.min.replace(tzinfo=UTC) == ALWAYS.subtract(fourth, Duration(1, Unit.BUSINESS_DAY))
    assert third == ALWAYS.subtract(third, Duration(0, Unit.BUSINESS_DAY))
    assert fourth == ALWAYS.subtract(fourth + timedelta(days=1), Duration(1, Unit.BUSINESS_DAY))


def test_the_last_days_of_time_are_none_to_count() -> None:
    """Nor are those at the other end."""
    start = datetime(9999, 12, 27, 12, tzinfo=BERLIN)
    assert datetime(9999, 12, 28, 12, tzinfo=BERLIN) == ALWAYS.add(start, Duration(1, Unit.BUSINESS_DAY))
    assert datetime.max.replace(tzinfo=UTC) == ALWAYS.add(start, Duration(2, Unit.BUSINESS_DAY))


def test_a_calendar_without_hours_is_refused() -> None:
    """A calendar in which nothing would ever be due cannot be made."""
    with pytest.raises(ValueError, match="has no working hours"):
        BusinessCalendar("never", BERLIN, ((),) * 7)


def test_the_version_changes_with_the_hours() -> None:
    """Two calendars have the same fingerprint only where all that decides their hours is the same."""
    same = BusinessCalendar("other name", BERLIN, (*((NINE_TO_FIVE,) * 5), (), ()), country="DE", subdivision="BE")
    others = {
        BusinessCalendar("office", BERLIN, OFFICE.week).version,
        BusinessCalendar("office", BERLIN, OFFICE.week, country="DE").version,
        BusinessCalendar("office", ZoneInfo("Europe/Paris"), OFFICE.week, country="DE", subdivision="BE").version,
        BusinessCalendar("office", BERLIN, OFFICE.week, "DE", "BE", frozenset({date(2026, 12, 24)})).version,
    }
    assert (OFFICE.version, 4) == (same.version, len(others - {OFFICE.version}))


unhurried = settings(deadline=None)  # the machine that runs the tests may be busy
CALENDARS = st.sampled_from([OFFICE, SPLIT, ALWAYS, NIGHT, SHIFT])
FOUR_YEARS_MINUTES = 4 * 365 * 24 * 60
INSTANTS = st.integers(0, FOUR_YEARS_MINUTES).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
HOURS = st.integers(0, 200).map(lambda count: Duration(count, Unit.BUSINESS_HOUR))
DAYS = st.integers(0, 60).map(lambda count: Duration(count, Unit.BUSINESS_DAY))


@unhurried
@given(CALENDARS, INSTANTS, HOURS)
def test_the_time_between_is_the_time_added(calendar: BusinessCalendar, start: datetime, duration: Duration) -> None:
    """Between a start and its due instant lies exactly the working time that was added."""
    assert timedelta(hours=duration.count) == calendar.between(start, calendar.add(start, duration))


@unhurried
@given(CALENDARS, INSTANTS, INSTANTS, st.one_of(HOURS, DAYS))
def test_a_later_start_is_never_due_earlier(
    calendar: BusinessCalendar, one: datetime, other: datetime, duration: Duration
) -> None:
    """Adding keeps the order of instants, and so does subtracting."""
    early, late = sorted((one, other))
    added = [calendar.add(at, duration) for at in (early, late)]
    taken = [calendar.subtract(at, duration) for at in (early, late)]
    assert (sorted(added), sorted(taken)) == (added, taken)


@unhurried
@given(CALENDARS, INSTANTS, HOURS)
def test_subtracting_hours_undoes_adding_them(calendar: BusinessCalendar, start: datetime, duration: Duration) -> None:
    """From working time, adding business hours and taking them off again leads back."""
    assume(calendar.is_open(start) and (duration.count or start != calendar.opening(start)))
    assert start == calendar.subtract(calendar.add(start, duration), duration)


@unhurried
@given(st.sampled_from([OFFICE, ALWAYS]), INSTANTS, DAYS)
def test_subtracting_days_undoes_adding_them(calendar: BusinessCalendar, start: datetime, duration: Duration) -> None:
    """Where all days have the same hours, adding business days and taking them off again leads back."""
    start = calendar.opening(start)
    local = start.astimezone(calendar.timezone)
    assume(local.hour not in (1, 2, 3))  # a time of day that a clock change may skip or repeat on the way
    assert start == calendar.subtract(calendar.add(start, duration), duration)


@unhurried
@given(INSTANTS, HOURS)
def test_round_the_clock_is_elapsed_time(start: datetime, duration: Duration) -> None:
    """In a 24-hour calendar business hours are hours."""
    assert start + timedelta(hours=duration.count) == ALWAYS.add(start, duration)


@unhurried
@given(CALENDARS, INSTANTS, INSTANTS, INSTANTS)
def test_working_time_adds_up(calendar: BusinessCalendar, one: datetime, two: datetime, three: datetime) -> None:
    """Working time over two stretches is that over both, backwards ones counted as negative."""
    assert calendar.between(one, three) == calendar.between(one, two) + calendar.between(two, three)


def test_a_calendar_is_a_time_line() -> None:
    """Whatever takes a TimeLine takes a business calendar."""
    line: TimeLine = OFFICE
    assert line.add(berlin("2026-03-04 15:00"), Duration(1, Unit.HOUR)) == berlin("2026-03-04 16:00")


def test_a_changed_copy_works_its_days_out_anew() -> None:
    """A copy of a calendar with another closed day does not remember the days of the original."""
    thursday = berlin("2026-03-05 10:00")
    one_day = Duration(1, Unit.BUSINESS_DAY)
    before = OFFICE.add(thursday, one_day)
    closed = replace(OFFICE, closed=frozenset({date(2026, 3, 6)}))
    assert (berlin("2026-03-06 10:00"), berlin("2026-03-09 10:00")) == (before, closed.add(thursday, one_day))
