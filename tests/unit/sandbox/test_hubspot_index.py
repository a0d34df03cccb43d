"""What search knows of records, and since when."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ros_sync.sandbox.hubspot.index import Index
from ros_sync.sandbox.hubspot.records import Record


def record(number: int, modified: int, **properties: str) -> Record:
    """A deal as it is at some moment."""
    return Record("deals", str(number), modified, modified, dict(properties))


def test_a_state_comes_when_it_is_due() -> None:
    """Until then the index tells of the state before, or of none."""
    index = Index()
    index.learn(record(1, 100, amount="1"), due=130, now=100)
    assert index.documents == {}
    index.catch_up(130)
    index.learn(record(1, 140, amount="2"), due=170, now=140)
    index.catch_up(169)
    before = index.documents[1].properties["amount"]
    index.catch_up(170)
    assert (before, index.documents[1].properties["amount"]) == ("1", "2")


def test_an_older_state_never_comes_after_a_newer_one() -> None:
    """Where the lag was shortened in between, the newer state waits for the older one."""
    index = Index()
    index.learn(record(1, 100, amount="1"), due=200, now=100)
    index.learn(record(1, 110, amount="2"), due=110, now=110)
    index.catch_up(199)
    assert index.documents == {}
    index.catch_up(200)
    assert index.documents[1].properties["amount"] == "2"


def test_what_is_forgotten_is_told_until_it_is_due() -> None:
    """A record that is gone, or archived, is found for as long as search lags."""
    index = Index()
    one = record(1, 100)
    index.learn(one, due=100, now=100)
    index.forget(one, due=150, now=120)
    index.catch_up(149)
    assert list(index.documents) == [1]
    index.catch_up(150)
    assert index.documents == {}


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(0, 60))
def test_stretches_of_modified_instants(seed: int, low: int, width: int) -> None:
    """Whatever was changed, forgotten and brought back, a stretch holds exactly the documents modified in it, once."""
    rng, index = Random(seed), Index(most_unsorted=5)
    for now in range(60):
        number = rng.randrange(12)
        if rng.random() < 0.2 and number in index.documents:
            index.forget(record(number, now), due=now, now=now)
        else:
            index.learn(record(number, rng.choice((now, 30))), due=now, now=now)
        if rng.random() < 0.1:
            list(index.modified_between(0, 99))  # sorts, where there was enough to sort
    found = sorted(number for number, _ in index.modified_between(low, low + width))
    assert found == sorted(n for n, each in index.documents.items() if low <= each.modified <= low + width)
