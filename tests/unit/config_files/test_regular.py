"""Only files are read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ros_sync.config_files.regular import open_regular, read_regular, refuse_special


def test_a_file_is_read(tmp_path: Path) -> None:
    """A file is read as it is, also through a link."""
    (tmp_path / "file").write_bytes(b"words")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert [b"words"] * 2 == [read_regular(tmp_path / name) for name in ("file", "link")]


@pytest.mark.parametrize("read", [open_regular, read_regular, refuse_special])
@pytest.mark.parametrize("kind,words", [("pipe", "a named pipe"), ("device", "a device"), ("folder", "Is a directory")])
def test_nothing_else_is(tmp_path: Path, kind: str, words: str, read: object) -> None:
    """A pipe that nobody writes to, a device that never ends and a folder are refused at once, by what they are."""
    path = Path("/dev/zero") if kind == "device" else tmp_path / "odd"
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "folder":
        path.mkdir()
    with pytest.raises(OSError, match=words):
        read(path)  # type: ignore[operator]  # one of the three


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket is no file either."""
    monkeypatch.chdir(tmp_path)  # a socket's path has a short limit
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("odd")
        with pytest.raises(OSError, match="a socket"):
            read_regular(Path("odd"))


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    """What is not there is told as ever."""
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "nothing")
