"""Reading streams ahead of the thread that writes."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ros_sync.connectors.source import Page
from ros_sync.sync.follow.fetching import GARBAGE_OBJECTS, Fetching, Reading


def pages(stream: str, number: int, error: Exception | None = None) -> Reading[str]:
    """A reading of so many pages, which ends with an error where one is given."""

    def read() -> Iterator[Page]:
        for place in range(number):
            yield Page(stream, position=str(place))
        if error is not None:
            raise error

    return Reading(stream, read)


def test_two_that_read_at_a_time_leave_the_garbage_threshold_as_it_was() -> None:
    """Two sources are read in threads of their own: the one that began first may end first."""
    expected, seldom = gc.get_threshold(), (GARBAGE_OBJECTS, *gc.get_threshold()[1:])
    first, second = Fetching[str]([]), Fetching[str]([])
    with first:
        second.__enter__()
    assert seldom == gc.get_threshold()
    second.__exit__(None, None, None)
    assert expected == gc.get_threshold()


def test_readings_of_a_stream_follow_each_other_and_one_that_fails_ends_it() -> None:
    """Each page, then the end of the reading or what it failed of; other streams go on."""
    failure = ValueError("broken off")
    told: dict[str, list[object]] = {"deals": [], "links": [], "emails": [], "notes": []}
    with Fetching(
        [[pages("deals", 2), pages("links", 1)], [pages("emails", 1, failure), pages("notes", 1)], []]
    ) as found:
        for each in found:
            told[each.part].append(each.error or (each.page and each.page.position))
    assert {"deals": ["0", "1", None], "links": ["0", None], "emails": ["0", failure], "notes": []} == told


def test_nothing_more_is_given_of_what_was_abandoned() -> None:
    """Not even pages that were read already; what else is read goes on to its end."""
    given: list[tuple[str, object]] = []
    with Fetching([[pages("deals", 20)], [pages("emails", 2)]]) as found:
        for each in found:
            given.append((each.part, each.page and each.page.position))
            if each.part == "deals":
                found.abandon("deals")
    assert ([("deals", "0")], [("emails", "0"), ("emails", "1"), ("emails", None)]) == (
        [each for each in given if each[0] == "deals"],
        [each for each in given if each[0] == "emails"],
    )
    assert ["deals"] == found.abandoned


@pytest.mark.parametrize("error", [None, ValueError()], ids=["done", "failed"])
def test_leaving_the_block_stops_the_threads(error: ValueError | None) -> None:
    """Also one that waits for room for what nobody will take."""
    found = Fetching([[pages("deals", 1_000)]])
    found.__enter__()
    next(iter(found))
    found.__exit__(None if error is None else type(error), error, None)
    assert [False] == [each.is_alive() for each in found._threads]
