"""Fiscal periods: months, quarters and years of a fiscal year that may begin in any month.

A fiscal year is named by the calendar year in which it ends, so the year that begins in February 2026 is 2027; one that
begins in January is the calendar year. Months are calendar months.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ros_sync import clock

MONTHS = 12
QUARTER_MONTHS = 3
_LABEL = re.compile(r"(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<month>0[1-9]|1[0-2]))?")


class Span(StrEnum):
    """How long a period is."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def months(self) -> int:
        """Its length in months."""
        return {Span.MONTH: 1, Span.QUARTER: QUARTER_MONTHS, Span.YEAR: MONTHS}[self]


@dataclass(frozen=True, slots=True)
class Period:
    """A month, quarter or year. `start` is its first day, `end` the first day after it."""

    span: Span
    label: str
    start: date
    end: date

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __str__(self) -> str:
        """`2026-Q1`, `2026-03` or `2026`."""
        return self.label

    @property
    def last_day(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    def instants(self, tz: ZoneInfo) -> tuple[datetime, datetime]:
        """The instants at which it begins and ends in a zone."""
        return clock.start_of_day(self.start, tz), clock.start_of_day(self.end, tz)


@dataclass(frozen=True, slots=True)
class FiscalYear:
    """How a company cuts its years: `starts` is the month (1 to 12) of the first day of each."""

    starts: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.starts <= MONTHS:
            raise ValueError(f"{self.starts} is not a month; use 1 to 12")

    def month_of(self, day: date) -> Period:
        """The calendar month of a day."""
        return self._period(Span.MONTH, _month_number(day))

    def quarter_of(self, day: date) -> Period:
        """The fiscal quarter of a day."""
        number = _month_number(day)
        return self._period(Span.QUARTER, number - (number - self.starts + 1) % QUARTER_MONTHS)

    def year_of(self, day: date) -> Period:
        """The fiscal year of a day."""
        number = _month_number(day)
        return self._period(Span.YEAR, number - (number - self.starts + 1) % MONTHS)

    def period(self, label: str) -> Period:
        """The period of a label such as `2026-Q1`, `2026-03` or `2026`; ValueError for anything else."""
        match = _LABEL.fullmatch(label.strip())
        if match is None or not int(match["year"]):
            raise ValueError(f"{label!r} is not a period; write it like 2026-Q1, 2026-03 or 2026")
        year = int(match["year"])
        if match["month"]:
            return self._period(Span.MONTH, year * MONTHS + int(match["month"]) - 1)
        first = (year - (self.starts > 1)) * MONTHS + self.starts - 1
        if match["quarter"]:
            return self._period(Span.QUARTER, first + (int(match["quarter"]) - 1) * QUARTER_MONTHS)
        return self._period(Span.YEAR, first)

    def after(self, period: Period, count: int = 1) -> Period:
        """The period `count` later (earlier where negative), as long as the given one."""
        return self._period(period.span, _month_number(period.start) + count * period.span.months)

    def _period(self, span: Span, first: int) -> Period:
        """The period that begins with the month numbered `first` (see `_month_number`)."""
        since_start = (first - self.starts + 1) % MONTHS
        year = (first - since_start + MONTHS - 1) // MONTHS
        label = {
            Span.MONTH: f"{first // MONTHS:04}-{first % MONTHS + 1:02}",
            Span.QUARTER: f"{year:04}-Q{since_start // QUARTER_MONTHS + 1}",
            Span.YEAR: f"{year:04}",
        }[span]
        return Period(span, label, _first_of(first), _first_of(first + span.months))


def _month_number(day: date) -> int:
    """Months since year 0, so that periods are sums."""
    return day.year * MONTHS + day.month - 1


def _first_of(month_number: int) -> date:
    """The first day of a month; what lies beyond the calendar begins with its first day, or ends with its last."""
    year, month = divmod(month_number, MONTHS)
    if not date.min.year <= year <= date.max.year:
        return date.min if year < date.min.year else date.max
    return date(year, month + 1, 1)
