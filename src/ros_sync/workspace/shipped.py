"""The mappings and rules that come with ros-sync: inside the wheel, or the repository's folders in a checkout."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

import ros_sync
from ros_sync.errors import RosSyncError

FOLDERS = ("connectors", "rules")


def folder(name: str) -> Traversable:
    """The shipped folder of that name (`connectors` or `rules`); RosSyncError where the installation lacks it."""
    packaged = files(ros_sync) / "shipped" / name
    if packaged.is_dir():
        return packaged
    # An editable installation: src/ros_sync/ stands in the repository, beside the folders that a wheel would carry.
    repository = Path(ros_sync.__file__).resolve().parents[2]
    if (repository / "pyproject.toml").is_file() and (repository / name).is_dir():
        return repository / name
    raise RosSyncError(f"this installation is missing the folder {name!r}", hint="reinstall ros-sync")


def templates() -> Iterator[tuple[PurePosixPath, bytes]]:
    """The files that `ros-sync init` writes beside the shipped folders: path in the workspace, and content."""
    source = files(ros_sync) / "workspace" / "templates"
    for path, template in (
        ("ros-sync.toml", "ros-sync.toml"),
        (".env.example", "env.example"),
        (".gitignore", "gitignore"),
    ):
        yield PurePosixPath(path), (source / template).read_bytes()


def contents(name: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Every file of a shipped folder in order of names: path in the workspace (`rules/deals.yaml`), and content."""
    yield from _walk(folder(name), PurePosixPath(name))


def _walk(place: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, bytes]]:
    for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _walk(entry, path / entry.name)
        else:
            yield path / entry.name, entry.read_bytes()
