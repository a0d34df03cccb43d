"""Reading how the company divides its years.

`fiscal_year_starts`, or `fiscal_year` with everything that there is to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from ros_sync.config_files import ConfigFile, Node
from ros_sync.organisation.fiscal import MONTHS, FiscalCalendar, FiscalYear, NamedBy
from ros_sync.organisation.fiscal_weeks import Anchor, Pattern, WeekYear, month_named, weekday_named

SHORT, WHOLE = "fiscal_year_starts", "fiscal_year"  # the two keys of `company`
CALENDAR_MONTHS = "months"
_PATTERNS = (CALENDAR_MONTHS, *Pattern)
_KEYS = ("pattern", "starts", "ends", "extra_week_in", "named_by", "week_starts")
_WEEKS_ALONE = {
    "ends": "a year of calendar months is said by `starts`, the month of its first day",
    "extra_week_in": "only years of whole weeks have a 53rd one",
}


def read_fiscal_calendar(config: ConfigFile, company: Mapping[str, Node]) -> FiscalCalendar:
    """The fiscal calendar of the `company`.

    Calendar years after noting what is wrong with it, or where nothing is said.
    """
    if WHOLE not in company:
        starts = _among_twelve(config, company.get(SHORT), "a month")
        return FiscalYear(starts) if starts else FiscalYear()
    if SHORT in company:
        hint = f"keep `{WHOLE}`, and say its month there: `starts: {_shown(company[SHORT])}`"
        config.problem(company[SHORT], f"the fiscal year is said by `{WHOLE}` already", hint)
    entry = config.entries(company[WHOLE], _KEYS)
    pattern = config.choice(entry.get("pattern"), _PATTERNS)
    if "pattern" in entry and pattern is None:
        return FiscalYear()
    named_by = config.word(entry.get("named_by"), NamedBy, NamedBy.END)
    if pattern in (None, CALENDAR_MONTHS):
        return _months(config, entry, named_by)
    return _weeks(config, company[WHOLE], entry, Pattern(pattern), named_by) or FiscalYear()


def _months(config: ConfigFile, entry: Mapping[str, Node], named_by: NamedBy) -> FiscalYear:
    for name, hint in _WEEKS_ALONE.items():
        if name in entry:
            patterns = ", ".join(Pattern)
            config.problem(entry[name], f"`{name}` goes with a `pattern` of weeks: {patterns}", hint)
    starts = config.read(entry.get("starts"), _month)
    week_starts = config.read(entry.get("week_starts"), weekday_named)
    return FiscalYear(starts or 1, named_by, week_starts or 0)


def _weeks(
    config: ConfigFile, node: Node, entry: Mapping[str, Node], pattern: Pattern, named_by: NamedBy
) -> WeekYear | None:
    if "week_starts" in entry:
        hint = "its weeks begin on the weekday on which the year begins; leave this out"
        config.problem(entry["week_starts"], f"`week_starts` does not go with the pattern {pattern}", hint)
    extra = _among_twelve(config, entry.get("extra_week_in"), "one of the twelve periods")
    given = [name for name in ("starts", "ends") if name in entry]
    if len(given) == 2:  # noqa: PLR2004  # both
        config.problem(entry["starts"], "`starts` and `ends` say the same of a year twice", "keep one of them")
    if not given:
        hint = "add `ends: last saturday of january` or `ends: saturday nearest january 31`, or `starts` with the like"
        config.lacks(node, "ends", hint)
        return None
    side = given[-1]
    anchor = config.read(entry[side], Anchor.parse)
    if anchor is None:
        return None
    at = NamedBy.START if side == "starts" else NamedBy.END
    return WeekYear(pattern, anchor, at, extra or MONTHS, named_by)


def _among_twelve(config: ConfigFile, node: Node | None, what: str) -> int | None:
    number = config.whole(node)
    if number is not None and not 1 <= number <= MONTHS:
        config.problem(node, f"{number} is not {what}", "use 1 to 12")
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
