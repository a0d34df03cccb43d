"""Fiscal years of 52 or 53 whole weeks: 4-4-5, 4-5-4 and 5-4-4.

Such a year begins and ends on the same weekdays, near the same day of the calendar (its anchor). Every five or six
years that takes a 53rd week, which one of the twelve periods is given.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import isleap
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from typing import ClassVar

from ros_sync.organisation.fiscal import MONTHS, QUARTER_MONTHS, QUARTERS, WEEK_DAYS, FiscalCalendar, NamedBy

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_HALF_WEEK = WEEK_DAYS // 2
_DECEMBER = 12
_LONG_YEAR_WEEKS = 53
_GREGORIAN_YEARS, _GREGORIAN_DAYS = 400, 146_097  # after which the calendar repeats itself, weekdays included
_ORDINALS = ("first", "second", "third", "fourth")
_WHICH = re.compile(r"(?:the )?(first|second|third|fourth|last) (\w+) (?:of|in) (\w+)")
_NEAREST = re.compile(
    r"(?:the )?(\w+) (?:nearest|closest)(?: to)? (?:(?P<month>\w+) (?P<day>\d{1,2})|(?P<day2>\d{1,2}) "
    r"(?P<month2>\w+))(?:st|nd|rd|th)?"
)
_HINT = "write it like `last saturday of january` or `saturday nearest january 31`"


class Pattern(StrEnum):
    """How many weeks each of a quarter's three periods has."""

    WEEKS_4_4_5 = "4-4-5"
    WEEKS_4_5_4 = "4-5-4"
    WEEKS_5_4_4 = "5-4-4"

    @property
    def weeks(self) -> tuple[int, ...]:
        """The weeks of the three periods."""
        return tuple(int(each) for each in self.value.split("-"))


@dataclass(frozen=True, slots=True)
class Anchor:
    """The day of each year by which a year of weeks is held: a weekday (0 is Monday) near a day of the calendar.

    With `day`, the weekday nearest to that day of the `month`, three days before or after at most. With `which`, that
    one of the month's weekdays: 1 for the first, -1 for the last.
    """

    weekday: int
    month: int
    day: int | None = None
    which: int | None = None

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """The anchor of `last saturday of january` or `saturday nearest january 31`; ValueError for anything else."""
        words = " ".join(re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text.lower()).split())
        if match := _WHICH.fullmatch(words):
            which, weekday, month = match.groups()
            place = -1 if which == "last" else _ORDINALS.index(which) + 1
            return cls(weekday_named(weekday), month_named(month), which=place)
        if match := _NEAREST.fullmatch(words):
            month = month_named(match["month"] or match["month2"])
            day = int(match["day"] or match["day2"])
            if month == 2 and day == 29:  # noqa: PLR2004  # the one day that is not there every year
                raise ValueError(f"{text!r}: not every year has a February 29; use february 28 or march 1")
            if not 1 <= day <= _MONTH_DAYS[month - 1]:
                raise ValueError(f"{text!r}: {MONTH_NAMES[month - 1].title()} has no day {day}")
            return cls(weekday_named(match[1]), month, day=day)
        raise ValueError(f"{text!r} does not say on which day; {_HINT}")

    def __str__(self) -> str:
        """As it is written in organisation.yaml."""
        weekday, month = WEEKDAYS[self.weekday], MONTH_NAMES[self.month - 1]
        if self.day is not None:
            return f"{weekday} nearest {month} {self.day}"
        which = "last" if self.which == -1 else _ORDINALS[(self.which or 1) - 1]
        return f"{which} {weekday} of {month}"

    def ordinal(self, year: int) -> int:
        """The day in a calendar year, as `date.toordinal` counts, also for years that `date` does not reach."""
        if self.day is not None:
            around = _ordinal(year, self.month, self.day)
            return _on_or_before(self.weekday, around + _HALF_WEEK)
        if self.which == -1:
            length = _MONTH_DAYS[self.month - 1] + (self.month == 2 and isleap(year))  # noqa: PLR2004  # February
            return _on_or_before(self.weekday, _ordinal(year, self.month, length))
        assert self.which is not None
        return _on_or_before(self.weekday, _ordinal(year, self.month, self.which * WEEK_DAYS))

    @property
    def is_new_year(self) -> bool:
        """Whether a year that begins here is a calendar year but for some days."""
        return self.month == 1 and (self.day == 1 or self.which == 1)

    @property
    def is_years_end(self) -> bool:
        """Whether a year that ends here is a calendar year but for some days."""
        return self.month == _DECEMBER and (self.day == _MONTH_DAYS[-1] or self.which == -1)


@dataclass(frozen=True, slots=True)
class WeekYear(FiscalCalendar):
    """A fiscal year of 52 or 53 weeks in periods of four or five.

    The `anchor` is its last day, or its first where `anchored_at` is START. `extra_week_in` is the period (1 to 12)
    that has a week more in a year of 53. A year is numbered by the calendar year of its anchor, and where it is to be
    named by its other end by that of the calendar day a year before or after: the year that ends on the Saturday
    nearest to 31 December 2026 is 2026 even where that is 2 January 2027.
    """

    pattern: Pattern
    anchor: Anchor
    anchored_at: NamedBy = NamedBy.END
    extra_week_in: int = MONTHS
    named_by: NamedBy = NamedBy.END
    _month_example: ClassVar[str] = "2026-P03"

    def __post_init__(self) -> None:
        if not 1 <= self.extra_week_in <= MONTHS:
            raise ValueError(f"{self.extra_week_in} is not one of the twelve periods; use 1 to 12")

    @property
    def week_starts(self) -> int:
        """The weekday on which the year, and with it every week, begins; 0 for Monday."""
        return self.anchor.weekday if self.anchored_at is NamedBy.START else (self.anchor.weekday + 1) % WEEK_DAYS

    @property
    def quarters(self) -> str:
        """The anchor, and the quarter with the 53rd week; the pattern divides quarters and does not move them."""
        quarter = (self.extra_week_in - 1) // QUARTER_MONTHS + 1
        return f"{self.anchored_at}s {self.anchor}, 53rd week in Q{quarter}"

    def weeks_in(self, year: int) -> int:
        """How many weeks a fiscal year has: 52 or 53."""
        return (self._year_starts(year + 1) - self._year_starts(year)) // WEEK_DAYS

    def _year_starts(self, year: int) -> int:
        """The ordinal of the first day of a fiscal year."""
        if self.anchored_at is NamedBy.START:
            # Named by its end, a year that begins in 2026 is 2027, unless it ends with 2026 as well.
            later = self.named_by is NamedBy.END and not self.anchor.is_new_year
            return _anchor_day(self.anchor, year - later)
        later = self.named_by is NamedBy.START and not self.anchor.is_years_end
        return _anchor_day(self.anchor, year - 1 + later) + 1

    def _months_of(self, year: int) -> tuple[int, ...]:
        """The first days of a fiscal year's twelve months, counted in weeks from its own."""
        return _month_starts(self.pattern, self.extra_week_in if self.weeks_in(year) == _LONG_YEAR_WEEKS else None)

    def _number_of(self, day: date) -> int:
        ordinal = day.toordinal()
        year = day.year + 2  # no name is further ahead: of the year that ends on the Saturday nearest to 1 January, say
        while self._year_starts(year) > ordinal:
            year -= 1
        week = (ordinal - self._year_starts(year)) // WEEK_DAYS
        return year * MONTHS + bisect_right(self._months_of(year), week) - 1

    def _first_day(self, number: int) -> date:
        year, month = divmod(number, MONTHS)
        ordinal = self._year_starts(year) + self._months_of(year)[month] * WEEK_DAYS
        return date.fromordinal(min(max(ordinal, date.min.toordinal()), date.max.toordinal()))

    def _month_label(self, number: int) -> str:
        year, month = divmod(number, MONTHS)
        return f"{year:04}-P{month + 1:02}"

    def _month_labelled(self, year: int, month: int, *, is_fiscal: bool) -> int:
        if not is_fiscal:
            raise ValueError(
                f"'{year:04}-{month:02}' is a calendar month, and periods here have whole weeks; "
                f"write it like {year:04}-P{month:02}"
            )
        return year * MONTHS + month - 1


def month_named(name: str) -> int:
    """The number of a month by its English name, of which three letters are enough; ValueError for anything else."""
    return _named(name, MONTH_NAMES, "a month; write it like january") + 1


def weekday_named(name: str) -> int:
    """The number of a weekday (0 is Monday) by its English name, of which three letters are enough; else ValueError."""
    return _named(name, WEEKDAYS, "a weekday; write it like saturday")


def _named(name: str, names: tuple[str, ...], what: str) -> int:
    given = name.strip().lower()
    found = [place for place, each in enumerate(names) if each.startswith(given)]
    if len(given) < 3 or len(found) != 1:  # noqa: PLR2004  # `ma` may be two months
        raise ValueError(f"{name!r} is not {what}")
    return found[0]


@lru_cache(maxsize=4096)
def _anchor_day(anchor: Anchor, year: int) -> int:
    return anchor.ordinal(year)


@lru_cache(maxsize=64)
def _month_starts(pattern: Pattern, extra_week_in: int | None) -> tuple[int, ...]:
    weeks = [*pattern.weeks * QUARTERS]
    if extra_week_in is not None:
        weeks[extra_week_in - 1] += 1
    return (0, *accumulate(weeks[:-1]))


def _ordinal(year: int, month: int, day: int) -> int:
    """What `date.toordinal` counts, also for years before 1 and after 9999."""
    cycles = 0 if date.min.year <= year <= date.max.year else (year - 1) // _GREGORIAN_YEARS
    return date(year - cycles * _GREGORIAN_YEARS, month, day).toordinal() + cycles * _GREGORIAN_DAYS


def _on_or_before(weekday: int, ordinal: int) -> int:
    """The last day with that weekday up to a day; ordinal 1 is a Monday."""
    return ordinal - (ordinal - 1 - weekday) % WEEK_DAYS
