"""Reading dates and instants, strictly by the formats that the mapping declares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from ros_sync import clock
from ros_sync.connectors.export.date_forms import (
    FIRST_YEAR,
    LAST_YEAR,
    by_format,
    by_zone_name,
    check_format,
    is_placeholder,
    is_zero,
    swapped,
    what_it_may_be,
)

__all__ = ["DateStyle", "InstantReader", "check_format", "date_parser"]

_HOUR, _SECOND = len("2026-03-01T10"), len("2026-03-01T10:22:07")
_UTC_CHARS, _COLON = len("2026-03-01T10:22:07Z"), len("2026-03-01T10:22")
_WITHIN_HOUR = {f":{n // 60:02}:{n % 60:02}": n * 1_000_000 for n in range(3_600)}  # `:22:07` in microseconds
_HOURS_KEPT = 50_000  # more than five years of them; forgotten beyond, so that memory stays flat
# Instants outside these need a look: a placeholder, or a year that cannot be meant.
_FIRST = clock.to_micros(datetime(FIRST_YEAR, 1, 3, tzinfo=UTC))
_LAST = clock.to_micros(datetime(LAST_YEAR, 12, 30, tzinfo=UTC))


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


def _moment(text: str, style: DateStyle) -> datetime | None:
    """The wall time or instant that `text` names, None for a placeholder; ValueError where it fits no declared form."""
    moment = _read(text, style)
    if moment is None:
        if is_zero(text):
            return None
        raise ValueError(f"is not a date of {style.wanted}{_swapped(text, style) or what_it_may_be(text)}")
    if FIRST_YEAR < moment.year <= LAST_YEAR:
        return moment
    if is_placeholder(moment):
        return None
    if moment.year < FIRST_YEAR or moment.year > LAST_YEAR:
        raise ValueError(f"is a date of the year {moment.year}, which can hardly be meant")
    return moment


def _read(text: str, style: DateStyle) -> datetime | None:
    for form in style.formats:
        moment = by_format(text, form)
        if moment is not None:
            rival = _rivals(style.formats).get(form)
            other = by_format(text, rival) if rival else None
            if other is not None and other.date() != moment.date():
                raise ValueError(
                    f"can be read in two ways: {moment:%Y-%m-%d} by {form} and {other:%Y-%m-%d} by {rival}; "
                    "leave only the format in which the file is written"
                )
            return moment
    if style.iso:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    return by_zone_name(text, style.formats, iso=style.iso)


@cache
def _rivals(formats: tuple[str, ...]) -> dict[str, str]:
    """The formats of a list that another one in it contradicts: the same with month and day the other way round."""
    return {form: other for form in formats if (other := swapped(form)) != form and other in formats}


def _swapped(text: str, style: DateStyle) -> str:
    """A hint where month and day stand the other way round."""
    for form in style.formats:
        other = swapped(form)
        if other != form and by_format(text, other):
            return f"; it would be one of the form {other}"
    return ""


def date_parser(style: DateStyle) -> Callable[[str], str | None]:
    """What reads a day as `2026-03-01`; of an instant with an offset, it is the day in the style's zone."""
    zone = style.zone or UTC

    def read(text: str) -> str | None:
        moment = _moment(text, style)
        return (
            None
            if moment is None
            else (moment if moment.tzinfo is None else moment.astimezone(zone)).date().isoformat()
        )

    return read


def in_the_past(moment: int | None) -> int | None:
    """An instant at which something has happened; ValueError where it lies ahead by more than a day.

    A record that was changed in the future would keep every later export from changing it.
    """
    if moment is not None and moment > clock.to_micros(clock.now() + clock.LONGEST_DAY):
        raise ValueError("is in the future, but a change must be in the past; check the year")
    return moment


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

    def read(self, text: str) -> int | None:
        """The instant that a stripped text names, None for a placeholder.

        ValueError with the reason where it is none.
        """
        moment = _moment(text, self._style)
        return (
            None
            if moment is None
            else clock.to_micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone))
        )

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
            found = [
                int(parse(cell).timestamp()) * 1_000_000
                if len(cell) == _UTC_CHARS and cell[_COLON] == ":"
                else (read(text) if (text := cell.strip()) else None)
                for cell in cells
            ]
        except (ValueError, OverflowError):  # blanks around it, or a mistake, which `read` tells
            return [read(text) if (text := cell.strip()) else None for cell in cells]
        if min(filter(None, found), default=_FIRST) < _FIRST or max(filter(None, found), default=_LAST) > _LAST:
            return [read(text) if (text := cell.strip()) else None for cell in cells]
        return found

    def _remember(self, key: str) -> None:
        """Work out when an hour begins; None where it cannot be told by adding."""
        if len(self._hours) > _HOURS_KEPT:
            self._hours.clear()
        hour, suffix = key[:_HOUR], key[_HOUR:]
        try:
            start, *others = (self.read(f"{hour}{rest}{suffix}") for rest in (":00:00", ":00:59", ":59:59"))
        except ValueError:
            start = None
        if start is None:
            self._hours[key] = None
            return
        adds_up = others == [start + _WITHIN_HOUR[":00:59"], start + _WITHIN_HOUR[":59:59"]]
        self._hours[key] = start if adds_up else None
