"""Ids that are kept on disk until they are looked at again."""

from __future__ import annotations

from ros_sync.sync.audit.auditor import Candidates


def test_suspects_come_back_in_chunks_each_once() -> None:
    """Each id of the stream comes once, however often it was added, as it was added first; other streams' do not."""
    with Candidates() as candidates:
        candidates.add("deals", [str(number) for number in range(10)], listed=True)
        candidates.add("deals", ["3", "x"], listed=False)
        candidates.add("contacts", ["1"], listed=True)
        chunks = list(candidates.chunks("deals", 4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 3]
    assert {name: listed for chunk in chunks for name, listed in chunk.items()} == {
        **{str(number): True for number in range(10)},
        "x": False,
    }


def test_only_what_was_confirmed_is_mended() -> None:
    """With `confirmed`, the chunks hold what does differ alone."""
    with Candidates() as candidates:
        candidates.add("deals", ["1", "2", "3"], listed=True)
        candidates.confirm("deals", ["2"])
        assert list(candidates.chunks("deals", 4, confirmed=True)) == [{"2": True}]
