"""The world's events and states: repeatable, in order, and independent of what comes later."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from ros_sync.sandbox.world import World
from ros_sync.sandbox.world.events import Row

START = date(2025, 9, 1)
LATER = datetime(2025, 12, 15, 12, tzinfo=UTC)
DIGEST = """
import hashlib
from datetime import UTC, date, datetime
from ros_sync.sandbox.world import World
world = World(3, date(2025, 9, 1), scale=0.05)
print(hashlib.sha256(repr(list(world.events(until=datetime(2025, 12, 15, 12, tzinfo=UTC)))).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def world() -> World:
    return World(3, START, scale=0.1)


def test_the_same_seed_gives_the_same_events_in_another_process() -> None:
    """A process with other string hashes sees the same events, to the byte."""
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    printed = subprocess.run(
        [sys.executable, "-c", DIGEST], check=True, capture_output=True, text=True, env=environment
    ).stdout.strip()

    events = list(World(3, START, scale=0.05).events(until=LATER))

    assert hashlib.sha256(repr(events).encode()).hexdigest() == printed


def test_the_same_seed_gives_the_same_events_on_every_machine() -> None:
    """The events are those that they were elsewhere; who changes the world's behaviour on purpose changes this line."""
    events = list(World(3, START, scale=0.05).events(until=LATER))

    assert hashlib.sha256(repr(events).encode()).hexdigest().startswith("41fd2e6a0be5a05e")


def test_another_seed_gives_other_events() -> None:
    """The seed matters."""
    until = datetime(2025, 9, 5, tzinfo=UTC)

    assert list(World(3, START, scale=0.1).events(until=until)) != list(World(4, START, scale=0.1).events(until=until))


def test_a_state_does_not_depend_on_the_days_after_it(world: World) -> None:
    """The state of a day is the same whether or not later days have been simulated."""
    early = World(3, START, scale=0.1).state(LATER - timedelta(days=40))
    world.state(LATER)

    assert early.rows == world.state(LATER - timedelta(days=40)).rows


def test_events_are_in_order(world: World) -> None:
    """No event stands before an earlier one."""
    instants = [event.at for event in world.events(until=LATER)]

    assert sorted(instants) == instants


def test_every_instant_is_aware_and_in_utc(world: World) -> None:
    """Instants, in events and in the fields that they set, name UTC as their zone."""
    zones = {event.at.tzinfo for event in world.events(until=LATER)}
    for event in world.events(until=LATER):
        zones |= {value.tzinfo for value in event.changes.values() if isinstance(value, datetime)}

    assert zones == {UTC}


def test_an_event_counts_from_its_own_instant_on(world: World) -> None:
    """A state holds what happened at its very instant, and nothing of the microsecond after."""
    event = next(event for event in world.events(until=LATER) if event.kind == "stage_moved")

    before = world.state(event.at - timedelta(microseconds=1)).deals[event.id]["stage"]
    after = world.state(event.at).deals[event.id]["stage"]

    assert (before != event.changes["stage"], after) == (True, event.changes["stage"])


def test_events_between_two_states_lead_from_one_to_the_other(world: World) -> None:
    """The events after an instant, applied to its state, give the later state."""
    state = world.state(LATER - timedelta(days=30))

    for event in world.events(LATER - timedelta(days=30), LATER):
        state.apply(event)

    assert world.state(LATER).rows == state.rows


def test_changes_hold_every_value_that_a_field_ever_had(world: World) -> None:
    """Replaying the property changes gives each row, and each old value is what stood there before."""
    rows: dict[tuple[str, str], Row] = {}
    broken = []
    for change in world.changes(LATER):
        row = rows.setdefault((change.object, change.id), {})
        if row.get(change.field) != change.old:
            broken.append(change)
        row[change.field] = change.new

    expected = {
        (name, id_): {field: value for field, value in row.items() if field not in ("id", "modified")}
        for name, table in world.state(LATER).rows.items()
        for id_, row in table.items()
    }
    without_missing = {
        key: {name: value for name, value in row.items() if value is not None} for key, row in rows.items()
    }
    assert broken == []
    assert {
        key: {name: value for name, value in row.items() if value is not None} for key, row in expected.items()
    } == without_missing


def test_a_deal_knows_when_it_entered_its_stage(world: World) -> None:
    """The CRM's own note of the stage's entry is the instant of the last stage change."""
    entered = {
        change.id: change.at for change in world.changes(LATER) if change.object == "deal" and change.field == "stage"
    }

    assert entered == {id_: deal["stage_entered"] for id_, deal in world.state(LATER).deals.items()}


def test_authors_are_people_or_software(world: World) -> None:
    """Every event's author is the id of somebody who works here, software, or not known."""
    known = {person.id for person in world.people()} | {"integration", None}

    assert {event.by for event in world.events(until=LATER)} <= known


def test_nobody_acts_after_leaving() -> None:
    """Those who left change nothing from that day on."""
    world = World(3, START, scale=0.1)
    until = datetime(2026, 3, 20, tzinfo=UTC)
    left = {person.id: person.left for person in world.people() if person.left}

    late = [event for event in world.events(until=until) if event.by in left and event.at.date() >= left[event.by]]

    assert late == []


def test_whoever_left_is_inactive_in_the_crm(world: World) -> None:
    """The CRM's user of a leaver is deactivated at the end of the day."""
    leaver = next(person for person in world.people() if person.left)
    assert leaver.left is not None
    morning = datetime.combine(leaver.left, datetime.min.time(), UTC)

    active = [world.state(morning + timedelta(days=days)).owners[leaver.id]["active"] for days in (0, 1)]

    assert active == [True, False]


def test_references_point_at_records_that_are_there(world: World) -> None:
    """Owners, accounts, contacts, deals and leads that a row names exist in the same state."""
    state = world.state(LATER)
    objects = {"owner": "owner", "account": "account", "contact": "contact", "deal": "deal", "lead": "lead"}

    dangling = [
        (name, id_, field)
        for name, table in state.rows.items()
        for id_, row in table.items()
        for field, target in objects.items()
        if row.get(field) is not None and str(row[field]) not in state.rows[target]
    ]

    assert dangling == []


def test_a_closed_deal_is_won_or_lost_and_closed_on_its_close_date(world: World) -> None:
    """The change that closes a deal sets its close date to that day."""
    state = world.state(LATER)
    closed = [deal for deal in state.deals.values() if deal.get("closed") is not None]

    odd = [
        deal
        for deal in closed
        if not isinstance(deal["closed"], datetime) or deal["closed"].date() != deal["close_date"]
    ]

    assert (len(closed) > 10, odd) == (True, [])


def test_quotas_are_there_before_their_quarter() -> None:
    """Each quarter's quotas are entered before it begins, one for each seller who works then."""
    state = World(3, START, scale=0.05).state(datetime(2025, 12, 31, 23, tzinfo=UTC))
    sellers = {str(quota["owner"]) for quota in state.quotas.values() if quota["period"] == "2026-Q1"}

    people = World(3, START, scale=0.05).people()
    assert {p.id for p in people if p.role == "seller" and p.works_on(date(2026, 1, 1))} == sellers
