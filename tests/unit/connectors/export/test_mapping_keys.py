"""Keys that say what odd cells mean: missing, join, otherwise: keep, only_if on own properties, deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ros_sync.connectors.base import AT_UNKNOWN_TIME
from ros_sync.errors import ProblemsError

ReadFile = Callable[..., Any]


@pytest.mark.parametrize("cell", ["N/A", "n/a", " - ", "Select", "-None-"])
@pytest.mark.parametrize("where", ["top", "entry", "field"])
def test_markers_of_missing_values_are_missing(read_file: ReadFile, cell: str, where: str) -> None:
    """In every kind of field, in capitals or not, at the top, for one file, or for one field."""
    missing = 'missing: ["N/A", "-", "Select", "-None-"]'
    fields = (
        "name: Name\namount: {column: Amount, currency: EUR}\nclose_date: Close\nclosing_plan: "
        "Plan\ncontacts_engaged: N"
    )
    if where == "field":
        fields = "".join(
            f"{name}: {{column: {column}, {missing}{more}}}\n"
            for name, column, more in (("name", "Name", ""), ("amount", "Amount", ", currency: EUR"), ("close_date",
                "Close", ""),
                                       ("closing_plan", "Plan", ""), ("contacts_engaged", "N", ""))
        )  # fmt: skip
    more = {"top": {"top": missing}, "entry": {"entry": f"    {missing}\n"}, "field": {}}[where]
    result = read_file(f"Id,Name,Amount,Close,Plan,N\n1,{','.join([cell] * 5)}\n", fields, **more)
    assert [
        {"id": "1", "name": None, "amount": None, "close_date": None, "closing_plan": None, "contacts_engaged": None}
    ] == [{name: value for name, value in record.items() if name != "currency"} for record in result.records]


def test_a_marker_that_the_value_map_knows_means_what_the_map_says(read_file: ReadFile) -> None:
    """`values` is closer than `missing`; and an id that is a marker is missing."""
    result = read_file(
        "Id,Plan\n1,-\n-,Yes\n2,N/A\n",
        'closing_plan: {column: Plan, values: {"-": false, "Yes": true}}',
        top='missing: ["-", "N/A"]',
    )
    assert ([False, None], ["the id is missing"]) == (
        result.column("closing_plan"), [each.reason for each in result.quarantined],
    )  # fmt: skip


@pytest.mark.parametrize(
    "row,name",
    [("Ann,Example", "Ann Example"), ("Ann,", "Ann"), (" ,Example", "Example"), ("Ann,N/A", "Ann"), (",", None)],
)
def test_columns_are_joined(read_file: ReadFile, row: str, name: str | None) -> None:
    """Empty cells and markers of missing values leave no blanks behind."""
    result = read_file(f"Id,First,Last\n1,{row}\n", "name: {join: [First, Last]}", top='missing: ["N/A"]')
    assert [name] == result.column("name")


def test_a_joined_day_and_time_are_an_instant_and_joined_columns_are_an_id(read_file: ReadFile) -> None:
    """What is joined is read like any other cell, and is named by both headings."""
    result = read_file(
        "Team,No,Day,Time\na,1,01.03.2026,10:22\nb,2,01.03.2026,late\n",
        'created: {join: [Day, Time], format: "%d.%m.%Y %H:%M"}',
        record_id="{join: [Team, No], separator: '-'}",
    )
    assert (["a-1"], [1_772_360_520_000_000]) == (result.column("id"), result.column("created"))
    assert "column 'Day + Time': '01.03.2026 late'" in str(result.quarantined[0])


@pytest.mark.parametrize(
    "fields,said",
    [
        ("name: {join: [First]}", "join names two columns or more"),
        ("name: {join: [A, B], column: C}", "needs either `column:` or `value:`"),
        ("closed: {column: C, only_if: {custom.tier: [a]}}", "map custom.tier above it"),
        ("name: {column: C, otherwise: keep}", "otherwise stands beside `values:`"),
        ("closed: {column: C, only_if: {stagekind: [a]}}", "did you mean 'stage_kind'"),
    ],
)
def test_a_key_that_cannot_be_meant_is_told(read_file: ReadFile, fields: str, said: str) -> None:
    """Each with what to write instead."""
    with pytest.raises(ProblemsError, match=said):
        read_file("Id\n1\n", fields)


def test_a_missing_column_of_a_join_is_named(read_file: ReadFile) -> None:
    """With its own place in the mapping."""
    with pytest.raises(Exception, match=r"no column 'Lst', which .*crm.yaml:8:28.*did you mean 'Last'"):
        read_file("Id,First,Last\n1,a,b\n", "name: {join: [First, Lst]}")


@pytest.mark.parametrize(
    "field,kind,cells,expected",
    [
        ("name", "", ["Web", "Fair"], ["web", "Fair"]),
        ("contacts_engaged", "", ["Web", "12"], [1, 12]),
        ("custom.seats", ", kind: number", ["Web", "12"], ['{"seats":1}', '{"seats":12}']),
    ],
)
def test_other_values_are_kept_where_asked(
    read_file: ReadFile, field: str, kind: str, cells: list[str], expected: list[Any]
) -> None:
    """`otherwise: keep` reads what the map does not know as if there were none."""
    value = "web" if field == "name" else "1"
    rows = "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))
    result = read_file(f"Id,C\n{rows}", f"{field}: {{column: C, values: {{Web: {value}}}, otherwise: keep{kind}}}")
    assert expected == result.column("custom" if field.startswith("custom") else field)


def test_keep_in_quotes_is_a_word(read_file: ReadFile) -> None:
    """`otherwise: "keep"` means that text."""
    result = read_file("Id,C\n1,x\n", 'name: {column: C, values: {Web: web}, otherwise: "keep"}')
    assert ["keep"] == result.column("name")


def test_a_field_may_depend_on_an_own_property(read_file: ReadFile) -> None:
    """By the property's own kind."""
    fields = (
        "name: {column: Name, only_if: {custom.seats: [12]}}\n"
        "custom.seats: {column: Seats, kind: number}\n"
        "custom.tier: {column: Tier, only_if: {custom.seats: 7}}"
    )
    result = read_file("Id,Seats,Name,Tier\n1,12,a,gold\n2,7,b,gold\n", fields)
    assert (["a", None], ['{"seats":12}', '{"seats":7,"tier":"gold"}']) == (
        result.column("name"),
        result.column("custom"),
    )


@pytest.mark.parametrize(
    "cell,expected",
    [("true", AT_UNKNOWN_TIME), ("No", None), ("", None), ("2026-03-01T10:22:00Z", 1_772_360_520_000_000), ("0", None)],
)
def test_deleted_is_an_instant_or_a_boolean(read_file: ReadFile, cell: str, expected: int | None) -> None:
    """CRMs write either."""
    assert [expected] == read_file(f"Id,Gone\n1,{cell}\n", "deleted: Gone").column("deleted")


def test_a_value_map_may_say_what_is_deleted(read_file: ReadFile) -> None:
    """`values: {Archived: true}`, and everything else is not."""
    fields = "deleted: {column: State, values: {Archived: true}, otherwise: false}"
    assert [AT_UNKNOWN_TIME, None] == read_file("Id,State\n1,Archived\n2,Active\n", fields).column("deleted")


@pytest.mark.parametrize("stage", ["", "  ", "N/A"])
def test_a_deal_without_a_stage_is_quarantined(read_file: ReadFile, stages: str, stage: str) -> None:
    """It would be neither open nor closed, and no rule would ever fire on it."""
    result = read_file(f"Id,Stage\n1,{stage}\n2,Proposal\n", "stage: Stage", top=f'missing: ["N/A"]{stages}')
    assert (["2"], True) == (result.column("id"), "no rule would ever fire" in result.quarantined[0].reason)


def test_an_empty_stage_may_mean_one(read_file: ReadFile, stages: str) -> None:
    """Where the mapping says which."""
    result = read_file("Id,Stage\n1,\n", 'stage: {column: Stage, values: {"": Proposal}}', top=stages)
    assert ["open"] == result.column("stage_kind")


@pytest.mark.parametrize("cell,said", [("", "has no stage"), ("Won", "is not one of open, won, lost")])
def test_a_kind_of_stage_that_rules_do_not_know_is_quarantined(read_file: ReadFile, cell: str, said: str) -> None:
    """Where the file itself says whether a deal is open."""
    result = read_file(f"Id,Kind\n1,{cell}\n2,open\n", "stage_kind: Kind")
    assert (["2"], True) == (result.column("id"), said in result.quarantined[0].reason)
