from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ros_sync.durations import Duration
from ros_sync.errors import OrganisationError, ProblemsError
from ros_sync.money import convert
from ros_sync.organisation.company import CompanyProfile, Member, Organisation, Team
from ros_sync.organisation.file import load
from ros_sync.organisation.fiscal import FiscalCalendar, FiscalYear, NamedBy
from ros_sync.organisation.fiscal_weeks import Anchor, Pattern, WeekYear

SHIPPED = Path(__file__).parents[3] / "rules" / "organisation.yaml"
NEARLY_EMPTY = "version: 1\ncompany: {name: Loom}\n"
WHOLE = """\
version: 1
company: {name: Northwind Loom, currency: EUR, timezone: Europe/Berlin, calendar: berlin,
          fiscal_year_starts: 2, fallback: RevOps@loom.example}
rates: {USD: "0.92", JPY: 0.0061}
calendars:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: "09:00-17:00"}, holidays: {country: DE, subdivision: BE},
           closed: [2026-12-24]}
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}}
teams:
  - {name: DACH Enterprise, manager: Ada@loom.example, region: EMEA, calendar: berlin}
people:
  - {email: ada@loom.example, name: Ada, manager: cem@loom.example, team: DACH Enterprise, role: manager,
     level: L1, calendar: berlin, timezone: Europe/Berlin, slack: U012345}
  - {email: Cem@loom.example, name: Cem, level: L3, active: false}
"""


def read(tmp_path: Path, text: str | bytes) -> Organisation:
    path = tmp_path / "organisation.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path, shown_as="organisation.yaml")


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        read(tmp_path, text)
    assert {OrganisationError} == {type(problem) for problem in caught.value.problems}
    return [str(problem).removeprefix("organisation.yaml") for problem in caught.value.problems]


def test_the_shipped_file_loads() -> None:
    """The file that a workspace begins with is read without a problem."""
    expected = "office"
    assert expected == load(SHIPPED).company.calendar


def test_the_company_is_read(tmp_path: Path) -> None:
    """Each key of the company stands where it belongs, the fallback's e-mail in lower case."""
    expected = CompanyProfile("Northwind Loom", "EUR", "Europe/Berlin", "berlin", FiscalYear(2), "revops@loom.example")
    assert expected == read(tmp_path, WHOLE).company


def test_teams_and_people_are_read(tmp_path: Path) -> None:
    """Teams and people are found by name and by e-mail in lower case."""
    organisation = read(tmp_path, WHOLE)
    assert (
        {"DACH Enterprise": Team("DACH Enterprise", "ada@loom.example", "EMEA", "berlin")},
        Member("cem@loom.example", "Cem", level="L3", active=False),
        "cem@loom.example",
    ) == (organisation.teams, organisation.people["cem@loom.example"], organisation.people["ada@loom.example"].manager)


def test_rates_are_exact(tmp_path: Path) -> None:
    """A rate keeps every digit it is written with, in quotes or without."""
    assert {"USD": Decimal("0.92"), "JPY": Decimal("0.0061")} == read(tmp_path, WHOLE).rates


@pytest.mark.parametrize("minor, currency, home", [(10_000, "USD", 9_200), (5, "EUR", 5), (5, "CHF", None)])
def test_money_is_turned_into_the_home_currency(tmp_path: Path, minor: int, currency: str, home: int | None) -> None:
    """An amount is worth what its rate says, and nothing is guessed where there is none."""
    organisation = read(tmp_path, WHOLE)
    assert home == convert(minor, currency, organisation.home_currency, organisation.rates)


def test_a_calendar_is_read(tmp_path: Path) -> None:
    """Closed days and public holidays are no working days of the calendar that names them."""
    berlin = read(tmp_path, WHOLE).calendar("berlin")
    assert (frozenset({date(2026, 12, 24)}), False) == (
        berlin.closed,
        berlin.is_open(datetime(2026, 3, 8, 12, tzinfo=UTC)),
    )


def test_a_nearly_empty_file_works(tmp_path: Path) -> None:
    """Without a calendar the company works Monday to Friday, nine to five in its zone."""
    friday = datetime(2026, 3, 6, 16, tzinfo=UTC)
    assert datetime(2026, 3, 9, 10, tzinfo=UTC) == read(tmp_path, NEARLY_EMPTY).calendar().add(
        friday, Duration.parse("2 business hours")
    )


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """Each problem says its line, column, key and what to do, and they come in reading order."""
    text = """\
version: 2
company: {nam: Loom, currency: euro, timezone: Mars, calendar: berlim, fiscal_year_starts: 13, fallback: nobody}
rates: {USD: x, EUR: 2, usd: 1}
calendars:
  berlin: {hours: {mon-fry: "9-17", tue: "17:00-09:00"}, holidays: {country: XX}, closed: [christmas]}
  never: {hours: {}}
  owner: {}
teams:
  - {name: A, manager: z@loom.example}
  - {name: A}
people:
  - {email: y@loom.example, team: AA, slack: bob, level: L9, active: maybe}
  - {email: Y@loom.example}
  - {name: 12}
  - nobody
people: []
"""
    expected = [
        (1, 10, "version"),
        (2, 11, "company.nam"),
        (2, 32, "company.currency"),
        (2, 48, "company.timezone"),
        (2, 64, "company.calendar"),
        (2, 92, "company.fiscal_year_starts"),
        (2, 106, "company.fallback"),
        (3, 14, "rates.USD"),
        (3, 30, "rates.usd"),
        (5, 29, "calendars.berlin.hours.mon-fry"),
        (5, 42, "calendars.berlin.hours.tue"),
        (5, 78, "calendars.berlin.holidays.country"),
        (5, 92, "calendars.berlin.closed[1]"),
        (6, 18, "calendars.never"),
        (7, 10, "calendars.owner"),
        (9, 24, "teams[1].manager"),
        (10, 12, "teams[2].name"),
        (12, 35, "people[1].team"),
        (12, 46, "people[1].slack"),
        (12, 58, "people[1].level"),
        (12, 70, "people[1].active"),
        (13, 13, "people[2].email"),
        (14, 5, "people[3].email"),
        (15, 5, "people[4]"),
        (16, 1, "people"),
    ]
    assert expected == _places(tmp_path, text)


@pytest.mark.parametrize(
    "line,problem",
    [
        ("compani: {}", ":3:1, compani: unknown key 'compani' (did you mean 'company'?)"),
        (
            "people: [{email: ada@loom.example, manager: adda@loom.example}]",
            (
                ":3:45, people[1].manager: no one in `people` has the e-mail 'adda@loom.example'"
                " (did you mean 'ada@loom.example'?)"
            ),
        ),
        (
            "people: [{email: a@x.example, manager: b@x.example}, {email: b@x.example, manager: a@x.example}]",
            (
                ":3:40, a@x.example.manager: circular reporting line: a@x.example -> b@x.example -> a@x.example"
                " (one of them is wrong)"
            ),
        ),
        (
            "people: [{email: a@x.example, manager: a@x.example}]",
            ":3:40, a@x.example.manager: circular reporting line: a@x.example -> a@x.example (one of them is wrong)",
        ),
        (
            "calendars: {c: {hours: {mon: '09:00-12:00, 11:00-13:00'}}}",
            ":3:30, calendars.c.hours.mon: the hours in '09:00-12:00, 11:00-13:00' overlap",
        ),
        (
            "calendars: {c: {hours: {mon-fri: '09:00-12:00', wed: '09:00-10:00'}}}",
            ":3:54, calendars.c.hours.wed: wed has its hours from 'mon-fri' already (keep one)",
        ),
        (
            "calendars: {c: {hours: {fri-mon: '09:00-12:00'}}}",
            (
                ":3:34, calendars.c.hours.fri-mon: 'fri-mon' runs over the end of the week; write it as two: "
                "fri-sun and mon"
            ),
        ),
        (
            "calendars: {c: {hours: {mon: '09:75-12:00'}}}",
            ":3:30, calendars.c.hours.mon: '09:75-12:00' has a time that no clock shows; a day ends at 24:00",
        ),
        (
            "calendars: {c: {holidays: {subdivision: BE}}}",
            ":3:41, calendars.c.holidays.subdivision: a subdivision needs its `country`",
        ),
        (
            "calendars: {c: {holidays: {country: DE, subdivision: BB1}}}",
            ":3:54, calendars.c.holidays.subdivision: DE has no subdivision 'BB1' (did you mean 'BB'?)",
        ),
        (
            "calendars: {c: {holidays: {country: Germany}}}",
            (
                ":3:37, calendars.c.holidays.country: no holidays are known for 'Germany'"
                " (use an ISO 3166 code in capitals, such as DE or US)"
            ),
        ),
        ("rates: {USD: 1e999999}", ":3:14, rates.USD: expected a number above 0, such as 0.92, found '1e999999'"),
        ("rates: {USD: -1}", ":3:14, rates.USD: expected a number above 0, such as 0.92, found '-1'"),
        (
            "people: {a: 1}",
            (
                ":3:9, people: expected a list, found `key: value` pairs (write each entry on a line of its own, "
                "after `- `)"
            ),
        ),
        ("people: [{email: }]", ":3:17, people[1].email: `email` is missing"),
        (
            "calendars: {c: }",
            ":3:15, calendars.c: expected `key: value` pairs, found nothing",
        ),
    ],
)
def test_a_problem_is_said(tmp_path: Path, line: str, problem: str) -> None:
    """A problem names its place, what is wrong and what to do."""
    assert [problem] == problems(tmp_path, NEARLY_EMPTY + line + "\n")


@pytest.mark.parametrize(
    "content,problem",
    [
        (b"", ": the file is empty (it begins with `version: 1`)"),
        (b"version: 1\n", ":1:1, company: `company` is missing (add `company: {name: \u2026, currency: EUR}`)"),
        (b"company: {}\n", ":1:1, version: `version` is missing (begin the file with `version: 1`)"),
        (b"- 1\n", ":1:1: expected `key: value` pairs, found a list"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    """What cannot be an organisation file is refused with one clear problem."""
    assert [problem] == problems(tmp_path, content)


@pytest.mark.parametrize(
    "said,fiscal",
    [
        ("fiscal_year_starts: 4", FiscalYear(4)),
        ("fiscal_year: {starts: 4}", FiscalYear(4)),
        (
            "fiscal_year: {pattern: months, starts: february, named_by: start, week_starts: sun}",
            FiscalYear(2, NamedBy.START, 6),
        ),
        (
            "fiscal_year: {pattern: 4-5-4, ends: saturday nearest january 31, named_by: start}",
            WeekYear(Pattern.WEEKS_4_5_4, Anchor(5, 1, day=31), named_by=NamedBy.START),
        ),
        (
            "fiscal_year: {pattern: 5-4-4, ends: last Saturday of September, extra_week_in: 3}",
            WeekYear(Pattern.WEEKS_5_4_4, Anchor(5, 9, which=-1), extra_week_in=3),
        ),
        (
            "fiscal_year: {pattern: 4-4-5, starts: first monday of february}",
            WeekYear(Pattern.WEEKS_4_4_5, Anchor(0, 2, which=1), NamedBy.START),
        ),
    ],
)
def test_a_fiscal_calendar_is_read(tmp_path: Path, said: str, fiscal: FiscalCalendar) -> None:
    """The fiscal year is said by its first month alone, or with everything there is to say."""
    assert fiscal == read(tmp_path, f"version: 1\ncompany: {{{said}}}\n").company.fiscal_year


@pytest.mark.parametrize(
    "said,problem",
    [
        (
            "fiscal_year: {pattern: 4-4-6}",
            ":2:34, company.fiscal_year.pattern: '4-4-6' is not allowed here (did you mean '4-4-5'?)",
        ),
        (
            "fiscal_year: {pattern: 4-4-5}",
            (
                ":2:24, company.fiscal_year.ends: `ends` is missing (add `ends: last saturday of january` or"
                " `ends: saturday nearest january 31`, or `starts` with the like)"
            ),
        ),
        (
            "fiscal_year: {pattern: 4-4-5, ends: january}",
            (
                ":2:47, company.fiscal_year.ends: 'january' does not say on which day; write it like `last "
                "saturday of january`"
                " or `saturday nearest january 31`"
            ),
        ),
        (
            "fiscal_year: {pattern: 4-4-5, starts: first sunday of may, ends: last saturday of april}",
            ":2:49, company.fiscal_year.starts: `starts` and `ends` say the same of a year twice (keep one of them)",
        ),
        (
            "fiscal_year: {pattern: 4-4-5, ends: last saturday of april, extra_week_in: 13}",
            ":2:86, company.fiscal_year.extra_week_in: 13 is not one of the twelve periods (use 1 to 12)",
        ),
        (
            "fiscal_year: {pattern: 4-4-5, ends: last saturday of april, week_starts: mon}",
            (
                ":2:84, company.fiscal_year.week_starts: `week_starts` does not go with the pattern 4-4-5"
                " (its weeks begin on the weekday on which the year begins; leave this out)"
            ),
        ),
        (
            "fiscal_year: {starts: 2, ends: last saturday of january}",
            (
                ":2:42, company.fiscal_year.ends: `ends` goes with a `pattern` of weeks: 4-4-5, 4-5-4, 5-4-4"
                " (a year of calendar months is said by `starts`, the month of its first day)"
            ),
        ),
        ("fiscal_year: {starts: 13}", ":2:33, company.fiscal_year.starts: 13 is not a month; use 1 to 12, or its name"),
        ("fiscal_year: {starts: ma}", ":2:33, company.fiscal_year.starts: 'ma' is not a month; write it like january"),
        (
            "fiscal_year: {named_by: stat}",
            ":2:35, company.fiscal_year.named_by: 'stat' is not allowed here (did you mean 'start'?)",
        ),
        (
            "fiscal_year: {patern: 4-4-5}",
            ":2:25, company.fiscal_year.patern: unknown key 'patern' (did you mean 'pattern'?)",
        ),
        (
            "fiscal_year: {starts: 2}, fiscal_year_starts: 2",
            (
                ":2:57, company.fiscal_year_starts: the fiscal year is said by `fiscal_year` already"
                " (keep `fiscal_year`, and say its month there: `starts: 2`)"
            ),
        ),
        ("fiscal_year: 2", ":2:24, company.fiscal_year: expected `key: value` pairs, found '2'"),
    ],
)
def test_a_fiscal_calendar_that_cannot_be_is_refused(tmp_path: Path, said: str, problem: str) -> None:
    """A problem of the fiscal year has its place and what to do."""
    assert [problem] == problems(tmp_path, f"version: 1\ncompany: {{{said}}}\n")


def test_a_missing_file_says_where_one_comes_from(tmp_path: Path) -> None:
    """A file that is not there is a problem that names the command that lays one out."""
    with pytest.raises(ProblemsError, match=r"cannot be read: No such file or directory.*ros-sync init"):
        load(tmp_path / "none.yaml")


def _places(tmp_path: Path, text: str) -> list[tuple[int | None, int | None, str | None]]:
    with pytest.raises(ProblemsError) as caught:
        read(tmp_path, text)
    places = [problem.where for problem in caught.value.problems]
    return [(where.line, where.column, where.key) for where in places if where is not None]
