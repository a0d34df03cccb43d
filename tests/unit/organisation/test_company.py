"""The company, its calendars and money."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ros_sync.organisation.calendars import OFFICE_WEEK
from ros_sync.organisation.company import CompanyProfile, Organisation, standard_calendar


def test_the_standard_calendar_is_always_there() -> None:
    """It is in the company's zone, and follows a person's own, as nobody chose its zone."""
    calendar = Organisation(CompanyProfile(timezone="Europe/Berlin")).calendar()
    assert ("standard", "Europe/Berlin", False) == (calendar.name, calendar.timezone.key, calendar.zone_given)


def test_the_name_of_the_standard_calendar_can_be_given_to_another() -> None:
    """What the file says of `standard` holds."""
    own = replace(standard_calendar("America/New_York"), country="US")
    assert own == Organisation(calendars={"standard": own}).calendar("standard")


def test_a_calendar_that_nobody_described_is_an_error() -> None:
    """There is no calendar but those of the file and the standard one."""
    with pytest.raises(KeyError):
        Organisation().calendar("berlin")


def test_nobody_works_at_weekends_where_nothing_else_is_said() -> None:
    """From nine to five on the five days of an office's week."""
    hours = [bool(OFFICE_WEEK[day]) for day in range(len(OFFICE_WEEK))]
    assert [True] * 5 + [False] * 2 == hours
    assert {((9 * 60, 17 * 60),)} == set(OFFICE_WEEK[:5])
