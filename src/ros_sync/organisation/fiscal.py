"""Fiscal calendars: the months, quarters and years in which a company counts its money.

A year has four quarters and twelve months. They are calendar months in a `FiscalYear`, and runs of four, five or six
whole weeks in a `WeekYear` (`fiscal_weeks`). Everything but where a month begins is said here once for both. Days are
those of the company's zone (`Company.bounds`); what a person is asked to do by a day is due in that person's own zone.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from zoneinfo import ZoneInfo

from ros_sync import clock
from ros_sync.organisation.calendars import BusinessCalendar

MONTHS = 12
QUARTERS = 4
QUARTER_MONTHS = 3
WEEK_DAYS = 7
_LABEL = re.compile(r"(?P<fy>FY)?(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<p>P)?(?P<month>0[1-9]|1[0-2]))?")


class Span(StrEnum):
    """How long a period is."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def months(self) -> int:
        """Its length in months."""
        return {Span.MONTH: 1, Span.QUARTER: QUARTER_MONTHS, Span.YEAR: MONTHS}[self]


class NamedBy(StrEnum):
    """Which of its two ends gives a fiscal year its number."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class Period:
    """A month, quarter or year of a fiscal calendar. `start` is its first day, `end` the first day after it.

    `year` is the fiscal year that it belongs to, `number` its place among the year's periods of its length, from 1.
    """

    span: Span
    label: str
    start: date
    end: date
    year: int
    number: int

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __str__(self) -> str:
        """`2026-03` or `2026-P03`, `2026-Q1`, `FY2026`."""
        return self.label

    @property
    def last_day(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days

    def instants(self, tz: ZoneInfo) -> tuple[datetime, datetime]:
        """The instants at which it begins and ends in a zone; money is counted in the company's (`Company.bounds`)."""
        return clock.start_of_day(self.start, tz), clock.start_of_day(self.end, tz)

    def working_days_left(self, day: date, calendar: BusinessCalendar) -> int:
        """The working days of a calendar from `day` to the period's end, both included; none where that is past."""
        return calendar.working_days(max(day, self.start), self.end)


@dataclass(frozen=True, slots=True)
class PeriodWeek:
    """Week `number` of the `of` weeks of a period, and its days within it; `end` is the first day after it.

    A week that the period cuts off is partial: its figures cannot be compared with those of a whole week.
    """

    number: int
    of: int
    start: date
    end: date

    @property
    def is_partial(self) -> bool:
        """Whether fewer than seven of its days lie in the period."""
        return (self.end - self.start).days < WEEK_DAYS

    def __str__(self) -> str:
        """`week 3 of 13`."""
        return f"week {self.number} of {self.of}"


class FiscalCalendar(ABC):
    """How a company divides time. Months are numbered through all years: the first of fiscal year 2026 is 12 * 2026."""

    __slots__ = ()
    _month_example: ClassVar[str]  # how a month is written, for those who wrote something else

    @abstractmethod
    def _number_of(self, day: date) -> int:
        """The number of the month that a day lies in."""

    @abstractmethod
    def _first_day(self, number: int) -> date:
        """The first day of the month of that number; beyond the calendar's ends its first or last day."""

    @abstractmethod
    def _month_label(self, number: int) -> str:
        """What the month of that number is called."""

    @abstractmethod
    def _month_labelled(self, year: int, month: int, *, is_fiscal: bool) -> int:
        """The number of the month `2026-P03` (`is_fiscal`) or `2026-03`; ValueError where that means nothing here."""

    @property
    @abstractmethod
    def week_starts(self) -> int:
        """The weekday on which weeks begin, 0 for Monday."""

    @property
    @abstractmethod
    def quarters(self) -> str:
        """A short text that changes whenever a quarter begins on another day."""

    def month_of(self, day: date) -> Period:
        """The month of a day."""
        return self.period_of(Span.MONTH, day)

    def quarter_of(self, day: date) -> Period:
        """The quarter of a day."""
        return self.period_of(Span.QUARTER, day)

    def year_of(self, day: date) -> Period:
        """The fiscal year of a day."""
        return self.period_of(Span.YEAR, day)

    def period_of(self, span: Span, day: date) -> Period:
        """The month, quarter or year of a day."""
        number = self._number_of(day)
        return self._period(span, number - number % span.months)

    def period_at(self, span: Span, at: datetime, tz: ZoneInfo) -> Period:
        """The month, quarter or year of an instant, by the days of a zone.

        Its bounds decide and not the date on the wall: clocks were put back over midnight in places, and showed the
        last hour of a day after the next one had begun.
        """
        period = self.period_of(span, at.astimezone(tz).date())
        starts_at, ends_at = period.instants(tz)
        if at >= ends_at:
            return self.after(period)
        return self.before(period) if at < starts_at else period

    def period(self, label: str) -> Period:
        """The period of a label such as `2026-Q1`, `2026-03`, `2026-P03`, `2026` or `FY2026`; ValueError for others."""
        match = _LABEL.fullmatch(label.strip())
        is_mixed = (
            match is not None and match["month"] and not match["p"] and match["fy"]
        )  # FY2026-03 may be two months
        if match is None or not int(match["year"]) or is_mixed:
            raise ValueError(f"{label!r} is not a period; write it like 2026-Q1, {self._month_example} or 2026")
        year = int(match["year"])
        if match["month"]:
            return self._period(Span.MONTH, self._month_labelled(year, int(match["month"]), is_fiscal=bool(match["p"])))
        if match["quarter"]:
            return self._period(Span.QUARTER, year * MONTHS + (int(match["quarter"]) - 1) * QUARTER_MONTHS)
        return self._period(Span.YEAR, year * MONTHS)

    def after(self, period: Period, count: int = 1) -> Period:
        """The period `count` later (earlier where negative), of the same length."""
        months = period.span.months
        return self._period(period.span, period.year * MONTHS + (period.number - 1 + count) * months)

    def before(self, period: Period) -> Period:
        """The period before one, of the same length."""
        return self.after(period, -1)

    def periods_in(self, period: Period, span: Span) -> tuple[Period, ...]:
        """The months, quarters or years that a period is made of, in order.

        ValueError where they are longer than it.
        """
        if span.months > period.span.months:
            raise ValueError(f"a {period.span} has no {span}s")
        first = period.year * MONTHS + (period.number - 1) * period.span.months
        return tuple(self._period(span, first + done) for done in range(0, period.span.months, span.months))

    def periods_of_year(self, year: int, span: Span) -> tuple[Period, ...]:
        """The months or quarters of the fiscal year of that number, or the year itself."""
        return self.periods_in(self._period(Span.YEAR, year * MONTHS), span)

    def week_of(self, period: Period, day: date) -> PeriodWeek:
        """Which week of a period a day lies in; ValueError where it does not lie in it.

        Weeks begin on `week_starts`; the first and the last are cut off where the period begins or ends within one.
        """
        if day not in period:
            raise ValueError(f"{day} does not lie in {period}")
        lead = (period.start.weekday() - self.week_starts) % WEEK_DAYS  # days of the first week before the period
        number = ((day - period.start).days + lead) // WEEK_DAYS
        starts, ends = number * WEEK_DAYS - lead, (number + 1) * WEEK_DAYS - lead
        return PeriodWeek(
            number=number + 1,
            of=-(-(period.days + lead) // WEEK_DAYS),
            start=period.start + timedelta(days=max(starts, 0)),
            end=period.start + timedelta(days=min(ends, period.days)),
        )

    def _period(self, span: Span, first: int) -> Period:
        """The period that begins with the month numbered `first`."""
        year, month = divmod(first, MONTHS)
        label = {
            Span.MONTH: self._month_label(first),
            Span.QUARTER: f"{year:04}-Q{month // QUARTER_MONTHS + 1}",
            Span.YEAR: f"FY{year:04}",
        }[span]
        start, end = self._first_day(first), self._first_day(first + span.months)
        return Period(span, label, start, end, year, month // span.months + 1)


@dataclass(frozen=True, slots=True)
class FiscalYear(FiscalCalendar):
    """A fiscal year of calendar months: `starts` is the month (1 to 12) of its first day.

    Named by its end, the year that begins in February 2026 is 2027; named by its start, 2026. One that begins in
    January is the calendar year. `week_starts` is 0 for Monday.
    """

    starts: int = 1
    named_by: NamedBy = NamedBy.END
    week_starts: int = 0
    _month_example: ClassVar[str] = "2026-03"

    def __post_init__(self) -> None:
        if not 1 <= self.starts <= MONTHS:
            raise ValueError(f"{self.starts} is not a month; use 1 to 12")

    @property
    def quarters(self) -> str:
        """The first month in which a quarter begins, as in `02`."""
        return f"{(self.starts - 1) % QUARTER_MONTHS + 1:02}"

    @property
    def _ahead(self) -> int:
        """How many months a month's number is ahead of the calendar's own count."""
        return (MONTHS if self.named_by is NamedBy.END and self.starts > 1 else 0) - (self.starts - 1)

    def _number_of(self, day: date) -> int:
        return day.year * MONTHS + day.month - 1 + self._ahead

    def _first_day(self, number: int) -> date:
        year, month = divmod(number - self._ahead, MONTHS)
        if not date.min.year <= year <= date.max.year:
            return date.min if year < date.min.year else date.max
        return date(year, month + 1, 1)

    def _month_label(self, number: int) -> str:
        year, month = divmod(number - self._ahead, MONTHS)
        return f"{year:04}-{month + 1:02}"

    def _month_labelled(self, year: int, month: int, *, is_fiscal: bool) -> int:
        return year * MONTHS + month - 1 + (0 if is_fiscal else self._ahead)
