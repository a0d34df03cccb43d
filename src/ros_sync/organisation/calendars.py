"""Business calendars: working hours by weekday in a time zone, less public holidays and the company's closed days.

A day's hours are wall-clock hours, turned once into instants and remembered. Where a time of day does not exist (clocks
go forward over it) the clock change itself stands for it; where it comes twice (clocks go back) hours open at the
first and close at the second. So a 24-hour calendar's day has 23 or 25 hours, and 09:00-17:00 is 09:00-17:00 all year.

A working day is a day with hours. A shift over midnight is written over two days (22:00-24:00, then 00:00-06:00) and is
one working day, that of the evening; where the evening is a holiday, what is worked of the shift after midnight is no
working day. Days that are worked from midnight to midnight are a working day each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property
from zoneinfo import ZoneInfo

from ros_sync import clock
from ros_sync.durations import Duration, Unit

DAY_MINUTES = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOUR_MICROS = 3_600_000_000
_LAST_DAY = date.max.toordinal() - 2  # a zone's offset must not carry an instant out of datetime's range
_FIRST_DAY = date.min.toordinal() + 2
_ENDLESS_DAYS = 366_000  # a thousand years: a slip of the pen, and not worth walking through day by day
_LAST_MICROS = clock.to_micros(datetime.max.replace(tzinfo=UTC))
_FIRST_MICROS = clock.to_micros(datetime.min.replace(tzinfo=UTC))

Hours = tuple[tuple[int, int], ...]  # of one day: (opens, closes) in minutes since midnight, ascending, apart
Week = tuple[Hours, Hours, Hours, Hours, Hours, Hours, Hours]  # Monday to Sunday
OFFICE_WEEK: Week = (*((((9 * 60, 17 * 60),),) * 5), (), ())  # what is taken where nothing else is said
Span = tuple[int, int]  # (opens, closes) in microseconds since 1970 UTC


@cache
def public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """The public holidays of a year in a country (ISO 3166-1) and, where given, its subdivision (ISO 3166-2).

    NotImplementedError where the `holidays` package knows no such place.
    """
    import holidays  # noqa: PLC0415  # loading it costs more than reading an organisation that asks for none

    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))


@dataclass(frozen=True)
class BusinessCalendar:
    """When work is done. A `ros_sync.durations.TimeLine`.

    `week` holds the hours of Monday to Sunday. ValueError where no day of the week has any. `zone_given` is False where
    the zone is only the company's, as nothing else was said: such hours are kept by everybody in their own zone.
    Results past the years 1 to 9999, and those of durations of more than a thousand years, are the first or last
    instant there is.
    """

    name: str
    timezone: ZoneInfo
    week: Week
    country: str | None = None
    subdivision: str | None = None
    closed: frozenset[date] = frozenset()
    zone_given: bool = field(default=True, compare=False)
    _days: dict[int, tuple[Span, ...]] = field(default_factory=dict, init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        if not any(self.week):
            raise ValueError(f"calendar {self.name!r} has no working hours")

    @cached_property
    def version(self) -> str:
        """A short fingerprint of everything that decides the hours; it changes when one of them does."""
        parts: tuple[object, ...] = (self.timezone.key, self.week, self.country, self.subdivision, sorted(self.closed))
        if any(self._overnight):
            parts = (*parts, "a shift over midnight is one working day")
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is working time; a closing instant is not."""
        micros = clock.to_micros(at)
        return any(opens <= micros < closes for opens, closes in self._hours(self._day_of(at)))

    def is_working_day(self, day: date) -> bool:
        """Whether a day has hours of its own; small hours that end the shift of the evening before are none."""
        ordinal = day.toordinal()
        if not _FIRST_DAY < ordinal < _LAST_DAY:
            return False
        return bool(self._split(ordinal)[1] if any(self._overnight) else self._hours(ordinal))

    def working_days(self, start: date, end: date) -> int:
        """The working days from `start` up to `end`, which is not one of them; none where `end` is the earlier."""
        return sum(self.is_working_day(date.fromordinal(each)) for each in range(start.toordinal(), end.toordinal()))

    def opening(self, at: datetime) -> datetime:
        """`at` itself where it is working time, else the next opening."""
        micros = clock.to_micros(at)
        for opens, closes in self._forward(self._day_of(at)):
            if micros < closes:
                return clock.from_micros(max(opens, micros))
        return clock.from_micros(_LAST_MICROS)

    def closing(self, at: datetime) -> datetime:
        """`at` itself where work is done up to it, else the closing before it."""
        micros = clock.to_micros(at)
        for opens, closes in self._backward(self._day_of(at)):
            if opens < micros:
                return clock.from_micros(min(closes, micros))
        return clock.from_micros(_FIRST_MICROS)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from `start` to `end`; negative where `end` is the earlier."""
        if end < start:
            return -self.between(end, start)
        first, last, total = clock.to_micros(start), clock.to_micros(end), 0
        for opens, closes in self._forward(self._day_of(start)):
            if opens >= last:
                break
            total += max(0, min(closes, last) - max(opens, first))
        return timedelta(microseconds=total)

    def add(self, start: datetime, duration: Duration) -> datetime:
        """The instant `duration` after `start`; in business units a start outside hours counts from the next opening.

        A business day is one working day, at the same time of day as far as that day's hours allow: from Friday 16:00
        to Monday 16:00.
        """
        if _endless(duration):
            return clock.from_micros(_LAST_MICROS)
        if duration.unit is Unit.BUSINESS_HOUR:
            return self._after(start, duration.count * _HOUR_MICROS)
        if duration.unit is Unit.BUSINESS_DAY:
            return self._same_time(self.opening(start), duration.count)
        return _shifted(start, duration.delta)

    def subtract(self, end: datetime, duration: Duration) -> datetime:
        """The instant `duration` before `end`.

        In business units an end outside hours counts from the closing before.
        """
        if _endless(duration):
            return clock.from_micros(_FIRST_MICROS)
        if duration.unit is Unit.BUSINESS_HOUR:
            return self._before(end, duration.count * _HOUR_MICROS)
        if duration.unit is Unit.BUSINESS_DAY:
            return self._same_time(end if self.is_open(end) else self.closing(end), -duration.count)
        return _shifted(end, -duration.delta)

    def _after(self, start: datetime, working: int) -> datetime:
        begin = clock.to_micros(start)
        for opens, closes in self._forward(self._day_of(start)):
            if begin >= closes:
                continue
            at = max(opens, begin)
            if working <= closes - at:
                return clock.from_micros(at + working)
            working -= closes - at
        return clock.from_micros(_LAST_MICROS)

    def _before(self, end: datetime, working: int) -> datetime:
        if not working and self.is_open(end):
            return end.astimezone(UTC)
        finish = clock.to_micros(end)
        for opens, closes in self._backward(self._day_of(end)):
            if finish <= opens:
                continue
            at = min(closes, finish)
            if working <= at - opens:
                return clock.from_micros(at - working)
            working -= at - opens
        return clock.from_micros(_FIRST_MICROS)

    def _same_time(self, at: datetime, working_days: int) -> datetime:
        """The time of day of `at`, so many working days later (or earlier), held within that day's hours."""
        if not working_days or clock.to_micros(at) in (_FIRST_MICROS, _LAST_MICROS):
            return at.astimezone(UTC)
        local = at.astimezone(self.timezone)
        step = 1 if working_days > 0 else -1
        day, left = self._working_day_of(at, local), abs(working_days)
        while left:
            day += step
            if not _FIRST_DAY < day < _LAST_DAY:
                return clock.from_micros(_LAST_MICROS if step > 0 else _FIRST_MICROS)
            # Small hours alone, after a holiday's evening, are no working day.
            left -= self.is_working_day(date.fromordinal(day))
        # A closing at 24:00 reads as 00:00 of the day after, and is the end of the day that it closes. The small hours
        # of a shift over midnight are those of the day after, too.
        late = timedelta(days=local.toordinal() - self._working_day_of(at, local))
        wall = datetime.combine(date.fromordinal(day), local.time()) + late
        micros = _micros(wall, self.timezone, fold=local.fold)
        for opens, closes in self._shift(day):
            if micros <= closes:
                return clock.from_micros(max(opens, micros))
        return clock.from_micros(self._shift(day)[-1][1])

    def _working_day_of(self, at: datetime, local: datetime) -> int:
        """The ordinal of the working day that an instant within hours, or a closing, belongs to."""
        day = local.toordinal()
        micros = clock.to_micros(at)
        if any(opens <= micros <= closes for opens, closes in self._shift(day)):
            return day
        return day - 1

    @cached_property
    def _overnight(self) -> tuple[bool, ...]:
        """For each weekday, whether its first hours end the shift that began on the evening before."""
        return tuple(_continues(self.week[weekday - 1], hours) for weekday, hours in enumerate(self.week))

    def _shift(self, ordinal: int) -> tuple[Span, ...]:
        """The hours of a working day as instants.

        Those of its date, but for small hours, which belong to the evening before.
        """
        if not any(self._overnight):
            return self._hours(ordinal)
        return (*self._split(ordinal)[1], *self._split(ordinal + 1)[0])

    def _split(self, ordinal: int) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """The hours of a date that end the shift of the evening before, and the others."""
        hours, day = self._hours(ordinal), date.fromordinal(ordinal)
        if not self._overnight[day.weekday()]:
            return (), hours
        ends = self.week[day.weekday()][0][1]
        # a wall-clock time
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001
        last = _micros(midnight + timedelta(minutes=ends), self.timezone, fold=1)
        return tuple(span for span in hours if span[1] <= last), tuple(span for span in hours if span[1] > last)

    def _day_of(self, at: datetime) -> int:
        """The ordinal of the local day of an instant."""
        if not _FIRST_DAY < at.toordinal() < _LAST_DAY:
            return min(max(at.toordinal(), _FIRST_DAY), _LAST_DAY)
        return at.astimezone(self.timezone).toordinal()

    def _forward(self, day: int) -> Iterator[Span]:
        while day < _LAST_DAY:
            yield from self._hours(day)
            day += 1

    def _backward(self, day: int) -> Iterator[Span]:
        while day > _FIRST_DAY:
            yield from reversed(self._hours(day))
            day -= 1

    def _hours(self, ordinal: int) -> tuple[Span, ...]:
        """The working hours of a day (a proleptic ordinal) as instants, worked out once."""
        known = self._days.get(ordinal)
        if known is None:
            known = self._days[ordinal] = self._work_out(date.fromordinal(ordinal))
        return known

    def _work_out(self, day: date) -> tuple[Span, ...]:
        hours = self.week[day.weekday()]
        if not hours or day in self.closed:
            return ()
        if self.country and day in public_holidays(self.country, self.subdivision, day.year):
            return ()
        # a wall-clock time; its zone is applied below
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001
        return _joined(
            (
                _micros(midnight + timedelta(minutes=opens), self.timezone, fold=0),
                # The next day begins at the first of two midnights, so this one ends there.
                _micros(midnight + timedelta(minutes=closes), self.timezone, fold=int(closes < DAY_MINUTES)),
            )
            for opens, closes in hours
        )


def wall_instant(day: date, at: time, tz: ZoneInfo) -> datetime:
    """The instant of a time of day in a zone.

    The second of two where clocks are put back, so that nobody is late early. Where there is no such time, as clocks go
    forward over it, it is that of the clock change.
    """
    return clock.from_micros(_micros(datetime.combine(day, at), tz, fold=1))


def _continues(evening: Hours, morning: Hours) -> bool:
    """Whether a day's first hours continue a shift of the day before.

    One that ends at 24:00 and did not begin at 00:00.
    """
    if not evening or not morning:
        return False
    (evening_opens, evening_closes), (morning_opens, morning_closes) = evening[-1], morning[0]
    whole_night = evening_closes == DAY_MINUTES and morning_opens == 0
    return whole_night and evening_opens > 0 and morning_closes < DAY_MINUTES


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans in order, empty ones left out, those that overlap made one (they do where an hour comes twice)."""
    joined: list[Span] = []
    for opens, closes in sorted(spans):
        if closes <= opens:
            continue
        if joined and opens < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    return tuple(joined)


def _micros(wall: datetime, tz: ZoneInfo, *, fold: int) -> int:
    """The instant of a wall-clock time; the first (fold 0) or second of two, the clock change where there is none."""
    early, late = (wall.replace(tzinfo=tz, fold=each) for each in (0, 1))
    before, after = early.utcoffset(), late.utcoffset()
    assert before is not None
    assert after is not None
    if before < after:  # PEP 495: in a gap, fold 0 reads by the offset before the clock change
        return _clock_change(wall - after, wall - before, tz)
    return (wall.replace(tzinfo=UTC) - (after if fold else before) - clock.EPOCH) // clock.MICROSECOND


def _clock_change(low: datetime, high: datetime, tz: ZoneInfo) -> int:
    """The instant between two (naive, UTC) at which the zone's offset changes, to the second."""
    start = low.replace(tzinfo=UTC)
    offset = start.astimezone(tz).utcoffset()
    lower, upper = 0, int((high - low).total_seconds())
    while upper - lower > 1:
        middle = (lower + upper) // 2
        if (start + timedelta(seconds=middle)).astimezone(tz).utcoffset() == offset:
            lower = middle
        else:
            upper = middle
    return clock.to_micros(start + timedelta(seconds=upper))


def _endless(duration: Duration) -> bool:
    per_day = {Unit.MINUTE: DAY_MINUTES, Unit.HOUR: 24, Unit.BUSINESS_HOUR: 24, Unit.WEEK: 1 / 7}
    return duration.count > _ENDLESS_DAYS * per_day.get(duration.unit, 1)


def _shifted(at: datetime, delta: timedelta) -> datetime:
    try:
        return at.astimezone(UTC) + delta
    except OverflowError:
        return clock.from_micros(_LAST_MICROS if delta > timedelta(0) else _FIRST_MICROS)
