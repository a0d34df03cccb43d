"""What follows from activities, worked out over rows of the mirror.

At which moments, of which source, for which records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine
from tests.integration.mirror_reader import alter, mirror_of, put, put_all
from tests.integration.sync.conftest import asked_nothing

from ros_sync import clock
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.sync.ingest.derived import roll_up

SHIPPED = Path(__file__).parents[3] / "connectors/hubspot.yaml"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MQL = NOW - timedelta(days=2)
MICRO = timedelta(microseconds=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


Happened = Callable[..., None]


@pytest.fixture
def connection(sqlite_engine: Engine) -> Iterator[Connection]:
    """A mirror of two sources with the same two deals and leads each."""
    with sqlite_engine.connect() as connection:
        common = [{"source": source, "id": each, "valid_from": MQL} for source in ("hubspot", "other") for each in "12"]
        put_all(connection, "deal", common)
        put_all(connection, "lead", [{**each, "became_mql_at": MQL} for each in common])
        yield connection


@pytest.fixture
def source() -> HubSpotSource:
    """HubSpot by the shipped connector file; nothing is asked of it."""
    return asked_nothing(SHIPPED)


@pytest.fixture
def happened(connection: Connection) -> Happened:
    """Tells the mirror of an activity and what it is linked with."""

    def tell(
        name: str,
        at: datetime,
        *links: tuple[str, str],
        kind: str = "email",
        way: str = "outbound",
        of: str = "hubspot",
    ) -> None:
        stream = f"{kind}s"
        own = f"{stream}/{name}"
        put(
            connection, "activity", source=of, id=own, valid_from=at, activity_kind=kind, direction=way, occurred_at=at
        )  # fmt: skip
        for to_stream, to_id in links:
            link = {"source": of, "stream": stream, "record_id": own, "to_stream": to_stream, "to_id": to_id}
            put(connection, "link", **link, label="", since=at)

    return tell


def worked_out(
    connection: Connection, source: HubSpotSource, column: str, *, only: list[tuple[str, str]] | None = None
) -> dict[tuple[str, str], object]:
    """What a column of deals or leads says after everything was worked out, where it says anything."""
    roll_up(connection, source, 1, clock.to_micros(NOW), only=only)
    kind, _, name = column.partition(".")
    told = {(each.source, each.id): getattr(each, name) for each in mirror_of(connection).records(kind)}
    return {record: value for record, value in told.items() if value is not None}


@pytest.mark.parametrize(
    "at, counts", [(MQL - MICRO, False), (MQL, True), (NOW, True), (NOW + MICRO, False)],
    ids=["before the MQL", "at that moment", "just now", "planned"],
)  # fmt: skip
def test_a_first_response_is_one_to_an_mql(
    connection: Connection, source: HubSpotSource, happened: Happened, at: datetime, counts: bool
) -> None:
    """From the moment at which it became one, up to the present."""
    happened("1", at, ("contacts", "1"))
    expected = {("hubspot", "1"): at} if counts else {}
    assert expected == worked_out(connection, source, "lead.first_response_at")


def test_the_first_of_what_counts_as_a_response_is_told(
    connection: Connection, source: HubSpotSource, happened: Happened
) -> None:
    """What the buyer sent, notes, and what is deleted count for nothing; nor does what another source tells."""
    lead = ("contacts", "1")
    happened("1", MQL + 1 * MICRO, lead, way="inbound")
    happened("2", MQL + 2 * MICRO, lead, kind="note")
    happened("3", MQL + 3 * MICRO, lead, kind="call")
    happened("4", MQL + 4 * MICRO, lead)
    happened("5", MQL + 5 * MICRO, lead)
    happened("6", MQL + 6 * MICRO, lead, of="other")
    alter(connection, "activity", {"id": "calls/3"}, deleted_at=LONG_AGO)
    assert {("hubspot", "1"): MQL + 4 * MICRO} == worked_out(connection, source, "lead.first_response_at")


def test_a_last_activity_is_that_of_the_deal(connection: Connection, source: HubSpotSource, happened: Happened) -> None:
    """The latest that has happened, of this source, and not one that was deleted; a deal without any has none."""
    deal = ("deals", "1")
    happened("1", MQL, deal)
    happened("2", NOW, deal, ("contacts", "1"))
    happened("3", NOW + MICRO, deal)
    happened("4", NOW, deal, of="other")
    first = worked_out(connection, source, "deal.last_activity_at")
    alter(connection, "activity", {"id": "emails/2"}, deleted_at=LONG_AGO)
    second = worked_out(connection, source, "deal.last_activity_at")
    alter(connection, "activity", deleted_at=LONG_AGO)
    assert ({("hubspot", "1"): NOW}, {("hubspot", "1"): MQL}, {}) == (
        first,
        second,
        worked_out(connection, source, "deal.last_activity_at"),
    )


def test_what_is_worked_out_is_never_older_than_the_record(
    connection: Connection, source: HubSpotSource, happened: Happened
) -> None:
    """A record that is known as of a later moment takes it all the same."""
    alter(connection, "deal", valid_from=NOW + timedelta(hours=1))
    happened("1", MQL, ("deals", "1"))
    assert {("hubspot", "1"): MQL} == worked_out(connection, source, "deal.last_activity_at")


def test_a_meeting_counts_where_it_took_place(
    connection: Connection, source: HubSpotSource, happened: Happened
) -> None:
    """One that is marked as ours alone did not; what else the buyer did is no meeting."""
    deal = ("deals", "1")
    happened("1", MQL, deal, kind="meeting", way="inbound")
    happened("2", MQL + MICRO, deal, kind="meeting", way="outbound")
    happened("3", MQL + 2 * MICRO, deal, way="inbound")
    assert {("hubspot", "1"): MQL} == worked_out(connection, source, "deal.last_meeting_at")


def test_who_is_engaged_counts_once(connection: Connection, source: HubSpotSource, happened: Happened) -> None:
    """Contacts of what the buyer did; a call of ours, and a note of what they said, engage nobody."""
    deal = ("deals", "1")
    happened("1", MQL, deal, ("contacts", "1"), ("contacts", "2"), way="inbound")
    happened("2", MQL, deal, ("contacts", "1"), way="inbound")
    happened("3", MQL, deal, ("contacts", "3"))
    happened("4", MQL, deal, ("contacts", "4"), kind="note", way="inbound")
    happened("5", MQL, ("deals", "2"))
    expected = {("hubspot", "1"): 2.0, ("hubspot", "2"): 0.0}
    assert expected == worked_out(connection, source, "deal.contacts_engaged")


@pytest.mark.parametrize(
    "touched, told",
    [([("emails", "emails/1")], True), ([("deals", "1")], True), ([("deals", "2")], False),
     ([("notes", "emails/1")], False), ([], False)],
    ids=["the activity", "the deal", "another deal", "another stream", "nothing"],
)  # fmt: skip
def test_only_what_was_touched_is_worked_out(
    connection: Connection, source: HubSpotSource, happened: Happened, touched: list[tuple[str, str]], told: bool
) -> None:
    """A deal that was, and one that is linked with an activity that was."""
    happened("1", MQL, ("deals", "1"))
    happened("1", MQL, ("deals", "2"), kind="call")
    found = worked_out(connection, source, "deal.last_activity_at", only=touched)
    assert (("hubspot", "1") in found, ("hubspot", "2") in found) == (told, touched == [("deals", "2")])
