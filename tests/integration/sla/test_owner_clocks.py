"""The team's clock runs on when a record changes hands, and the new owner's starts beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from ros_sync.durations import Duration
from ros_sync.mirror.tables import CHANGE, LEAD
from ros_sync.organisation.company import CompanyProfile, Member, Organisation, standard_calendar
from ros_sync.organisation.people import Directory, OwnerRow
from ros_sync.sla.clock_definitions import ClockDefinition
from ros_sync.sla.clocks import ClockCounts, advance, breached
from ros_sync.sla.laid import CLOCK, EVENT, OWNER_CLOCK

START = datetime(2026, 3, 4, 9, tzinfo=UTC)  # a Wednesday, 10:00 in Berlin
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DUE = START + 4 * HOUR
ANSWER = ClockDefinition("answer", "lead", "became_mql", ("accepted", "rejected"), Duration.parse("4 hours"))
TOUCH = replace(ANSWER, id="touch", starts="assigned")
DEFINITIONS = [ANSWER, TOUCH]
BERLIN = replace(standard_calendar("Europe/Berlin"), name="berlin")
YORK = replace(standard_calendar("America/New_York"), name="york")
PEOPLE = {f"{name}@loom.example": Member(f"{name}@loom.example", calendar="berlin") for name in ("ada", "cem")} | {
    "ben@loom.example": Member("ben@loom.example", calendar="york")
}
OWNERS = [OwnerRow("crm", name, email=f"{name}@loom.example") for name in ("ada", "ben", "cem")]

Row = tuple[Any, ...]


def directory(**calendars: Any) -> Directory:
    company = CompanyProfile(timezone="Europe/Berlin", calendar="berlin")
    return Directory(
        Organisation(company, calendars={"berlin": BERLIN, "york": YORK, **calendars}, people=PEOPLE), OWNERS
    )


class Desk:
    """One lead, and its clock looked at from hour to hour."""

    def __init__(self, connection: Connection, definition: ClockDefinition) -> None:
        self.connection = connection
        self.definition = definition
        row = {"owner_id": "ada", "became_mql_at": START, "assigned_at": START}
        connection.execute(insert(LEAD).values(source="crm", id="1", valid_from=START, **row))
        self.look(0)

    def look(self, hour: float, **more: Any) -> ClockCounts:
        return advance(
            self.connection, [self.definition], more.pop("directory", directory()), START + hour * HOUR, **more
        )

    def change(self, **values: Any) -> None:
        self.connection.execute(update(LEAD).values(**values))

    def hand_to(self, owner: str | None, hour: float, *, look: float | None = None, **more: Any) -> ClockCounts:
        """Give the lead to somebody, and look at the clocks (then, unless said otherwise)."""
        at = START + hour * HOUR
        old = self.connection.scalar(select(LEAD.c.owner_id))
        assigned = {} if owner is None else {"assigned_at": at}
        self.change(owner_id=owner, **assigned)
        change = {"object": "lead", "source": "crm", "record_id": "1", "at": at}
        told = [("owner_id", old, owner), *([("assigned_at", "x", "y")] if owner else [])]
        for field, before, after in told:
            self.connection.execute(insert(CHANGE).values(field=field, old=before, new=after, **change))
        return self.look(hour if look is None else look, **more)

    @property
    def team(self) -> list[Row]:
        c = CLOCK.c
        query = select(c.started_at, c.due_at, c.stopped_at, c.state).order_by(c.started_at)
        return [hours(row) for row in self.connection.execute(query)]

    @property
    def owners(self) -> list[Row]:
        c = OWNER_CLOCK.c
        query = select(c.owner_id, c.started_at, c.due_at, c.stopped_at, c.state).order_by(c.started_at)
        return [hours(row) for row in self.connection.execute(query)]

    @property
    def story(self) -> list[Row]:
        c = EVENT.c
        query = select(c.owner_clock_id, c.what, c.why).order_by(c.id)
        return [(owner is not None, what, why) for owner, what, why in self.connection.execute(query)]

    def is_late(self, hour: float) -> bool:
        return self.connection.execute(breached(self.definition, START + hour * HOUR)).first() is not None


def hours(row: Any) -> Row:
    """Instants as hours from the start."""
    return tuple((value - START) / HOUR if isinstance(value, datetime) else value for value in row)


@pytest.fixture(params=DEFINITIONS, ids=["from MQL", "from assignment"])
def desk(request: pytest.FixtureRequest, connection: Connection) -> Desk:
    """Give a desk with a lead of Ada's, due after four hours."""
    return Desk(connection, request.param)


def test_the_teams_clock_runs_on_and_the_owners_starts_again(desk: Desk) -> None:
    """Handed over at three hours of four: late at four for the team, at seven for the new owner."""
    counts = desk.hand_to("cem", 3)
    assert ([(0, 4, None, "running")], [("cem", 3, 7, None, "running")]) == (desk.team, desk.owners)
    assert (1, False, True) == (counts.started, desk.is_late(3.99), desk.is_late(4))


def test_the_history_tells_of_both_clocks(desk: Desk) -> None:
    """What happened to the owner's clock stands in the history of the team's."""
    desk.hand_to("cem", 3)
    desk.look(4)
    desk.look(7)
    expected = [
        (False, "started", None),
        (True, "started", "owner moved"),
        (False, "breached", None),
        (True, "breached", None),
    ]
    assert expected == desk.story


def test_the_new_owner_may_be_in_time_where_the_team_was_not(desk: Desk) -> None:
    """Accepted at six hours: the team breached at four, the new owner was given until seven."""
    desk.hand_to("cem", 3)
    desk.look(5)
    desk.change(accepted_at=START + 6 * HOUR)
    desk.look(8)
    assert ([(0, 4, 6, "breached")], [("cem", 3, 7, 6, "met")]) == (desk.team, desk.owners)


def test_an_answer_after_both_deadlines_is_late_for_both(desk: Desk) -> None:
    """Accepted at nine hours, learnt at ten: both breached, and stopped then."""
    desk.hand_to("cem", 3)
    desk.change(accepted_at=START + 9 * HOUR)
    desk.look(10)
    assert ([(0, 4, 9, "breached")], [("cem", 3, 7, 9, "breached")]) == (desk.team, desk.owners)


def test_there_and_back_again_is_a_clock_for_each_time(desk: Desk) -> None:
    """Ada, Cem, Ada: Cem's clock is withdrawn, Ada's starts anew, and the team's has never stopped."""
    desk.hand_to("cem", 1)
    desk.hand_to("ada", 2)
    desk.hand_to("cem", 3)
    expected = [("cem", 1, 5, 2, "withdrawn"), ("ada", 2, 6, 3, "withdrawn"), ("cem", 3, 7, None, "running")]
    assert ([(0, 4, None, "running")], expected) == (desk.team, desk.owners)


def test_nobodys_lead_is_the_teams(desk: Desk) -> None:
    """Without an owner the team's clock runs on alone; who gets the lead later has a clock from then on."""
    desk.hand_to("cem", 1)
    desk.hand_to(None, 2)
    alone = desk.owners
    desk.hand_to("ada", 3)
    assert [("cem", 1, 5, 2, "withdrawn")] == alone
    assert ([(0, 4, None, "running")], ("ada", 3, 7, None, "running")) == (desk.team, desk.owners[-1])


def test_an_assignment_that_is_cleared_with_the_owner_stops_nothing(connection: Connection) -> None:
    """HubSpot empties the assignment date with the owner; the team's deadline stays."""
    desk = Desk(connection, TOUCH)
    desk.change(owner_id=None, assigned_at=None)
    desk.look(2)
    assert ([(0, 4, None, "running")], True) == (desk.team, desk.is_late(4))


def test_the_first_owner_of_a_lead_that_waited_has_their_own_clock(connection: Connection) -> None:
    """Routed two hours after it became an MQL: due at four for the team, at six for its first owner."""
    row = {"source": "crm", "id": "1", "valid_from": START, "became_mql_at": START}
    connection.execute(insert(LEAD).values(**row))
    desk = Desk.__new__(Desk)
    desk.connection, desk.definition = connection, ANSWER
    desk.look(1)
    desk.hand_to("ada", 2)
    assert ([(0, 4, None, "running")], [("ada", 2, 6, None, "running")]) == (desk.team, desk.owners)


def test_handed_over_after_the_breach(desk: Desk) -> None:
    """The team's breach stands, and is late without a gap; the new owner has their own four hours."""
    desk.look(5)
    desk.hand_to("cem", 5)
    assert ([(0, 4, None, "breached")], [("cem", 5, 9, None, "running")]) == (desk.team, desk.owners)
    assert [True, True, True] == [desk.is_late(hour) for hour in (4, 5, 9)]


def test_handed_over_while_the_source_was_stale(desk: Desk) -> None:
    """What is learnt late starts when it happened, and is late at once where it is."""
    desk.hand_to("cem", 1, look=2, stale=["crm"])
    before = desk.owners
    desk.look(6)
    assert ([], [("cem", 1, 5, None, "breached")], [(0, 4, None, "breached")]) == (before, desk.owners, desk.team)


def test_a_hand_over_that_nobody_dated_starts_when_it_is_seen(connection: Connection) -> None:
    """Where neither the CRM nor the history tells when, the owner's clock starts now."""
    desk = Desk(connection, ANSWER)
    desk.change(owner_id="cem")
    desk.look(3)
    assert [("cem", 3, 7, None, "running")] == desk.owners


def test_an_assignment_that_was_not_brought_along_dates_nothing(connection: Connection) -> None:
    """Where the CRM leaves the first owner's assignment date, the change of the owner counts."""
    desk = Desk(connection, ANSWER)
    desk.change(assigned_at=START + HOUR)
    desk.look(1)
    change = {"object": "lead", "source": "crm", "record_id": "1", "field": "owner_id", "old": "ada", "new": "cem"}
    connection.execute(insert(CHANGE).values(at=START + 3 * HOUR, **change))
    desk.change(owner_id="cem")
    desk.look(3.5)
    assert [("cem", 3, 7, None, "running")] == desk.owners


def test_a_stop_that_is_taken_back_lets_both_clocks_run_on(desk: Desk) -> None:
    """Accepted at five hours by the new owner, taken back: the team's is late, the owner's due as before."""
    desk.hand_to("cem", 3)
    desk.change(accepted_at=START + 5 * HOUR)
    desk.look(5)
    desk.change(accepted_at=None)
    desk.look(6)
    assert ([(0, 4, None, "breached")], [("cem", 3, 7, None, "running")]) == (desk.team, desk.owners)


def test_a_stop_that_is_taken_back_with_a_new_owner(desk: Desk) -> None:
    """Cem accepted it, and gave it to Ada, who has not: Cem's clock stays met, Ada has one of her own."""
    desk.hand_to("cem", 1)
    desk.change(accepted_at=START + 2 * HOUR)
    desk.look(2)
    desk.change(accepted_at=None, owner_id="ada")
    desk.look(3)
    expected = [("cem", 1, 5, 2, "met"), ("ada", 3, 7, None, "running")]
    assert ([(0, 4, None, "running")], expected) == (desk.team, desk.owners)


def test_a_lead_that_is_gone_ends_both_clocks(desk: Desk) -> None:
    """Deleted, and restored: both are withdrawn, and both run on."""
    desk.hand_to("cem", 1)
    desk.change(deleted_at=START + 2 * HOUR)
    desk.look(2)
    gone = (desk.team, desk.owners)
    desk.change(deleted_at=None)
    desk.look(3)
    assert ([(0, 4, 2, "withdrawn")], [("cem", 1, 5, 2, "withdrawn")]) == gone
    assert ([(0, 4, None, "running")], [("cem", 1, 5, None, "running")]) == (desk.team, desk.owners)


def test_a_lead_that_becomes_an_mql_anew_begins_anew(connection: Connection) -> None:
    """Both clocks of the old start are withdrawn, and the present owner has that of the new one."""
    desk = Desk(connection, ANSWER)
    desk.hand_to("cem", 1)
    desk.change(became_mql_at=START + 2 * HOUR)
    desk.look(2)
    assert [(0, 4, 2, "withdrawn"), (2, 6, None, "running")] == desk.team
    assert [("cem", 1, 5, 2, "withdrawn")] == desk.owners


def test_a_lead_that_is_assigned_anew_after_it_was_answered_begins_anew(connection: Connection) -> None:
    """Accepted, and a week later back with another owner and no answer: a new clock, the old one stays met."""
    desk = Desk(connection, TOUCH)
    desk.change(accepted_at=START + HOUR)
    desk.look(1)
    desk.change(accepted_at=None, owner_id="cem", assigned_at=START + 7 * DAY)
    desk.look(7 * 24)
    assert ([(0, 4, 1, "met"), (168, 172, None, "running")], []) == (desk.team, desk.owners)


def test_an_assignment_that_turns_out_to_be_earlier_moves_the_start(connection: Connection) -> None:
    """The clock of the wrong start is withdrawn, and the right one is there."""
    desk = Desk(connection, TOUCH)
    desk.change(assigned_at=START - HOUR)
    desk.look(1)
    assert [(-1, 3, None, "running"), (0, 4, 1, "withdrawn")] == desk.team


def test_an_owner_elsewhere_has_their_own_time(connection: Connection) -> None:
    """Handed from Berlin to New York: the new owner's clock counts there, the team's runs on as it did."""
    desk = Desk(connection, replace(ANSWER, within=Duration.parse("4 business hours")))
    desk.hand_to("ben", 3)  # 12:00 UTC is 7:00 in New York, where work begins at nine
    assert ([(0, 4, None, "running")], [("ben", 3, 9, None, "running")]) == (desk.team, desk.owners)
    assert (False, True) == (desk.is_late(3.99), desk.is_late(4))


def test_a_hand_over_to_another_zone_hides_no_breach(connection: Connection) -> None:
    """It was late before somebody else got it, whether or not that had been noted."""
    desk = Desk(connection, replace(ANSWER, within=Duration.parse("4 business hours")))
    desk.hand_to("ben", 6)  # 15:00 UTC is 10:00 in New York
    assert ([(0, 4, None, "breached")], [("ben", 6, 10, None, "running")]) == (desk.team, desk.owners)


@pytest.mark.parametrize(
    "within,closed,why,due",
    [
        ("1 business day", date(2026, 3, 5), "calendar changed", 49),
        ("2 business days", None, "deadline changed", 49),
    ],
)
def test_new_terms_restate_the_owners_clock(
    connection: Connection, within: str, closed: date | None, why: str, due: float
) -> None:
    """A closed day and another deadline move both."""
    desk = Desk(connection, replace(ANSWER, within=Duration.parse("1 business day")))
    desk.hand_to("cem", 1)
    desk.definition = replace(desk.definition, within=Duration.parse(within))
    calendar = replace(BERLIN, closed=frozenset({closed} if closed else ()))
    desk.look(2, directory=directory(berlin=calendar))
    assert ([("cem", 1, due, None, "running")], (True, "restated", why)) == (desk.owners, desk.story[-1])


def test_the_rule_fires_on_the_owners_clock_too(desk: Desk) -> None:
    """Where the team's clock has been given more time, the owner's breach is one all the same."""
    desk.hand_to("cem", 1)
    desk.connection.execute(update(CLOCK).values(due_at=START + 20 * HOUR))
    assert [False, True] == [desk.is_late(hour) for hour in (4.99, 5)]


def test_nothing_more_is_written_after_a_hand_over(desk: Desk) -> None:
    """A further look at the same lead changes nothing."""
    desk.hand_to("cem", 1)
    before = (desk.team, desk.owners, desk.story)
    assert (ClockCounts(), before) == (desk.look(2), (desk.team, desk.owners, desk.story))


@pytest.mark.parametrize(
    "hour, expected",
    [
        (4, ClockCounts(met=2)),
        (5, ClockCounts(met=1, breached=1, stopped=1)),
        (7, ClockCounts(met=1, breached=1, stopped=1)),
        (8, ClockCounts(breached=2, stopped=2)),
    ],
    ids=["by the team's due instant", "after that", "by the owner's due instant", "after that too"],
)
def test_both_clocks_are_counted_by_their_own_due_instant(desk: Desk, hour: int, expected: ClockCounts) -> None:
    """Handed over at three hours: the team's is due at four, the new owner's at seven.

    At that very instant is in time.
    """
    desk.hand_to("cem", 3)
    desk.change(accepted_at=START + hour * HOUR)
    assert expected == desk.look(9)


def test_owners_clocks_that_are_taken_over_are_counted(desk: Desk) -> None:
    """One that ran is withdrawn; a breach stands, and is stopped.

    One that begins late is breached at once, as the team's is.
    """
    desk.hand_to("cem", 3)
    assert ClockCounts(started=1, withdrawn=1) == desk.hand_to("ben", 3.5)
    assert ClockCounts(breached=2) == desk.look(8)
    assert ClockCounts(started=1, stopped=1) == desk.hand_to("cem", 9)


def test_a_hand_over_that_is_seen_late_is_a_breach_at_once(desk: Desk) -> None:
    """Of both clocks, since both due instants have passed."""
    assert ClockCounts(started=1, breached=2) == desk.hand_to("cem", 3, look=8)


@pytest.mark.parametrize(
    "hour, told",
    [
        (5, [(False, "breached"), (False, "stopped"), (True, "met")]),
        (8, [(False, "breached"), (False, "stopped"), (True, "breached"), (True, "stopped")]),
    ],
    ids=["the owner in time", "both late"],
)
def test_the_history_tells_how_both_clocks_ended(desk: Desk, hour: int, told: list[tuple[bool, str]]) -> None:
    """A clock that ends late is breached first and stopped then; one that ends in time is met."""
    desk.hand_to("cem", 3)
    before = len(desk.story)
    desk.change(accepted_at=START + hour * HOUR)
    desk.look(9)
    assert told == [(of_owner, what) for of_owner, what, _ in desk.story[before:]]
