"""Which ids an import has shown already."""

from __future__ import annotations

from ros_sync.sync.ingest.seen import Before, SeenIds, SeenRows


def test_an_id_that_came_before_is_known_by_its_place() -> None:
    """Whether in the same file or another: the place of the first, and the columns that were spoken of so far."""
    with SeenIds() as seen:
        assert {} == seen.add(["1", "2"], "a.csv", [2, 3], ["id", "name"])
        again = seen.add(["3", "2"], "b.csv", [2, 3], ["id", "amount"])
        assert {1: Before("a.csv:3", frozenset({"id", "name"}))} == again
        third = seen.add(["2", "2"], "a.csv", [8, 9], ["id", "name"])
        spoken = frozenset({"id", "name", "amount"})
        assert {0: Before("a.csv:3", spoken), 1: Before("a.csv:3", spoken)} == third


def test_an_id_twice_in_one_batch() -> None:
    """The first stands, the second is a repetition of it."""
    with SeenIds() as seen:
        assert {1: Before("a.csv:2", frozenset())} == seen.add(["1", "1"], "a.csv", [2, 3])


def test_files_beyond_the_last_bit_are_remembered_together() -> None:
    """However many files there are, what they have spoken of is known, and never less."""
    with SeenIds() as seen:
        for number in range(70):
            seen.add(["1"], f"{number}.csv", [2], [f"c{number}"])
        ((_, before),) = seen.add(["1"], "last.csv", [2]).items()
    assert ("0.csv:2", {f"c{number}" for number in range(70)}) == (before.place, set(before.spoken))


def test_rows_are_compared_with_those_before_them() -> None:
    """What adds to the first is no contradiction and counts from then on; what says something else is one."""
    with SeenRows() as seen:
        answers = [
            seen.add({"id": "1", "name": "a", "phase": None}, "a.csv:2"),
            seen.add({"id": "1", "name": "a", "phase": "x"}, "a.csv:3"),
            seen.add({"id": "1", "name": "b", "phase": "x"}, "a.csv:4"),
            seen.add({"id": "1", "name": "a", "phase": "y"}, "a.csv:5"),
            seen.add({"id": "2", "name": "b", "phase": None}, "a.csv:6"),
        ]
    assert [None, ("a.csv:2", []), ("a.csv:2", ["name"]), ("a.csv:2", ["phase"]), None] == answers
