"""Reading how the company divides its years.

`fiscal_year_starts`, or `fiscal_year` with everything that there is to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from ros_sync.organisation.fiscal import MONTHS, FiscalCalendar, FiscalYear, NamedBy
from ros_sync.organisation.fiscal_weeks import Anchor, Pattern, WeekYear, month_named, weekday_named
from ros_sync.sheets import Node, Sheet

SHORT, WHOLE = "fiscal_year_starts", "fiscal_year"  # the two keys of `company`
CALENDAR_MONTHS = "months"
_PATTERNS = (CALENDAR_MONTHS, *Pattern)
_KEYS = ("pattern", "starts", "ends", "extra_week_in", "named_by", "week_starts")
_WEEKS_ALONE = {
    "ends": "a year of calendar months is said by `starts`, the month of its first day",
    "extra_week_in": "only years of whole weeks have a 53rd one",
}


def read_fiscal_calendar(sheet: Sheet, company: Mapping[str, Node]) -> FiscalCalendar:
    """The fiscal calendar of the `company`.

    Calendar years after noting what is wrong with it, or where nothing is said.
    """
    if WHOLE not in company:
        starts = _among_twelve(sheet, company.get(SHORT), "a month")
        return FiscalYear(starts) if starts else FiscalYear()
    if SHORT in company:
        hint = f"keep `{WHOLE}`, and say its month there: `starts: {_shown(company[SHORT])}`"
        sheet.problem(company[SHORT], f"the fiscal year is said by `{WHOLE}` already", hint)
    entry = sheet.entries(company[WHOLE], _KEYS)
    pattern = sheet.choice(entry.get("pattern"), _PATTERNS)
    if "pattern" in entry and pattern is None:
        return FiscalYear()
    named_by = sheet.word(entry.get("named_by"), NamedBy, NamedBy.END)
    if pattern in (None, CALENDAR_MONTHS):
        return _months(sheet, entry, named_by)
    return _weeks(sheet, company[WHOLE], entry, Pattern(pattern), named_by) or FiscalYear()


def _months(sheet: Sheet, entry: Mapping[str, Node], named_by: NamedBy) -> FiscalYear:
    for name, hint in _WEEKS_ALONE.items():
        if name in entry:
            patterns = ", ".join(Pattern)
            sheet.problem(entry[name], f"`{name}` goes with a `pattern` of weeks: {patterns}", hint)
    starts = sheet.read(entry.get("starts"), _month)
    week_starts = sheet.read(entry.get("week_starts"), weekday_named)
    return FiscalYear(starts or 1, named_by, week_starts or 0)


def _weeks(sheet: Sheet, node: Node, entry: Mapping[str, Node], pattern: Pattern, named_by: NamedBy) -> WeekYear | None:
    if "week_starts" in entry:
        hint = "its weeks begin on the weekday on which the year begins; leave this out"
        sheet.problem(entry["week_starts"], f"`week_starts` does not go with the pattern {pattern}", hint)
    extra = _among_twelve(sheet, entry.get("extra_week_in"), "one of the twelve periods")
    given = [name for name in ("starts", "ends") if name in entry]
    if len(given) == 2:  # noqa: PLR2004  # both
        sheet.problem(entry["starts"], "`starts` and `ends` say the same of a year twice", "keep one of them")
    if not given:
        hint = "add `ends: last saturday of january` or `ends: saturday nearest january 31`, or `starts` with the like"
        sheet.lacks(node, "ends", hint)
        return None
    side = given[-1]
    anchor = sheet.read(entry[side], Anchor.parse)
    if anchor is None:
        return None
    at = NamedBy.START if side == "starts" else NamedBy.END
    return WeekYear(pattern, anchor, at, extra or MONTHS, named_by)


def _among_twelve(sheet: Sheet, node: Node | None, what: str) -> int | None:
    number = sheet.whole(node)
    if number is not None and not 1 <= number <= MONTHS:
        sheet.problem(node, f"{number} is not {what}", "use 1 to 12")
        return None
    return number


def _month(text: str) -> int:
    """A month by its number or its name; ValueError for anything else."""
    if not text.isdecimal():
        return month_named(text)
    if not 1 <= int(text) <= MONTHS:
        raise ValueError(f"{text} is not a month; use 1 to 12, or its name")
    return int(text)


def _shown(node: Node) -> str:
    return str(getattr(node, "value", 1))
