"""What a command needs of its workspace: the organisation, the rules, the mapping files, the way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ros_sync.connectors.export import ExportMapping, load_mapping
from ros_sync.connectors.hubspot.mapping import HubSpotMapping
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.errors import MappingError, ProblemsError, RosSyncError
from ros_sync.fields import Kind, did_you_mean
from ros_sync.organisation.company import Organisation
from ros_sync.organisation.file import load as load_organisation
from ros_sync.organisation.file_name import ORGANISATION_FILE
from ros_sync.settings import Settings
from ros_sync.sheets.regular import read_regular
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.workspace.choices import custom_kinds_of, is_connector, settable, several_of
from ros_sync.workspace.files import SUFFIXES

# Rules and notifiers are loaded by those commands alone that need them.
if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Engine

    from ros_sync.jobs.cycle import Company
    from ros_sync.notifiers.notifier import Notifier
    from ros_sync.notifiers.slack.client import SlackClient


def organisation_of(settings: Settings) -> Organisation:
    """The organisation file; a workspace without one has a company of defaults."""
    path = settings.rules_folder / ORGANISATION_FILE
    return load_organisation(path) if path.exists() else Organisation()


def company_of(settings: Settings) -> Company:
    """The organisation and the rules, all their problems reported together."""
    from ros_sync.jobs.cycle import Company  # noqa: PLC0415  # see above
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


def custom_kinds(settings: Settings) -> dict[str, dict[str, Kind]]:
    """The kinds of the company's own properties, by object and name, as the mapping files declare them."""
    kinds: dict[str, dict[str, Kind]] = {}
    for path in connector_files(settings):
        _add_kinds(kinds, custom_kinds_of(load_connector(path)))
    for path in mapping_files(settings):
        _add_kinds(kinds, custom_kinds_of(load(path)))
    return kinds


def several_options(settings: Settings) -> dict[str, frozenset[str]]:
    """The fields that hold several options, by object, as the mapping files declare them."""
    return several_of(
        [
            *(load_connector(path) for path in connector_files(settings)),
            *(load(path) for path in mapping_files(settings)),
        ]
    )


def _add_kinds(kinds: dict[str, dict[str, Kind]], own: Mapping[str, Mapping[str, Kind]]) -> None:
    for name, each in own.items():
        kinds.setdefault(name, {}).update(each)


def mapping_of(settings: Settings, given: str | None) -> ExportMapping:
    """The mapping file named by path or by name; without one, the only one that the workspace has.

    Raises MappingError where it is not there, or where there are several to choose from.
    """
    known = {path.stem: path for path in mapping_files(settings)}
    if given is None:
        if len(known) == 1:
            return load(next(iter(known.values())))
        raise MappingError(
            "which mapping file?" if known else f"there is no mapping file in {settings.connectors_folder}",
            hint=f"say --mapping with one of: {', '.join(known)}" if known else "`ros-sync init DIR` lays one out",
        )
    path = Path(given)
    if path.is_file():
        return load(path)
    if given in known:
        return load(known[given])
    raise MappingError(f"there is no mapping {given!r}", hint=did_you_mean(given, known))


def load(path: Path) -> ExportMapping:
    """Read a mapping file against the mirror's fields."""
    return load_mapping(path, settable())


def load_connector(path: Path) -> HubSpotMapping:
    """Read a connector file against the mirror's fields."""
    return load_hubspot(path, settable())


def connector_files(settings: Settings) -> list[Path]:
    """The files of `connectors/` that say how a CRM is followed over its API."""
    return [path for path in _yaml_files(settings) if _is_connector(path)]


def mapping_files(settings: Settings) -> list[Path]:
    """The files of `connectors/` that say how exports are read."""
    return [path for path in _yaml_files(settings) if not _is_connector(path)]


def _yaml_files(settings: Settings) -> list[Path]:
    folder = settings.connectors_folder
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and not path.name.startswith("."))


def _is_connector(path: Path) -> bool:
    """A connector file names its CRM; that is looked for before either kind is read strictly."""
    try:
        return is_connector(read_regular(path))
    except OSError:
        return False  # reading it as a mapping tells what is wrong with it


def deal_context(organisation: Organisation) -> DealContext:
    """What importing deals asks of the organisation."""
    return replace(DealContext.of(organisation), people=known_people(organisation))


def people_of(settings: Settings) -> frozenset[str]:
    """`known_people` of the workspace; nobody where its organisation file cannot be read, which others tell."""
    try:
        return known_people(organisation_of(settings))
    except RosSyncError:
        return frozenset()


def known_people(organisation: Organisation) -> frozenset[str]:
    """By what a CRM may name a person of the organisation file, casefolded: their e-mail, and a name that one has alone."""
    members = organisation.people.values()
    names = Counter(member.name.casefold() for member in members if member.name)
    return frozenset(
        {member.email.casefold() for member in members} | {name for name, holders in names.items() if holders == 1}
    )


def notifiers_of(settings: Settings, engine: Engine, console: Console) -> list[Notifier]:
    """The ways out, the one for new messages first: Slack where there is a token, and always the terminal."""
    from ros_sync.notifiers.console import ConsoleNotifier  # noqa: PLC0415  # see above

    terminal = ConsoleNotifier(console)
    client = slack_client(settings)
    if client is None:
        return [terminal]
    from ros_sync.notifiers.slack.notifier import SlackNotifier  # noqa: PLC0415  # see above

    return [SlackNotifier(client, engine), terminal]


def slack_client(settings: Settings) -> SlackClient | None:
    """Slack's Web API with the workspace's token; None where no token is set."""
    token = settings.slack.token
    if token is None:
        return None
    from ros_sync.notifiers.slack.client import SlackClient  # noqa: PLC0415  # see above

    return SlackClient(token.get_secret_value(), api_url=settings.slack.api_url)
