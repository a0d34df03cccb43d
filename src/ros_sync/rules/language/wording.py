"""Values as people read them: days, ages, amounts and numbers."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ros_sync.durations import Duration
from ros_sync.fields import PythonValue
from ros_sync.money import Money
from ros_sync.rules.language.moment import Moment
from ros_sync.rules.language.tree import Sort

MISSING = "—"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TWO_DAYS_IN_HOURS = 48  # below this an age is told in hours


def day(value: date) -> str:
    """`1 Mar 2026`, in the same words whatever the machine's language."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def age(value: date, moment: Moment) -> str:
    """How far a day or an instant lies from now, without direction: `15 days`, `5 hours`, `today`."""
    if not isinstance(value, datetime):
        days = abs((moment.today - value).days)
        return "today" if days == 0 else _counted(days, "day")
    hours = abs(moment.now - value) // timedelta(hours=1)
    if hours < _TWO_DAYS_IN_HOURS:
        return _counted(hours, "hour") if hours else "less than an hour"
    return _counted(hours // 24, "day")


def with_age(value: date, moment: Moment) -> str:
    """`1 Mar 2026, 15 days ago` or `1 Mar 2026, in 3 days`."""
    shown = day(moment.day_of(value) if isinstance(value, datetime) else value)
    distance = age(value, moment)
    if distance == "today":
        return f"{shown}, today"
    ahead = value > moment.now if isinstance(value, datetime) else value > moment.today
    return f"{shown}, in {distance}" if ahead else f"{shown}, {distance} ago"


def number(value: float) -> str:
    """`1,234` or `0.75`."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4f}".rstrip("0")


def plain(  # noqa: PLR0911  # one for each kind of value
    value: PythonValue | Duration, moment: Moment, currency: str | None = None
) -> str:
    """A value in its plainest wording; with `currency`, whole minor units are an amount of it."""
    match value:
        case None:
            return MISSING
        case bool():
            return "yes" if value else "no"
        case int() if currency is not None:
            return str(Money(value, currency))
        case int() | float():
            return number(value)
        case datetime():
            return day(moment.day_of(value))
        case date():
            return day(value)
        case _:
            return str(value)


def field_name(name: str) -> str:
    """`last buyer activity` for `last_buyer_activity`, `team size` for `custom.team_size`."""
    return name.removeprefix("custom.").removesuffix("_home").replace("_", " ")


def seen_value(value: PythonValue, sort: Sort, moment: Moment, currency: str | None) -> str:
    """A value as an explanation shows it: dates with their age, texts in quotes."""
    if value is None:
        return "missing"
    if isinstance(value, date):
        return with_age(value, moment)
    if sort is Sort.TEXT:
        return f"“{value}”"
    return plain(value, moment, currency)


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'' if count == 1 else 's'}"
