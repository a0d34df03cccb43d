"""Reading dates and instants, strictly by the formats that the mapping declares.

A format is `strptime`'s; those of digits alone are compiled to one regular expression, since `strptime` itself costs
several microseconds a cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from ros_sync import clock

_DIGITS = {
    "Y": r"(?P<year>\d{4})",
    "y": r"(?P<short_year>\d{2})",
    "m": r"(?P<month>\d{1,2})",
    "d": r"(?P<day>\d{1,2})",
    "H": r"(?P<hour>\d{1,2})",
    "I": r"(?P<half_day_hour>\d{1,2})",
    "M": r"(?P<minute>\d{1,2})",
    "S": r"(?P<second>\d{1,2})",
    "f": r"(?P<fraction>\d{1,6})",
    "p": r"(?P<half>[AaPp][Mm])",
    "%": "%",
}
_NAMES = "bBaAjz"  # directives that are left to strptime itself: month and weekday names, day of the year, offset
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_PIVOT_YEAR = 69  # POSIX: two-digit years from 69 on are of the 1900s
_NOON = 12
_HOUR, _SECOND = len("2026-03-01T10"), len("2026-03-01T10:22:07")
_UTC_CHARS, _COLON = len("2026-03-01T10:22:07Z"), len("2026-03-01T10:22")
_WITHIN_HOUR = {f":{n // 60:02}:{n % 60:02}": n * 1_000_000 for n in range(3_600)}  # `:22:07` in microseconds
_HOURS_KEPT = 50_000  # more than five years of them; forgotten beyond, so that memory stays flat


@dataclass(frozen=True, slots=True)
class DateStyle:
    """The formats tried in turn, whether ISO 8601 is understood beside them, and the zone of what names none."""

    formats: tuple[str, ...] = ()
    iso: bool = True
    zone: ZoneInfo | None = None

    @property
    def wanted(self) -> str:
        """What a date must look like, for messages."""
        forms = [f"the form {form}" for form in self.formats]
        return " or ".join([*forms, "ISO 8601"] if self.iso else forms)


def check_format(text: str) -> None:
    """Raise ValueError, with what is wrong, where `text` is no format that names a day."""
    found = _DIRECTIVE.findall(text)
    for letter in found:
        if letter not in _DIGITS and (not letter or letter not in _NAMES):
            known = " ".join(f"%{each}" for each in (*_DIGITS, *_NAMES))
            raise ValueError(f"the directive %{letter} is not known; there are {known}")
        if letter != "%" and found.count(letter) > 1:
            raise ValueError(f"the directive %{letter} stands there twice")
    has = set(found)
    if not has & set("Yy") or not ("j" in has or (has & set("mbB") and "d" in has)):
        raise ValueError("a date format names the year (%Y), the month (%m) and the day (%d)")
    if "I" in has and "p" not in has:
        raise ValueError("%I (hours to 12) needs %p (AM or PM) beside it; hours to 24 are %H")


@cache
def _compiled(text: str) -> re.Pattern[str] | None:
    """The regular expression of a format of digits alone; None where `strptime` is needed."""
    if any(letter in _NAMES for letter in _DIRECTIVE.findall(text)):
        return None
    parts, end = [], 0
    for directive in _DIRECTIVE.finditer(text):
        parts += [re.escape(text[end : directive.start()]), _DIGITS[directive[1]]]
        end = directive.end()
    return re.compile("".join([*parts, re.escape(text[end:])]), re.ASCII)


def _by_format(text: str, form: str) -> datetime | None:
    shape = _compiled(form)
    try:
        if shape is None:
            return datetime.strptime(text, form)  # noqa: DTZ007  # the caller adds the zone that the mapping declares
        match = shape.fullmatch(text)
        return None if match is None else _from_digits(match.groupdict())
    except ValueError:
        return None


def _from_digits(part: dict[str, str]) -> datetime:
    year = int(part["year"]) if "year" in part else _century(int(part["short_year"]))
    hour = int(part.get("hour", 0))
    if "half" in part and "half_day_hour" in part:
        hour = int(part["half_day_hour"])
        if not 1 <= hour <= _NOON:
            raise ValueError(hour)
        hour = hour % _NOON + (_NOON if part["half"].lower() == "pm" else 0)
    micros = int(part.get("fraction", "0").ljust(6, "0"))
    # The caller adds the zone that the mapping declares.
    return datetime(  # noqa: DTZ001
        year, int(part["month"]), int(part["day"]), hour, int(part.get("minute", 0)), int(part.get("second", 0)), micros
    )


def _century(short_year: int) -> int:
    return short_year + (1900 if short_year >= _PIVOT_YEAR else 2000)


def _moment(text: str, style: DateStyle) -> datetime:
    """The wall time or instant that `text` names; ValueError where it fits no declared form."""
    for form in style.formats:
        moment = _by_format(text, form)
        if moment is not None:
            return moment
    if style.iso:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError(f"is no date of {style.wanted}{_swapped(text, style)}")


def _swapped(text: str, style: DateStyle) -> str:
    """A hint where month and day stand the other way round."""
    for form in style.formats:
        other = form.replace("%m", "\0").replace("%d", "%m").replace("\0", "%d")
        if other != form and _by_format(text, other):
            return f"; it would be one of the form {other}"
    return ""


def date_parser(style: DateStyle) -> Callable[[str], str]:
    """What reads a day as `2026-03-01`; of an instant with an offset, it is the day in the style's zone."""
    zone = style.zone or UTC

    def read(text: str) -> str:
        moment = _moment(text, style)
        return (moment if moment.tzinfo is None else moment.astimezone(zone)).date().isoformat()

    return read


class InstantReader:
    """Reads instants as microseconds since 1970 UTC; a day alone is its start in the style's zone.

    `2026-03-01T10:22:07Z` is its hour and the time within it. Both come again and again, so each is worked out once
    and the rest is an addition. An hour is remembered only where its minutes and seconds add up: a form may write them
    the other way round, and a zone may change its clocks within an hour.
    """

    def __init__(self, style: DateStyle) -> None:
        self._style = style
        self._zone = style.zone or UTC
        self._hours: dict[str, int | None] = {}

    def read(self, text: str) -> int:
        """The instant that a stripped text names; ValueError with the reason where there is none."""
        moment = _moment(text, self._style)
        return clock.to_micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone))

    def read_all(self, cells: Sequence[str]) -> list[int | None]:
        """The instants of many cells at once, None for an empty one; ValueError where one cannot be read."""
        if not self._style.formats and self._style.iso:
            return self._read_all_iso(cells)
        hours, within = self._hours, _WITHIN_HOUR
        keys = [cell[:_HOUR] + cell[_SECOND:] for cell in cells]
        for key in set(keys).difference(hours):
            self._remember(key)
        try:
            return [
                hours[key] + within[cell[_HOUR:_SECOND]] if cell else None  # type: ignore[operator]  # caught below
                for key, cell in zip(keys, cells, strict=True)
            ]
        except (KeyError, TypeError):  # a day alone, a fraction of a second, an hour that does not add up, a mistake
            return [self.read(text) if (text := cell.strip()) else None for cell in cells]

    def _read_all_iso(self, cells: Sequence[str]) -> list[int | None]:
        # `2026-03-01T10:22:07Z`: twenty characters with a colon before the seconds that can be read at all are whole
        # seconds in UTC, which the C of the standard library reads quicker than anything written here.
        parse, read = datetime.fromisoformat, self.read
        try:
            return [
                int(parse(cell).timestamp()) * 1_000_000
                if len(cell) == _UTC_CHARS and cell[_COLON] == ":"
                else (read(text) if (text := cell.strip()) else None)
                for cell in cells
            ]
        except ValueError:  # blanks around it, or a mistake, which `read` tells
            return [read(text) if (text := cell.strip()) else None for cell in cells]

    def _remember(self, key: str) -> None:
        """Work out when an hour begins; None where it cannot be told by adding."""
        if len(self._hours) > _HOURS_KEPT:
            self._hours.clear()
        hour, suffix = key[:_HOUR], key[_HOUR:]
        try:
            start, *others = (self.read(f"{hour}{rest}{suffix}") for rest in (":00:00", ":00:59", ":59:59"))
        except ValueError:
            self._hours[key] = None
            return
        adds_up = others == [start + _WITHIN_HOUR[":00:59"], start + _WITHIN_HOUR[":59:59"]]
        self._hours[key] = start if adds_up else None
