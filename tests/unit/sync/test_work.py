"""The books of a cycle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import create_engine

from ros_sync.connectors.base import Batch
from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.hubspot.tokens import PrivateAppToken
from ros_sync.connectors.pace import MemoryPace
from ros_sync.connectors.source import Page
from ros_sync.mirror.catalogue import objects
from ros_sync.sandbox.hubspot.company import CONNECTOR
from ros_sync.sync.cadence import Cadence
from ros_sync.sync.deals import DealContext
from ros_sync.sync.reports import CycleReport, Progress
from ros_sync.sync.work import Work

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def told() -> list[Progress]:
    """What was told of the progress."""
    return []


@pytest.fixture
def work(told: list[Progress]) -> Iterator[Work]:
    """The work on an account of HubSpot, of which nothing has been asked yet."""
    mapping = load_hubspot(CONNECTOR, {name: each.settable for name, each in objects().items()})
    source = HubSpotSource(
        mapping,
        HubSpotClient(PrivateAppToken("none"), MemoryPace(), now=lambda: NOW, sleep=lambda _: None),
        now=lambda: NOW,
    )
    engine = create_engine("sqlite://")
    context = DealContext("EUR", {"USD": Decimal("0.92")}, lambda day: day)
    yield Work(engine, source, context, now=lambda: NOW, cadence=Cadence(), progress=told.append)
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


def _page(stream: str, records: int, expected: int | None = None) -> Page:
    ids = [str(number) for number in range(records)]
    return Page(stream, batches=[Batch(stream, "", {"id": list(ids)}, [])], expected=expected)
