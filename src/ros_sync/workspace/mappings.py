"""The files of a workspace's `connectors/` as commands read them: connector files of CRMs, mapping files of exports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ros_sync.config_files.regular import read_regular
from ros_sync.connectors.export import ExportMapping, load_mapping
from ros_sync.connectors.vendor import ConnectorFile
from ros_sync.errors import MappingError
from ros_sync.fields import Kind, did_you_mean
from ros_sync.settings import Settings
from ros_sync.workspace.choices import custom_kinds_of, is_connector, read_connector, settable, several_of
from ros_sync.workspace.files import SUFFIXES


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
            "which mapping file?" if known else f"no mapping files in {settings.connectors_folder}",
            hint=f"pass --mapping with one of: {', '.join(known)}" if known else "`ros-sync init DIR` creates one",
        )
    path = Path(given)
    if path.is_file():
        return load(path)
    if given in known:
        return load(known[given])
    raise MappingError(f"unknown mapping {given!r}", hint=did_you_mean(given, known))


def load(path: Path) -> ExportMapping:
    """Read a mapping file against the mirror's fields."""
    return load_mapping(path, settable())


def load_connector(path: Path) -> ConnectorFile:
    """Read a connector file against the mirror's fields."""
    return read_connector(path)


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
