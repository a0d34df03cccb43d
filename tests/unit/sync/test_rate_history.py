"""What an amount was worth at home over time: it moves with the amount, and where rates change."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_sync.sync.ingest.rate_history import RateHistory, RateVersion, following


def version(since: int, rate: str | None, *, restated: bool = True, home: str = "EUR") -> RateVersion:
    return RateVersion(since, home, {} if rate is None else {"USD": Decimal(rate)}, since, restated)


BOOK = RateHistory([version(0, "0.5"), version(100, "0.25"), version(200, None)])


@pytest.mark.parametrize(
    "amounts, expected",
    [
        ([(10, 80, "user:1")], [(10, 40, "user:1"), (100, 20, None), (200, None, None)]),
        ([(10, 80, None), (100, 40, "user:1")], [(10, 40, None), (100, 10, "user:1"), (200, None, None)]),
        ([(10, 80, None), (150, 40, None)], [(10, 40, None), (100, 20, None), (150, 10, None), (200, None, None)]),
        ([(10, 80, None), (50, None, "user:1")], [(10, 40, None), (50, None, "user:1")]),
        ([(10, 80, None), (100, 160, None)], [(10, 40, None), (200, None, None)]),
        ([(250, 80, None)], [(250, None, None)]),
        ([], []),
    ],
)
def test_a_history_moves_with_the_amount_and_the_rate(
    amounts: list[tuple[int, int | None, str | None]], expected: list[tuple[int, int | None, str | None]]
) -> None:
    """Each value is told by the rate that held then; a rate that moves while it stands is an entry of nobody's."""
    assert expected == list(BOOK.history_in_home_currency(amounts, "USD"))


def test_the_companys_own_currency_never_moves() -> None:
    """It is worth itself, whatever others are."""
    assert [(10, 80, None)] == list(BOOK.history_in_home_currency([(10, 80, None)], "EUR"))


def test_before_the_first_version_that_one_holds() -> None:
    """A mirror that was upgraded knows no rates of before."""
    book = RateHistory([version(100, "0.5"), version(200, "0.25")])
    assert [(10, 40, None), (200, 20, None)] == list(book.history_in_home_currency([(10, 80, None)], "USD"))


def test_what_is_pending_comes_with_the_beginning_of_the_next() -> None:
    """A deal goes through each version by which it may not stand yet."""
    book = RateHistory([version(0, "0.5"), version(100, "0.25", restated=False), version(200, "0.1", restated=False)])
    assert [(100, 200), (200, None)] == [(each.since, end) for each, end in following(book)]
    assert (True, False) == (book.pending, BOOK.pending)


AMOUNTS = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 10**6)), unique_by=lambda pair: pair[0], min_size=1)
MOVES = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from(["0.5", "0.25", "2", None])), unique_by=lambda pair: pair[0]
)


@given(AMOUNTS, MOVES, st.integers(1, 400))
def test_at_any_moment_it_is_the_amount_at_the_rate(
    amounts: list[tuple[int, int]], moves: list[tuple[int, str | None]], at: int
) -> None:
    """Whatever amounts and rates came in whatever order."""
    book = RateHistory([version(0, "1"), *(version(since, rate) for since, rate in sorted(moves))])
    history = book.history_in_home_currency([(since, minor, None) for since, minor in sorted(amounts)], "USD")
    standing = [minor for since, minor in sorted(amounts) if since <= at]
    told = [worth for since, worth, _ in history if since <= at]
    expected = book.version_at(at).in_home_currency(standing[-1], "USD") if standing else None
    assert expected == (told[-1] if told else None)
