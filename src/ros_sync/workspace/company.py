"""A company as a workspace describes it: its organisation and its rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ros_sync import clock
from ros_sync.errors import ProblemsError, RosSyncError
from ros_sync.organisation.company import Organisation
from ros_sync.organisation.file import load as load_organisation
from ros_sync.organisation.file_name import ORGANISATION_FILE
from ros_sync.settings import Settings
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.workspace.mappings import custom_kinds, several_options

# Rules are loaded by those alone that need them.
if TYPE_CHECKING:
    from ros_sync.rules.language import Moment
    from ros_sync.rules.model import RuleSet


@dataclass(frozen=True, slots=True)
class Company:
    """What RevOps wrote: the organisation and the rules."""

    organisation: Organisation
    rules: RuleSet

    def at(self, instant: datetime) -> Company:
        """The company on the day that it then is in its zone: the organisation file may name days ahead."""
        return replace(self, organisation=self.organisation.at(instant)) if self.organisation.later else self

    def moment(self, now: datetime) -> Moment:
        """The moment `now` as this company's conditions see it."""
        from ros_sync.rules.language import Moment  # noqa: PLC0415  # see above

        company = self.organisation.company
        return Moment(now, clock.zone(company.timezone), self.organisation.calendar(), company.currency)


def organisation_of(settings: Settings) -> Organisation:
    """The organisation file, with the days that it names; a workspace without one has a company of defaults."""
    path = settings.rules_folder / ORGANISATION_FILE
    return load_organisation(path) if path.exists() else Organisation()


def company_of(settings: Settings) -> Company:
    """The organisation and the rules, all their problems reported together."""
    from ros_sync.rules.model import RuleSet  # noqa: PLC0415  # see above
    from ros_sync.rules.rule_files import load as load_rules  # noqa: PLC0415  # see above

    problems: list[RosSyncError] = []
    organisation, custom, several = Organisation(), None, None
    with _collected(problems):
        organisation = organisation_of(settings)
    with _collected(problems):
        custom, several = custom_kinds(settings), several_options(settings)
    rules = RuleSet(())
    with _collected(problems):
        rules = load_rules(
            [settings.rules_folder],
            custom=custom,
            several=several,
            home_currency=organisation.home_currency,
            calendars=organisation.calendars,
        )
    if problems:
        raise problems[0] if len(problems) == 1 else ProblemsError(problems)
    return Company(organisation, rules)


@contextmanager
def _collected(problems: list[RosSyncError]) -> Iterator[None]:
    """Keep what goes wrong, so that a person reads of everything at once."""
    try:
        yield
    except ProblemsError as error:
        problems.extend(error.problems)
    except RosSyncError as error:
        problems.append(error)


def deal_context(organisation: Organisation, now: datetime) -> DealContext:
    """What importing deals asks of the organisation as it is `now`."""
    organisation = organisation.at(now)
    return replace(DealContext.of(organisation), people=known_people(organisation))


def people_of(settings: Settings, now: datetime) -> frozenset[str]:
    """`known_people` of the workspace as it is `now`; nobody where its organisation file cannot be read."""
    try:
        return known_people(organisation_of(settings).at(now))
    except RosSyncError:
        return frozenset()


def known_people(organisation: Organisation) -> frozenset[str]:
    """By what a CRM may name a person of the organisation file, casefolded: e-mail, and a name that one has alone."""
    members = organisation.people.values()
    names = Counter(member.name.casefold() for member in members if member.name)
    return frozenset(
        {member.email.casefold() for member in members} | {name for name, holders in names.items() if holders == 1}
    )
