"""A page without the persons who were erased since it was read."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine
from tests.integration.sync.conftest import asked_nothing

from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import Link, Page
from ros_sync.mirror import redirects
from ros_sync.sync.ingest.erased import ErasedPersons

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_what_a_page_says_of_the_others_stays(sqlite_engine: Engine) -> None:
    """Rows, histories and links of the erased person go, and links to them.

    Those of everybody else are as they were.
    """
    streams = {stream.name: stream for stream in asked_nothing().streams}
    history = {"lifecycle_stage": [(1, "Lead", None)]}
    page = Page(
        "contacts",
        batches=[Batch("contact", "", {"id": ["1", "2"], "name": ["Ada", "Bo"]}, [1, 2])],
        histories={"1": dict(history), "2": dict(history)},
        links={"1": [Link("deals", "7")], "2": [Link("deals", "7")]},
    )
    calls = Page("calls", links={"9": [Link("contacts", "1"), Link("contacts", "2")], "10": [Link("contacts", "2")]})
    with sqlite_engine.begin() as connection:
        redirects.erased(connection, "hubspot", "contact", ["1"], NOW)
        redirects.erased(connection, "other", "contact", ["2"], NOW)
        persons = ErasedPersons(connection, "hubspot", streams, NOW)
        left, told = persons.left_of(streams["contacts"], page), persons.left_of(streams["calls"], calls)
    assert (["2"], {"2": history}, {"2": [Link("deals", "7")]}) == (left.ids, left.histories, left.links)
    assert {"9": [Link("contacts", "2")], "10": [Link("contacts", "2")]} == told.links
