"""Spans of time as people state them: `14 days`, `48 hours`, `5 business days`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Unit(StrEnum):
    """The units of a duration. Business units need a calendar to be laid on the time line."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    BUSINESS_HOUR = "business hour"
    BUSINESS_DAY = "business day"

    @property
    def is_business(self) -> bool:
        """Whether only working time counts."""
        return self in (Unit.BUSINESS_HOUR, Unit.BUSINESS_DAY)


_SECONDS = {Unit.MINUTE: 60, Unit.HOUR: 3600, Unit.DAY: 86_400, Unit.WEEK: 604_800}
_SHAPE = re.compile(r"(\d+)\s+(business\s+)?(minute|hour|day|week)s?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Duration:
    """So many of a unit."""

    count: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read `14 days`, `1 hour`, `5 business days`; ValueError says what was expected."""
        match = _SHAPE.fullmatch(text.strip())
        word = f"{'business ' if match[2] else ''}{match[3].lower()}" if match else ""
        if match is None or word not in set(Unit):
            raise ValueError(f"{text!r} is not a duration; write it like `14 days`, `48 hours` or `5 business days`")
        return cls(int(match[1]), Unit(word))

    @property
    def delta(self) -> timedelta:
        """The span as elapsed time; ValueError for business units, which need a calendar."""
        if self.unit.is_business:
            raise ValueError(f"{self} is laid on the time line by a calendar")
        return timedelta(seconds=self.count * _SECONDS[self.unit])

    def __str__(self) -> str:
        """`1 day`, `14 days`."""
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


class TimeLine(Protocol):
    """What lays durations on the time line; a business calendar (`ros_sync.organisation.calendars`) is one."""

    def add(self, start: datetime, duration: Duration) -> datetime:
        """The instant `duration` after `start`."""
        ...

    def subtract(self, end: datetime, duration: Duration) -> datetime:
        """The instant `duration` before `end`."""
        ...
