from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

ReadFile = Callable[..., Any]


def test_a_stage_brings_its_kind_position_order_and_probability(read_file: ReadFile, stages: str) -> None:
    """What the mapping declares of a stage is filled beside it."""
    result = read_file("Id,Stage\n1,Proposal\n2,Closed Won\n3,\n", "stage: Stage", top=stages)
    filled = ("stage", "pipeline", "stage_kind", "stage_position", "stage_order", "probability")
    expected = [
        ("Proposal", "default", "open", "mid", 2, 0.5),
        ("Closed Won", "default", "won", None, 3, 1.0),
    ]
    assert expected == [tuple(record[name] for name in filled) for record in result.records]


def test_a_mapped_probability_wins_over_the_stages(read_file: ReadFile, stages: str) -> None:
    """The CRM's own probability is not overwritten."""
    fields = "stage: Stage\nprobability: {column: P, percent: true}"
    assert read_file("Id,Stage,P\n1,Proposal,70\n", fields, top=stages).column("probability") == [0.7]


def test_a_probability_above_one_is_quarantined(read_file: ReadFile) -> None:
    """70 is no share of 1; the message says what to set."""
    result = read_file("Id,P\n1,70\n", "probability: P")
    assert "percent: true" in result.quarantined[0].reason


def test_an_unknown_stage_is_quarantined_with_what_was_meant(read_file: ReadFile, stages: str) -> None:
    """A stage that is not declared has no kind, so the row is not guessed at."""
    result = read_file("Id,Stage\n1,Propsal\n2,Proposal\n", "stage: Stage", top=stages)
    assert "column 'Stage': 'Propsal': is not a stage of the pipeline 'default'; did you mean 'Proposal'?" in str(
        result.quarantined[0]
    )
    assert result.column("id") == ["2"]


_TWO_PIPELINES = """
stages:
  default: [{name: New, kind: open, position: early}]
  smb: [{name: Demo, kind: open}, {name: New, kind: open, position: mid}]
"""


def test_stages_are_looked_up_in_the_rows_own_pipeline(read_file: ReadFile) -> None:
    """The same name may stand in two pipelines; no pipeline means the default one."""
    result = read_file(
        "Id,Pipe,Stage\n1,smb,New\n2,default,New\n3,,New\n4,ent,New\n5,default,Demo\n",
        "pipeline: Pipe\nstage: Stage",
        top=_TWO_PIPELINES,
    )
    assert result.column("stage_order") == [2, 1, 1]
    assert sorted(set(result.column("pipeline"))) == ["default", "smb"]
    assert [each.line for each in result.quarantined] == [5, 6]


def test_a_value_map_gives_what_a_cell_means(read_file: ReadFile) -> None:
    """Mapped texts have their value, the empty cell may have one too, and another text is quarantined."""
    fields = 'closing_plan: {column: Plan, values: {"Ja": true, "Nein": false, "": false}}'
    result = read_file("Id,Plan\n1,Ja\n2,Nein\n3,\n4,Vielleicht\n", fields)
    assert result.column("closing_plan") == [True, False, False]
    assert "'Vielleicht': is not among the mapped `values`; known: , Ja, Nein" in str(result.quarantined[0])


def test_otherwise_stands_for_all_other_texts(read_file: ReadFile) -> None:
    """With `otherwise`, no text is an error, and an empty cell stays missing."""
    fields = 'closing_plan: {column: Plan, values: {"Ja": true}, otherwise: false}'
    assert read_file("Id,Plan\n1,Ja\n2,x\n3,\n", fields).column("closing_plan") == [True, False, None]


def test_a_constant_fills_every_row(read_file: ReadFile) -> None:
    """`value:` needs no column."""
    assert read_file("Id\n1\n2\n", "name: {value: seller}").column("name") == ["seller", "seller"]


def test_a_condition_fills_the_field_only_where_it_holds(read_file: ReadFile, stages: str) -> None:
    """Elsewhere the cell is not even read, so that nonsense in it does no harm."""
    fields = "closed: {column: When, only_if: {stage_kind: [won, lost]}}\nstage: Stage"
    result = read_file("Id,Stage,When\n1,Closed Won,1970-01-02\n2,Proposal,soon\n", fields, top=stages)
    assert result.column("closed") == [86_400_000_000, None]


def test_amounts_of_rows_with_their_own_currency(read_file: ReadFile) -> None:
    """Each row is read by its own currency; an empty one means the file's."""
    fields = "amount: {column: A, currency: {column: C}}"
    result = read_file('Id,A,C\n1,100,JPY\n2,1.50,usd\n3,"€2",\n4,$5,EUR\n5,7,Euro\n', fields, top="currency: EUR")
    assert [(each["amount"], each["currency"]) for each in result.records] == [(100, "JPY"), (150, "USD"), (200, "EUR")]
    assert [(each.line, each.column) for each in result.quarantined] == [(5, "A"), (6, "C")]


def test_an_amount_without_any_currency_is_quarantined(read_file: ReadFile) -> None:
    """Money without a currency is no money."""
    result = read_file("Id,A,C\n1,100,\n2,,\n", "amount: {column: A, currency: {column: C}}")
    assert ([each.line for each in result.quarantined], result.column("id")) == ([2], ["2"])


def test_the_currency_field_is_that_of_the_amount(read_file: ReadFile) -> None:
    """A separate line for `currency` says the same as a currency inside the amount."""
    result = read_file("Id,A,C\n1,100,JPY\n", "amount: A\ncurrency: C")
    assert result.records == [{"id": "1", "amount": 100, "currency": "JPY"}]


def test_amounts_are_read_alike_in_blocks_of_mixed_forms(read_file: ReadFile) -> None:
    """Rows of plain amounts and rows of others are read in the same file."""
    cells = [f"{number}.25" if number < 300 else f"{number}" for number in range(600)]
    result = read_file(
        "Id,A\n" + "".join(f"{place},{cell}\n" for place, cell in enumerate(cells)),
        "amount: {column: A, currency: EUR}",
    )
    assert [number * 100 + (25 if number < 300 else 0) for number in range(600)] == result.column("amount")


def test_custom_properties_are_one_json_object_with_sorted_keys(read_file: ReadFile) -> None:
    """Missing ones are left out, and a row with none has no object."""
    fields = "custom.team_size: {column: T, kind: number}\ncustom.a: {column: A, kind: boolean}\nname: Name"
    result = read_file("Id,Name,T,A\n1,x,12,yes\n2,x,,no\n3,x,,\n", fields)
    assert result.column("custom") == ['{"a":true,"team_size":12}', '{"a":false}', None]
    assert tuple(result.batches[0].columns) == ("id", "name", "custom")


def test_the_texts_of_custom_properties_are_escaped(read_file: ReadFile) -> None:
    """A quote in a text does not end it."""
    assert read_file('Id,A\n1,"say ""hi"" {%s}"\n', "custom.a: A").column("custom") == ['{"a":"say \\"hi\\" {%s}"}']


def test_the_first_thing_wrong_with_a_row_is_told_once(read_file: ReadFile) -> None:
    """A row is quarantined once, whatever else is wrong with it."""
    result = read_file("Id,A,D\n1,x,y\n", "amount: {column: A, currency: EUR}\nclose_date: D")
    assert [each.column for each in result.quarantined] == ["A"]


@pytest.mark.parametrize("repeats", [1, 7])
def test_a_column_is_read_alike_whether_it_repeats_or_not(read_file: ReadFile, repeats: int) -> None:
    """Remembering cells, or giving it up, changes nothing; a bad cell late in the file is still found."""
    days = [date.fromordinal(700_000 + number // repeats).isoformat() for number in range(9000)]
    rows = "".join(f"{number},{day}\n" for number, day in enumerate(days))
    result = read_file(f"Id,D\n{rows}9000,never\n", "close_date: D")
    assert days == result.column("close_date")
    assert [each.line for each in result.quarantined] == [9002]


def test_several_options_are_read_one_by_one(read_file: ReadFile) -> None:
    """Each by what it means, once, parted by `;` alone; one that is not known costs its row."""
    fields = (
        "name: {column: Name, several: true, values: {A: Alpha, B: Beta, Old: null}}\n"
        "stage_position: {column: Place, several: true}"
    )
    result = read_file("Id,Name,Place\n1,A;B,x; y\n2, B ;;B,;x;\n3,Old,\n4,A;C,x\n", fields)
    assert (result.column("name"), result.column("stage_position")) == (
        ["Alpha;Beta", "Beta", None],
        ["x;y", "x", None],
    )
    assert [each.line for each in result.quarantined] == [5]


@pytest.mark.parametrize("many", [0, 5_000])  # few cells are read one by one, many at once
def test_a_record_that_was_changed_in_the_future_is_quarantined(read_file: ReadFile, many: int) -> None:
    """It would keep every later export from changing it. Other instants may lie ahead."""
    rows = "".join(f"{number},2026-03-01T10:22:{number % 60:02}Z,2099-01-01T00:00:00Z\n" for number in range(many))
    result = read_file(
        f"Id,Changed,Made\n{rows}a,2099-01-01T00:00:00Z,\nb,2026-03-01,2099-01-01\n",
        "modified: Changed\ncreated: Made",
    )
    assert (many + 1, ["b"]) == (len(result.records), [each["id"] for each in result.records[many:]])
    ((column, value, reason),) = [(each.column, each.value, each.reason) for each in result.quarantined]
    assert ("Changed", "2099-01-01T00:00:00Z", True) == (column, value, "is in the future" in reason)
