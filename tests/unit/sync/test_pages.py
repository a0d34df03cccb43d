"""Several pages as one."""

from __future__ import annotations

from ros_sync.connectors.base import Batch, Quarantined
from ros_sync.connectors.source import Link, Page
from ros_sync.fields import StoredValue
from ros_sync.sync.ingest.pages import joined, without


def page(number: int, *, position: str | None = None, **columns: list[StoredValue]) -> Page:
    """A page of deals, with something of everything that a page holds."""
    ids = columns["id"]
    lines = [10 * number + place for place in range(len(ids))]
    aside = [Quarantined("", 10 * number, "amount", f"v{number}", "not a number", f"x{number}")]
    batch = Batch("deal", "", columns, lines, quarantined=aside, custom_names=frozenset({"shared", f"own{number}"}))
    return Page(
        "deals",
        batches=[batch],
        histories={str(ids[0]): {"stage": [(number, "a", None)]}},
        links={str(ids[0]): [Link("contacts", str(number))]},
        deleted={f"d{number}": number},
        merged={f"m{number}": "1"},
        gone=[f"g{number}"],
        doubted=[f"q{number}"],
        unread={f"s{number}": "refused"},
        position=position,
        expected=100 + number,
    )


def test_pages_are_joined() -> None:
    """One page holds what three held, and goes on where the last of them does."""
    pages = [page(each, id=[f"{each}0", f"{each}1"], name=["a", "b"], position=f"p{each}") for each in (1, 2, 3)]
    whole = joined(pages)
    (batch,) = whole.batches
    assert (["10", "11", "20", "21", "30", "31"], ["a", "b"] * 3, [10, 11, 20, 21, 30, 31]) == (
        batch.columns["id"],
        batch.columns["name"],
        batch.lines,
    )
    assert ("p3", 103, frozenset({"shared"}), ["x1", "x2", "x3"]) == (
        whole.position,
        whole.expected,
        batch.custom_names,
        [each.record for each in batch.quarantined],
    )
    assert (["10", "20", "30"], ["10", "20", "30"], ["d1", "d2", "d3"], ["m1", "m2", "m3"]) == tuple(
        list(each) for each in (whole.histories, whole.links, whole.deleted, whole.merged)
    )
    assert (["g1", "g2", "g3"], ["q1", "q2", "q3"], ["s1", "s2", "s3"]) == (
        whole.gone,
        whole.doubted,
        list(whole.unread),
    )


def test_a_page_without_records_joins_too() -> None:
    """What it says of deletions counts, and its having no rows does no harm."""
    whole = joined([Page("deals", gone=["7"], position="p1"), page(1, id=["1"])])
    assert (["7", "g1"], ["1"], None) == (whole.gone, whole.ids, whole.position)


def test_a_column_that_one_page_lacks_is_left_out() -> None:
    """A property that is hidden between two pages is not shown any more."""
    whole = joined([page(1, id=["1"], name=["a"]), page(2, id=["2"])])
    assert {"id": ["1", "2"]} == whole.batches[0].columns


def test_joined_rows_belong_as_certainly_as_the_least_certain() -> None:
    """Where one page says nothing of who does not belong to the object, the whole does not either."""
    pages = [page(1, id=["1"]), page(2, id=["2"])]
    pages[1].batches[0].partial = True
    assert joined(pages).batches[0].partial


def test_a_record_that_is_told_twice_is_there_once() -> None:
    """The version that was modified last stands, in the place where it came; of two alike, the later one."""
    twice = page(
        1,
        id=["1", "2", "1", "3", "3", "4"],
        modified=[5, 1, 4, None, None, 0],
        name=["new", "b", "old", "first", "second", "d"],
    )
    for whole in (joined([twice]), joined([twice, page(2, id=["2"], modified=[2], name=["c"])])):
        (batch,) = whole.batches
        named = dict(zip(batch.columns["id"], batch.columns["name"], strict=True))
        assert {"1": "new", "3": "second", "4": "d"} == {each: named[each] for each in ("1", "3", "4")}
        assert len(batch.columns["id"]) == len(batch.lines) == len(named)
    assert "c" == named["2"]


def test_without_modified_instants_the_last_one_told_stands() -> None:
    """What came later was read later."""
    whole = joined([page(1, id=["1", "1"], name=["old", "new"])])
    assert (["new"], [11]) == (whole.batches[0].columns["name"], whole.batches[0].lines)


def test_records_are_taken_out_of_a_page() -> None:
    """Their rows and what was quarantined of them; a page of which nothing is taken out stays as it is."""
    whole = page(1, id=["1", "2", "3"], name=["a", "b", "c"])
    (batch,) = without(whole, {"2", "x1"}).batches
    assert ({"id": ["1", "3"], "name": ["a", "c"]}, [10, 12], []) == (batch.columns, batch.lines, batch.quarantined)
    assert without(whole, ()) is whole
