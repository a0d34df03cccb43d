"""Typed values out of a sheet: each reader gives the value, or none after noting what is wrong at its place."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import pytest

from ros_sync.errors import OrganisationError, ProblemsError, RosSyncError, RuleError, Where
from ros_sync.sheets import Mapping, Node, Sheet, in_reading_order


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@pytest.fixture
def sheet_of(tmp_path: Path) -> Callable[[str], tuple[Sheet, Node]]:
    """A sheet with this text, and its root."""

    def make(text: str) -> tuple[Sheet, Node]:
        path = tmp_path / "any.yaml"
        path.write_text(text, encoding="utf-8")
        sheet = Sheet(path, OrganisationError, shown_as="s")
        root = sheet.root()
        assert root is not None
        return sheet, root

    return make


SheetOf = Callable[[str], tuple[Sheet, Node]]
Reader = Callable[[Sheet, Node], object]


def number(text: str) -> int:
    """A reader of the kind that callers bring."""
    return int(text)


READERS: dict[str, Reader] = {
    "written": lambda sheet, node: sheet.written(node),
    "exact": lambda sheet, node: sheet.written(node, exact=True),
    "text": lambda sheet, node: sheet.text(node),
    "texts": lambda sheet, node: [text for _, text in sheet.texts(node)],
    "choice": lambda sheet, node: sheet.choice(node, ["red", "green"]),
    "word": lambda sheet, node: sheet.word(node, Colour, Colour.RED),
    "whole": lambda sheet, node: sheet.whole(node),
    "flag": lambda sheet, node: sheet.flag(node),
    "items": lambda sheet, node: len(sheet.items(node)),
    "read": lambda sheet, node: sheet.read(node, number),
    "read_each": lambda sheet, node: sheet.read_each(sheet.items(node), number),
}


def value_of(sheet_of: SheetOf, reader: str, written: str) -> tuple[object, list[str]]:
    """What a reader makes of the value of `a`, and the problems."""
    sheet, root = sheet_of(f"a: {written}\n")
    assert isinstance(root, Mapping)
    value = READERS[reader](sheet, root.items[0][1])
    return value, [str(problem) for problem in sheet.problems]


@pytest.mark.parametrize(
    "reader,written,value",
    [
        ("written", "true", "true"),
        ("written", "' x '", "x"),
        ("exact", "' x '", " x "),
        ("text", "0123", "0123"),
        ("text", "2026-12-24", "2026-12-24"),
        ("texts", "[x, 0.50]", ["x", "0.50"]),
        ("choice", "green", "green"),
        ("word", "green", Colour.GREEN),
        ("whole", "012", 12),
        ("flag", "False", False),
        ("items", "[1, 2]", 2),
        ("read", "12", 12),
        ("read_each", "[1, 2]", [1, 2]),
    ],
)
def test_a_good_value_is_given(sheet_of: SheetOf, reader: str, written: str, value: object) -> None:
    """Each reader gives its kind of value, and notes nothing."""
    assert (value, []) == value_of(sheet_of, reader, written)


QUOTES = "(put a text that begins with { or [, or is true or false, in double quotes)"
LINES = "(write each entry on a line of its own, after `- `)"


@pytest.mark.parametrize(
    "reader,written,value,problem",
    [
        ("text", "[x]", None, f"s:1:4, a: expected a text, found a list {QUOTES}"),
        ("text", "true", None, f"s:1:4, a: expected a text, found 'true' {QUOTES}"),
        (
            "written",
            "{x: 1}",
            None,
            (
                "s:1:4, a: expected a value, found `key: value` pairs (put a text that begins with { or [ in "
                "double quotes)"
            ),
        ),
        ("text", "#x", None, 's:1:4, a: there is no value here (one that begins with # needs quotes: "#channel")'),
        ("text", "' '", None, 's:1:4, a: there is no value here (one that begins with # needs quotes: "#channel")'),
        ("texts", "[x, [y]]", ["x"], f"s:1:8, a[2]: expected a text, found a list {QUOTES}"),
        ("choice", "gren", None, "s:1:4, a: 'gren' is not known here (did you mean 'green'?)"),
        ("choice", "blue", None, "s:1:4, a: 'blue' is not known here (known: green, red)"),
        ("word", "gren", Colour.RED, "s:1:4, a: 'gren' is not known here (did you mean 'green'?)"),
        ("whole", "1.5", None, "s:1:4, a: expected a whole number, found '1.5'"),
        ("whole", "'1'", None, "s:1:4, a: expected a whole number, found '1'"),
        ("whole", "0x1F", None, "s:1:4, a: expected a whole number, found '0x1F'"),
        ("flag", "maybe", None, "s:1:4, a: expected true or false, found 'maybe'"),
        ("flag", "~", None, "s:1:4, a: expected true or false, found nothing"),
        ("items", "x", 0, f"s:1:4, a: expected a list, found 'x' {LINES}"),
        ("read", "x", None, "s:1:4, a: invalid literal for int() with base 10: 'x'"),
        ("read_each", "[1, x]", [1], "s:1:8, a[2]: invalid literal for int() with base 10: 'x'"),
    ],
)
def test_a_bad_value_is_noted(sheet_of: SheetOf, reader: str, written: str, value: object, problem: str) -> None:
    """What is wrong is one problem, with the place of the value and its path."""
    assert (value, [problem]) == value_of(sheet_of, reader, written)


@pytest.mark.parametrize("reader", ["written", "text", "choice", "whole", "flag", "read"])
def test_an_absent_value_is_no_problem(sheet_of: SheetOf, reader: str) -> None:
    """Where there is no node there is no value, and nothing to note."""
    sheet, _ = sheet_of("a: 1\n")
    readers: dict[str, Callable[[], object]] = {
        "written": lambda: sheet.written(None),
        "text": lambda: sheet.text(None),
        "choice": lambda: sheet.choice(None, ["red"]),
        "whole": lambda: sheet.whole(None),
        "flag": lambda: sheet.flag(None),
        "read": lambda: sheet.read(None, number),
    }
    assert (None, []) == (readers[reader](), sheet.problems)


def test_entries_are_the_known_keys_with_a_value(sheet_of: SheetOf) -> None:
    """Unknown keys, second ones and required ones without a value are noted, and none of them is given."""
    sheet, root = sheet_of("nmae: x\nrole: a\nrole: b\nteam:\nemail:\n")
    entries = sheet.entries(root, ("name", "role", "team", "email"), {"name": "who it is", "email": None})
    expected = [
        "s:1:1, nmae: there is no key 'nmae' here (did you mean 'name'?)",
        "s:1:1, name: `name` is missing (who it is)",
        "s:3:1, role: the key 'role' stands here twice (first in line 2; keep one of them)",
        "s:5:1, email: `email` is missing",
    ]
    assert (["role"], expected) == (list(entries), [str(each) for each in in_reading_order(sheet.problems)])


def test_what_is_no_map_has_no_entries(sheet_of: SheetOf) -> None:
    """It is told once; nothing is said to be missing in it."""
    sheet, root = sheet_of("[1]\n")
    entries = sheet.entries(root, ("name",), {"name": None})
    assert ({}, ["s:1:1: expected `key: value` pairs, found a list"]) == (
        entries,
        [str(each) for each in sheet.problems],
    )


def test_another_version_is_noted(sheet_of: SheetOf) -> None:
    """A file of a format that this program does not read says so."""
    sheet, root = sheet_of("version: 2\n")
    sheet.version(sheet.named(root)["version"], 1)
    expected = ["s:1:10, version: version '2' is not known (this ros-sync reads version 1)"]
    assert expected == [str(each) for each in sheet.problems]


def test_a_file_that_cannot_be_read_is_a_problem_of_the_sheet(tmp_path: Path) -> None:
    """There is no root then, and closing the sheet tells why."""
    sheet = Sheet(tmp_path / "none.yaml", RuleError)
    assert (None, [RuleError]) == (sheet.root(), [type(problem) for problem in sheet.problems])


def test_closing_tells_all_problems_in_reading_order(sheet_of: SheetOf) -> None:
    """They come by line and column, however they were found."""
    sheet, root = sheet_of("b: x\na: y\n")
    nodes = sheet.named(root)
    for name in ("a", "b"):
        sheet.whole(nodes[name])
    with pytest.raises(ProblemsError) as caught:
        sheet.close()
    assert ["b", "a"] == [problem.where.key for problem in caught.value.problems if problem.where]


def test_closing_without_problems_is_silent(sheet_of: SheetOf) -> None:
    """A good sheet raises nothing."""
    sheet, _ = sheet_of("a: 1\n")
    sheet.close()
    assert [] == sheet.problems


def test_reading_order_goes_by_file_first() -> None:
    """Problems of several files stand together by file, and those of a file as a whole come first."""
    places = [Where("b", 1, 1), Where("a", 10, 1), Where("a", 9, 2), Where("a")]
    ordered = in_reading_order(RosSyncError(where=place) for place in places)
    assert [Where("a"), Where("a", 9, 2), Where("a", 10, 1), Where("b", 1, 1)] == [each.where for each in ordered]
