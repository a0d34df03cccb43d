"""Clocks of a database that an earlier version wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, select, text

from ros_sync import clock
from ros_sync.durations import Duration
from ros_sync.mirror.database import configured, open_engine
from ros_sync.mirror.schema_version import MIGRATIONS
from ros_sync.organisation.company import Organisation
from ros_sync.organisation.people import Directory
from ros_sync.sla.clock_definitions import ClockDefinition
from ros_sync.sla.clocks import advance, breached
from ros_sync.sla.laid import CLOCK, OWNER_CLOCK

START = datetime(2026, 3, 4, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANSWER = ClockDefinition("answer", "lead", "became_mql", ("accepted",), Duration.parse("4 hours"))
LEADS: dict[str, dict[str, Any]] = {
    "kept": {"owner_id": "ada", "now": "ada"},
    "moved": {"owner_id": "ada", "now": "ben"},
    "breached": {"owner_id": "ada", "now": "ben", "state": "breached"},
    "taken back": {"owner_id": "ada", "now": "ada", "state": "met", "stopped_at": clock.to_micros(START + HOUR)},
}


def migrated(connection: Connection, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    (command.downgrade if version == "0006" and _is_newer(connection) else command.upgrade)(config, version)


def _is_newer(connection: Connection) -> bool:
    tables = {"sqlite": "SELECT name FROM sqlite_master", "postgresql": "SELECT tablename FROM pg_tables"}
    return "sla_owner_clock" in set(connection.scalars(text(tables[connection.dialect.name])))


def test_a_clock_of_an_earlier_version_becomes_the_teams(database_url: str) -> None:
    """It keeps its start, deadline and state; whose record changed hands has a clock of their own.

    A taken-back stop runs on.
    """
    engine = configured(database_url)
    start = clock.to_micros(START)
    with engine.begin() as connection:
        migrated(connection, "0006")
        for lead, values in LEADS.items():
            row = {"id": lead, "owner_id": values["now"], "start": start}
            connection.execute(
                text(
                    "INSERT INTO lead (source, id, valid_from, owner_id, became_mql_at)"
                    " VALUES ('crm', :id, 0, :owner_id, :start)"
                ),
                row,
            )
            row = {"state": "running", "stopped_at": None, **values, "id": lead, "start": start}
            connection.execute(
                text(
                    "INSERT INTO sla_clock (clock, object, source, record_id, owner_id, within, started_at, due_at,"
                    " stopped_at, state, episode) VALUES ('answer', 'lead', 'crm', :id, :owner_id, '4 hours', :start,"
                    " :start + 14400000000, :stopped_at, :state, 1)"
                ),
                row,
            )
    engine.dispose()
    engine = open_engine(database_url)
    with engine.begin() as connection:
        now = START + 3 * HOUR
        advance(connection, [ANSWER], Directory(Organisation()), now)
        c, o = CLOCK.c, OWNER_CLOCK.c
        teams = [
            tuple(row) for row in connection.execute(select(c.record_id, c.owner_id, c.held_by, c.state, c.due_at))
        ]
        owners = [tuple(row) for row in connection.execute(select(o.record_id, o.owner_id, o.started_at, o.due_at))]
        late = set(connection.execute(breached(ANSWER, START + 4 * HOUR)).scalars(1))
    due = START + 4 * HOUR
    assert [
        ("breached", "ada", "ben", "breached", due),
        ("kept", "ada", "ada", "running", due),
        ("moved", "ada", "ben", "running", due),
        ("taken back", "ada", "ada", "running", due),
    ] == sorted(teams)
    assert [("breached", "ben", now, now + 4 * HOUR), ("moved", "ben", now, now + 4 * HOUR)] == sorted(owners)
    assert set(LEADS) == late
    engine.dispose()


def test_the_owners_clocks_can_be_taken_out_again(database_url: str) -> None:
    """Going back to the version before leaves the teams' clocks as they are."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        migrated(connection, "0006")
        columns = connection.execute(text("SELECT * FROM sla_clock")).keys()
        assert (False, False) == ("held_by" in columns, _is_newer(connection))
    engine.dispose()
