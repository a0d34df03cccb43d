"""What may be written where people read it."""

from __future__ import annotations

import pytest

from ros_sync.fields import unprintable


@pytest.mark.parametrize(
    "text", ["Call Jane", "Zürich, 東京, عربى, ✓ 👩‍💻", "two\nlines", "", "50 % of “it”", "a\u00a0b\u200bc"]
)
def test_what_people_write_may(text: str) -> None:
    """Any language, symbols and line breaks are no control characters."""
    assert unprintable(text) is None


@pytest.mark.parametrize(
    "letter",
    ["\0", "\a", "\b", "\t", "\r", "\x0b", "\x1b", "\x7f", "\x85", "\x9b", "\u202e", "\u2066", "\udc9b"],
)
def test_control_characters_may_not(letter: str) -> None:
    """What steers a terminal, ends a text, turns its direction or is half a character is named with its place."""
    assert f"a control character (U+{ord(letter):04X}, character 3)" == unprintable(f"ab{letter}c")
