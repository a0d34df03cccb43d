"""Entries of history streams, added to what is known of a field's past: whatever comes first, the whole comes out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_sync.sync.ingest.history_entries import Kept, added

Past = list[tuple[int, str]]
BORN = 100


def drawn_together(values: Sequence[tuple[int, Any, str | None]]) -> Past:
    """The values as they are stored: what is said twice is said once."""
    past: Past = []
    for at, value, _ in values:
        if not past or past[-1][1] != value:
            past.append((at, value))
    return past


@st.composite
def stories(draw: st.DrawFn) -> tuple[Past, list[int], list[list[int]]]:
    """A field's true past; the moments at which a poll saw it; and its changes, in the portions that tell of them."""
    values = draw(st.lists(st.sampled_from("abc"), min_size=2, max_size=7))
    values = [values[0], *(b for a, b in pairwise(values) if a != b)]
    steps = draw(st.lists(st.integers(1, 50), min_size=len(values), max_size=len(values)))
    instants = [BORN]
    for step in steps[1:]:
        instants.append(instants[-1] + step)
    past: Past = list(zip(instants, values, strict=True))
    seen = draw(st.lists(st.integers(0, len(past) - 1), min_size=1, max_size=3, unique=True))
    order = draw(st.permutations(range(1, len(past))))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=3)))
    portions = [list(order[a:b]) for a, b in pairwise([0, *cuts, len(order)])]
    return past, sorted(seen), [each for each in portions if each]


@given(stories())
def test_in_whatever_order_they_come_the_past_is_whole_in_the_end(
    story: tuple[Past, list[int], list[list[int]]],
) -> None:
    """A poll sees the field now and then, entries tell of each change; what was concluded in between is put right."""
    past, seen, portions = story
    known = drawn_together([(*past[place], None) for place in seen])
    kept: list[Kept] = []
    for portion in portions:
        new = [Kept(past[n][0], past[n][1], past[n - 1][1], None, False) for n in portion]
        entries = sorted([*new, *kept])
        whole = added([(at, value, None) for at, value in known], entries, BORN)
        known = drawn_together(whole)
        kept = [each._replace(merged=True) for each in entries]
    if portions:
        assert past == known


@pytest.mark.parametrize("before,expected", [("a", [(BORN, "a"), (200, "b")]), (None, [(200, "b")])])
def test_what_was_before_is_known_where_it_was_told(before: str | None, expected: Past) -> None:
    """Since the creation; what nobody tells of is not invented."""
    found = added([(300, "b", None)], [Kept(200, "b", before, "ada", False)], BORN)
    assert expected == drawn_together(found)
    assert "ada" == next(by for at, _, by in found if at == 200)


def test_what_was_stored_is_not_taken_away() -> None:
    """One old entry leaves the changes that came after it, and the one that was seen before it."""
    known = [(BORN, "a", None), (200, "b", "ada"), (300, "c", "bo")]
    assert [*known[:2], (250, "x", None), known[2]] == added(known, [Kept(250, "x", "b", None, False)], BORN)


def test_at_one_instant_the_crm_s_word_stands() -> None:
    """What a poll concluded of that instant is less than what the entry says."""
    assert [(BORN, "a", None), (200, "b", "ada")] == added(
        [(BORN, "a", None), (200, "z", None)], [Kept(200, "b", "a", "ada", False)], BORN
    )


def test_without_a_creation_what_was_before_ends_just_before() -> None:
    """Nobody says since when it was so."""
    assert [(199, "a", None), (200, "b", None)] == added([], [Kept(200, "b", "a", None, False)], None)
