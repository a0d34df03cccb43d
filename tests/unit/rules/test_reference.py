"""The reference of rule files says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ros_sync.rules.language import Moment, Schema, parse
from ros_sync.rules.language.syntax import KEYWORDS

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "rule-files.md").read_text(encoding="utf-8")
EXAMPLES = [line for block in re.findall(r"```condition\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_is_a_condition(schema: Schema, moment: Moment, text: str) -> None:
    """Every condition that the reference shows can be parsed and asked."""
    assert parse(text, schema).holds({}, moment) in (True, False)


def test_every_word_of_the_language_is_shown() -> None:
    """The reference uses each keyword at least once."""
    assert set() == KEYWORDS - set(re.findall(r"[a-z]+", TEXT))


def test_the_keys_with_a_meaning_of_their_own_are_told() -> None:
    """The reference tells of parameters, variants, clocks, messages and tests."""
    assert set() == {"params", "vary", "clock", "when"} - set(re.findall(r"`([a-z_]+)`", TEXT))
