"""The physical lines of an export file: unpacked, decoded, and with a bound on what one line may hold in memory."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ros_sync.connectors.base import SetAside
from ros_sync.errors import ImportRefusedError, Where
from ros_sync.sheets.regular import open_regular

CHUNK_BYTES = 128 * 1024  # read at a time: small enough to stay in the processor's cache
MAX_LINE_CHARS = 4 * 1024 * 1024  # thirty of the longest cells that a CRM holds (see csv_rows.MAX_CELL_CHARS)
SHOWN_CHARS = 60  # of a value in a message

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"  # an .xlsx file is a ZIP archive
_BOMS = (  # longest first, since UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What str.splitlines takes for the end of a line and a CSV file does not.
_OTHER_LINE_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"

# Bytes that the encoding does not know are kept as lone surrogates U+DC00 + byte, so that decoding goes on and the
# row that holds them can be named.
_KEEP_BYTES = "ros_sync.keep_bytes"
_KEPT = 0xDC00
KEPT_BYTE = re.compile("[\udc00-\udcff]")


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_KEPT + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_KEEP_BYTES, _keep_bytes)


def undecodable(text: str, encoding: str) -> str | None:
    """The reason why a text with bytes that are no text, or not of `encoding`, cannot be used; None where all are."""
    if "\0" in text:
        return "it holds a NUL byte, which is no text; that place of the file is damaged"
    found = KEPT_BYTE.search(text)
    if found is None:
        return None
    byte = ord(found[0]) - _KEPT
    others = " or ".join(f"`encoding: {name}`" for name in ("cp1252", "latin-1", "utf-8") if name != encoding)
    return f"byte 0x{byte:02X} is not valid in {encoding}; set the file's own encoding in the mapping, such as {others}"


def shown(text: str) -> str:
    """The start of a text for a message, with undecodable bytes as a backslash, x and two digits.

    What it gives can be stored by any database: neither NUL nor half of a surrogate pair is left in it.
    """
    start = text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
    start = KEPT_BYTE.sub(lambda found: f"\\x{ord(found[0]) - _KEPT:02X}", start.replace("\0", "\\x00"))
    return start.encode(errors="backslashreplace").decode()


def file_size(path: Path) -> int:
    """The size in bytes of the file as it lies on disk (packed, where it is), against which `position` counts."""
    return path.stat().st_size


class Lines:
    """The lines of one file, each with its line end, read in chunks.

    `position` is how many bytes of the file on disk have been read; `suspect` tells whether any byte so far was NUL or
    not valid in the encoding; `set_aside` holds lines longer than MAX_LINE_CHARS, for which a blank line stands.
    Raises ImportRefusedError for a file that is empty, binary, broken off, or cannot be opened.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        self.encoding = encoding
        self.position = 0
        self.suspect = False
        self.set_aside: list[SetAside] = []
        self._count = 0

    def chunks(self) -> Iterator[list[str]]:
        """Lists of consecutive lines."""
        tail, dropping = "", False
        for text in self._texts():
            lines = _split(tail + text)
            # A carriage return at the end may be the first half of a line end.
            tail = lines.pop() if lines and not lines[-1].endswith("\n") else ""
            if dropping and lines:
                lines[0], dropping = "\n", False
            if dropping or len(tail) > MAX_LINE_CHARS:
                if not dropping:
                    self._too_long(self._count + len(lines) + 1, tail)
                tail, dropping = "", True
            self._count += len(lines)
            yield lines
        if tail or dropping:
            yield ["\n"] if dropping else _split(tail)

    def _too_long(self, line: int, text: str) -> None:
        reason = f"the line is longer than {MAX_LINE_CHARS:,} characters"
        self.set_aside.append(SetAside(str(self.path), line, None, shown(text), reason))

    def _texts(self) -> Iterator[str]:
        decoder: codecs.IncrementalDecoder | None = None
        for data in self._bytes():
            if decoder is None:
                bom, self.encoding = next(
                    ((bom, name) for bom, name in _BOMS if data.startswith(bom)), (b"", self.encoding)
                )
                decoder = codecs.getincrementaldecoder(self.encoding)(_KEEP_BYTES)
                text = decoder.decode(data.removeprefix(bom))
                if "\0" in text:
                    raise self._refused("the file looks binary, not like text", _binary_hint(data))
            else:
                text = decoder.decode(data)
                # A file that began as text is one: a NUL byte from here on costs its own row alone.
                self.suspect = self.suspect or "\0" in text
            yield self._checked(text)
        if decoder is None:
            raise self._refused("the file is empty")
        yield self._checked(decoder.decode(b"", final=True))

    def _checked(self, text: str) -> str:
        if not text.isascii() and not self.suspect:
            try:
                text.encode()  # much quicker than a search: only a kept byte cannot be encoded
            except UnicodeEncodeError:
                self.suspect = True
        return text

    def _bytes(self) -> Iterator[bytes]:
        try:
            with open_regular(self.path) as raw:
                packed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
                raw.seek(0)
                stream: gzip.GzipFile | IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw
                while data := stream.read(CHUNK_BYTES):
                    self.position = raw.tell()
                    yield data
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._refused(f"the gzip file is damaged or broken off after line {self._count}: {error}") from error
        except OSError as error:
            raise self._refused(f"the file cannot be read: {error.strerror}") from error

    def _refused(self, message: str, hint: str | None = None) -> ImportRefusedError:
        return ImportRefusedError(message, where=Where(str(self.path)), hint=hint)


def _split(text: str) -> list[str]:
    """The lines of a text, each with its end, as CSV and JSON Lines know lines."""
    if any(end in text for end in _OTHER_LINE_ENDS):
        return io.StringIO(text, newline="").readlines()
    return text.splitlines(keepends=True)


def _binary_hint(data: bytes) -> str:
    if data.startswith(_ZIP_MAGIC):
        return "is it an Excel workbook? Save it as CSV (UTF-8)"
    half = len(data) // 2
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if data[start::2].count(0) > half // 2:
            return f"if it is UTF-16 text, set `encoding: {name}` in the mapping"
    return "an export is CSV or JSON Lines text, packed by gzip or not"
