"""The life of clocks: started, stopped, breached, withdrawn, begun again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import Session
from tests.integration.sla.leads import (
    CLOCK,
    DUE,
    HANDOFF,
    HOUR,
    RESPONSE,
    START,
    add_deal,
    add_lead,
    change_lead,
    clocks,
    directory,
    late,
    story,
)

from ros_sync.durations import Duration
from ros_sync.mirror.tables import LEAD, OWNER
from ros_sync.organisation.company import Organisation
from ros_sync.sla import owners
from ros_sync.sla.clocks import ClockCounts, advance, breached


def test_a_clock_starts_with_its_due_instant(connection: Connection) -> None:
    """A lead that became an MQL gets a running clock, due in its owner's business time."""
    add_lead(connection)
    counts = advance(connection, [RESPONSE], directory(), START + HOUR)
    assert (ClockCounts(started=1), [("1", DUE, None, "running")]) == (counts, clocks(connection))


def test_a_breach_shows_at_its_due_instant(connection: Connection) -> None:
    """The breach is there when the due instant comes, though no step has run since the clock started."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    expected: tuple[list[Any], list[Any]] = ([], [("crm", "1")])
    assert expected == (late(connection, DUE - HOUR), late(connection, DUE))


def test_a_clock_past_due_is_breached(connection: Connection) -> None:
    """At its due instant an open clock becomes breached, and stays open."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    counts = advance(connection, [RESPONSE], directory(), DUE)
    assert (ClockCounts(breached=1), [("1", DUE, None, "breached")]) == (counts, clocks(connection))


@pytest.mark.parametrize(
    "stop,state,counts",
    [
        (DUE - HOUR, "met", ClockCounts(met=1)),
        (DUE, "met", ClockCounts(met=1)),
        (DUE + HOUR, "breached", ClockCounts(breached=1, stopped=1)),
    ],
)
def test_a_stop_decides(connection: Connection, stop: datetime, state: str, counts: ClockCounts) -> None:
    """Stopped by its due instant a clock is met, after it breached; either way it is no longer late."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    change_lead(connection, rejected_at=stop)
    done = advance(connection, [RESPONSE], directory(), DUE + 2 * HOUR)
    assert (counts, [("1", DUE, stop, state)], []) == (done, clocks(connection), late(connection, DUE + 2 * HOUR))


def test_a_stop_learnt_late_mends_a_breach(connection: Connection) -> None:
    """A breach is taken back when it turns out that the lead had been accepted in time."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), DUE + HOUR)
    change_lead(connection, accepted_at=DUE - HOUR)
    advance(connection, [RESPONSE], directory(), DUE + 2 * HOUR)
    expected = [("started", None), ("breached", None), ("met", "the stop was learnt of late")]
    assert (expected, [("1", DUE, DUE - HOUR, "met")]) == (story(connection), clocks(connection))


def test_a_record_seen_late_gets_its_clock_as_it_stands(connection: Connection) -> None:
    """Records whose start lies in the past get clocks that are met, breached and stopped, or breached at once."""
    add_lead(connection, "1", accepted_at=START + HOUR)
    add_lead(connection, "2", accepted_at=DUE + HOUR)
    add_lead(connection, "3")
    counts = advance(connection, [RESPONSE], directory(), DUE + 2 * HOUR)
    assert ClockCounts(started=3, met=1, breached=2, stopped=1) == counts


def test_what_lies_in_the_future_has_not_happened(connection: Connection) -> None:
    """Neither a start nor a stop after `now` counts yet."""
    add_lead(connection, "1", accepted_at=START + 2 * HOUR)
    add_lead(connection, "2", became_mql_at=START + 2 * HOUR)
    advance(connection, [RESPONSE], directory(), START + HOUR)
    expected = [("1", DUE, None, "running")]
    assert expected == clocks(connection)


def test_nothing_changed_writes_nothing(connection: Connection) -> None:
    """A second step over the same mirror writes no row."""
    add_lead(connection, "1")
    add_lead(connection, "2", accepted_at=START + HOUR, owner_id=None)
    add_lead(connection, "3", deleted_at=START)
    add_lead(connection, "4", became_mql_at=START - 240 * HOUR)
    add_deal(connection, "5", owner_id="ben")
    advance(connection, [RESPONSE, HANDOFF], directory(), START + HOUR)
    before = _written(connection)
    counts = advance(connection, [RESPONSE, HANDOFF], directory(), START + 2 * HOUR)
    assert (ClockCounts(), before) == (counts, _written(connection))


@pytest.mark.parametrize(
    "values,why",
    [
        ({"deleted_at": START + HOUR}, "record deleted"),
        ({"became_mql_at": None}, "start moved"),
    ],
)
def test_a_clock_without_its_record_is_withdrawn(connection: Connection, values: dict[str, Any], why: str) -> None:
    """A running clock whose record is deleted or lost its start is neither met nor breached."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    change_lead(connection, **values)
    advance(connection, [RESPONSE], directory(), START + HOUR)
    assert ([("1", DUE, START + HOUR, "withdrawn")], ("withdrawn", why)) == (clocks(connection), story(connection)[-1])


def test_a_breached_clock_of_a_deleted_record_stays_breached(connection: Connection) -> None:
    """Deleting the record stops its clock, and does not undo the breach; also where the row itself is gone."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), DUE)
    connection.execute(delete(LEAD))
    counts = advance(connection, [RESPONSE], directory(), DUE + HOUR)
    assert (ClockCounts(stopped=1), [("1", DUE, DUE + HOUR, "breached")]) == (counts, clocks(connection))


def test_a_new_start_is_a_new_episode(connection: Connection) -> None:
    """When the start moves, the clock of the old start is withdrawn and a second episode begins."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    change_lead(connection, became_mql_at=START + HOUR)
    advance(connection, [RESPONSE], directory(), START + HOUR)
    c = CLOCK.c
    rows = connection.execute(select(c.episode, c.started_at, c.state).order_by(c.episode))
    expected = [(1, START, "withdrawn"), (2, START + HOUR, "running")]
    assert expected == [tuple(row) for row in rows]


def test_a_stop_before_the_new_start_belongs_to_the_old_one(connection: Connection) -> None:
    """A lead answered, then started anew before the next step, has met its first clock."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    change_lead(connection, accepted_at=START + HOUR, became_mql_at=START + 2 * HOUR)
    advance(connection, [RESPONSE], directory(), START + 3 * HOUR)
    expected = ("1", DUE, START + HOUR, "met")
    assert expected == clocks(connection)[0]


def test_a_stop_at_the_new_start_belongs_to_the_new_one(connection: Connection) -> None:
    """A lead that is answered at the very instant at which it starts anew has met its second clock, not the first."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    change_lead(connection, accepted_at=START + HOUR, became_mql_at=START + HOUR)
    advance(connection, [RESPONSE], directory(), START + 2 * HOUR)
    assert [(START + 2 * HOUR, "withdrawn"), (START + HOUR, "met")] == [row[2:] for row in clocks(connection)]


def test_what_is_withdrawn_and_what_stops_are_counted_apart(connection: Connection) -> None:
    """Of three leads that are deleted, two ran and one was late: two clocks are withdrawn, one stops."""
    for number, start in enumerate((START, START + HOUR, START - 240 * HOUR)):
        add_lead(connection, str(number), became_mql_at=start)
    advance(connection, [RESPONSE], directory(), START + HOUR)
    connection.execute(update(LEAD).values(deleted_at=START + HOUR))
    counts = advance(connection, [RESPONSE], directory(), START + 2 * HOUR)
    assert ClockCounts(withdrawn=2, stopped=1) == counts


def test_a_stop_that_is_taken_back_is_asked_about_again(connection: Connection) -> None:
    """The clock runs on with its history: due when it was due, breached then, and the same one."""
    add_lead(connection, accepted_at=START + HOUR)
    advance(connection, [RESPONSE], directory(), START + HOUR)
    change_lead(connection, accepted_at=None)
    counts = advance(connection, [RESPONSE], directory(), START + 2 * HOUR)
    expected = [("started", None), ("met", None), ("resumed", "no longer stopped")]
    assert (ClockCounts(resumed=1), [("1", DUE, None, "running")], expected, []) == (
        counts, clocks(connection), story(connection), late(connection, DUE - HOUR),
    )  # fmt: skip
    assert [("crm", "1")] == late(connection, DUE)


def test_a_stop_that_is_taken_back_after_the_due_instant_is_a_breach_at_once(connection: Connection) -> None:
    """An acceptance in time that is taken back too late leaves a lead that nobody answered in time."""
    add_lead(connection, accepted_at=START + HOUR)
    advance(connection, [RESPONSE], directory(), DUE + HOUR)
    change_lead(connection, accepted_at=None)
    counts = advance(connection, [RESPONSE], directory(), DUE + 2 * HOUR)
    assert (ClockCounts(resumed=1, breached=1), [("1", DUE, None, "breached")]) == (counts, clocks(connection))


def test_a_stop_that_comes_and_goes_is_one_clock(connection: Connection) -> None:
    """Accepted, taken back, rejected in time: met, as the one clock that it was."""
    add_lead(connection)
    stops: list[dict[str, Any]] = [
        {"accepted_at": START + HOUR},
        {"accepted_at": None},
        {"rejected_at": START + 3 * HOUR},
    ]
    for number, values in enumerate(stops):
        change_lead(connection, **values)
        advance(connection, [RESPONSE], directory(), START + (number + 2) * HOUR)
    assert [("1", DUE, START + 3 * HOUR, "met")] == clocks(connection)


@pytest.mark.parametrize("values", [{"deleted_at": START + HOUR}, {"became_mql_at": None}])
def test_a_record_that_is_back_has_its_clock_back(connection: Connection, values: dict[str, Any]) -> None:
    """A restored record, and one whose start is there again, go on with the clock that was withdrawn."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    change_lead(connection, **values)
    advance(connection, [RESPONSE], directory(), START + HOUR)
    change_lead(connection, deleted_at=None, became_mql_at=START)
    advance(connection, [RESPONSE], directory(), START + 2 * HOUR)
    assert ([("1", DUE, None, "running")], ("resumed", "applies again")) == (clocks(connection), story(connection)[-1])


def test_a_resumed_clock_is_restated_by_the_terms_that_hold_now(connection: Connection) -> None:
    """While it was stopped the deadline became shorter: it runs on by the new one."""
    add_lead(connection, accepted_at=START + HOUR)
    advance(connection, [RESPONSE], directory(), START + HOUR)
    change_lead(connection, accepted_at=None)
    shorter = replace(RESPONSE, within=Duration.parse("8 business hours"))
    advance(connection, [shorter], directory(), START + 2 * HOUR)
    assert [("1", START + 24 * HOUR, None, "running")] == clocks(connection)


def test_the_breached_are_found_by_an_index(connection: Connection) -> None:
    """Finding the breached clocks walks the open ones that are due, never the whole table."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # a small table would be read whole
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    query = breached(RESPONSE, DUE).compile(connection, compile_kwargs={"literal_binds": True})
    plan = " ".join(str(row) for row in connection.exec_driver_sql(explain + str(query)))
    expected = "ix_sla_clock_open"
    assert expected in plan


def test_a_session_will_do(connection: Connection) -> None:
    """Clocks advance in a session's transaction as in a connection's."""
    add_lead(connection)
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        counts = advance(session, [RESPONSE], directory(), START)
        session.commit()
    assert (ClockCounts(started=1), 1) == (counts, len(clocks(connection)))


def test_many_clocks_start_in_batches(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """More records than a batch holds all get their clock, once."""
    monkeypatch.setattr("ros_sync.sla.clocks.START_BATCH", 10)
    for number in range(35):
        add_lead(connection, str(number))
    counts = advance(connection, [RESPONSE], directory(), START)
    expected = (35, [("started", None)] * 35)
    assert expected == (counts.started, story(connection))


def test_many_small_steps_end_where_one_step_ends(connection: Connection) -> None:
    """However often the clocks are looked at on the way, they end as they would if looked at once."""
    chance = Random(7)
    for number in range(40):
        start = START + chance.randrange(100) * HOUR
        stop = None if chance.random() < 0.3 else start + chance.randrange(200) * HOUR
        add_lead(connection, str(number), became_mql_at=start, accepted_at=stop, owner_id=chance.choice(["ada", "ben"]))
    end = START + 200 * HOUR
    with connection.begin_nested() as once:
        advance(connection, [RESPONSE], directory(), end)
        expected = clocks(connection)
        once.rollback()
    for hour in range(0, 201, 8):
        advance(connection, [RESPONSE], directory(), START + hour * HOUR)
    assert expected == clocks(connection)


def test_the_directory_is_made_of_the_mirrors_owners(connection: Connection) -> None:
    """An owner of the mirror is found by id, and a deleted one is no longer active."""
    table = OWNER
    rows = [("ada", None), ("gone", START)]
    for owner_id, deleted in rows:
        values = {"id": owner_id, "email": f"{owner_id}@loom.example", "active": True, "deleted_at": deleted}
        connection.execute(insert(table).values(source="crm", valid_from=START, **values))
    people = owners.directory(connection, Organisation())
    expected = {"ada@loom.example": True, "gone@loom.example": False}
    assert expected == {person.key: person.active for person in people}


def _written(connection: Connection) -> int:
    """How many rows this database has written: SQLite counts them itself, PostgreSQL by its statistics."""
    raw = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        assert raw is not None
        return int(raw.total_changes)
    query = "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables"
    return int(connection.exec_driver_sql(query).scalar_one())


def test_clocks_of_a_stale_source_stay_as_they_are(connection: Connection) -> None:
    """None starts, is breached, met, restated or withdrawn there, whatever the rows say."""
    changes: list[dict[str, Any]] = [{}, {"accepted_at": DUE}, {"deleted_at": DUE}, {"owner_id": "ben"}]
    for number, values in enumerate(changes):
        add_lead(connection, str(number))
        advance(connection, [RESPONSE], directory(), START)
        connection.execute(update(LEAD).where(LEAD.c.id == str(number)).values(source="crm", **values))
    add_lead(connection, "new")
    before = clocks(connection)
    counts = advance(connection, [RESPONSE], directory(), DUE + HOUR, stale=["crm"])
    assert (ClockCounts(), before) == (counts, clocks(connection))


def test_clocks_of_other_sources_go_on_beside_a_stale_one(connection: Connection) -> None:
    """Past the due instant the clock of the fresh source is breached."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    assert ClockCounts(breached=1) == advance(connection, [RESPONSE], directory(), DUE, stale=["other"])


def test_a_stop_that_was_learnt_when_the_source_was_fresh_again_is_met(connection: Connection) -> None:
    """The answer came in time and was read an hour after the due instant: no breach at any moment."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    advance(connection, [RESPONSE], directory(), DUE + HOUR, stale=["crm"])
    change_lead(connection, accepted_at=DUE - HOUR)
    advance(connection, [RESPONSE], directory(), DUE + HOUR)
    assert ([("1", DUE, DUE - HOUR, "met")], [("started", None), ("met", None)]) == (
        clocks(connection), story(connection),
    )  # fmt: skip
