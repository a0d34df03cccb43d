"""What a change history must say for a property's history in the CRM."""

from __future__ import annotations

import pytest

from ros_sync.connectors.source import Entry
from ros_sync.sync.audit.history_diff import Change, _of_record, _shown, expected_changes
from ros_sync.sync.audit.report import FieldDifference


def entries(*given: tuple[int, str | None]) -> list[Entry]:
    """A history."""
    return [(at, value, None) for at, value in given]


@pytest.mark.parametrize(
    "history,born,modified,present,before,expected",
    [
        pytest.param([(1, "a")], 1, 9, "a", None, [], id="what it was created with is no change"),
        pytest.param([(2, "a")], 1, 9, "a", None, [(2, None, "a")], id="set after its creation"),
        pytest.param(
            [(1, "a"), (3, "b"), (4, "a")], 1, 9, "a", None, [(3, "a", "b"), (4, "b", "a")], id="there and back"
        ),
        pytest.param(
            [(1, "a"), (3, "a"), (4, "b")], 1, 9, "b", None, [(4, "a", "b")], id="the same again is no change"
        ),
        pytest.param(
            [(1, "a"), (3, "b"), (3, "c")], 1, 9, "c", None, [(3, "a", "c")], id="the last word of an instant"
        ),
        pytest.param([(1, "a"), (3, "b"), (3, "a")], 1, 9, "a", None, [], id="set and taken back in one instant"),
        pytest.param([(1, "a"), (12, "b")], 1, 9, "a", None, [], id="later than what is mirrored"),
        pytest.param([(12, "b")], 1, 9, "a", None, [], id="all of it later than what is mirrored"),
        pytest.param([(1, "a")], 1, 9, "b", None, [(9, "a", "b")], id="the row is right from its modified instant on"),
        pytest.param(
            [(9, "a")], 1, 9, "b", None, [(9, None, "a"), (10, "a", "b")], id="and never before the last entry"
        ),
        pytest.param(
            [(5, "c")], 1, 9, "c", (3, "a", "b"), [(5, "b", "c")], id="goes on from what is known from before"
        ),
        pytest.param([(5, "b")], 1, 9, "b", (3, "a", "b"), [], id="cut off where nothing changed"),
        pytest.param([(5, "b")], None, 9, "b", None, [], id="nobody knows when it was created"),
        pytest.param([(1, "a"), (3, None)], 1, 9, None, None, [(3, "a", None)], id="emptied"),
    ],
)
def test_expected_changes(
    history: list[tuple[int, str | None]],
    born: int | None,
    modified: int,
    present: str | None,
    before: Change | None,
    expected: list[Change],
) -> None:
    """Each change once and in order, from the CRM's first entry up to what the mirror holds."""
    assert expected_changes(entries(*history), born, modified, present, before) == expected


@pytest.mark.parametrize(
    "mine, difference",
    [
        ([(3, "a", "b"), (5, "b", "c")], None),
        ([(1, "x", "a"), (3, "a", "b"), (5, "b", "c")], None),
        ([(3, "a", "x"), (5, "b", "c")], ((3, "a", "b"), (3, "a", "x"))),
        ([(3, "a", "b")], ((5, "b", "c"), None)),
        ([(3, "a", "b"), (5, "b", "c"), (7, "c", "d")], (None, (7, "c", "d"))),
        ([], ((3, "a", "b"), None)),
    ],
    ids=["the same", "known from before", "another value", "one is wanting", "one too many", "none"],
)
def test_the_first_change_that_differs_is_told(
    mine: list[Change], difference: tuple[Change | None, Change | None] | None
) -> None:
    """By what the CRM's history says and what the mirror's does.

    What lies before the CRM's first entry is no difference.
    """
    history = {"stage": entries((2, "a"), (3, "b"), (5, "c")), "owner": []}  # nothing is told of the owner
    columns = {"stage": "stage", "owner": "owner_id"}
    expected = [] if difference is None else [FieldDifference("stage", *map(_shown, difference))]
    assert expected == _of_record(history, ("1", 9, "c", "7"), columns, {"stage": mine}, 2)


@pytest.mark.parametrize(
    "born, mine, differs",
    [
        (2, [], False),
        (1, [(2, None, "a")], False),
        (1, [], True),
        (1, [(2, "x", "a")], True),
        (2, [(1, "x", "a")], False),
    ],
    ids=["created with it", "set afterwards", "not told here", "set from something else", "known from before"],
)
def test_a_history_of_one_entry(born: int, mine: list[Change], differs: bool) -> None:
    """A change at the very instant of the CRM's first entry is compared with it."""
    history, columns = {"stage": entries((2, "a"))}, {"stage": "stage"}
    assert differs == bool(_of_record(history, ("1", 9, "a"), columns, {"stage": mine}, born))


def test_entries_that_are_not_followed_yet_are_no_difference() -> None:
    """Later than the row's modified instant the mirror knows nothing; at that very instant it does."""
    columns, history = {"stage": "stage"}, {"stage": entries((2, "a"), (9, "b"), (10, "c"))}
    expected = [FieldDifference("stage", _shown((9, "a", "b")), None)]
    assert expected == _of_record(history, ("1", 9, "b"), columns, {}, 2)
