"""What was configured at a past instant, read from the versions that were in force then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlmodel import Session

from ros_sync.fields import Kind
from ros_sync.mirror.config_versions import Role, Version, first_effective, in_force
from ros_sync.organisation.company import Organisation
from ros_sync.rules.model import Rule
from ros_sync.rules.rule_files import read_file
from ros_sync.workspace.choices import Readings, custom_kinds_of, several_of


@dataclass(frozen=True, slots=True)
class Past:
    """The organisation and the rules (by id) of a past instant."""

    organisation: Organisation
    rules: dict[str, Rule]


def company_as_of(on: Connection | Session, at: datetime) -> Past | None:
    """What was in force at `at`; before the first versions that are known, those.

    None where there is no version of a rule file. What this program cannot read any more of a text that was written for
    another version of it is left out.
    """
    versions = in_force(on, max(at, first_effective(on) or at))
    of_role = {role: [each for each in versions.values() if each.role is role] for role in Role}
    if not of_role[Role.RULES]:
        return None
    organisation = organisation_as_of(on, at) or Organisation()
    readings = Readings()
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


def organisation_as_of(on: Connection | Session, at: datetime) -> Organisation | None:
    """The organisation that was in force at `at`; None where no file of it was."""
    versions = in_force(on, at, Role.ORGANISATION)
    for version in versions.values():
        organisation, _ = Readings().organisation(Path(version.path), _content(version))
        if isinstance(organisation, Organisation):
            return organisation
    return None


def _content(version: Version) -> bytes:
    assert version.text is not None, version.path
    return version.text.encode()
