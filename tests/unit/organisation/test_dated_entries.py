"""Entries of organisation.yaml that hold from a day on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_sync.errors import ProblemsError
from ros_sync.organisation.company import Organisation
from ros_sync.organisation.dated_entries import DatedEntry, holding
from ros_sync.organisation.file import load

HEAD = "version: 1\ncompany: {name: Loom, timezone: Europe/Berlin}\n"
FILE = f"""{HEAD}rates:
  USD: "0.92"
  GBP:
    - rate: "1.17"
    - {{rate: "1.15", since: 2026-07-01}}
teams:
  - {{name: North, manager: cem@x.example}}
  - {{name: South, manager: dee@x.example}}
  - {{name: North, since: 2026-06-01, manager: ada@x.example}}
people:
  - {{email: cem@x.example, slack: U012345}}
  - {{email: dee@x.example}}
  - {{email: ada@x.example, team: North, manager: dee@x.example, role: seller}}
  - {{email: Ada@x.example, since: 2026-05-01, team: South, manager: null}}
  - {{email: cem@x.example, since: 2026-05-11, until: 2026-05-20, active: false}}
  - {{email: new@x.example, since: 2026-06-01, team: North}}
"""


def read(tmp_path: Path, text: str) -> Organisation:
    path = tmp_path / "organisation.yaml"
    path.write_text(text)
    return load(path, shown_as="organisation.yaml")


def problems(tmp_path: Path, lines: str) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        read(tmp_path, HEAD + lines)
    return [str(problem).removeprefix("organisation.yaml") for problem in caught.value.problems]


@pytest.mark.parametrize(
    "day, expected",
    [
        (date(2020, 1, 1), ("North", "dee@x.example", "seller")),
        (date(2026, 4, 30), ("North", "dee@x.example", "seller")),
        (date(2026, 5, 1), ("South", None, "seller")),
        (date(2030, 1, 1), ("South", None, "seller")),
    ],
)
def test_a_later_entry_says_what_changes_on_its_day(
    tmp_path: Path, day: date, expected: tuple[str | None, ...]
) -> None:
    """What it leaves out stays as it was, and what it gives as null is no longer said."""
    member = read(tmp_path, FILE).as_of(day).people["ada@x.example"]
    assert expected == (member.team, member.manager, member.role)


@pytest.mark.parametrize("day, active", [(10, None), (11, False), (20, False), (21, None)])
def test_an_entry_with_an_end_holds_up_to_and_with_that_day(tmp_path: Path, day: int, active: bool | None) -> None:
    """Then what held before holds again."""
    member = read(tmp_path, FILE).as_of(date(2026, 5, day)).people["cem@x.example"]
    assert (active, "U012345") == (member.active, member.slack)


def test_a_manager_takes_over_a_team(tmp_path: Path) -> None:
    """From the day that the team's later entry names."""
    organisation = read(tmp_path, FILE)
    found = [organisation.as_of(date(2026, month, 1)).teams["North"].manager for month in (5, 6)]
    assert ["cem@x.example", "ada@x.example"] == found


def test_a_person_begins_on_a_day(tmp_path: Path) -> None:
    """Before it the file knows nothing of them."""
    organisation = read(tmp_path, FILE)
    found = ["new@x.example" in organisation.as_of(day).people for day in (date(2026, 5, 31), date(2026, 6, 1))]
    assert [False, True] == found


def test_a_rate_changes_on_a_day(tmp_path: Path) -> None:
    """Others are what they were."""
    organisation = read(tmp_path, FILE)
    expected = [{"USD": Decimal("0.92"), "GBP": Decimal(rate)} for rate in ("1.17", "1.15")]
    assert expected == [organisation.as_of(day).rates for day in (date(2026, 6, 30), date(2026, 7, 1))]


def test_a_day_is_the_companys(tmp_path: Path) -> None:
    """At half past ten in the evening in London it is the next day in Berlin already."""
    organisation = read(tmp_path, FILE)
    evening = datetime(2026, 4, 30, 21, 59, tzinfo=UTC)
    found = [organisation.at(at).people["ada@x.example"].team for at in (evening, evening + timedelta(minutes=1))]
    assert ["North", "South"] == found


def test_the_organisation_of_a_day_is_of_that_day_alone(tmp_path: Path) -> None:
    """It knows no later days, and a file that names none is the same on every day."""
    organisation = read(tmp_path, FILE)
    assert () == organisation.as_of(date(2020, 1, 1)).later == organisation.as_of(date(2026, 8, 1)).later
    undated = read(tmp_path, HEAD)
    assert undated is undated.as_of(date(2026, 8, 1))


@pytest.mark.parametrize(
    "lines, expected",
    [
        (
            "people: [{email: a@x.example}, {email: A@x.example}]",
            [
                (
                    ":3:40, people[2].email: a@x.example is in this file twice (keep one entry for each person, "
                    "or, where "
                    "something changes on a day, give the later entry a `since: 2026-05-01`)"
                )
            ],
        ),
        (
            "people: [{email: a@x.example, since: 2026-05-02}, {email: a@x.example, since: 2026-05-01}]",
            [
                (
                    ":3:79, people[2].since: 2026-05-01 is before 2026-05-02, the day of the entry above (put the "
                    "entries "
                    "in the order of their days, one for each day)"
                )
            ],
        ),
        (
            "people: [{email: a@x.example, since: 2026-05-02}, {email: a@x.example, since: 2026-05-02}]",
            [
                (
                    ":3:79, people[2].since: 2026-05-02 is the day of the entry above (put the entries in the order of "
                    "their days, one for each day)"
                )
            ],
        ),
        (
            "people: [{email: a@x.example, since: tomorrow}, {email: a@x.example, since: 2026-13-01}]",
            [
                ":3:38, people[1].since: 'tomorrow' is not a day; write it like 2026-12-24",
                ":3:77, people[2].since: '2026-13-01' is not a day; write it like 2026-12-24",
            ],
        ),
        (
            "people: [{email: a@x.example, until: 2026-05-01}]",
            [
                (
                    ":3:38, people[1].until: `until` goes with `since` (add the first day, `since: 2026-05-01`; an "
                    "entry "
                    "without one holds always)"
                )
            ],
        ),
        (
            "people: [{email: a@x.example, since: 2026-05-02, until: 2026-05-01}]",
            [":3:57, people[1].until: 2026-05-01 is before 2026-05-02, the first day (`until` is the last day)"],
        ),
        (
            (
                "people: [{email: a@x.example, since: 2026-05-02, until: 2026-06-01}, "
                "{email: a@x.example, since: 2026-06-01}]"
            ),
            [
                (
                    ":3:57, people[1].until: this reaches past 2026-06-01, from when on the next entry holds (it "
                    "ends on "
                    "2026-05-31 at the latest)"
                )
            ],
        ),
        (
            "people: [{email: a@x.example}, {email: a@x.example, since: 2026-05-02, role: }]",
            [
                (
                    ":3:77, people[2].role: there is no value here (leave it out where it stays as it was, or write "
                    "`role: null` where it is over)"
                )
            ],
        ),
        (
            "people: [{email: a@x.example, manager: b@x.example}, {email: b@x.example, since: 2026-05-02}]",
            [
                (
                    ":3:40, people[1].manager: 'b@x.example' is not in this file before its first `since` (let "
                    "this hold "
                    "from the same day on (`since`), or have an entry of that one without `since`)"
                )
            ],
        ),
        (
            (
                "teams: [{name: A, since: 2026-05-02, until: 2026-05-31}]\n"
                "people: [{email: a@x.example, since: 2026-05-03, team: A}]"
            ),
            [
                (
                    ":4:56, people[1].team: 'A' is not in this file on 2026-06-01 (let this hold from the same day on "
                    "(`since`), or have an entry of that one without `since`)"
                )
            ],
        ),
        (
            (
                "people: [{email: a@x.example, manager: b@x.example}, {email: b@x.example}, "
                "{email: b@x.example, since: 2026-05-02, manager: a@x.example}]"
            ),
            [
                (
                    ":3:40, a@x.example.manager: circular reporting line from 2026-05-02 on: a@x.example -> "
                    "b@x.example "
                    "-> a@x.example (one of them is wrong)"
                )
            ],
        ),
        (
            "people: [{email: a@x.example, sinse: 2026-05-02}]",
            [":3:31, people[1].sinse: unknown key 'sinse' (did you mean 'since'?)"],
        ),
        (
            "rates: {USD: [{rate: 1}, {rate: 2}], EUR: [{rate: 2, since: 2026-05-02}], JPY: [{since: 2026-05-02}]}",
            [
                (
                    ":3:33, rates.USD[2].rate: USD has another rate already (say from when on this one holds: `since: "
                    "2026-05-01`)"
                ),
                ":3:51, rates.EUR[1].rate: EUR is the company's own currency (its rate is 1; leave it out)",
                ":3:81, rates.JPY[1].rate: `rate` is missing",
            ],
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, lines: str, expected: list[str]) -> None:
    """Each problem at once, with what to do."""
    assert expected == problems(tmp_path, lines)


DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 1, 20))


@given(st.lists(st.tuples(DAYS, st.integers(0, 9)), unique_by=lambda pair: pair[0]), DAYS)
def test_of_open_entries_the_last_one_begun_holds(entries: list[tuple[date, int]], day: date) -> None:
    """On any day; before the first none does."""
    dated = [DatedEntry({"team": number}, {}, since) for since, number in sorted(entries)]
    begun = [number for since, number in sorted(entries) if since <= day]
    held = holding(dated, day)
    assert (begun[-1] if begun else None) == (held.values["team"] if held else None)
    assert holding(dated, None) is None
