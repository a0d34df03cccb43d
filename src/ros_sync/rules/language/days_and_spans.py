"""Days and spans of time as people write them, and how a condition writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNT_WORDS = {word: number for number, word in enumerate(_COUNTS)} | {
    "a": 1,
    "an": 1,
    "fourteen": 14,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "sixty": 60,
    "ninety": 90,
}
_UNITS = {
    **dict.fromkeys(("mins", "min", "minutes", "minute"), "minute"),
    **dict.fromkeys(("h", "hr", "hrs", "hours", "hour"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), "week"),
}
_BUSINESS = {
    **dict.fromkeys(("bd", "bday", "bdays", "workday", "workdays", "weekday", "weekdays"), "business day"),
    **dict.fromkeys(("bh", "bhr", "bhrs"), "business hour"),
}
_LONG = {
    **dict.fromkeys(("mo", "mos", "mth", "month", "months"), 30),
    **dict.fromkeys(("qtr", "quarter", "quarters"), 90),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), 365),
}
_ANY_UNIT = "|".join(sorted((*_UNITS, *_BUSINESS, *_LONG), key=len, reverse=True))

# A day in any of the orders that people use.
DAY = re.compile(
    r"(?<![\w.])(?:"
    r"(?P<y>\d{4})[-./](?P<m>\d{1,2})[-./](?P<d>\d{1,2})(?:[T ]\d{1,2}:\d\d(?::\d\d)?\S*)?"
    r"|(?P<one>\d{1,2})[-./](?P<two>\d{1,2})[-./](?P<year>\d{4}|\d{2})"
    rf"|(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?[ -]+(?P<name>{_MONTH}),?[ -]+(?P<named_year>\d{{4}}|\d{{2}})"
    rf"|(?P<name_first>{_MONTH})\s+(?P<day_second>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year_last>\d{{4}})"
    r"|(?P<packed>(?:19|20)\d{6})"
    r"|(?P<month_alone>\d{4}-\d{2})(?!-)"
    r")(?![\w])",
    re.IGNORECASE,
)
# A span in any of the units that people use.
SPAN = re.compile(
    rf"(?<![\w.])(?P<count>\d+(?:[.,]\d+)?|{'|'.join(sorted(_COUNT_WORDS, key=len, reverse=True))})[\s-]*"
    rf"(?P<business>business|working|work|biz|bank|office)?[\s-]*(?P<unit>{_ANY_UNIT})(?!\w)",
    re.IGNORECASE,
)


def day_advice(match: re.Match[str]) -> str:
    """How to write the day that `DAY` found; both where the order of day and month is open."""
    days = list(dict.fromkeys(each.isoformat() for each in _days(match)))
    if match["month_alone"]:
        return f"write a day: `{match['month_alone']}-01`"
    if not days:
        return "write it like 2026-03-01"
    if len(days) > 1:
        return f"this can be read as {' or as '.join(days)}; write one of them"
    if match["y"] and ":" in match[0]:
        return f"conditions name whole days: write `{days[0]}`"
    return f"write `{days[0]}`"


def _days(match: re.Match[str]) -> Iterator[date]:
    year = match["y"] or match["year"] or match["named_year"] or match["year_last"] or ""
    if match["one"]:
        one, two = int(match["one"]), int(match["two"])
        pairs = [(two, one)] if "." in match[0] else [(two, one), (one, two)]  # with dots the day is always first
    elif match["name"] or match["name_first"]:
        name, day = match["name"] or match["name_first"], match["day"] or match["day_second"]
        pairs = [(_MONTHS.index(name[:3].lower()) + 1, int(day))]
    elif match["packed"]:
        year, pairs = match["packed"][:4], [(int(match["packed"][4:6]), int(match["packed"][6:]))]
    elif match["y"]:
        pairs = [(int(match["m"]), int(match["d"]))]
    else:
        return
    for month, day in pairs:
        try:
            yield date(int(year) + (2000 if len(year) == 2 else 0), month, int(day))  # noqa: PLR2004  # 26 is 2026
        except ValueError:
            continue


def span_advice(match: re.Match[str]) -> str:
    """How to write the span that `SPAN` found."""
    count, unit = match["count"].lower(), match["unit"].lower()
    if unit in _LONG:
        days = (_whole(count) or 1) * _LONG[unit]
        return f"durations are minutes, hours, days and weeks: write `{days} days`"
    business = unit in _BUSINESS or bool(match["business"])
    plain = _BUSINESS.get(unit) or (f"business {_UNITS[unit]}" if business else _UNITS[unit])
    if business and plain not in ("business day", "business hour"):
        return "working time is counted in business hours or business days, such as `5 business days`"
    whole = _whole(count)
    if whole is None:
        return f"durations are whole numbers, such as `36 hours`, and not {match['count']} {plain}s"
    return f"write `{whole} {plain}{'' if whole == 1 else 's'}`"


def _whole(count: str) -> int | None:
    if count in _COUNT_WORDS:
        return _COUNT_WORDS[count]
    return int(count) if count.isdigit() and len(count) < 10 else None  # noqa: PLR2004  # longer is a slip of the pen
