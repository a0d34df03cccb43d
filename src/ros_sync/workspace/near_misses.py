"""Files that are meant to be read and are not, by their names: organisation.yml, deals.yaml.txt, .env.txt."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ros_sync.errors import Where, WorkspaceError
from ros_sync.organisation.file_name import ORGANISATION_FILE, YAML_LIKE, is_nearly_organisation
from ros_sync.settings import ENV_FILE_NAME, FILE_NAME, Settings
from ros_sync.workspace.files import SUFFIXES

_YAML = re.compile(rf"(?P<stem>.*?){YAML_LIKE}\s*", re.IGNORECASE)
_ENV = re.compile(r"\.?env(?:\.(?:te?xt|env))?|_env", re.IGNORECASE)
_SETTINGS = re.compile(r"ros[-_ ]?sync\.(?:toml|tml)(?:\.te?xt)?|ros[-_ ]?sync\.(?:ya?ml|ini|conf|cfg)", re.IGNORECASE)


def near_misses(settings: Settings) -> list[WorkspaceError]:
    """What is wrong with the name of each such file of a workspace, in the order of their paths."""
    found: list[WorkspaceError] = []
    for folder in dict.fromkeys((settings.workspace, settings.rules_folder, settings.connectors_folder)):
        for path in _files(folder):
            todo = _todo(settings, folder, path.name)
            if todo is not None:
                shown = Path(os.path.relpath(path, settings.workspace)).as_posix()
                found.append(WorkspaceError(f"{shown} is ignored: {todo}", where=Where(file=str(path))))
    return found


def _todo(settings: Settings, folder: Path, name: str) -> str | None:
    """What to do about a file that is not read and is meant to be; None for any other."""
    if folder == settings.rules_folder and is_nearly_organisation(name):
        return f"rename it to {ORGANISATION_FILE}"
    if folder in (settings.rules_folder, settings.connectors_folder):
        match = _YAML.fullmatch(name)
        if match is None or name.startswith(".") or Path(name).suffix in SUFFIXES:
            return None
        return f"rename it to {match['stem']}{SUFFIXES[0]}"
    if name == ORGANISATION_FILE or is_nearly_organisation(name):
        return f"move it to {settings.rules_folder.name}/ as {ORGANISATION_FILE}"
    if _ENV.fullmatch(name) and name != ENV_FILE_NAME:
        return f"rename it to {ENV_FILE_NAME}"
    return f"rename it to {FILE_NAME}" if _SETTINGS.fullmatch(name) and name != FILE_NAME else None


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return  # that a folder cannot be looked into is told by whoever reads its files
