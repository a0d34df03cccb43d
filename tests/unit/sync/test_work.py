"""The books of a cycle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from ros_sync.connectors.base import Batch
from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.hubspot.tokens import PrivateAppToken
from ros_sync.connectors.pace import MemoryPace
from ros_sync.connectors.source import Page
from ros_sync.mirror.catalogue import objects
from ros_sync.sandbox.hubspot.company import CONNECTOR
from ros_sync.sync.follow.work import Work, of_stream
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.reports import CycleReport, Progress
from ros_sync.sync.policy import SyncPolicy

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def source_of(file: Path) -> HubSpotSource:
    """HubSpot by a connector file; nothing is asked of it."""
    mapping = load_hubspot(file, {name: each.settable for name, each in objects().items()})
    client = HubSpotClient(PrivateAppToken("none"), MemoryPace(), now=lambda: NOW, sleep=lambda _: None)
    return HubSpotSource(mapping, client, now=lambda: NOW)


@pytest.fixture
def told() -> list[Progress]:
    """What was told of the progress."""
    return []


@pytest.fixture
def work(told: list[Progress]) -> Iterator[Work]:
    """The work on an account of HubSpot, of which nothing has been asked yet."""
    engine = create_engine("sqlite://")
    context = DealContext("EUR", {"USD": Decimal("0.92")}, lambda day: day)
    yield Work(engine, source_of(CONNECTOR), context, now=lambda: NOW, policy=SyncPolicy(), progress=told.append)
    engine.dispose()


def test_each_cycle_tells_its_own_progress(work: Work, told: list[Progress]) -> None:
    """The pages of a cycle add up, stream by stream; the next cycle begins at nothing again."""
    deals, contacts = (stream for stream in work.source.streams if stream.name in ("deals", "contacts"))
    work.tell(deals, "back-fill", [_page("deals", 3), _page("deals", 2, expected=7)])
    work.tell(contacts, "back-fill", [_page("contacts", 1)])
    work.tell(deals, "back-fill", [_page("deals", 2, expected=7)])
    work.begin(CycleReport("hubspot", NOW))
    work.tell(deals, "poll", [_page("deals", 1)])
    expected = [
        Progress(deals.name, "back-fill", 5, 7),
        Progress(contacts.name, "back-fill", 1, None),
        Progress(deals.name, "back-fill", 7, 7),
        Progress(deals.name, "poll", 1, None),
    ]
    assert expected == told


@pytest.mark.parametrize("activities", [("notes",), ("notes", "calls"), ("notes", "calls", "tasks")])
def test_streams_that_feed_one_object_have_their_own_records(tmp_path: Path, activities: tuple[str, ...]) -> None:
    """A stream's records are those that came by it.

    One that feeds an object alone has those too whose stream is not known.
    """
    head, *streams = CONNECTOR.read_text().split("\n  - stream: ")
    kept = [each for each in streams if each.split("\n")[0] in (*activities, "deals", "contacts", "companies")]
    file = tmp_path / "hubspot.yaml"
    file.write_text("\n  - stream: ".join([head, *kept]))
    source = source_of(file)
    own, unknown = {}, {}
    for stream in source.streams:
        table = objects()[stream.objects[0]].table
        query = of_stream(source, stream, table, select(table.c.id))
        words = str(query.compile(compile_kwargs={"literal_binds": True}))
        own[stream.name] = f"'{stream.name}'" in words
        unknown[stream.name] = f"{table.name}.stream IS NULL" in words
    assert dict.fromkeys(own, True) == own
    assert {name: name not in activities or len(activities) == 1 for name in unknown} == unknown


def _page(stream: str, records: int, expected: int | None = None) -> Page:
    ids = [str(number) for number in range(records)]
    return Page(stream, batches=[Batch(stream, "", {"id": list(ids)}, [])], expected=expected)
