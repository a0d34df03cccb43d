"""What a file on disk holds: text as it is, packed by gzip, the one file of a ZIP archive, or an Excel workbook."""

from __future__ import annotations

import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from ros_sync.config_files.regular import open_regular
from ros_sync.errors import ImportRefusedError, Where

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"
OLD_EXCEL_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # OLE 2, the container of .xls
_MAGIC_BYTES = 8
_WORKBOOK_PART = "xl/workbook.xml"
_WORKBOOK_SUFFIXES = (".xlsx", ".xlsm")
_BINARY_WORKBOOK_PART = "xl/workbook.bin"
SHOWN_MEMBERS = 5

# A packed file that unpacks to more than this many times its size is no export: rows of a CRM pack to a tenth, the
# dullest ones to a hundredth. Deflate itself can reach 1,032 (zlib's technical details). Small files may do as they
# like.
BOMB_RATIO = 300
BOMB_FLOOR_BYTES = 256 * 1024 * 1024

# What a damaged archive, or one that is packed in an unusual way, raises while it is read.
DAMAGED = (
    EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, NotImplementedError,
    RuntimeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds. `name` is what it is called, `member` its name inside a ZIP archive."""

    name: str
    is_workbook: bool = False
    member: str | None = None


def content_of(path: Path) -> Content:
    """Look at a file's first bytes, and into the list of a ZIP archive.

    Raises ImportRefusedError for an archive that does not hold exactly one file, and for what is known not to be an
    export.
    """
    try:
        with open_regular(path) as raw:
            magic = raw.read(_MAGIC_BYTES)
    except OSError as error:
        raise refused(path, f"the file cannot be read: {error.strerror}") from error
    if magic.startswith(OLD_EXCEL_MAGIC):
        raise refused(path, "this is an old Excel workbook (.xls)", "save it as .xlsx, or as CSV (UTF-8)")
    if magic.startswith(EMPTY_ZIP_MAGIC):
        raise refused(path, "the ZIP archive is empty")
    if not magic.startswith(ZIP_MAGIC):
        return Content(path.name)
    return _content_of_zip(path)


def _content_of_zip(path: Path) -> Content:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (*DAMAGED, OSError) as error:
        raise refused(path, f"the ZIP archive is damaged: {error}", "export or copy it again") from error
    names = [member.filename for member in members if not member.is_dir()]
    if _WORKBOOK_PART in names:
        return Content(path.name, is_workbook=True)
    if _BINARY_WORKBOOK_PART in names:
        raise refused(path, "this is a binary Excel workbook (.xlsb)", "save it as .xlsx, or as CSV (UTF-8)")
    files = [name for name in names if _is_content(name)]
    if len(files) != 1:
        listed = ", ".join(files[:SHOWN_MEMBERS]) + (", …" if len(files) > SHOWN_MEMBERS else "")
        what = f"holds {len(files)} files ({listed})" if files else "holds no file"
        raise refused(
            path, f"the ZIP archive {what}", "an archive of one file is read; unpack it and import the folder"
        )
    inner = PurePosixPath(files[0]).name
    return Content(inner, is_workbook=inner.lower().endswith(_WORKBOOK_SUFFIXES), member=files[0])


def _is_content(name: str) -> bool:
    """Whether a member is a file that somebody put there, and not what macOS adds."""
    path = PurePosixPath(name)
    return "__MACOSX" not in path.parts and not path.name.startswith(".")


class Unpacked:
    """The bytes of a file, unpacked chunk by chunk. `position` is how many bytes on disk have been read."""

    def __init__(self, path: Path, content: Content) -> None:
        self._path = path
        self._content = content
        self.position = 0
        self.taken = 0

    def chunks(self, size: int) -> Iterator[bytes]:
        """Chunks of up to `size` bytes; ImportRefusedError where the archive is damaged, locked or a bomb."""
        try:
            with open_regular(self._path) as raw, self._stream(raw) as stream:
                while data := stream.read(size):
                    self.position = raw.tell()
                    self.taken += len(data)
                    if self.taken > BOMB_FLOOR_BYTES and self.taken > BOMB_RATIO * self.position:
                        raise refused(
                            self._path,
                            f"the file unpacks to more than {BOMB_RATIO} times its size; that is not an export",
                            "unpack it by hand if you know better",
                        )
                    yield data
        except DAMAGED as error:
            raise self._damaged(error) from error
        except OSError as error:
            raise refused(self._path, f"the file cannot be read: {error.strerror or error}") from error

    @contextmanager
    def _stream(self, raw: IO[bytes]) -> Iterator[IO[bytes] | gzip.GzipFile]:
        if self._content.member is not None:
            with zipfile.ZipFile(raw) as archive, archive.open(self._content.member) as stream:
                yield stream
            return
        packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream
        else:
            yield raw

    def _damaged(self, error: Exception) -> ImportRefusedError:
        kind = "ZIP archive" if self._content.member is not None else "gzip file"
        if isinstance(error, RuntimeError) and "password" in str(error):
            return refused(self._path, f"the {kind} is locked with a password", "unpack it first")
        return refused(self._path, f"the {kind} is damaged or broken off: {error}", "export or copy it again")


def refused(path: Path, message: str, hint: str | None = None) -> ImportRefusedError:
    """The refusal of a whole file."""
    return ImportRefusedError(message, where=Where(str(path)), hint=hint)
