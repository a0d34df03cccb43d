"""What was configured on a past day or at a past instant, read from the versions that were in force then.

A day is the company's, from midnight to midnight in its zone. What holds for a day is what was in force when it ended,
so that an edit counts for the day on which it was made; and of the organisation's entries those that the file names
for that day (`since`). Before the first versions that are known, those hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlmodel import Session

from ros_sync import clock
from ros_sync.fields import Kind
from ros_sync.mirror.config_versions import Role, Version, first_effective, in_force
from ros_sync.organisation.company import Organisation
from ros_sync.rules.model import Rule
from ros_sync.rules.rule_files import read_file
from ros_sync.workspace.choices import Readings, custom_kinds_of, several_of

_WEST = timedelta(hours=12)  # no zone's day ends later than this after the day of UTC
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Past:
    """The organisation and the rules (by id) of a past day or instant."""

    organisation: Organisation
    rules: dict[str, Rule]


def company_as_of(on: Connection | Session, day: date, readings: Readings | None = None) -> Past | None:
    """The organisation and the rules as of a day of the company; None where there is no version of a rule file.

    `readings` keeps what texts were read to, for whoever asks for several days.
    """
    readings = readings or Readings()
    end, organisation = _at_end_of(on, day, readings)
    return _company(on, end, readings, (organisation or Organisation()).as_of(day))


def company_at(on: Connection | Session, at: datetime) -> Past | None:
    """The organisation and the rules that were in force at an instant; else as `company_as_of`."""
    readings = Readings()
    organisation = _in_force(on, at, readings) or Organisation()
    return _company(on, at, readings, organisation.at(at))


def organisation_as_of(on: Connection | Session, day: date, readings: Readings | None = None) -> Organisation | None:
    """The organisation as of a day of the company; None where there was no file of it that can be read."""
    _, organisation = _at_end_of(on, day, readings or Readings())
    return None if organisation is None else organisation.as_of(day)


def _at_end_of(on: Connection | Session, day: date, readings: Readings) -> tuple[datetime, Organisation | None]:
    """The instant before a day of the company ended, and the organisation that was in force then.

    Which zone's midnight that is, the file in force says itself: one that came after the end of its own day is not
    that day's, and the one before it is asked.
    """
    end = _end(day, clock.zone("UTC")) + _WEST
    while True:
        organisation = _in_force(on, end, readings)
        zone = organisation.company.zone if organisation else clock.zone("UTC")
        its_end = _end(day, zone)
        if end <= its_end:
            return end, organisation
        end = its_end


def _end(day: date, zone: ZoneInfo) -> datetime:
    return clock.start_of_day(day + timedelta(days=1), zone) - _INSTANT


def _company(on: Connection | Session, at: datetime, readings: Readings, organisation: Organisation) -> Past | None:
    """The organisation with the rules of an instant.

    What this program cannot read any more of a text that was written for another version of it is left out.
    """
    versions = _versions(on, at)
    of_role = {role: [each for each in versions if each.role is role] for role in Role}
    if not of_role[Role.RULES]:
        return None
    kinds: dict[str, dict[str, Kind]] = {}
    mappings = [readings.connector(Path(each.path), _content(each))[0] for each in of_role[Role.CONNECTOR]]
    for mapping in mappings:
        for name, own in custom_kinds_of(mapping).items():
            kinds.setdefault(name, {}).update(own)
    rules: dict[str, Rule] = {}
    for version in of_role[Role.RULES]:
        found, _ = read_file(
            Path(version.path),
            _content(version),
            custom=kinds,
            several=several_of(mappings),
            home_currency=organisation.home_currency,
            calendars=organisation.calendars,
        )
        rules.update((rule.id, rule) for rule in found)
    return Past(organisation, rules)


def _in_force(on: Connection | Session, at: datetime, readings: Readings) -> Organisation | None:
    """The organisation file that was in force at an instant, with the days that it names."""
    for version in _versions(on, at, Role.ORGANISATION):
        organisation, _ = readings.organisation(Path(version.path), _content(version))
        if isinstance(organisation, Organisation):
            return organisation
    return None


def _versions(on: Connection | Session, at: datetime, role: Role | None = None) -> list[Version]:
    """The versions in force at an instant; before the first ones that are known, those."""
    first = first_effective(on, role)
    return list(in_force(on, max(at, first or at), role).values())


def _content(version: Version) -> bytes:
    assert version.text is not None, version.path
    return version.text.encode()
