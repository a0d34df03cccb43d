"""What a clock goes by: whose calendar, which deadline, which records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from tests.integration.sla.leads import (
    BERLIN,
    CLOCK,
    DUE,
    EVENT,
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
from ros_sync.errors import RuleError
from ros_sync.mirror.tables import DEAL, OWNER
from ros_sync.sla.clock_definitions import ClockDefinition
from ros_sync.sla.clocks import ClockCounts, advance

DUE_IN_YORK = datetime(2026, 3, 6, 22, tzinfo=UTC)  # in New York it began at 09:00, so Friday 17:00


def test_the_first_owner_restates_the_clock(connection: Connection) -> None:
    """A lead that nobody had is due in the business time of whom it is given to, and the history says so."""
    add_lead(connection, owner_id=None)
    advance(connection, [RESPONSE], directory(), START)
    nobodys = connection.scalar(select(CLOCK.c.due_at))
    change_lead(connection, owner_id="ben")
    counts = advance(connection, [RESPONSE], directory(), START + HOUR)
    event = EVENT.c
    told = connection.execute(
        select(event.why, event.old_due_at, event.new_due_at).where(event.what == "restated")
    ).one()
    assert (1, ("owner moved", nobodys, DUE_IN_YORK), "ben") == (
        counts.restated,
        tuple(told),
        connection.scalar(select(CLOCK.c.owner_id)),
    )


def test_another_owner_restates_nothing(connection: Connection) -> None:
    """The team's clock runs on by the calendar of whom it began with, also where the next owner is in another zone."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    change_lead(connection, owner_id="ben")
    counts = advance(connection, [RESPONSE], directory(), START + HOUR)
    assert (0, "ada", [("1", DUE, None, "running")]) == (
        counts.restated,
        connection.scalar(select(CLOCK.c.owner_id)),
        clocks(connection),
    )


@pytest.mark.parametrize(
    "definition,calendars,why,due",
    [
        (
            RESPONSE,
            {"berlin": replace(BERLIN, closed=frozenset({date(2026, 3, 6)}))},
            "calendar changed",
            DUE + 24 * HOUR,
        ),
        (replace(RESPONSE, within=Duration.parse("8 business hours")), {}, "deadline changed", START + 24 * HOUR),
        (replace(RESPONSE, within=Duration.parse("2 days")), {}, "deadline changed", START + 48 * HOUR),
    ],
)
def test_new_terms_restate_the_running_clocks(
    connection: Connection, definition: ClockDefinition, calendars: dict[str, Any], why: str, due: datetime
) -> None:
    """Another closed day, or another deadline, moves the due instant of clocks that are running."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), START)
    advance(connection, [definition], directory(**calendars), START + HOUR)
    assert (("restated", why), [("1", due, None, "running")]) == (story(connection)[-1], clocks(connection))


def test_a_breach_is_not_restated(connection: Connection) -> None:
    """Handing a late lead to somebody else does not undo the team's breach; the new owner's own clock starts."""
    add_lead(connection)
    advance(connection, [RESPONSE], directory(), DUE)
    change_lead(connection, owner_id="ben")
    counts = advance(connection, [RESPONSE], directory(), DUE + HOUR)
    assert (ClockCounts(started=1), [("1", DUE, None, "breached")]) == (counts, clocks(connection))


def test_an_owner_known_by_name_only_has_their_own_calendar(connection: Connection) -> None:
    """Where the CRM names an owner by an e-mail that only the organisation file knows, their calendar counts."""
    add_lead(connection, owner_id=None, owner_named="Ben@loom.example")
    advance(connection, [RESPONSE], directory(), START)
    expected = [("1", DUE_IN_YORK, None, "running")]
    assert expected == clocks(connection)


def test_a_condition_chooses_the_records(connection: Connection) -> None:
    """Only won deals have a handoff clock."""
    add_deal(connection, "1")
    add_deal(connection, "2", stage_kind="lost")
    add_deal(connection, "3", stage_kind=None)
    advance(connection, [HANDOFF], directory(), START)
    expected = [("1", START + 48 * HOUR, None, "running")]
    assert expected == clocks(connection)


def test_a_record_that_no_longer_fits_is_withdrawn(connection: Connection) -> None:
    """A deal that is re-opened has no handoff to wait for."""
    add_deal(connection, "1")
    advance(connection, [HANDOFF], directory(), START)
    connection.execute(update(DEAL).values(stage_kind=None))
    advance(connection, [HANDOFF], directory(), START + HOUR)
    expected = ("withdrawn", "no longer applies")
    assert expected == story(connection)[-1]


def test_old_history_starts_no_flood(connection: Connection) -> None:
    """A deal won longer ago than the lookback gets no clock; one within it does."""
    now = START + timedelta(days=30)
    add_deal(connection, "1", closed_at=START - HOUR)
    add_deal(connection, "2", closed_at=START)
    advance(connection, [HANDOFF], directory(), now)
    expected = ["2"]
    assert expected == [row[0] for row in clocks(connection)]


def test_a_clock_runs_on_past_the_lookback(connection: Connection) -> None:
    """The lookback decides about starting alone: a clock that is there is not withdrawn by it."""
    add_deal(connection, "1")
    advance(connection, [HANDOFF], directory(), START)
    advance(connection, [HANDOFF], directory(), START + timedelta(days=60))
    expected = [("crm", "1")]
    assert expected == late(connection, START + timedelta(days=60), HANDOFF)


def test_clocks_of_an_object_without_an_owner(connection: Connection) -> None:
    """An object that nobody owns counts in the company's calendar."""
    owned = ClockDefinition("seen", "owner", "modified", ("deleted",), Duration.parse("8 business hours"))
    row = {"source": "crm", "id": "1", "valid_from": START, "modified_at": START}
    connection.execute(insert(OWNER).values(**row))
    advance(connection, [owned], directory(), START)
    advance(connection, [owned], directory(), START + HOUR)
    expected = [("1", START + 24 * HOUR, None, "running")]
    assert expected == clocks(connection)


def test_a_definition_that_cannot_be_used_is_refused(connection: Connection) -> None:
    """A clock on an unknown field is refused with its rule and the name that was probably meant."""
    with pytest.raises(RuleError, match=r"mql\.clock: lead has no field 'became_mqll'; did you mean 'became_mql'\?"):
        advance(connection, [replace(RESPONSE, starts="became_mqll")], directory(), START)
