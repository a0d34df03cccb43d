"""What a command needs of its workspace: the organisation, the rules, the mapping files, the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from sqlalchemy import Engine

from ros_sync.connectors.export import ExportMapping, load_mapping
from ros_sync.connectors.export.mapping import CUSTOM
from ros_sync.connectors.hubspot.mapping import HubSpotMapping
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.errors import MappingError, ProblemsError, RosSyncError
from ros_sync.fields import Kind, did_you_mean
from ros_sync.jobs.cycle import Company
from ros_sync.mirror.catalogue import objects
from ros_sync.notifiers.console import ConsoleNotifier
from ros_sync.notifiers.notifier import Notifier
from ros_sync.notifiers.slack.client import SlackClient
from ros_sync.notifiers.slack.notifier import SlackNotifier
from ros_sync.organisation.company import Organisation
from ros_sync.organisation.file import load as load_organisation
from ros_sync.rules.files import load as load_rules
from ros_sync.rules.model import RuleSet
from ros_sync.settings import Settings
from ros_sync.sheets.regular import read_regular
from ros_sync.sync.deals import DealContext

ORGANISATION_FILE = "organisation.yaml"
SUFFIXES = (".yaml", ".yml")


def organisation_of(settings: Settings) -> Organisation:
    """The organisation file; a workspace without one has a company of defaults."""
    path = settings.rules_folder / ORGANISATION_FILE
    return load_organisation(path) if path.exists() else Organisation()


def company_of(settings: Settings) -> Company:
    """The organisation and the rules, all their problems reported together."""
    problems: list[RosSyncError] = []
    organisation, custom = Organisation(), None
    with _collected(problems):
        organisation = organisation_of(settings)
    with _collected(problems):
        custom = custom_kinds(settings)
    rules = RuleSet(())
    with _collected(problems):
        rules = load_rules(
            [settings.rules_folder],
            custom=custom,
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
        for name, own_kinds in load_connector(path).custom_kinds.items():
            kinds.setdefault(name, {}).update(own_kinds)
    for path in _mapping_files(settings):
        for entry in load(path).entries:
            own = (field for field in entry.fields if field.name.startswith(CUSTOM))
            kinds.setdefault(entry.object, {}).update({field.name.removeprefix(CUSTOM): field.kind for field in own})
    return kinds


def mapping_of(settings: Settings, given: str | None) -> ExportMapping:
    """The mapping file named by path or by name; without one, the only one that the workspace has.

    Raises MappingError where it is not there, or where there are several to choose from.
    """
    known = {path.stem: path for path in _mapping_files(settings)}
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
    return load_mapping(path, {name: mirrored.settable for name, mirrored in objects().items()})


def load_connector(path: Path) -> HubSpotMapping:
    """Read a connector file against the mirror's fields."""
    return load_hubspot(path, {name: mirrored.settable for name, mirrored in objects().items()})


def connector_files(settings: Settings) -> list[Path]:
    """The files of `connectors/` that say how a CRM is followed over its API."""
    return [path for path in _yaml_files(settings) if _is_connector(path)]


def _mapping_files(settings: Settings) -> list[Path]:
    """The files of `connectors/` that say how exports are read."""
    return [path for path in _yaml_files(settings) if not _is_connector(path)]


def _yaml_files(settings: Settings) -> list[Path]:
    folder = settings.connectors_folder
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES) if folder.is_dir() else []


def _is_connector(path: Path) -> bool:
    """A connector file names its CRM; that is looked for before either kind is read strictly."""
    try:
        return any(line.startswith(b"crm:") for line in read_regular(path).splitlines())
    except OSError:
        return False  # reading it as a mapping tells what is wrong with it


def deal_context(organisation: Organisation) -> DealContext:
    """What importing deals asks of the organisation."""
    return DealContext.of(organisation)


def notifiers_of(settings: Settings, engine: Engine, console: Console) -> list[Notifier]:
    """The ways out, the one for new messages first: Slack where there is a token, and always the terminal."""
    terminal = ConsoleNotifier(console)
    token = settings.slack.token
    if token is None:
        return [terminal]
    return [SlackNotifier(SlackClient(token.get_secret_value(), api_url=settings.slack.api_url), engine), terminal]
