"""Reading streams ahead of the thread that writes."""

from __future__ import annotations

import gc

from ros_sync.sync.fetching import GARBAGE_OBJECTS, Fetching


def test_two_that_read_at_a_time_leave_the_garbage_threshold_as_it_was() -> None:
    """Two sources are read in threads of their own: the one that began first may end first."""
    expected, seldom = gc.get_threshold(), (GARBAGE_OBJECTS, *gc.get_threshold()[1:])
    first, second = Fetching[str]([]), Fetching[str]([])
    with first:
        second.__enter__()
    assert seldom == gc.get_threshold()
    second.__exit__(None, None, None)
    assert expected == gc.get_threshold()
