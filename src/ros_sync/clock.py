"""The only place that reads the system's clock, and the encoding of instants.

Instants are aware datetimes in UTC. Stored and on the hot path they are whole microseconds since
1970-01-01T00:00Z (an `int`), which sorts, compares and subtracts alike in every database.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONGEST_DAY = timedelta(hours=25)  # when clocks are put back


def now() -> datetime:
    """The present instant, aware and in UTC. Whatever decides takes `now` as an argument instead."""
    return datetime.now(UTC)


def starting_at(instant: datetime) -> Callable[[], datetime]:
    """Give a clock that shows `instant` now and goes on at the usual speed."""
    ahead = instant - now()
    return lambda: now() + ahead


def to_micros(instant: datetime) -> int:
    """Encode an aware instant as microseconds since 1970 UTC; a naive one is refused with ValueError."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone")
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """Decode what `to_micros` encoded."""
    return EPOCH + timedelta(microseconds=micros)


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name; ValueError names it when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}; use a name such as Europe/Berlin or UTC") from error


def is_zone(name: str) -> bool:
    """Whether there is an IANA time zone of that name."""
    try:
        zone(name)
    except ValueError:
        return False
    return True


def parse_instant(text: str, tz: ZoneInfo | None = None) -> datetime:
    """Read an ISO 8601 date or date and time, in zone `tz` (default UTC) where it names no offset of its own.

    Raises ValueError for anything else.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=tz or UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text} is out of range") from error


def start_of_day(day: date, tz: ZoneInfo | None = None) -> datetime:
    """The instant at which `day` begins in zone `tz` (default UTC)."""
    return datetime(day.year, day.month, day.day, tzinfo=tz or UTC).astimezone(UTC)
