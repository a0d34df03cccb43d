"""Edits of YAML files that people wrote: what is asked changes, everything else stays to the letter."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ros_sync.config_files.edits import Edits, map_at, scalar, value_of

FILE = """\
# What this is
top:
  one: 1      # the first
  two: {a: b, c: "d e"}   # in braces
  # four: old   # why it is out
  three:
    - x
    - y
  # five: below
  # a last word
list: [p, q]
"""


def loaded(text: str) -> object:
    reader = YAML(typ="safe", pure=True)
    return reader.load(text)


def changed(before: str, after: str) -> list[str]:
    """The lines that came, then those that went."""
    old, new = before.split("\n"), after.split("\n")
    return [line for line in new if line not in old] + [f"-{line}" for line in old if line not in new]


def test_nothing_asked_nothing_changed() -> None:
    """A file without edits comes out byte for byte."""
    assert Edits(FILE).text() == FILE


def test_a_key_is_added_below_the_last_one() -> None:
    """In the indent of its neighbours, before the comments that follow.

    Several in the order in which they were added.
    """
    edits = Edits(FILE)
    top = map_at(edits.root, "top")
    assert top is not None
    edits.add(top, "six", "6")
    edits.add(top, "seven", "")
    assert "    - y\n  six: 6\n  seven:\n  # five: below\n" in edits.text()


@pytest.mark.parametrize("key, line", [("four", "  four: new   # why it is out"), ("five", "  five: new")])
def test_a_commented_line_is_brought_back(key: str, line: str) -> None:
    """At its place, with the note behind it; also below the last key of its block."""
    edits = Edits(FILE)
    top = map_at(edits.root, "top")
    assert top is not None
    edits.add(top, key, "new")
    # a map
    assert (changed(FILE, edits.text())[0], loaded(edits.text())["top"][key]) == (line, "new")  # type: ignore[index]


def test_a_key_is_commented_out_with_all_its_lines() -> None:
    """And the reason behind the first one; the key is gone, and its lines can be brought back."""
    edits = Edits(FILE)
    top = map_at(edits.root, "top")
    assert top is not None
    edits.drop(top, "three", "not there")
    assert "  # three:   # not there\n  #   - x\n  #   - y\n" in edits.text()


def test_maps_and_lists_in_brackets_are_edited_inside_them() -> None:
    """Added at the end, taken out wherever it stands."""
    edits = Edits(FILE)
    two, listed = map_at(map_at(edits.root, "top"), "two"), value_of(edits.root, "list")
    assert two is not None
    edits.drop(two, "a", "")
    edits.add(two, "12", "z")
    edits.relist(listed, without=["p"], more=["r: s"])  # type: ignore[arg-type]  # a list
    assert loaded(edits.text()) == {
        "top": {"one": 1, "two": {"c": "d e", "12": "z"}, "three": ["x", "y"]},
        "list": ["q", "r: s"],
    }
    assert "# in braces" in edits.text()


def test_a_value_is_replaced_in_its_line() -> None:
    """The note behind it stays."""
    edits = Edits(FILE)
    top = map_at(edits.root, "top")
    assert top is not None
    edits.set(top, "one", "2")
    assert changed(FILE, edits.text()) == ["  one: 2      # the first", "-  one: 1      # the first"]


def test_values_are_taken_out_of_lists() -> None:
    """Out of those with a line for each too, where others are added; of an empty one brackets are left."""
    for without, more, expected in ((["x"], ["z"], ["y", "z"]), (["y"], ["z"], ["x", "z"]), (["x", "y"], [], [])):
        edits = Edits(FILE)
        three = value_of(map_at(edits.root, "top"), "three")
        edits.relist(three, without=without, more=more)  # type: ignore[arg-type]  # a list
        assert loaded(edits.text())["top"]["three"] == expected  # type: ignore[index]  # a map


@example("0001-01-01")
@example("0000-00-00")
@example("2026-03-01 10:22")
@example("0x1F")
@example("0o17")
@given(st.text(max_size=20))
def test_every_text_is_written_so_that_it_is_read_again(text: str) -> None:
    """Quoted where YAML would take it for something else, a number or the end of a list."""
    reader = YAML(typ="rt", pure=True)
    reader.version = (1, 2)
    assert list(reader.load(f"- [{scalar(text)}]\n- {scalar(text)}: 1\n")[0]) == [text]
