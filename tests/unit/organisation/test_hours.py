"""Weekdays and hours as people write them."""

from __future__ import annotations

import pytest

from ros_sync.organisation.hours import day_hours, weekdays


@pytest.mark.parametrize(
    "text, hours",
    [
        ("09:00-17:00", ((540, 1020),)),
        ("13:00-17:00, 09:00-12:00", ((540, 720), (780, 1020))),
        ("12:30-17:00,09:00-12:30", ((540, 1020),)),
        ("00:00-24:00", ((0, 1440),)),
        ("23:59-24:00", ((1439, 1440),)),
    ],
    ids=["one", "in any order", "that meet", "all day", "the last minute"],
)
def test_hours_are_read(text: str, hours: tuple[tuple[int, int], ...]) -> None:
    assert hours == day_hours(text)


@pytest.mark.parametrize(
    "text, why",
    [
        ("13:00-17:00, 09:00-13:01", "overlap"),
        ("09:00-09:00", "ends before it begins"),
        ("17:00-09:00", "ends before it begins"),
        ("09:60-17:00", "no clock shows"),
        ("09:00-16:60", "no clock shows"),
        ("09:00-24:01", "no clock shows"),
        ("nine to five", "are not hours"),
    ],
)
def test_what_are_no_hours_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        day_hours(text)


@pytest.mark.parametrize(
    "text, days",
    [("mon", (0,)), ("Sat - Sun", (5, 6)), ("mon-sun", (0, 1, 2, 3, 4, 5, 6)), ("wed-wed", (2,))],
)
def test_weekdays_are_read(text: str, days: tuple[int, ...]) -> None:
    assert days == weekdays(text)


@pytest.mark.parametrize(
    "text, why",
    [
        ("sun-mon", "write it as two: sun and mon"),
        ("sat-tue", "write it as two: sat-sun and mon-tue"),
        ("monday", "not a weekday"),
        ("mon-", ""),
    ],
)
def test_what_are_no_weekdays_is_said(text: str, why: str) -> None:
    if why:
        with pytest.raises(ValueError, match=why):
            weekdays(text)
    else:
        assert (0,) == weekdays(text)
