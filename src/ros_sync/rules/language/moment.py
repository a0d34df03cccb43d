"""The moment at which a condition is asked: the instant, and what turns it into days, thresholds and money."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ros_sync import clock
from ros_sync.durations import Duration, TimeLine, Unit

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_DAYS = {Unit.DAY: 1, Unit.WEEK: 7}


@dataclass(frozen=True, slots=True)
class Moment:
    """`now` (aware), the company's time zone, the calendar for business units, and the company's currency.

    What would lie beyond the years 1 to 9999 is the first or the last day or instant there is: nothing here can fail.
    """

    now: datetime
    timezone: ZoneInfo
    timeline: TimeLine
    home_currency: str
    _moved: dict[tuple[datetime, Duration, int], datetime] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    @property
    def today(self) -> date:
        """The day that `now` falls on in the company's zone."""
        return self.day_of(self.now)

    def day_of(self, instant: datetime) -> date:
        """The day that an instant falls on in the company's zone."""
        try:
            return instant.astimezone(self.timezone).date()
        except OverflowError:  # within a day of the first or the last instant there is
            return instant.date()

    def start_of(self, day: date) -> datetime:
        """The instant at which a day begins in the company's zone."""
        try:
            return clock.start_of_day(day, self.timezone)
        except OverflowError:
            return clock.start_of_day(day)

    def shift(self, instant: datetime, span: Duration, sign: int) -> datetime:
        """The instant `span` after (`sign` 1) or before (-1); only business units ask the calendar."""
        if not span.unit.is_business:
            try:
                return instant + sign * span.delta
            except OverflowError:
                return _LAST if sign > 0 else _FIRST
        return self.timeline.add(instant, span) if sign > 0 else self.timeline.subtract(instant, span)

    def threshold(self, instant: datetime, span: Duration, sign: int) -> datetime:
        """As `shift`, for what all records are compared with: worked out once, since a calendar counts day by day."""
        key = instant, span, sign
        moved = self._moved.get(key)
        if moved is None:
            moved = self._moved[key] = self.shift(instant, span, sign)
        return moved

    def shift_day(self, day: date, span: Duration, sign: int) -> date:
        """The day `span` (of whole days or weeks) after or before."""
        try:
            return day + sign * timedelta(days=span.count * _DAYS[span.unit])
        except OverflowError:
            return date.max if sign > 0 else date.min

    def day_at(self, span: Duration, sign: int) -> date:
        """The day that lies `span` from now: counted in days where `span` is, so that no change of clocks shifts it."""
        if span.unit in _DAYS:
            return self.shift_day(self.today, span, sign)
        return self.day_of(self.threshold(self.now, span, sign))
