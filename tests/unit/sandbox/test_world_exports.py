"""The export files, and the shipped mapping that reads them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ros_sync.connectors.base import Batch, Quarantined
from ros_sync.connectors.export.mapping import ExportMapping
from ros_sync.connectors.export.mapping_file import load_mapping
from ros_sync.connectors.export.reader import read
from ros_sync.mirror.catalogue import objects
from ros_sync.sandbox.world import STORY_MONDAY, World, write_exports
from ros_sync.sandbox.world.exports import DEAL_COLUMNS, FILES
from ros_sync.sandbox.world.pipelines import PIPELINES

MAPPING = Path(__file__).parents[3] / "connectors" / "export.yaml"


@pytest.fixture(scope="module")
def world() -> World:
    return World(scale=0.1)


@pytest.fixture(scope="module")
def directory(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("exports")
    write_exports(world, directory, STORY_MONDAY)
    return directory


@pytest.fixture(scope="module")
def mapping() -> ExportMapping:
    return load_mapping(MAPPING, {name: each.settable for name, each in objects().items()})


def batches(directory: Path, mapping: ExportMapping) -> Iterator[Batch]:
    for name in FILES:
        for entry in mapping.entries_for(directory / name):
            yield from read(directory / name, entry)


def rows_of(directory: Path, name: str) -> list[dict[str, str]]:
    with (directory / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_files_are_named_in_import_order(world: World, tmp_path: Path) -> None:
    """Users come first, so that everything else finds its owner."""
    paths = write_exports(world, tmp_path / "new" / "folder", STORY_MONDAY)

    assert [path.name for path in paths] == [
        "users.csv", "accounts.csv", "contacts.csv", "deals.csv", "leads.csv", "activities.csv", "quotas.csv",
    ]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_holds_every_record_of_that_instant(world: World, directory: Path, name: str) -> None:
    """One row for each record, ids in the order in which they came."""
    id_column = next(iter(FILES[name][1]))

    assert list(world.state(STORY_MONDAY).rows[FILES[name][0]]) == [row[id_column] for row in rows_of(directory, name)]


def test_lines_end_as_rfc_4180_has_it(directory: Path) -> None:
    """The heading line ends with CR LF."""
    first = (directory / "deals.csv").read_bytes().split(b"\n", 1)[0]

    assert first.endswith(b"\r")


def test_awkward_names_survive_the_file(world: World, directory: Path) -> None:
    """Quotes, commas, line breaks and bidirectional marks come out as they went in."""
    names = [deal["name"] for deal in world.state(STORY_MONDAY).deals.values()]

    assert names == [row["Deal Name"] for row in rows_of(directory, "deals.csv")]


def test_yen_have_no_decimals(directory: Path) -> None:
    """Amounts are written with the decimals of their currency."""
    amounts = {row["Amount"] for row in rows_of(directory, "deals.csv") if row["Currency"] == "JPY"}

    assert amounts
    assert all("." not in amount for amount in amounts)


def test_the_deal_export_has_thirty_columns() -> None:
    """The benchmarks speak of exports of 30 columns; this is one."""
    assert len(DEAL_COLUMNS) == 30


def test_a_later_export_holds_what_changed(world: World, tmp_path: Path) -> None:
    """Of two exports the later one has more activities."""
    counts = []
    for days in (14, 7):
        at = STORY_MONDAY - timedelta(days=days)
        write_exports(world, tmp_path / str(days), at)
        counts.append(len(rows_of(tmp_path / str(days), "activities.csv")))

    assert counts[0] < counts[1]


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_mapping_reads_each_file_once(mapping: ExportMapping, directory: Path, name: str) -> None:
    """Each file has exactly one entry, for the object that it holds."""
    assert [entry.object for entry in mapping.entries_for(directory / name)] == [FILES[name][0]]


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_mapping_leaves_no_column_out(mapping: ExportMapping, directory: Path, name: str) -> None:
    """Every column of the export is read, so the mapping is a full example."""
    (entry,) = mapping.entries_for(directory / name)

    assert {column.name for column in entry.columns} == set(FILES[name][1])


def test_the_shipped_mapping_quarantines_nothing(mapping: ExportMapping, directory: Path) -> None:
    """Every row of every export can be read, the awkward ones included."""
    quarantined: list[Quarantined] = []
    for batch in batches(directory, mapping):
        quarantined += batch.quarantined

    assert quarantined == []


def test_the_shipped_mapping_gives_back_the_world(world: World, mapping: ExportMapping, directory: Path) -> None:
    """Deals come through file and mapping with the values that they have in the world."""
    read_back: dict[object, object] = {}
    for batch in batches(directory, mapping):
        if batch.object == "deal":
            asked = (batch.columns[name] for name in ("segment", "closing_plan", "next_step_date"))
            read_back |= dict(zip(batch.columns["id"], zip(*asked, strict=True), strict=True))

    expected = {
        id_: (
            deal["segment"],
            deal["closing_plan"],
            str(deal["next_step_date"]) if deal.get("next_step_date") else None,
        )
        for id_, deal in world.state(STORY_MONDAY).deals.items()
    }
    assert expected == read_back


def test_the_shipped_mapping_declares_the_stages_of_the_world(mapping: ExportMapping) -> None:
    """Pipelines and stages are the same on both sides, in order."""
    expected = [
        (pipeline, stage.name, stage.kind, stage.position, stage.percent / 100)
        for pipeline, stages in PIPELINES.items()
        for stage in stages
    ]

    assert expected == [
        (stage.pipeline, stage.name, stage.kind, stage.position, stage.probability) for stage in mapping.stages
    ]
