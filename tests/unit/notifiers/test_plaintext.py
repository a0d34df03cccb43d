"""Cleaning and cutting plain text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_sync.notifiers.plaintext import clean, cut, first, length, more, one_line, web_link


@given(st.text(max_size=60), st.integers(min_value=1, max_value=40))
def test_cut_keeps_the_limit(text: str, limit: int) -> None:
    """However long a text is, and whatever characters it has, what is left is within the limit."""
    assert length(cut(text, limit)) <= limit


@given(st.text(max_size=40))
def test_cut_leaves_a_short_text_alone(text: str) -> None:
    """A text within the limit is not touched."""
    assert text == cut(text, length(text))


def test_cut_says_that_something_is_missing() -> None:
    """A cut text ends in an ellipsis that counts towards the limit."""
    assert "abcd…" == cut("abcdefgh", 5)


def test_length_counts_a_character_outside_the_basic_plane_twice() -> None:
    """Lengths are those of the vendor that counts most."""
    assert 3 == length("a😀")


@pytest.mark.parametrize(
    "text, cleaned",
    [
        ("a\x1b[31mred", "a[31mred"),
        ("\u202eflipped", "flipped"),
        ("half \ud800 a character", "half  a character"),
        ("zero\x00byte", "zerobyte"),
        ("two\nlines", "two\nlines"),
        ("👩\u200d💻 שלום", "👩\u200d💻 שלום"),
    ],
)
def test_clean_takes_out_what_steers_a_screen(text: str, cleaned: str) -> None:
    """Escape codes, direction overrides and broken characters go; scripts, joined emoji and line breaks stay."""
    assert cleaned == clean(text)


def test_one_line_has_no_line_breaks() -> None:
    """Any white space becomes one blank."""
    assert "a b c d" == one_line(" a\r\nb\tc\u2028d ")


def test_first_says_how_many_are_left_out() -> None:
    """What does not fit is counted."""
    assert ([1, 2], 3) == first([1, 2, 3, 4, 5], 2)


def test_more_reads_as_people_write_it() -> None:
    """The count is shown after an ellipsis."""
    assert "… 17 more" == more(17)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://x.example/",
        "https://",
        "https://x.example/a b",
        "https://x.example/>|<!channel>",
        "https://[broken",
        "https://x.example/\u202e",
        "/relative",
        "https://x.example/" + "a" * 100,
        "",
        None,
    ],
)
def test_only_plain_web_links_pass(url: str | None) -> None:
    """Other schemes, blanks, brackets and what is too long are no links."""
    assert web_link(url, 100) is None


def test_a_web_link_stays_as_it_is() -> None:
    """An http(s) address is given back unchanged."""
    assert "https://crm.example/deals/1?a=b&c=d" == web_link("https://crm.example/deals/1?a=b&c=d", 100)
