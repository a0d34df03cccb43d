"""Leads and deals with clocks, and what was written of those."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ros_sync.durations import Duration
from ros_sync.mirror.tables import DEAL, LEAD
from ros_sync.organisation.company import CompanyProfile, Member, Organisation, standard_calendar
from ros_sync.organisation.people import Directory, OwnerRow
from ros_sync.sla.clock_definitions import ClockDefinition
from ros_sync.sla.clocks import breached
from ros_sync.sla.tables import SlaClock, SlaClockEvent

CLOCK = SlaClock.metadata.tables["sla_clock"]
EVENT = SlaClockEvent.metadata.tables["sla_clock_event"]
RESPONSE = ClockDefinition("mql", "lead", "became_mql", ("accepted", "rejected"), Duration.parse("24 business hours"))
HANDOFF = ClockDefinition(
    "handoff",
    "deal",
    "closed",
    ("handed_off",),
    Duration.parse("48 hours"),
    only_if=(("stage_kind", ("won",)),),
    since=Duration.parse("30 days"),
)
PEOPLE = {
    "ada@loom.example": Member("ada@loom.example", calendar="berlin"),
    "ben@loom.example": Member("ben@loom.example", calendar="york"),
}
BERLIN = replace(standard_calendar("Europe/Berlin"), name="berlin")
YORK = replace(standard_calendar("America/New_York"), name="york")
OWNERS = [OwnerRow("crm", "ada", email="ada@loom.example"), OwnerRow("crm", "ben", email="ben@loom.example")]
START = datetime(2026, 3, 4, 14, tzinfo=UTC)  # a Wednesday, 15:00 in Berlin
DUE = datetime(2026, 3, 9, 14, tzinfo=UTC)  # 24 business hours later: Monday, 15:00 in Berlin
HOUR = timedelta(hours=1)


def directory(**calendars: Any) -> Directory:
    company = CompanyProfile(timezone="Europe/Berlin", calendar="berlin")
    return Directory(
        Organisation(company, calendars={"berlin": BERLIN, "york": YORK, **calendars}, people=PEOPLE), OWNERS
    )


def add_lead(connection: Connection, lead_id: str = "1", **values: Any) -> None:
    row = {"owner_id": "ada", "became_mql_at": START, **values}
    connection.execute(insert(LEAD).values(source="crm", id=lead_id, valid_from=START, **row))


def change_lead(connection: Connection, **values: Any) -> None:
    connection.execute(update(LEAD).where(LEAD.c.id == "1").values(**values))


def add_deal(connection: Connection, deal_id: str, **values: Any) -> None:
    row = {"stage_kind": "won", "closed_at": START, **values}
    connection.execute(insert(DEAL).values(source="crm", id=deal_id, valid_from=START, **row))


def clocks(connection: Connection) -> list[tuple[Any, ...]]:
    """Record, due, stop and state of each clock, oldest start first."""
    c = CLOCK.c
    rows = connection.execute(select(c.record_id, c.due_at, c.stopped_at, c.state).order_by(c.record_id, c.started_at))
    return [tuple(row) for row in rows]


def story(connection: Connection) -> list[tuple[Any, ...]]:
    """What happened to the clocks, in order."""
    return [tuple(row) for row in connection.execute(select(EVENT.c.what, EVENT.c.why).order_by(EVENT.c.id))]


def late(connection: Connection, now: datetime, definition: ClockDefinition = RESPONSE) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(breached(definition, now))]
