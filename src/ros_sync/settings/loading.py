"""Finding a workspace, and loading its settings out of their files and variables."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr, ValidationError

from ros_sync.errors import ProblemsError, RosSyncError, SettingsError, Where, WorkspaceError
from ros_sync.settings.former_names import with_names_of_today
from ros_sync.settings.origins import (
    FILE_NAME,
    WORKSPACE_VARIABLE,
    Origins,
    expected,
    parse_toml,
    problem_of,
    read_file,
)
from ros_sync.settings.sections import Settings, SettingsSection, is_secret, sections, settings_keys

_MAX_SECRET_BYTES = 65_536  # ours: a URL, a token, or a key


def find_workspace(given: Path | None = None) -> Path:
    """The workspace's folder: `given`, else ROS_SYNC_WORKSPACE, else the nearest folder upwards with a ros-sync.toml.

    Raises WorkspaceError where there is none.
    """
    named = given or (Path(value) if (value := os.environ.get(WORKSPACE_VARIABLE)) else None)
    if named is not None:
        folder = named.expanduser().resolve()
        if (folder / FILE_NAME).is_file():
            return folder
        raise WorkspaceError(
            f"there is no {FILE_NAME} in this folder",
            where=Where(file=str(folder)),
            hint=f"`ros-sync init {named}` makes one",
        )
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise WorkspaceError(
        f"there is no {FILE_NAME} in this folder or above it",
        where=Where(file=str(here)),
        hint="go to your workspace, name it with --workspace DIR, or make one with `ros-sync init DIR`",
    )


def load(workspace: Path) -> Settings:
    """Read the settings of a workspace.

    Raises SettingsError for one problem and ProblemsError for several: an unknown key, a value of the wrong kind, a
    missing file, a syntax error, a key under its former and its present name. Each names its file and line or its
    variable, and what was expected.
    """
    origins, notes, twice = with_names_of_today(Origins.read(workspace))
    problems: list[RosSyncError] = [*twice, *origins.unknown_keys()]
    try:
        values = {**origins.values(), "workspace": workspace, "notes": tuple(map(str, notes))}
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [problem_of(details, origins) for details in error.errors(include_url=False)]
    else:
        settings, missing = _with_secret_files(settings, origins)
        problems += [*missing, *_missing_folders(settings, origins)]
        if not problems:
            return settings
    # `from None`: pydantic's own error would carry the values, secrets among them, into a traceback.
    raise (problems[0] if len(problems) == 1 else ProblemsError(problems)) from None


def secrets_in_toml(settings: Settings) -> list[str]:
    """The keys, as `section.key`, of secrets that stand in the workspace's ros-sync.toml, where none belongs."""
    document = parse_toml(settings.workspace / FILE_NAME, read_file(settings.workspace / FILE_NAME))
    given = {f"{section}.{key}" for section, keys in document.items() if isinstance(keys, dict) for key in keys}
    found = [key for key, info in settings_keys().items() if key in given and is_secret(info)]
    return [key for key in found if key != "database.url" or settings.database_shown not in settings.database_url]


def _with_secret_files(settings: Settings, origins: Origins) -> tuple[Settings, list[SettingsError]]:
    """Fill each secret that is given as a file; also the problems met on the way."""
    problems: list[SettingsError] = []
    filled: dict[str, SettingsSection] = {}
    for name in sections():
        section: SettingsSection = getattr(settings, name)
        values = section.model_dump(exclude_unset=True)
        for key in [key for key in type(section).model_fields if key.endswith("_file") and getattr(section, key)]:
            secret, where = key.removesuffix("_file"), origins.where(f"{name}.{key}")
            if secret in section.model_fields_set:
                problems.append(
                    SettingsError(f"both {secret!r} and {key!r} are given", where=where, hint="keep one of them")
                )
                continue
            try:
                values[secret] = _secret_in(settings.workspace / getattr(section, key), where)
                filled[name] = type(section).model_validate(values)
            except SettingsError as problem:
                problems.append(problem)
            except ValidationError as error:
                problems.append(SettingsError(expected(error.errors()[0], None), where=where))
    return settings.model_copy(update=filled), problems


def _secret_in(file: Path, where: Where) -> SecretStr:
    from ros_sync.config_files.regular import open_regular  # noqa: PLC0415  # for those who keep secrets in files

    try:
        with open_regular(file) as opened:
            content = opened.read(_MAX_SECRET_BYTES + 1)
        value = content.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        hint = None
        if isinstance(error, OSError) and error.errno == errno.EINVAL:
            hint = (
                "settings are read by each command, so a file it must be: one that you alone may read, or a line "
                "of .env"
            )
        raise SettingsError(f"the file {file} cannot be read: {reason}", where=where, hint=hint) from None
    if len(content) > _MAX_SECRET_BYTES:
        raise SettingsError(
            f"the file {file} is larger than any secret", where=where, hint="put the secret alone into it"
        )
    if not value:
        raise SettingsError(f"the file {file} is empty", where=where, hint="put the secret into it")
    return SecretStr(value)


def _missing_folders(settings: Settings, origins: Origins) -> Iterator[SettingsError]:
    # Only where it was named: a workspace without mapping files is a fair beginning.
    for key in sorted(settings.paths.model_fields_set):
        folder = settings.workspace / getattr(settings.paths, key)
        if not folder.is_dir():
            yield SettingsError(
                f"there is no folder {folder}", where=origins.where(f"paths.{key}"), hint="make it, or correct the path"
            )
