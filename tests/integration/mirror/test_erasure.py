"""What activities keep of a person who was erased: nothing, however they were linked with them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, Table, select

from ros_sync import clock
from ros_sync.mirror import redirects
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.erasure import erase, withheld
from ros_sync.mirror.links import set_links
from ros_sync.mirror.store import Upsert
from ros_sync.mirror.tables import CHANGE

ACTIVITY = objects()["activity"]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = 60_000_000
FROM_ACTIVITY = ("calls", "calls/501", "contacts", "7")
FROM_PERSON = ("contacts", "7", "calls", "501")


def write_activities(connection: Connection, minute: int, *activities: tuple[str, str, str]) -> None:
    """Write activities (id, subject, id of their contact) as they are at that minute; what they were is kept."""
    upsert = Upsert(connection, ACTIVITY, "crm", ("id", "subject", "contact_id"), run_id=1)
    upsert.write(list(activities), clock.to_micros(NOW) + minute * MINUTE)


def link(connection: Connection, *links: tuple[str, str, str, str]) -> None:
    for stream, record_id, to_stream, to_id in links:
        wanted = {record_id: [(to_stream, to_id, "")]}
        set_links(connection, "crm", stream, wanted, NOW, kinds=[to_stream], ended=lambda _stream, _ids: ())


def subjects(connection: Connection) -> dict[str, set[str | None]]:
    """By activity every subject that is kept of it: at present, in its past, in its changes."""
    change: Table = CHANGE
    told = (change.c.object == "activity") & (change.c.field == "subject")
    queries = [select(table.c.id, table.c.subject) for table in (ACTIVITY.table, ACTIVITY.version_table)]
    queries += [select(change.c.record_id, column).where(told) for column in (change.c.old, change.c.new)]
    found: dict[str, set[str | None]] = {}
    for query in queries:
        for record_id, subject in connection.execute(query):
            found.setdefault(record_id, set()).add(subject)
    return found


@pytest.mark.parametrize("links", [[FROM_ACTIVITY], [FROM_PERSON], [FROM_ACTIVITY, FROM_PERSON]])
def test_an_activity_that_was_linked_with_an_erased_person_loses_its_subject(
    engine: Engine, links: list[tuple[str, str, str, str]]
) -> None:
    """Its row names somebody else, and a link from either side tells of the person; others keep theirs."""
    with engine.begin() as connection:
        write_activities(
            connection, 0, ("calls/501", "Boris is ill", "6"), ("emails/501", "Looms", "6"), ("501", "Mills", "6")
        )
        write_activities(connection, 1, ("calls/501", "Boris is well", "6"))
        link(connection, *links, ("emails", "emails/501", "contacts", "6"))
        erase(connection, "crm", "contacts", ["7"], NOW)
        kept = subjects(connection)
        hidden = withheld(connection, "crm", ["calls/501", "emails/501"])
    assert ({None}, {"Looms"}, {"calls/501"}) == (kept["calls/501"], kept["emails/501"], hidden)


def test_an_activity_with_a_person_who_was_merged_into_an_erased_one(engine: Engine) -> None:
    """The links of the one that is no more count as well, whether or not they were led to the new one."""
    with engine.begin() as connection:
        write_activities(connection, 0, ("calls/501", "Boris is ill", "6"))
        link(connection, ("calls", "calls/501", "contacts", "5"))
        redirects.redirect(connection, "crm", "contact", {"5": "7"}, NOW)
        erase(connection, "crm", "contacts", ["7"], NOW)
        assert {"calls/501": {None}} == subjects(connection)


def test_an_activity_whose_stream_alone_feeds_activities(engine: Engine) -> None:
    """Its id has no stream before it."""
    with engine.begin() as connection:
        write_activities(connection, 0, ("501", "Boris is ill", "6"))
        link(connection, ("emails", "501", "contacts", "7"))
        erase(connection, "crm", "contacts", ["7"], NOW)
        assert {"501": {None}} == subjects(connection)


def test_very_many_activities_of_one_person(engine: Engine) -> None:
    """More than fit into a statement."""
    ids = [f"calls/{number}" for number in range(2_000)]
    with engine.begin() as connection:
        write_activities(connection, 0, *((each, "Boris is ill", "6") for each in ids))
        set_links(
            connection,
            "crm",
            "calls",
            {each: [("contacts", "7", "")] for each in ids},
            NOW,
            kinds=["contacts"],
            ended=lambda _stream, _ids: (),
        )
        erase(connection, "crm", "contacts", ["7"], NOW)
        assert {None} == set().union(*subjects(connection).values())
