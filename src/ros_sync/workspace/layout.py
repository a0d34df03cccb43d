"""A workspace laid out in a folder: settings, mapping files and rules, as they are shipped."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ros_sync.errors import Where, WorkspaceError
from ros_sync.workspace import shipped

ENV_FILE_NAME = ".env"  # as in `settings`, which laying out need not load
_SECRET, _ORDINARY = 0o600, 0o666  # the second is narrowed by the umask


@dataclass(frozen=True, slots=True)
class Layout:
    """What laying out a workspace comes to: files to write, files already as they would be, files in the way."""

    to_write: dict[Path, bytes]
    as_shipped: tuple[Path, ...]
    in_the_way: tuple[Path, ...]


def plan(folder: Path) -> Layout:
    """Compare a folder with the shipped workspace; WorkspaceError where it is no folder."""
    if folder.exists() and not folder.is_dir():
        raise WorkspaceError("this is a file, not a folder", where=Where(file=str(folder)))
    wanted = dict(shipped.templates())
    yours = PurePosixPath(ENV_FILE_NAME)  # to fill in: one that is there is never in the way
    wanted[yours] = wanted[PurePosixPath(f"{ENV_FILE_NAME}.example")]
    for name in shipped.FOLDERS:
        wanted.update(shipped.contents(name))
    to_write, as_shipped, in_the_way = {}, [], []
    for path, content in wanted.items():
        target = folder / path
        if not (target.exists() or target.is_symlink()):
            to_write[target] = content
        elif target.is_file() and (path == yours or target.read_bytes() == content):
            as_shipped.append(target)
        else:
            in_the_way.append(target)
    return Layout(to_write, tuple(as_shipped), tuple(in_the_way))


def lay_out(folder: Path) -> Layout:
    """Write the shipped workspace into a folder; what was done.

    Raises WorkspaceError, having written nothing, where a file exists that differs from what would be written.
    """
    layout = plan(folder)
    if layout.in_the_way:
        names = ", ".join(str(path.relative_to(folder)) for path in layout.in_the_way)
        raise WorkspaceError(
            f"nothing was written because these files already exist with other content: {names}",
            where=Where(file=str(folder)),
            hint="this looks like an existing workspace; move these files or choose another folder",
        )
    try:
        for name in shipped.FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for target, content in layout.to_write.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            mode = _SECRET if target.name.startswith(ENV_FILE_NAME) else _ORDINARY
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(content)
        for name in (ENV_FILE_NAME, f"{ENV_FILE_NAME}.example"):  # a copy of the example has its mode
            if not (folder / name).is_symlink():
                (folder / name).chmod(_SECRET)
    except OSError as error:
        where = Where(file=str(error.filename or folder))
        raise WorkspaceError(f"can't write the workspace: {error.strerror}", where=where) from error
    return layout
