from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ros_sync.config_files import ConfigFile, Section
from ros_sync.errors import MappingError, Where


@pytest.fixture
def section_of(tmp_path: Path) -> Callable[[str], Section]:
    """The whole of a sheet with this text, as a section."""

    def make(text: str) -> Section:
        path = tmp_path / "any.yaml"
        path.write_text(text, encoding="utf-8")
        config = ConfigFile(path, MappingError, shown_as="s")
        root = config.root()
        assert root is not None
        return Section(config, root)

    return make


SectionOf = Callable[[str], Section]


def said(section: Section) -> list[str]:
    """The problems noted so far."""
    return [str(problem) for problem in section.config.problems]


def test_keys_and_values_have_their_own_places(section_of: SectionOf) -> None:
    """A problem can stand at the section, at a key of it, or at the key's value."""
    section = section_of("a:\n  b: x\n").section("a")
    assert section is not None
    expected = (Where("s", 2, 3, "a"), Where("s", 2, 3, "a.b"), Where("s", 2, 6, "a.b"))
    assert expected == (section.where(), section.where("b"), section.where("b", value=True))


def test_unknown_keys_are_noted(section_of: SectionOf) -> None:
    """Each with what was probably meant."""
    section = section_of("sorce: x\n")
    section.allow("source")
    assert ["s:1:1, sorce: unknown key 'sorce' (did you mean 'source'?)"] == said(section)


@pytest.mark.parametrize(
    "text,there,problems",
    [("a: 1\n", True, []), ("b: 1\n", False, ["s:1:1, a: `a` is missing (the first letter)"])],
)
def test_a_required_key(section_of: SectionOf, text: str, there: bool, problems: list[str]) -> None:
    """A key that must be there is noted with what it is for where it is not."""
    section = section_of(text)
    assert (there, problems) == (section.require("a", "the first letter"), said(section))


def test_a_text_keeps_its_blanks(section_of: SectionOf) -> None:
    """A tab or a blank in quotes means itself."""
    assert "\t" == section_of('a: "\\t"\n').text("a")


def test_a_flag_is_false_where_absent(section_of: SectionOf) -> None:
    """Only a written true is true."""
    section = section_of("a: true\n")
    assert (True, False) == (section.flag("a"), section.flag("b"))


def test_the_maps_of_a_list(section_of: SectionOf) -> None:
    """What is no map in the list is noted; the others are given."""
    section = section_of("a:\n  - {b: 1}\n  - x\n")
    found = [part.text("b") for part in section.sections("a")]
    assert (["1"], ["s:3:5, a[2]: expected `key: value` pairs, found 'x'"]) == (found, said(section))


def test_what_is_no_map_is_no_section(section_of: SectionOf) -> None:
    """It is noted at its place."""
    section = section_of("a: x\n")
    assert (None, ["s:1:4, a: expected `key: value` pairs, found 'x'"]) == (section.section("a"), said(section))


@pytest.mark.parametrize("text,count", [("a: [x, y]\n", 2), ("a: x\n", 1), ("b: x\n", 0)])
def test_one_value_may_stand_for_a_list(section_of: SectionOf, text: str, count: int) -> None:
    """`a: x` is written for `a: [x]`."""
    assert count == len(section_of(text).listed("a"))
