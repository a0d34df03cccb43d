"""What a rule's clock measures, and the pure decisions about one clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ros_sync.durations import Duration, TimeLine
from ros_sync.fields import Kind, StoredValue, did_you_mean
from ros_sync.mirror import catalogue
from ros_sync.organisation.calendars import BusinessCalendar
from ros_sync.organisation.company import Organisation
from ros_sync.organisation.people import Directory
from ros_sync.sla.tables import ClockState

OWNER = "owner"
COMPANY = "company"
ASSIGNMENTS = frozenset(("assigned",))  # instants that move whenever a record changes hands


@dataclass(frozen=True, slots=True)
class ClockDefinition:
    """A clock as a rule states it. Fields are canonical names of instants of `object`.

    `id` is the rule's. The clock starts at `starts`, must be stopped `within` that by any of `stops`, and counts
    business time in `calendar`: `owner` (the record's owner's), `company` or the name of one. `only_if` holds fields
    with the values (in stored form) of which one must be there. `since` is a lookback: a record whose start lies
    further back than that when it is first seen gets no clock.
    """

    id: str
    object: str
    starts: str
    stops: tuple[str, ...]
    within: Duration
    calendar: str = OWNER
    only_if: tuple[tuple[str, tuple[StoredValue, ...]], ...] = ()
    since: Duration | None = None

    @property
    def by_assignment(self) -> bool:
        """Whether its start moves with each re-assignment: then a later start is no new clock of the team's."""
        return self.starts in ASSIGNMENTS


@dataclass(frozen=True, slots=True)
class Terms:
    """What a clock's due instant is worked out by. Elapsed time needs no calendar, so it has none."""

    within: str
    calendar: str | None = None
    calendar_version: str | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A clock that is past its due instant and has not stopped."""

    started_at: datetime
    due_at: datetime


def problems(definition: ClockDefinition, organisation: Organisation) -> list[str]:
    """What is wrong with a definition, in words for the person who wrote it; nothing where it can be used."""
    mirrored = catalogue.objects().get(definition.object)
    if mirrored is None:
        return [f"unknown object {definition.object!r}; {did_you_mean(definition.object, catalogue.objects())}"]
    found = []
    for name in (definition.starts, *definition.stops):
        field = mirrored.fields.get(name)
        if field is None:
            found.append(f"{definition.object} has no field {name!r}; {did_you_mean(name, mirrored.fields)}")
        elif field.kind is not Kind.INSTANT:
            found.append(
                f"{name!r} is a {field.kind}; a clock starts and stops at instants, such as {_an_instant(mirrored)!r}"
            )
    for name, values in definition.only_if:
        if name not in mirrored.fields:
            found.append(f"{definition.object} has no field {name!r}; {did_you_mean(name, mirrored.fields)}")
        if not values:
            found.append(f"`only_if` names no value of {name!r}")
    if not definition.stops:
        found.append("a clock needs at least one field that stops it")
    if definition.calendar not in {OWNER, COMPANY, *organisation.calendars}:
        known = did_you_mean(definition.calendar, {OWNER, COMPANY, *organisation.calendars})
        found.append(f"unknown calendar {definition.calendar!r}; {known}")
    return found


def due_at(start: datetime, within: Duration, calendar: TimeLine) -> datetime:
    """The instant by which a clock that starts at `start` must be stopped."""
    return calendar.add(start, within)


def first_stop(stops: Iterable[datetime | None], now: datetime) -> datetime | None:
    """The earliest stop that has happened by `now`."""
    return min((stop for stop in stops if stop is not None and stop <= now), default=None)


def state_at(due: datetime, stopped: datetime | None, now: datetime) -> ClockState:
    """How a clock stands at `now`: one stopped at its due instant is met, one still open then is breached."""
    if stopped is not None:
        return ClockState.MET if stopped <= due else ClockState.BREACHED
    return ClockState.BREACHED if due <= now else ClockState.RUNNING


def calendar_for(definition: ClockDefinition, directory: Directory, source: str, owner: str | None) -> BusinessCalendar:
    """The calendar that counts for a record of that owner."""
    if definition.calendar == OWNER:
        return directory.calendar_of(source, owner)
    return directory.organisation.calendar(None if definition.calendar == COMPANY else definition.calendar)


def terms(definition: ClockDefinition, calendar: BusinessCalendar) -> Terms:
    """What a clock of this definition, counted in that calendar, rests on; when it changes, the clock is restated."""
    if not definition.within.unit.is_business:
        return Terms(str(definition.within))
    return Terms(str(definition.within), calendar.name, calendar.version)


def handed_over_at(
    assigned: datetime | None, owner_changed: datetime | None, since: datetime, now: datetime
) -> datetime:
    """When the present owner got a record whose last owner had it from `since` on.

    `assigned` is what the CRM says, `owner_changed` when the owner was seen to change; `now` where neither tells.
    """
    for told in (assigned, owner_changed):
        if told is not None and since < told <= now:
            return told
    return now if owner_changed is None or owner_changed > since else since


def why_restated(old: Terms, new: Terms, *, owner_moved: bool) -> str:
    """The reason for restating a clock; the owner's move, where there was one, explains the rest."""
    if owner_moved:
        return "owner moved"
    return "deadline changed" if old.within != new.within else "calendar changed"


def _an_instant(mirrored: catalogue.MirroredObject) -> str:
    return next(name for name, field in mirrored.fields.items() if field.kind is Kind.INSTANT)
