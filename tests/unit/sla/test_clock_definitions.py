from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ros_sync.durations import Duration
from ros_sync.organisation.company import CompanyProfile, Member, Organisation, standard_calendar
from ros_sync.organisation.people import Directory, OwnerRow
from ros_sync.sla.clock_definitions import (
    ClockDefinition,
    Terms,
    calendar_for,
    due_at,
    first_stop,
    problems,
    state_at,
    terms,
    why_restated,
)
from ros_sync.sla.tables import ClockState

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RESPONSE = ClockDefinition("mql", "lead", "became_mql", ("accepted", "rejected"), Duration.parse("24 business hours"))
ORGANISATION = Organisation(
    company=CompanyProfile(timezone="Europe/Berlin", calendar="berlin"),
    calendars={
        "berlin": replace(standard_calendar("Europe/Berlin"), name="berlin"),
        "york": replace(standard_calendar("America/New_York"), name="york"),
    },
    people={"ada@loom.example": Member("ada@loom.example", calendar="york")},
)
DIRECTORY = Directory(ORGANISATION, [OwnerRow("hub", "1", email="ada@loom.example")])


def test_a_clock_is_due_in_business_time() -> None:
    """24 business hours after Wednesday noon are three working days."""
    calendar = standard_calendar("UTC")
    expected = NOON + timedelta(days=5)
    assert expected == due_at(NOON, RESPONSE.within, calendar)


@pytest.mark.parametrize(
    "stopped,now,state",
    [
        (None, NOON - HOUR, ClockState.RUNNING),
        (None, NOON, ClockState.BREACHED),
        (NOON, NOON + HOUR, ClockState.MET),
        (NOON + HOUR, NOON + HOUR, ClockState.BREACHED),
        (NOON - HOUR, NOON - HOUR, ClockState.MET),
    ],
)
def test_how_a_clock_due_at_noon_stands(stopped: datetime | None, now: datetime, state: ClockState) -> None:
    """Stopped by its due instant a clock is met; at that instant an open one is breached."""
    assert state is state_at(NOON, stopped, now)


@pytest.mark.parametrize(
    "stops,first",
    [
        ([None, None], None),
        ([NOON, None], NOON),
        ([NOON, NOON - HOUR], NOON - HOUR),
        ([NOON + 2 * HOUR, None], None),
    ],
)
def test_the_first_stop_counts(stops: list[datetime | None], first: datetime | None) -> None:
    """Of several stops the earliest counts, and none that lies in the future."""
    assert first == first_stop(stops, NOON + HOUR)


@pytest.mark.parametrize(
    "calendar,owner,name",
    [
        ("owner", "1", "york"),
        ("owner", "404", "berlin"),
        ("owner", None, "berlin"),
        ("company", "1", "berlin"),
        ("york", None, "york"),
    ],
)
def test_whose_calendar_a_clock_counts_in(calendar: str, owner: str | None, name: str) -> None:
    """A clock counts in its record owner's calendar, the company's, or the one it names."""
    assert name == calendar_for(replace(RESPONSE, calendar=calendar), DIRECTORY, "hub", owner).name


def test_elapsed_time_rests_on_no_calendar() -> None:
    """A clock of 48 hours is not restated when a calendar changes."""
    expected = Terms("48 hours")
    assert expected == terms(replace(RESPONSE, within=Duration.parse("48 hours")), ORGANISATION.calendar())


@pytest.mark.parametrize(
    "old,owner_moved,why",
    [
        (Terms("24 business hours", "york", "1"), True, "owner moved"),
        (Terms("24 business hours", "york", "1"), False, "calendar changed"),
        (Terms("24 business hours", "berlin", "0"), False, "calendar changed"),
        (Terms("8 business hours", "berlin", "1"), False, "deadline changed"),
    ],
)
def test_why_a_clock_is_restated(old: Terms, owner_moved: bool, why: str) -> None:
    """The reason names what changed."""
    assert why == why_restated(old, Terms("24 business hours", "berlin", "1"), owner_moved=owner_moved)


def test_a_sound_definition_has_no_problems() -> None:
    """A clock between instants of an object, in a known calendar, can be used."""
    expected: list[str] = []
    assert expected == problems(replace(RESPONSE, only_if=(("lifecycle_stage", ("mql",)),)), ORGANISATION)


@pytest.mark.parametrize(
    "definition,problem",
    [
        (replace(RESPONSE, object="leed"), "unknown object 'leed'; did you mean 'lead'?"),
        (replace(RESPONSE, starts="became_sql"), "lead has no field 'became_sql'; did you mean 'became_mql'?"),
        (replace(RESPONSE, stops=("accepted_at",)), "lead has no field 'accepted_at'; did you mean 'accepted'?"),
        (
            replace(RESPONSE, starts="score"),
            "'score' is a number; a clock starts and stops at instants, such as 'modified'",
        ),
        (replace(RESPONSE, stops=()), "a clock needs at least one field that stops it"),
        (replace(RESPONSE, calendar="berlim"), "unknown calendar 'berlim'; did you mean 'berlin'?"),
        (replace(RESPONSE, only_if=(("stage", ("won",)),)), "lead has no field 'stage'; known: "),
        (replace(RESPONSE, only_if=(("segment", ()),)), "`only_if` names no value of 'segment'"),
    ],
)
def test_what_is_wrong_with_a_definition_is_said(definition: ClockDefinition, problem: str) -> None:
    """A definition that cannot be used says why, with the name that was probably meant."""
    found = problems(definition, ORGANISATION)
    expected = [True]
    assert expected == [each.startswith(problem) for each in found]
