"""Reading a calendar of the organisation file: time zone, hours by weekday, holidays, closed days."""

from __future__ import annotations

import re
from datetime import date
from typing import cast
from zoneinfo import ZoneInfo

from ros_sync import clock
from ros_sync.config_files import ConfigFile, Node
from ros_sync.fields import did_you_mean
from ros_sync.organisation.calendars import DAY_MINUTES, OFFICE_WEEK, WEEKDAYS, BusinessCalendar, Hours, Week

_CALENDAR = ("timezone", "hours", "holidays", "closed")
_HOLIDAYS = ("country", "subdivision")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


def weekdays(text: str) -> tuple[int, ...]:
    """The days (0 is Monday) of `mon`, `mon-fri` or `sat-sun`; ValueError for anything else."""
    first, _, last = (part.strip() for part in text.lower().partition("-"))
    last = last or first
    for name in (first, last):
        if name not in WEEKDAYS:
            raise ValueError(f"{text!r} is not a weekday; write mon, tue, wed, thu, fri, sat, sun, or mon-fri")
    begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last)
    if end < begin:
        ends = "sun" if first == "sun" else f"{first}-sun"
        begins = "mon" if last == "mon" else f"mon-{last}"
        raise ValueError(f"{text!r} runs over the end of the week; write it as two: {ends} and {begins}")
    return tuple(range(begin, end + 1))


def day_hours(text: str) -> Hours:
    """The hours of `09:00-17:00` or `09:00-12:00, 13:00-17:00`, in minutes since midnight; 24:00 is the day's end.

    ValueError for anything else, for hours that end before they begin, and for such as overlap.
    """
    spans: list[tuple[int, int]] = []
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"{part.strip()!r} are not hours; write them like 09:00-17:00 or 09:00-12:00, 13:00-17:00")
        hours = [int(number) for number in match.groups()]
        opens, closes = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
        if max(hours[1], hours[3]) > 59 or closes > DAY_MINUTES:  # noqa: PLR2004  # minutes of an hour
            raise ValueError(f"{part.strip()!r} has a time that no clock shows; a day ends at 24:00")
        if closes <= opens:
            raise ValueError(f"{part.strip()!r} ends before it begins; hours over midnight are written as two days")
        spans.append((opens, closes))
    spans.sort()
    joined: list[tuple[int, int]] = []
    for opens, closes in spans:
        if joined and opens < joined[-1][1]:
            raise ValueError(f"the hours in {text!r} overlap")
        if joined and opens == joined[-1][1]:
            joined[-1] = (joined[-1][0], closes)
        else:
            joined.append((opens, closes))
    return tuple(joined)


def day(text: str) -> date:
    """The day of `2026-12-24`; ValueError for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a day; write it like 2026-12-24") from error


class CalendarReader:
    """Reads the calendars of one file; `home_timezone` is that of a calendar that names none."""

    def __init__(self, config: ConfigFile, home_timezone: str) -> None:
        self.config = config
        self.home_timezone = home_timezone

    def read(self, name: str, node: Node) -> BusinessCalendar | None:
        """One calendar; None after noting what is wrong with it."""
        before = len(self.config.problems)
        entry = self.config.entries(node, _CALENDAR)
        timezone = self._timezone(entry.get("timezone"))
        week = self._week(entry.get("hours"))
        country, subdivision = self._place(entry.get("holidays"))
        closed = frozenset(self.config.read_each(self.config.items(entry.get("closed")), day))
        if not any(week) and len(self.config.problems) == before:
            message = f"calendar {name!r} has no working hours"
            self.config.problem(entry.get("hours", node), message, "give it some", key=node.path)
        if len(self.config.problems) > before:
            return None
        return BusinessCalendar(
            name,
            timezone,
            (week[0], week[1], week[2], week[3], week[4], week[5], week[6]),
            country,
            subdivision,
            closed,
            zone_given="timezone" in entry,
        )

    def _timezone(self, node: Node | None) -> ZoneInfo:
        return self.config.read(node, clock.zone) or clock.zone(self.home_timezone)

    def _week(self, node: Node | None) -> Week:
        if node is None:
            return OFFICE_WEEK
        week: list[Hours] = [() for _ in WEEKDAYS]
        taken: dict[int, str] = {}
        for name, value in self.config.named(node).items():
            text = (
                None if value.is_missing else self.config.text(value)
            )  # a day with nothing behind it is no working day
            if text is None:
                continue
            try:
                days, hours = weekdays(name), day_hours(text)
            except ValueError as error:
                self.config.problem(value, str(error))
                continue
            for each in days:
                if each in taken:
                    message = f"{WEEKDAYS[each]} has its hours from {taken[each]!r} already"
                    self.config.problem(value, message, "keep one")
                    break
                taken[each], week[each] = name, hours
        return cast("Week", tuple(week))

    def _place(self, node: Node | None) -> tuple[str | None, str | None]:
        entry = self.config.entries(node, _HOLIDAYS)
        country, subdivision = self.config.text(entry.get("country")), self.config.text(entry.get("subdivision"))
        if country is None:
            if subdivision is not None:
                self.config.problem(entry["subdivision"], "a subdivision needs its `country`")
            return None, None
        import holidays  # noqa: PLC0415  # loading it costs more than reading an organisation that asks for none

        known = holidays.list_supported_countries(include_aliases=True)
        if country not in known:
            hint = "use an ISO 3166 code in capitals, such as DE or US"
            self.config.problem(entry["country"], f"no holidays are known for {country!r}", hint)
        elif subdivision is not None and subdivision not in known[country]:
            hint = did_you_mean(subdivision, known[country])
            self.config.problem(entry["subdivision"], f"{country} has no subdivision {subdivision!r}", hint)
        return country, subdivision
