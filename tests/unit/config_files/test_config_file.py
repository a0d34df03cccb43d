"""Typed values out of a sheet: each reader gives the value, or none after noting what is wrong at its place."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import pytest

from ros_sync.config_files import ConfigFile, Mapping, Node, in_reading_order
from ros_sync.errors import OrganisationError, ProblemsError, RosSyncError, RuleError, Where


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@pytest.fixture
def config_file_of(tmp_path: Path) -> Callable[[str], tuple[ConfigFile, Node]]:
    """A sheet with this text, and its root."""

    def make(text: str) -> tuple[ConfigFile, Node]:
        path = tmp_path / "any.yaml"
        path.write_text(text, encoding="utf-8")
        config = ConfigFile(path, OrganisationError, shown_as="s")
        root = config.root()
        assert root is not None
        return config, root

    return make


ConfigFileOf = Callable[[str], tuple[ConfigFile, Node]]
Reader = Callable[[ConfigFile, Node], object]


def number(text: str) -> int:
    """A reader of the kind that callers bring."""
    return int(text)


READERS: dict[str, Reader] = {
    "written": lambda config, node: config.written(node),
    "exact": lambda config, node: config.written(node, exact=True),
    "text": lambda config, node: config.text(node),
    "texts": lambda config, node: [text for _, text in config.texts(node)],
    "choice": lambda config, node: config.choice(node, ["red", "green"]),
    "word": lambda config, node: config.word(node, Colour, Colour.RED),
    "whole": lambda config, node: config.whole(node),
    "flag": lambda config, node: config.flag(node),
    "items": lambda config, node: len(config.items(node)),
    "read": lambda config, node: config.read(node, number),
    "read_each": lambda config, node: config.read_each(config.items(node), number),
}


def value_of(config_file_of: ConfigFileOf, reader: str, written: str) -> tuple[object, list[str]]:
    """What a reader makes of the value of `a`, and the problems."""
    config, root = config_file_of(f"a: {written}\n")
    assert isinstance(root, Mapping)
    value = READERS[reader](config, root.items[0][1])
    return value, [str(problem) for problem in config.problems]


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
def test_a_good_value_is_given(config_file_of: ConfigFileOf, reader: str, written: str, value: object) -> None:
    """Each reader gives its kind of value, and notes nothing."""
    assert (value, []) == value_of(config_file_of, reader, written)


QUOTES = "(put text that begins with { or [, or is true or false, in double quotes)"
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
                "s:1:4, a: expected a value, found `key: value` pairs (put text that begins with { or [ in "
                "double quotes)"
            ),
        ),
        ("text", "#x", None, 's:1:4, a: value missing (one that begins with # needs quotes: "#channel")'),
        ("text", "' '", None, 's:1:4, a: value missing (one that begins with # needs quotes: "#channel")'),
        ("texts", "[x, [y]]", ["x"], f"s:1:8, a[2]: expected a text, found a list {QUOTES}"),
        ("choice", "gren", None, "s:1:4, a: 'gren' is not allowed here (did you mean 'green'?)"),
        ("choice", "blue", None, "s:1:4, a: 'blue' is not allowed here (known: green, red)"),
        ("word", "gren", Colour.RED, "s:1:4, a: 'gren' is not allowed here (did you mean 'green'?)"),
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
def test_a_bad_value_is_noted(
    config_file_of: ConfigFileOf, reader: str, written: str, value: object, problem: str
) -> None:
    """What is wrong is one problem, with the place of the value and its path."""
    assert (value, [problem]) == value_of(config_file_of, reader, written)


@pytest.mark.parametrize("reader", ["written", "text", "choice", "whole", "flag", "read"])
def test_an_absent_value_is_no_problem(config_file_of: ConfigFileOf, reader: str) -> None:
    """Where there is no node there is no value, and nothing to note."""
    config, _ = config_file_of("a: 1\n")
    readers: dict[str, Callable[[], object]] = {
        "written": lambda: config.written(None),
        "text": lambda: config.text(None),
        "choice": lambda: config.choice(None, ["red"]),
        "whole": lambda: config.whole(None),
        "flag": lambda: config.flag(None),
        "read": lambda: config.read(None, number),
    }
    assert (None, []) == (readers[reader](), config.problems)


def test_entries_are_the_known_keys_with_a_value(config_file_of: ConfigFileOf) -> None:
    """Unknown keys, second ones and required ones without a value are noted, and none of them is given."""
    config, root = config_file_of("nmae: x\nrole: a\nrole: b\nteam:\nemail:\n")
    entries = config.entries(root, ("name", "role", "team", "email"), {"name": "who it is", "email": None})
    expected = [
        "s:1:1, nmae: unknown key 'nmae' (did you mean 'name'?)",
        "s:1:1, name: `name` is missing (who it is)",
        "s:3:1, role: duplicate key 'role' (first in line 2; keep one of them)",
        "s:5:1, email: `email` is missing",
    ]
    assert (["role"], expected) == (list(entries), [str(each) for each in in_reading_order(config.problems)])


def test_what_is_no_map_has_no_entries(config_file_of: ConfigFileOf) -> None:
    """It is told once; nothing is said to be missing in it."""
    config, root = config_file_of("[1]\n")
    entries = config.entries(root, ("name",), {"name": None})
    assert ({}, ["s:1:1: expected `key: value` pairs, found a list"]) == (
        entries,
        [str(each) for each in config.problems],
    )


def test_another_version_is_noted(config_file_of: ConfigFileOf) -> None:
    """A file of a format that this program does not read says so."""
    config, root = config_file_of("version: 2\n")
    config.version(config.named(root)["version"], 1)
    expected = ["s:1:10, version: version '2' is not known (this ros-sync reads version 1)"]
    assert expected == [str(each) for each in config.problems]


def test_a_file_that_cannot_be_read_is_a_problem_of_the_sheet(tmp_path: Path) -> None:
    """There is no root then, and closing the sheet tells why."""
    config = ConfigFile(tmp_path / "none.yaml", RuleError)
    assert (None, [RuleError]) == (config.root(), [type(problem) for problem in config.problems])


def test_closing_tells_all_problems_in_reading_order(config_file_of: ConfigFileOf) -> None:
    """They come by line and column, however they were found."""
    config, root = config_file_of("b: x\na: y\n")
    nodes = config.named(root)
    for name in ("a", "b"):
        config.whole(nodes[name])
    with pytest.raises(ProblemsError) as caught:
        config.close()
    assert ["b", "a"] == [problem.where.key for problem in caught.value.problems if problem.where]


def test_closing_without_problems_is_silent(config_file_of: ConfigFileOf) -> None:
    """A good sheet raises nothing."""
    config, _ = config_file_of("a: 1\n")
    config.close()
    assert [] == config.problems


def test_reading_order_goes_by_file_first() -> None:
    """Problems of several files stand together by file, and those of a file as a whole come first."""
    places = [Where("b", 1, 1), Where("a", 10, 1), Where("a", 9, 2), Where("a")]
    ordered = in_reading_order(RosSyncError(where=place) for place in places)
    assert [Where("a"), Where("a", 9, 2), Where("a", 10, 1), Where("b", 1, 1)] == [each.where for each in ordered]
