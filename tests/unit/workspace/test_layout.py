from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ros_sync.errors import WorkspaceError
from ros_sync.workspace import shipped
from ros_sync.workspace.layout import lay_out

REPOSITORY = Path(__file__).parents[3]


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_workspace_has_everything(tmp_path: Path) -> None:
    """A new workspace holds the settings, the .env example, and the shipped mappings and rules."""
    lay_out(tmp_path / "new" / "acme")
    shipped_files = {
        str(path.relative_to(REPOSITORY))
        for name in shipped.FOLDERS
        for path in (REPOSITORY / name).rglob("*")
        if path.is_file() and not path.name.startswith(".") and "__pycache__" not in path.parts
    }
    assert {"ros-sync.toml", ".env", ".env.example", ".gitignore", *shipped_files} == set(
        files_in(tmp_path / "new" / "acme")
    )


def test_again_writes_nothing(tmp_path: Path) -> None:
    """Laying out the same folder again finds everything in place."""
    first = lay_out(tmp_path)
    second = lay_out(tmp_path)
    assert ({}, len(first.to_write)) == (second.to_write, len(second.as_shipped))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_you_may_read_your_secrets(tmp_path: Path, umask: int) -> None:
    """`.env` and its example (a copy has its mode) are readable to their owner alone, whatever the umask says."""
    before = os.umask(umask)
    try:
        lay_out(tmp_path)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in (".env", ".env.example", "ros-sync.toml")]
    assert [0o600, 0o600, 0o666 & ~umask] == modes


def test_secrets_that_are_there_stay_and_are_closed(tmp_path: Path) -> None:
    """An `.env` of one's own is left as it is and in nobody's way; others may read it no more."""
    (tmp_path / ".env").write_text("ROS_SYNC_WEB__PORT=9000\n")
    (tmp_path / ".env").chmod(0o644)
    lay_out(tmp_path)
    left = (tmp_path / ".env").read_text(), stat.S_IMODE((tmp_path / ".env").stat().st_mode)
    assert ("ROS_SYNC_WEB__PORT=9000\n", 0o600) == left


def test_missing_file_is_added(tmp_path: Path) -> None:
    """A file that is missing from a laid-out folder is written, and it alone."""
    lay_out(tmp_path)
    (tmp_path / ".env.example").unlink()
    assert [tmp_path / ".env.example"] == list(lay_out(tmp_path).to_write)


def test_changed_file_is_not_overwritten(tmp_path: Path) -> None:
    """A file that a person changed is named, and nothing at all is written."""
    (tmp_path / "ros-sync.toml").write_text("[web]\n")
    with pytest.raises(WorkspaceError, match=r"already exist with other content: ros-sync\.toml"):
        lay_out(tmp_path)
    assert files_in(tmp_path) == {"ros-sync.toml": b"[web]\n"}


def test_dangling_link_is_in_the_way(tmp_path: Path) -> None:
    """A link to nowhere counts as a file that exists."""
    (tmp_path / "ros-sync.toml").symlink_to(tmp_path / "elsewhere" / "x")
    with pytest.raises(WorkspaceError, match=r"ros-sync\.toml"):
        lay_out(tmp_path)


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    """A file where the workspace should be is told."""
    (tmp_path / "acme").write_text("")
    with pytest.raises(WorkspaceError, match="a file, not a folder"):
        lay_out(tmp_path / "acme")


def test_unwritable_place(tmp_path: Path) -> None:
    """A place where nothing can be made is told with its path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="can't write the workspace"):
        lay_out(tmp_path / "file" / "acme")
