"""Large exports for benchmarks."""

from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path

import pytest

from ros_sync.connectors.export.mapping_file import load_mapping
from ros_sync.connectors.export.reader import read
from ros_sync.mirror.catalogue import objects
from ros_sync.sandbox.world import volume, write_big_deals
from ros_sync.sandbox.world.exports import DEAL_COLUMNS

MAPPING = Path(__file__).parents[3] / "connectors" / "export.yaml"


def test_it_has_the_rows_that_were_asked_for(tmp_path: Path) -> None:
    """So many rows, each with an id of its own and as many cells as headings."""
    write_big_deals(tmp_path / "deals.csv", 6_789)

    with (tmp_path / "deals.csv").open(encoding="utf-8", newline="") as file:
        headings, *rows = csv.reader(file)

    assert (headings, len({row[0] for row in rows}), {len(row) for row in rows}) == (list(DEAL_COLUMNS), 6_789, {30})


@pytest.mark.parametrize("columns", [12, 30, 40])
def test_it_has_the_columns_that_were_asked_for(tmp_path: Path, columns: int) -> None:
    """Fewer columns are the first ones, more are filled up."""
    write_big_deals(tmp_path / "deals.csv", 3, columns)

    with (tmp_path / "deals.csv").open(encoding="utf-8", newline="") as file:
        assert [len(row) for row in csv.reader(file)] == [columns] * 4


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    """A benchmark reads the same file in every run."""
    for name in ("one", "two"):
        write_big_deals(tmp_path / name, 500, seed=11)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_shipped_mapping_reads_it_whole(tmp_path: Path) -> None:
    """No row of a large export is set aside."""
    write_big_deals(tmp_path / "deals.csv", 6_000)
    mapping = load_mapping(MAPPING, {name: each.settable for name, each in objects().items()})
    (entry,) = mapping.entries_for(tmp_path / "deals.csv")

    batches = list(read(tmp_path / "deals.csv", entry))

    assert (sum(len(batch.lines) for batch in batches), sum(len(batch.set_aside) for batch in batches)) == (6_000, 0)


def test_memory_does_not_grow_with_the_rows() -> None:
    """Ten times the rows take no more memory: they are written in chunks of one size."""
    deck, peaks = ["a row"] * volume.DECK, []
    for rows in (4_000, 40_000):
        tracemalloc.start()
        for _ in volume._chunks(deck, rows):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < peaks[0] * 1.3
