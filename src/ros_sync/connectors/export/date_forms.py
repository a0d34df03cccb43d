"""The forms in which files write days and times.

Formats, numbers of programs, names of zones, and dates that mean none. A format is `strptime`'s; those of digits alone
are compiled to one regular expression, since `strptime` itself costs several microseconds a cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import cache

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
_ZONE = "%Z"  # at the end of a format; strptime itself knows the machine's own zone and no other

# Numbers that stand for moments, by the name under which `dates` and `format` know them.
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # a workbook's days have no zone
_DAY_SECONDS = 86_400
NUMBERS: dict[str, Callable[[float], datetime]] = {
    "epoch_seconds": lambda number: clock.EPOCH + timedelta(seconds=number),
    "epoch_milliseconds": lambda number: clock.EPOCH + timedelta(milliseconds=number),
    "excel_days": lambda number: _EXCEL_EPOCH + timedelta(seconds=round(number * _DAY_SECONDS)),
}
_NUMBER = re.compile(r"-?\d{1,17}(?:\.\d{1,17})?", re.ASCII)

# Abbreviations that mean one thing: RFC 2822 (4.3) gives the American ones, the European ones are nobody else's.
_ABBREVIATIONS = {
    "UTC": 0, "GMT": 0, "UT": 0, "Z": 0, "WET": 0, "WEST": 60, "CET": 60, "MEZ": 60, "CEST": 120, "MESZ": 120,
    "EET": 120,
    "EEST": 180, "EST": -300, "EDT": -240, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
}  # fmt: skip
# ... and some that mean several: China's and America's Central, India's, Ireland's and Israel's, Bangladesh's and
# Britain's.
_AMBIGUOUS = ("CST", "IST", "BST", "AST")
_ZONE_NAME = re.compile(r"(.*\S)\s*[ (\[]\s*([A-Za-z][A-Za-z0-9_+\-/:]*)[)\]]?")
_IANA_NAME = re.compile(r"[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_+\-0-9]+)+")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?")

# Days that programs write where there is none (.NET's and Java's smallest and largest, SQL Server's smallest, Excel's
# and OLE's zero, and what administrators type for "never").
_PLACEHOLDERS = frozenset(
    map(date.fromisoformat, ("1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "2999-12-31"))
)
_ZERO = re.compile(r"0000-00-00(?:[ T]00:00(?::00(?:\.0+)?)?Z?)?|00[/.]00[/.]0000")
FIRST_YEAR, LAST_YEAR = 1900, 2199  # a CRM's dates lie between them; 0026 or 20226 is a slip of the pen


def check_format(text: str) -> None:
    """Raise ValueError, with what is wrong, where `text` is no format that names a day."""
    if text in NUMBERS:
        return
    text = text.removesuffix(_ZONE).rstrip()
    found = _DIRECTIVE.findall(text)
    for letter in found:
        if letter not in _DIGITS and (not letter or letter not in _NAMES):
            known = " ".join(f"%{each}" for each in (*_DIGITS, *_NAMES))
            if letter == "Z":
                raise ValueError("the zone's name %Z stands at the end of a format")
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


def by_format(text: str, form: str) -> datetime | None:
    """The wall time or instant that a text of this format names; None where it is none of it."""
    if form in NUMBERS:
        return _by_number(text, form)
    if form.endswith(_ZONE):
        rest, tz = split_zone(text)
        moment = by_format(rest, form.removesuffix(_ZONE).rstrip()) if tz is not None else None
        return moment if moment is None else moment.replace(tzinfo=tz)
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


def _by_number(text: str, form: str) -> datetime | None:
    if _NUMBER.fullmatch(text) is None:
        return None
    try:
        return NUMBERS[form](float(text))
    except OverflowError:
        return None


def by_zone_name(text: str, forms: tuple[str, ...], *, iso: bool) -> datetime | None:
    """The instant of a text that ends in the name of a zone, such as `2026-03-01 10:22 CET` or `... Europe/Berlin`."""
    rest, tz = split_zone(text)
    if tz is None:
        return None
    for form in forms:
        moment = by_format(rest, form)
        if moment is not None:
            return moment.replace(tzinfo=tz) if moment.tzinfo is None else moment
    try:
        moment = datetime.fromisoformat(rest) if iso else None
    except ValueError:
        return None
    return moment.replace(tzinfo=tz) if moment is not None and moment.tzinfo is None else moment


def split_zone(text: str) -> tuple[str, tzinfo | None]:
    """A text without the name of a zone at its end, and the zone; None where it names none that is known."""
    found = _ZONE_NAME.fullmatch(text)
    if found is None:
        return text, None
    name = found[2]
    if name.upper() in _ABBREVIATIONS:
        return found[1], timezone(timedelta(minutes=_ABBREVIATIONS[name.upper()]))
    if (offset := _OFFSET.fullmatch(name.upper())) is not None:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        try:
            return found[1], timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
        except ValueError:
            return text, None
    if "/" in name:
        try:
            return found[1], clock.zone(name)
        except ValueError:
            pass
    return text, None


def zone_name(text: str) -> str:
    """The IANA name in what a CRM calls a user's zone, such as `(GMT+01:00) Central European Time (Europe/Berlin)`.

    The text itself where there is none in it.
    """
    found = [name for name in _IANA_NAME.findall(text) if clock.is_zone(name)]
    return text if clock.is_zone(text) or not found else found[-1]


def is_placeholder(moment: datetime) -> bool:
    """Whether a date stands for none."""
    return moment.year in (1, 9999) or moment.date() in _PLACEHOLDERS


def is_zero(text: str) -> bool:
    """Whether a text is a database's date of zeros."""
    return text.startswith("0") and _ZERO.fullmatch(text) is not None


def swapped(form: str) -> str:
    """The format with month and day the other way round."""
    return form.replace("%m", "\0").replace("%d", "%m").replace("\0", "%d")


def what_it_may_be(text: str) -> str:
    """A hint for a text that no declared format reads; empty where there is none.

    Day and month are not guessed: where their order is open, both are told.
    """
    if (written := _as_people_write(text)) is not None:
        return written
    if _NUMBER.fullmatch(text) is not None:
        for form in NUMBERS:
            moment = _by_number(text, form)
            if moment is not None and _FIRST_LIKELY <= moment.year <= _LAST_LIKELY:
                kind = "Excel's day number" if form == "excel_days" else "a number of " + form.removeprefix("epoch_")
                return f"; as {kind} it is {moment:%Y-%m-%d %H:%M}; if it is that, set `format: {form}` for this field"
    found = _ZONE_NAME.fullmatch(text)
    if found is not None and found[2].upper() in _AMBIGUOUS:
        return (
            f"; the zone {found[2]} can mean several; export an offset such as +01:00, or a name such as Europe/Berlin"
        )
    return ""


# The forms in which people and programs write days, and the times that may follow.
_DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%Y/%m/%d",
    "%Y.%m.%d",
    "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S")
_LIKE_A_DAY = re.compile(r"\d{1,4}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4}(?!\d)|[A-Za-z]{3,9} \d{1,2}, \d{4}")


def _as_people_write(text: str) -> str | None:
    """The formats by which a text is a day that can be meant, as a hint; None where there is none."""
    if _LIKE_A_DAY.match(text) is None:
        return None
    found: dict[str, str] = {}  # format -> day
    for form in (day + time for time in _TIMES for day in _DAYS):
        moment = by_format(text, form)
        day = f"{moment:%Y-%m-%d}" if moment is not None else ""
        if moment is None or not _FIRST_LIKELY <= moment.year <= _LAST_LIKELY:
            continue
        if day not in found.values() or swapped(form) in found:  # else the same form under another name: Mar and March
            found[form] = day
    if not found:
        return None
    readings = " or ".join(f"{day} by the form {form}" for form, day in found.items())
    only = next(iter(found)) if len(found) == 1 else None
    todo = f'write `dates: "{only}"`' if only else "say by `dates` in which of them the file is written"
    return f"; it would be {readings}: {todo}"


_FIRST_LIKELY, _LAST_LIKELY = 1990, 2060
