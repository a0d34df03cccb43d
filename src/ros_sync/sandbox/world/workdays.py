"""The days of the world: when offices open, and the clock of somebody who does one thing after another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from ros_sync.sandbox.world.people import REGIONS

OPENS, CLOSES = time(9), time(17)
SATURDAY = 5
NEVER = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class Day:
    """One day: its date, the same as an ordinal, whether people work, and when each region's offices open (UTC)."""

    on: date
    ordinal: int
    is_workday: bool
    openings: dict[str, datetime]

    @classmethod
    def of(cls, day: date) -> Day:
        """The day of that date."""
        openings = {
            region.name: datetime.combine(day, OPENS, ZoneInfo(region.tz)).astimezone(UTC) for region in REGIONS
        }
        return cls(day, day.toordinal(), day.weekday() < SATURDAY, openings)


def office_moment(day: Day, region: str, rng: Random) -> datetime:
    """Some moment of the first five office hours in that region."""
    return day.openings[region] + timedelta(seconds=rng.randrange(5 * 3600))


def after_office_hours(start: datetime, hours: float, tz: ZoneInfo) -> datetime:
    """The instant so many office hours (Monday to Friday, 9 to 17 in `tz`) after `start`."""
    left = timedelta(seconds=int(hours * 3600))
    local = start.astimezone(tz).replace(tzinfo=None)
    while True:
        opens, closes = datetime.combine(local.date(), OPENS), datetime.combine(local.date(), CLOSES)
        local = max(local, opens)
        if local.weekday() < SATURDAY and local < closes:
            if local + left <= closes:
                return (local + left).replace(tzinfo=tz).astimezone(UTC)
            left -= closes - local
        local = datetime.combine(local.date() + timedelta(days=1), OPENS)
