"""The files of a workspace that hold secrets, and who may read them."""

from __future__ import annotations

import stat
from pathlib import Path

from ros_sync.settings import ENV_FILE_NAME, FILE_NAME, Settings, secrets_in_toml
from ros_sync.workspace.vendors import VENDORS, vendor

_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


def secret_files(settings: Settings) -> list[Path]:
    """The files with secrets that this workspace uses, and the database: it holds what the CRM holds."""
    named = [
        getattr(section, key)
        for section in (settings.database, settings.slack, settings.web, settings.health)
        for key in type(section).model_fields
        if key.endswith("_file")
    ]
    paths = [settings.workspace / name for name in (ENV_FILE_NAME, *filter(None, named))]
    for name in VENDORS:
        paths += vendor(name).secret_files(settings)
    if secrets_in_toml(settings):
        paths.append(settings.workspace / FILE_NAME)
    if settings.database_file is not None:
        paths.append(settings.database_file)
    return [path for path in paths if path.is_file()]


def readable_by_others(settings: Settings) -> list[Path]:
    """Those that others on this machine may read or write.

    A secret that the system hands out read-only is its own matter.
    """
    found = []
    for path in secret_files(settings):
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if mode & _OTHERS and not path.is_relative_to("/run/secrets"):
            found.append(path)
    return found
