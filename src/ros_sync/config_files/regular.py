"""Opening files that people named: real files alone.

A named pipe would be waited for, for ever; a device may never end, or do something when it is opened.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = (
    (stat.S_ISFIFO, "this is a named pipe, not a file"),
    (stat.S_ISSOCK, "this is a socket, not a file"),
    (stat.S_ISCHR, "this is a device, not a file"),
    (stat.S_ISBLK, "this is a device, not a file"),
)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading.

    OSError as `open` raises it, and for whatever is not a file, with words that say what it is.
    """
    _refuse(path, os.stat(path).st_mode)  # noqa: PTH116  # before it is opened: opening a device may do something
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse(path, os.fstat(descriptor).st_mode)  # it may have been replaced in between
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path) -> bytes:
    """All of a file; OSError as `open_regular` raises it."""
    with open_regular(path) as file:
        return file.read()


def refuse_special(path: Path) -> None:
    """OSError where a path leads to something that is no file."""
    _refuse(path, os.stat(path).st_mode)  # noqa: PTH116  # as above


def _refuse(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    for is_kind, words in _KINDS:
        if is_kind(mode):
            raise OSError(errno.EINVAL, words, str(path))
