"""Which version of each file is used: what stands there now where that can be used, else what was last in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ros_sync.config_files import ConfigFile, Section
from ros_sync.config_files.regular import read_regular
from ros_sync.connectors.export import ExportMapping, load_mapping
from ros_sync.connectors.export.mapping import CUSTOM
from ros_sync.connectors.vendor import ConnectorFile, MappedObject
from ros_sync.errors import MappingError, ProblemsError, RosSyncError, Where
from ros_sync.fields import Field, Kind
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.config_versions import Role
from ros_sync.organisation.company import Organisation
from ros_sync.organisation.file import load as load_organisation
from ros_sync.workspace.files import File, of_role, without_mark
from ros_sync.workspace.vendors import NAMES, VENDORS, vendor

Read = Callable[[Path, bytes], tuple[Any, list[RosSyncError]]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is used of a file: the text and what it was read to; None where no version can be used.

    `problem` is what is wrong with the file as it stands, however many `more` there are.
    """

    file: File
    text: bytes | None
    value: Any
    problem: RosSyncError | None = None
    more: int = 0

    @property
    def is_new(self) -> bool:
        """Whether what is used was not in force before."""
        return self.text is not None and self.text != self.file.kept


@dataclass(slots=True)
class Readings:
    """What texts were read to, so that each is read once.

    What was not asked for in a round is forgotten after the next.
    """

    _before: dict[Any, tuple[Any, list[RosSyncError]]] = field(default_factory=dict)
    _present: dict[Any, tuple[Any, list[RosSyncError]]] = field(default_factory=dict)

    def begin(self) -> None:
        """Begin a round."""
        self._before, self._present = self._present or self._before, {}

    def once(self, key: Any, path: Path, content: bytes, read: Read) -> tuple[Any, list[RosSyncError]]:
        """What `read` makes of a text, unless it was read already by the same `key`."""
        whole = (key, path, content)
        if whole not in self._present:
            self._present[whole] = self._before.get(whole) or read(path, content)
        return self._present[whole]

    def organisation(self, path: Path, content: bytes) -> tuple[Any, list[RosSyncError]]:
        """An organisation file."""
        return self.once("organisation", path, content, _reader(load_organisation))

    def connector(self, path: Path, content: bytes) -> tuple[Any, list[RosSyncError]]:
        """A connector file or a mapping file."""
        return self.once("connector", path, content, _read_connector)


def choose(file: File, read: Read, *, hold: RosSyncError | None = None) -> Chosen:
    """Use what stands there now; where that cannot be used, or is put on `hold`, what was last in force."""
    problem, more = file.trouble, 0
    if file.now is not None and hold is None:
        value, problems = read(file.place, file.now)
        if not problems:
            return Chosen(file, without_mark(file.now), value)
        problem, more = problems[0], len(problems) - 1
    return last_good(file, read, hold or problem, more)


def last_good(file: File, read: Read, problem: RosSyncError | None, more: int = 0) -> Chosen:
    """Use what was last in force, because of a `problem` with what stands there now."""
    kept = file.kept
    if kept is not None and (file.is_edited or file.now is None):
        value, problems = read(file.place, kept)
        if not problems:
            return Chosen(file, kept, value, problem, more)
    return Chosen(file, None, None, problem, more)


def choose_connectors(
    files: Iterable[File], readings: Readings, held: Mapping[str, RosSyncError] | None = None
) -> list[Chosen]:
    """What is used of the connector and mapping files.

    Of two that follow the same source, the one that was there first.
    """
    chosen = [choose(file, readings.connector, hold=(held or {}).get(file.path)) for file in files]
    taken: dict[str, Chosen] = {}
    for each in sorted(chosen, key=lambda one: (one.is_new, one.file.path)):
        if not _is_followed(each.value):
            continue
        first = taken.setdefault(each.value.source, each)
        if first is not each:
            problem = _same_source(each.value.source, first.file.path, each.file.place)
            chosen[chosen.index(each)] = last_good(each.file, readings.connector, problem)
    return chosen


def choose_organisation(files: Iterable[File], readings: Readings, hold: RosSyncError | None = None) -> Chosen | None:
    """What is used of the organisation file; None in a workspace that has none."""
    return next(
        (choose(file, readings.organisation, hold=hold) for file in of_role(list(files), Role.ORGANISATION)), None
    )


def mappings_in(connectors: Iterable[Chosen]) -> list[ConnectorFile]:
    """The connector files in use."""
    return [each.value for each in connectors if _is_followed(each.value)]


def _is_followed(value: Any) -> bool:
    """Whether a file of `connectors/` that could be read is a connector file, and no mapping file."""
    return value is not None and not isinstance(value, ExportMapping)


def organisation_in(chosen: Chosen | None) -> Organisation:
    """The organisation in use; a company of defaults where a workspace has no such file."""
    return Organisation() if chosen is None else chosen.value


def custom_kinds_in(connectors: Iterable[Chosen]) -> dict[str, dict[str, Kind]]:
    """The kinds of the company's own properties, by object and name, as these files declare them."""
    kinds: dict[str, dict[str, Kind]] = {}
    values = [each.value for each in connectors]
    # Mapping files after connector files, so that both this and `rules check` let the same one win.
    for value in sorted(values, key=lambda one: isinstance(one, ExportMapping)):
        for name, own in custom_kinds_of(value).items():
            kinds.setdefault(name, {}).update(own)
    return kinds


def custom_kinds_of(mapping: ConnectorFile | ExportMapping | None) -> Mapping[str, Mapping[str, Kind]]:
    """The kinds of the company's own properties that one file declares, by object and name."""
    if mapping is not None and not isinstance(mapping, ExportMapping):
        return mapping.custom_kinds
    kinds: dict[str, dict[str, Kind]] = {}
    for entry in mapping.entries if mapping is not None else ():
        own = (each for each in entry.fields if each.name.startswith(CUSTOM))
        kinds.setdefault(entry.object, {}).update({each.name.removeprefix(CUSTOM): each.kind for each in own})
    return kinds


def several_in(connectors: Iterable[Chosen]) -> dict[str, frozenset[str]]:
    """The fields that hold several options, by object, as these files declare them."""
    return several_of(each.value for each in connectors)


def several_of(mappings: Iterable[ConnectorFile | ExportMapping | None]) -> dict[str, frozenset[str]]:
    """The fields that hold several options, by object, as any of these mappings declares them."""
    found: dict[str, frozenset[str]] = {}
    for mapping in mappings:
        entries: Sequence[MappedObject] = mapping.entries if mapping is not None else ()
        for entry in entries:
            names = frozenset(each.name for each in entry.fields if each.several)
            if names:
                found[entry.object] = found.get(entry.object, frozenset()) | names
    return found


def is_connector(content: bytes) -> bool:
    """Whether a file of `connectors/` names a CRM that is followed; that is looked for before it is read strictly."""
    return _crm_line(content) is not None


def _crm_line(content: bytes) -> str | None:
    """What stands behind `crm:`, as it stands there; None in a file that has no such line."""
    lines = content.removeprefix(b"\xef\xbb\xbf").splitlines()
    found = next((line for line in lines if line.startswith(b"crm:")), None)
    return None if found is None else found.removeprefix(b"crm:").strip().decode("utf-8", "replace")


def read_connector(path: Path, content: bytes | None = None) -> ConnectorFile:
    """Read a connector file as that of its vendor; MappingError or ProblemsError for what is wrong with it."""
    name = _crm_line(_present(path) if content is None else content)
    if name not in VENDORS:  # in quotes, with a comment behind it, or a CRM that is not known here
        config = ConfigFile(path, MappingError, content=content)
        root = config.root()
        name = None
        if root is not None:
            section = Section(config, root)
            section.require("crm", f"which CRM the file is for: `crm: NAME`, one of {NAMES}")
            name = section.choice("crm", VENDORS)
        config.close()
    assert name is not None, path
    return vendor(name).read(path, settable(), content=content)


def _present(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError:
        return b""  # reading it strictly tells what is wrong with it


@cache
def settable() -> dict[str, Mapping[str, Field]]:
    """The fields of each object that a mapping may fill."""
    return {name: mirrored.settable for name, mirrored in objects().items()}


def _same_source(source: str, first: str, place: Path) -> RosSyncError:
    message = f"another connector file already uses the source {source!r}: {first}"
    return MappingError(message, where=Where(file=str(place)), hint="give it another `source`, or remove one of them")


def _read_connector(path: Path, content: bytes) -> tuple[Any, list[RosSyncError]]:
    if is_connector(content):
        return _reader(read_connector)(path, content)
    return _reader(lambda place, content: load_mapping(place, settable(), content=content))(path, content)


def _reader(load: Callable[..., Any]) -> Read:
    def read(path: Path, content: bytes) -> tuple[Any, list[RosSyncError]]:
        try:
            return load(path, content=content), []
        except ProblemsError as error:
            return None, error.problems
        except RosSyncError as error:
            return None, [error]

    return read
