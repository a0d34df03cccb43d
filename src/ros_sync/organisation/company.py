"""The organisation as `rules/organisation.yaml` states it: plain values, checked by `organisation.file`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ros_sync import clock
from ros_sync.organisation.calendars import OFFICE_WEEK, BusinessCalendar
from ros_sync.organisation.fiscal import FiscalCalendar, FiscalYear, Period, Span

STANDARD = "standard"  # the calendar of a company that declares none


@dataclass(frozen=True, slots=True)
class CompanyProfile:
    """The company as a whole. `fallback` and `customer_success` are an e-mail or a `#channel`.

    The fallback is told what reaches nobody else, customer success what rules address to it.
    """

    name: str = "the company"
    currency: str = "EUR"
    timezone: str = "UTC"
    calendar: str = STANDARD
    fiscal_year: FiscalCalendar = field(default_factory=FiscalYear)
    fallback: str | None = None
    customer_success: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days bound the company's money, wherever somebody works."""
        return clock.zone(self.timezone)

    def bounds(self, period: Period) -> tuple[datetime, datetime]:
        """The instants at which a period's money begins and ends to count."""
        return period.instants(self.zone)

    def period_at(self, span: Span, at: datetime) -> Period:
        """The month, quarter or year that what happens at an instant counts for."""
        return self.fiscal_year.period_at(span, at, self.zone)


@dataclass(frozen=True, slots=True)
class Team:
    """A team. `manager` is an e-mail of one of the people, lower-cased; `calendar` the name of a calendar.

    `parent` is the name of the team above it.
    """

    name: str
    manager: str | None = None
    region: str | None = None
    calendar: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One of the people that the file names, by e-mail (lower-cased). What it leaves out, the CRM may know."""

    email: str
    name: str | None = None
    manager: str | None = None
    team: str | None = None
    role: str | None = None
    level: str | None = None
    region: str | None = None
    calendar: str | None = None
    timezone: str | None = None
    slack: str | None = None
    active: bool | None = None


@dataclass(frozen=True)
class Organisation:
    """Company, calendars, teams, people and exchange rates.

    `rates[c]` is what one unit of currency `c` is worth in the company's own. The calendar `standard` (Monday to
    Friday, 09:00-17:00 in the company's zone) is always there, unless the file gives that name to another.

    What a file says is this organisation before the first day that it names, and the `later` ones, in order, each from
    its day on; ask for that of a day (`as_of`, `at`) before asking anything of it.
    """

    company: CompanyProfile = field(default_factory=CompanyProfile)
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    calendars: Mapping[str, BusinessCalendar] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    people: Mapping[str, Member] = field(default_factory=dict)
    later: tuple[tuple[date, Organisation], ...] = ()

    def __post_init__(self) -> None:
        if STANDARD not in self.calendars:
            standard = replace(standard_calendar(self.company.timezone), zone_given=False)
            object.__setattr__(self, "calendars", {**self.calendars, STANDARD: standard})

    def as_of(self, day: date) -> Organisation:
        """The organisation as this file states it for a day of the company."""
        place = bisect_right(self.later, day, key=lambda step: step[0])
        if place:
            return self.later[place - 1][1]
        return replace(self, later=()) if self.later else self

    def at(self, instant: datetime) -> Organisation:
        """The organisation as this file states it for the day that it then is in the company's zone."""
        return self.as_of(instant.astimezone(self.company.zone).date()) if self.later else self

    @property
    def home_currency(self) -> str:
        """The ISO 4217 code of the company's own currency."""
        return self.company.currency

    def calendar(self, name: str | None = None) -> BusinessCalendar:
        """The calendar of that name, or the company's; KeyError where there is none of that name."""
        return self.calendars[name or self.company.calendar]


def standard_calendar(timezone: str) -> BusinessCalendar:
    """Monday to Friday, 09:00-17:00 in that zone, without holidays; ValueError for an unknown zone."""
    return BusinessCalendar(STANDARD, clock.zone(timezone), OFFICE_WEEK)
