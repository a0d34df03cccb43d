"""What a CRM tells of the past of a record's properties, as values, states and changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ros_sync.fields import StoredValue
from ros_sync.mirror.property_history import Value, differences, settled, states_of, tracked_columns


@pytest.mark.parametrize(
    "history, present, modified, expected",
    [
        ([(1, "a", None), (3, "b", "user:1")], "b", 9, [(1, "a", None), (3, "b", "user:1")]),
        ([(1, "a", None), (3, "a", None)], "a", 9, [(1, "a", None)]),
        ([(1, "a", None), (1, "b", None)], "b", 9, [(1, "b", None)]),
        ([(1, "a", None), (8, "b", None)], "a", 5, [(1, "a", None)]),
        ([(1, "a", None)], "c", 5, [(1, "a", None), (5, "c", None)]),
        ([(1, "a", None)], "c", None, [(1, "a", None), (2, "c", None)]),
        ([], "c", 5, []),
    ],
)
def test_a_history_ends_in_what_the_row_says(
    history: list[Value], present: StoredValue, modified: int | None, expected: list[Value]
) -> None:
    """Repeated values are one, later entries are left for later, and the row is right from its modified instant on."""
    assert expected == list(settled(history, present, modified))


@pytest.mark.parametrize(
    "values, instants, present, expected",
    [
        ([[(1, "a", None)], []], [1], ("a", 7), [(1, ("a", 7))]),
        ([[(1, "a", None), (3, "b", None)], []], [1, 3], ("b", 7), [(1, ("a", 7)), (3, ("b", 7))]),
        ([[(3, "b", None)], []], [1, 3], ("b", 7), [(1, (None, 7)), (3, ("b", 7))]),
        ([[(1, "a", None), (3, "b", None)], [(1, 5, None), (3, 7, None)]], [1, 3], ("b", 7),
         [(1, ("a", 5)), (3, ("b", 7))]),
        ([[(2, None, None)]], [1, 2], (None,), [(1, (None,))]),
    ],
)  # fmt: skip
def test_states_are_cut_where_a_column_changed(
    values: Sequence[Sequence[Value]],
    instants: list[int],
    present: tuple[StoredValue, ...],
    expected: list[tuple[int, tuple[StoredValue, ...]]],
) -> None:
    """A column without a history is as at present, one set later is missing before; equal states are one."""
    assert expected == states_of(values, instants, present)


@pytest.mark.parametrize(
    "history, created, before, cut_off, expected",
    [
        ([(1, 5, "user:1"), (3, 7.0, "user:2")], 1, None, False, [(3, "5", "7", "user:2")]),
        ([(2, 5, "user:1")], 1, None, False, [(2, None, "5", "user:1")]),
        ([(2, 5, "user:1")], None, None, False, []),
        ([(2, 5, "user:1")], 1, "4", True, [(2, "4", "5", "user:1")]),
        ([(2, 5, "user:1")], 1, "5", True, []),
        ([], 1, None, False, []),
    ],
)
def test_changes_are_the_successive_differences(
    history: list[Value],
    created: int | None,
    before: str | None,
    cut_off: bool,
    expected: list[tuple[int, str | None, str | None, str | None]],
) -> None:
    """What a record was created with is no change; a history that is cut off goes on from what is known."""
    assert expected == differences(history, created, before, cut_off=cut_off)


def test_tracked_columns_are_those_of_every_history() -> None:
    """Each column is named once, in the order in which it is first met."""
    assert ["stage", "amount_minor"] == tracked_columns([{"stage": []}, {"stage": [], "amount_minor": []}])
