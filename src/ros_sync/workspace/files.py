"""The files that RevOps configures, as they stand in the workspace's folders; read again only when they changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ros_sync.config_files import MAX_FILE_BYTES
from ros_sync.errors import MappingError, OrganisationError, RosSyncError, RuleError, Where
from ros_sync.mirror.config_versions import Role, Version
from ros_sync.organisation.file_name import ORGANISATION_FILE, is_nearly_organisation
from ros_sync.settings import Settings

SUFFIXES = (".yaml", ".yml")
# Half of a file may be there while an editor writes it, and some editors take the old one away first. What was touched
# less than this ago is looked at again before it takes the place of a version that is in use.
SETTLE_SECONDS = 1.0
RACY_SECONDS = 2.0  # two writes within one tick of a file system's clock (2 s on FAT) leave the same stamp

ERRORS: Mapping[Role, type[RosSyncError]] = {
    Role.ORGANISATION: OrganisationError,
    Role.CONNECTOR: MappingError,
    Role.RULES: RuleError,
}
_WHAT = {Role.CONNECTOR: "connector or mapping file", Role.RULES: "rule file"}
_ON_PURPOSE = {
    Role.CONNECTOR: "put the files back; to sync and import nothing, keep one mapping file here",
    Role.RULES: "put the files back; to turn off all rules, keep one file with `rules: []`",
    Role.ORGANISATION: "put it back; it is required",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One file as it was found; `content` is None where it cannot be read, for the reason in `trouble`."""

    place: Path
    role: Role
    content: bytes | None
    touched_at: float
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """All files at one moment, by path relative to the workspace.

    `folders` are the places of each role's files. `gone` says of a role why its files cannot be there or not at all:
    what is missing then was not removed on purpose.
    """

    files: Mapping[str, Found]
    folders: Mapping[Role, str]
    gone: Mapping[Role, str]
    touched_at: Mapping[Role, float] = field(compare=False)


@dataclass(frozen=True, slots=True)
class File:
    """A file that is to be used: what stands there now, and the version of it that was last in force."""

    path: str
    place: Path
    role: Role
    now: bytes | None
    version: Version | None = None
    trouble: RosSyncError | None = None

    @property
    def kept(self) -> bytes | None:
        """What the version that was last in force holds."""
        return self.version.text.encode() if self.version is not None and self.version.text is not None else None

    @property
    def is_edited(self) -> bool:
        """Whether something else stands there now than what was last in force."""
        return self.now is not None and without_mark(self.now) != self.kept


def without_mark(content: bytes) -> bytes:
    """A file's text without the byte order mark that some editors put before it."""
    return content.removeprefix(b"\xef\xbb\xbf")


class Scanner:
    """Looks at the files again and again; what has the stamp that it had is not read again."""

    def __init__(self, settings: Settings, *, wall: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._wall = wall
        self._read: dict[Path, tuple[tuple[int, ...], Found]] = {}

    def look(self) -> Look:
        """All files as they are now."""
        settings, files, gone, touched = self._settings, {}, {}, {}
        folders = {Role.RULES: settings.rules_folder, Role.CONNECTOR: settings.connectors_folder}
        gone[Role.ORGANISATION] = "the file is gone"
        for role, folder in folders.items():
            touched[role] = _touched(folder)
            names, trouble = _names(folder)
            if role is Role.RULES and trouble is not None:
                gone[Role.ORGANISATION] = trouble
            for name in names:
                own = Role.ORGANISATION if role is Role.RULES and name == ORGANISATION_FILE else role
                if own is Role.RULES and is_nearly_organisation(name):
                    continue
                files[self._shown(folder / name)] = self._found(folder / name, own)
            if trouble is not None or not any(found.role is role for found in files.values()):
                gone[role] = trouble or f"no {_WHAT[role]} in this folder"
        organisation = settings.rules_folder / ORGANISATION_FILE
        touched[Role.ORGANISATION] = touched[Role.RULES]
        self._read = {found.place: self._read[found.place] for found in files.values() if found.place in self._read}
        shown = {role: self._shown(folder) for role, folder in folders.items()}
        return Look(files, {**shown, Role.ORGANISATION: self._shown(organisation)}, gone, touched)

    def _shown(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._settings.workspace)).as_posix()

    def _found(self, place: Path, role: Role) -> Found:
        try:
            state = place.stat()
        except OSError as error:
            return Found(place, role, None, _touched(place), f"the file cannot be read: {error.strerror}")
        stamp = (state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino, state.st_dev)
        known = self._read.get(place)
        if known is not None and known[0] == stamp and known[1].role is role:
            return known[1]
        found = _read(place, role, state)
        if found.trouble is None and self._wall() - state.st_ctime > RACY_SECONDS:
            self._read[place] = (stamp, found)
        else:
            self._read.pop(place, None)
        return found


def unsettled_seconds(look: Look, live: Mapping[str, Version], wall: float) -> float:
    """How long to wait until what changed of the files in use was left alone for a moment; 0 where it was."""
    wait = 0.0
    for path, version in live.items():
        found = look.files.get(path)
        if found is None:
            touched = look.touched_at.get(version.role, 0.0)
        elif found.content is None or without_mark(found.content) != (version.text or "").encode():
            touched = found.touched_at
        else:
            continue
        age = wall - touched
        if 0 <= age < SETTLE_SECONDS:
            wait = max(wait, SETTLE_SECONDS - age)
    return wait


def files_of(look: Look, versions: Mapping[str, Version]) -> tuple[list[File], list[Version]]:
    """The files to be used, and the versions whose file was removed on purpose."""
    files, removed = [], []
    live = {path: version for path, version in versions.items() if version.text is not None}
    for path, found in sorted(look.files.items()):
        trouble = None
        if found.trouble is not None:
            trouble = ERRORS[found.role](
                found.trouble, where=Where(file=str(found.place)), hint="allow this user to read it"
            )
        version = live.get(path)
        files.append(File(path, found.place, found.role, found.content, version, trouble))
    for path, version in live.items():
        if path in look.files:
            continue
        why = look.gone.get(version.role)
        if why is None or not _belongs(path, version.role, look):
            removed.append(version)
            continue
        error = ERRORS[version.role](why, where=Where(file=path), hint=_ON_PURPOSE[version.role])
        files.append(File(path, Path(path), version.role, None, version, error))
    return sorted(files, key=lambda file: file.path), removed


def _belongs(path: str, role: Role, look: Look) -> bool:
    """Whether a file would be looked for at this path; not so where the settings name another folder now."""
    place = look.folders[role]
    return path == place if role is Role.ORGANISATION else str(Path(path).parent.as_posix()) == place


def _names(folder: Path) -> tuple[list[str], str | None]:
    """The YAML files of a folder; what begins with a dot is an editor's own. Or why it cannot be looked into."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  # the names alone
    except FileNotFoundError:
        return [], "the folder is gone"
    except OSError as error:
        return [], f"the folder cannot be read: {error.strerror}"
    return sorted(name for name in names if Path(name).suffix in SUFFIXES and not name.startswith(".")), None


def _read(place: Path, role: Role, state: os.stat_result) -> Found:
    if not stat.S_ISREG(state.st_mode):  # a pipe would be waited for
        return Found(place, role, None, state.st_ctime, "this is not a file")
    try:
        with place.open("rb") as file:
            return Found(place, role, file.read(MAX_FILE_BYTES + 1), state.st_ctime)
    except OSError as error:
        return Found(place, role, None, state.st_ctime, f"the file cannot be read: {error.strerror}")


def _touched(path: Path) -> float:
    try:
        return path.stat().st_ctime
    except OSError:
        return 0.0


def of_role(files: list[File], role: Role) -> Iterator[File]:
    """The files of one role."""
    return (file for file in files if file.role is role)
