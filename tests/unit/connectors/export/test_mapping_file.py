from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ros_sync.connectors.base import Stage
from ros_sync.connectors.export import ExportMapping, load_mapping
from ros_sync.errors import MappingError, ProblemsError

MappingOf = Callable[[str], ExportMapping]

_HEAD = "version: 1\nsource: crm\n"
_ENTRY = "files:\n  - object: deal\n    id: Id\n    fields:\n"


def test_a_mapping_names_source_entries_and_stages(mapping_of: MappingOf, stages: str) -> None:
    """Stages count from 1; won is certain and lost is out, unless said otherwise."""
    mapping = mapping_of(_HEAD + stages + _ENTRY + "      stage: Stage\n")
    expected = [
        Stage("default", "Qualification", 1, "open", "early", 0.15),
        Stage("default", "Proposal", 2, "open", "mid", 0.5),
        Stage("default", "Closed Won", 3, "won", None, 1.0),
        Stage("default", "Closed Lost", 4, "lost", None, 0.0),
    ]
    assert ("crm", expected) == (mapping.source, list(mapping.stages))


def test_a_file_may_be_read_by_several_entries(mapping_of: MappingOf) -> None:
    """Patterns go by the file's name alone; an entry without one reads any file."""
    entry = "{{{}object: owner, id: Id, fields: {{name: {}}}}}"
    lines = [entry.format('file: "users*.csv*", ', "A"), entry.format("file: teams.csv, ", "B"), entry.format("", "C")]
    mapping = mapping_of(_HEAD + "files:\n" + "".join(f"  - {line}\n" for line in lines))
    found = mapping.entries_for(Path("teams.csv/users-2026.csv.gz"))
    assert [each.fields[0].column.name for each in found if each.fields[0].column] == ["A", "C"]


@pytest.mark.parametrize(
    "name,expected",
    [("a.csv", "csv"), ("a.TSV", "csv"), ("a.jsonl", "jsonl"), ("a.ndjson.gz", "jsonl"), ("a", "csv")],
)
def test_the_format_goes_by_the_name(mapping_of: MappingOf, name: str, expected: str) -> None:
    """Packed or not, in any case."""
    mapping = mapping_of(_HEAD + _ENTRY + "      name: Name\n")
    assert expected == mapping.entries[0].format_of(name)


def test_an_entry_may_be_written_in_a_style_of_its_own(mapping_of: MappingOf) -> None:
    """What an entry declares goes before what the file declares."""
    mapping = mapping_of(
        _HEAD
        + 'encoding: cp1252\ndelimiter: ";"\n'
        + _ENTRY.replace("    id", "    encoding: utf-16\n    id")
        + "      name: N\n"
    )
    assert (mapping.entries[0].style.encoding, mapping.entries[0].style.delimiter) == ("utf-16", ";")


@pytest.mark.parametrize(
    "text,place,reason",
    [
        (_HEAD + "sorce: x\n" + _ENTRY + "      name: N\n", "crm.yaml:3:1, sorce", "did you mean 'source'?"),
        (_HEAD + _ENTRY + "      nmae: N\n", ":7:7, files[1].fields.nmae", "did you mean 'name'?"),
        (_HEAD + _ENTRY + "      push_count: N\n", ":7:7", "deal has no field 'push_count' that a mapping can fill"),
        (_HEAD + _ENTRY + "      id: N\n", ":7:7", "write `id:` beside `fields:`"),
        (_HEAD + _ENTRY.replace("deal", "deel") + "      name: N\n", ":4:13, files[1].object", "did you mean 'deal'?"),
        (_HEAD + _ENTRY + "      name: {colum: N}\n", "files[1].fields.name", "needs either `column:` or `value:`"),
        (_HEAD + _ENTRY + "      amount: A\n", ":7:7, files[1].fields.amount", "the currency of amount is not known"),
        (_HEAD + _ENTRY + "      amount: {column: A, currency: Euro}\n", ":7:37", "is not a currency code"),
        (_HEAD + _ENTRY + "      stage: S\n", ":7:7", "no stages are declared"),
        (_HEAD + _ENTRY + '      name: {column: A, format: "%Y"}\n', ":7:25", "format is for date and instant fields"),
        (_HEAD + _ENTRY + '      close_date: {column: A, format: "%Y-%q-%d"}\n', ":7:39", "%q is not known"),
        (_HEAD + _ENTRY + "      owner: {column: A, find: {object: ownr, by: id}}\n", ":7:41", "did you mean 'owner'?"),
        (
            _HEAD + _ENTRY + "      owner: {column: A, find: {object: owner, by: [mail]}}\n",
            ":7:53",
            "did you mean 'email'?",
        ),
        (_HEAD + _ENTRY + "      closed: {column: A, only_if: {stage_kind: won}}\n", ":7:7", "map stage_kind above it"),
        (_HEAD + _ENTRY + "      closing_plan: {column: A, values: {true: true}}\n", ":7:42", "must stand in quotes"),
        (_HEAD + _ENTRY + '      closing_plan: {column: A, values: {"x": maybe}}\n', ":7:47", "is neither true/false"),
        (_HEAD + _ENTRY + "      custom.x: {column: A, kind: money}\n", ":7:35", "'money' is not allowed here"),
        (_HEAD + _ENTRY + "      name: {column: A, kind: number}\n", ":7:25", "only custom fields take `kind:`"),
        (_HEAD + "timezone: Europe/Berlim\n" + _ENTRY + "      name: N\n", ":3:11", "there is no time zone"),
        (_HEAD + "encoding: utf-9\n" + _ENTRY + "      name: N\n", ":3:11", "there is no text encoding 'utf-9'"),
        (_HEAD + "delimiter: ab\n" + _ENTRY + "      name: N\n", ":3:12", "is not one character"),
        (_HEAD + 'number: {decimal: ",", thousands: ","}\n' + _ENTRY + "      name: N\n", ":3:35", "are the same"),
        (_HEAD + "dates: 5\n" + _ENTRY + "      name: N\n", ":3:8", "a date format names the year"),
        ("version: 2\nsource: crm\n" + _ENTRY + "      name: N\n", ":1:10", "version '2' is not known"),
        (_HEAD, ":1:1, files", "`files` is missing"),
        (_HEAD + "files: x\n", ":3:8, files", "expected a list, found 'x'"),
        (_HEAD + "files:\n  - x\n", ":4:5, files[1]", "expected `key: value` pairs, found 'x'"),
    ],
)
def test_a_mistake_is_named_with_its_place(mapping_of: MappingOf, text: str, place: str, reason: str) -> None:
    """File, line, column and key, and what was probably meant."""
    with pytest.raises(ProblemsError) as caught:
        mapping_of(text)
    said = [line for line in str(caught.value).splitlines() if reason in line]
    assert [place in line for line in said] == [True]


@pytest.mark.parametrize("text", ["", "- version: 1\n", "version: [1\n", "a: &a 1\nb: *a\n"])
def test_what_is_no_map_is_refused_as_a_mapping(mapping_of: MappingOf, text: str) -> None:
    """What keeps a file from being read at all is a problem of mapping files, as every other."""
    with pytest.raises(ProblemsError) as caught:
        mapping_of(text)
    assert [MappingError] == [type(problem) for problem in caught.value.problems]


def test_texts_are_taken_as_they_are_written(mapping_of: MappingOf) -> None:
    """Noughts before a number in `values` and blanks in a delimiter are not lost."""
    mapping = mapping_of(_HEAD + 'delimiter: "\\t"\n' + _ENTRY + "      name: {column: N, values: {007: 0.50}}\n")
    entry = mapping.entries[0]
    assert ("\t", {"007": "0.50"}) == (entry.style.delimiter, entry.fields[0].values)


def test_all_mistakes_are_told_at_once_in_reading_order(mapping_of: MappingOf) -> None:
    """One run of the check is enough to mend the file."""
    with pytest.raises(ProblemsError) as caught:
        mapping_of("version: 1\nsource: crm\ncurrency: Euro\n" + _ENTRY + "      nmae: N\n      amuont: A\n")
    assert [problem.where.line for problem in caught.value.problems if problem.where] == [3, 8, 9]


@pytest.mark.parametrize(
    "stage,reason",
    [
        ("{name: A}", "`kind` is missing"),
        ("{kind: open}", "`name` is missing"),
        ("{name: A, kind: opn}", "did you mean 'open'?"),
        ("{name: A, kind: open, position: erly}", "did you mean 'early'?"),
        ("{name: A, kind: open, probability: 15}", "did you mean 15%?"),
        ("{name: A, kind: open, probability: high}", "is not a number"),
        ("{name: A, kind: open, chance: 1}", "unknown key 'chance'"),
        ("{name: B, kind: open}", "stands twice"),
    ],
)
def test_a_mistake_in_a_stage_is_named(mapping_of: MappingOf, stage: str, reason: str) -> None:
    """Stages are checked with the file."""
    text = f"{_HEAD}stages:\n  default:\n    - {{name: B, kind: open}}\n    - {stage}\n{_ENTRY}      name: N\n"
    with pytest.raises(ProblemsError) as caught:
        mapping_of(text)
    assert (reason in str(caught.value), "crm.yaml:6:" in str(caught.value)) == (True, True)


def test_stages_of_several_pipelines_need_to_know_the_rows(mapping_of: MappingOf) -> None:
    """Without a default pipeline, the field pipeline must be mapped."""
    stages = "stages:\n  a: [{name: X, kind: open}]\n  b: [{name: X, kind: won}]\n"
    with pytest.raises(ProblemsError, match="map the field pipeline"):
        mapping_of(_HEAD + stages + _ENTRY + "      stage: S\n")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The path and the reason."""
    with pytest.raises(ProblemsError, match=r"absent\.yaml: the file cannot be read: No such file"):
        load_mapping(tmp_path / "absent.yaml", {})
