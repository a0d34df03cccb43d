"""The physical lines of an export file: unpacked, decoded, and with a bound on what one line may hold in memory."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ros_sync.connectors.base import Quarantined
from ros_sync.connectors.export.packed import GZIP_MAGIC, ZIP_MAGIC, Content, Unpacked, content_of, refused

CHUNK_BYTES = 128 * 1024  # read at a time: small enough to stay in the processor's cache
MAX_LINE_CHARS = 4 * 1024 * 1024  # thirty of the longest cells that a CRM holds (see csv_rows.MAX_CELL_CHARS)
SHOWN_CHARS = 60  # of a value in a message

_BOMS = (  # longest first, since UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

BOM = "\ufeff"  # in the middle of a text it is left over from files that were put together, and means nothing
_EXCEL_TEXT = '="'  # how a spreadsheet keeps 00123 as it is: ="00123"
_BINARY = ((b"%PDF", "a PDF document"), (b"\x89PNG", "a picture"), (b"SQLite format 3\0", "a SQLite database"))
_BINARY_SHARE = 0.1  # of NUL characters, from which on a text is none; a damaged file has a few
_FEW = 8
_UTF16_SHARE = 0.15  # of NULs in every second byte, and none in the others: UTF-16 without a mark
_UTF8_BYTES = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")

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
        return "it holds a NUL byte, which is not text; that place of the file is damaged"
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
    not valid in the encoding, `has_excel_texts` whether any cell may be written as ="00123"; `quarantined` holds lines
    longer than MAX_LINE_CHARS, for which a blank line stands; `notes` are what a person should know of the file.
    Raises ImportRefusedError for a file that is empty, binary, broken off, or cannot be opened.
    """

    def __init__(self, path: Path, encoding: str, content: Content | None = None) -> None:
        self.path = path
        self.encoding = encoding
        self.suspect = False
        self.has_excel_texts = False
        self.quarantined: list[Quarantined] = []
        self.notes: list[str] = []
        self._content = content
        self._unpacked: Unpacked | None = None
        self._count = 0
        self._may_be_utf8 = False

    @property
    def position(self) -> int:
        """How many bytes of the file on disk have been read."""
        return self._unpacked.position if self._unpacked else 0

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
        self.quarantined.append(Quarantined(str(self.path), line, None, shown(text), reason))

    def _texts(self) -> Iterator[str]:
        decoder: codecs.IncrementalDecoder | None = None
        last = ""
        self._unpacked = Unpacked(self.path, self._content or content_of(self.path))
        for data in self._unpacked.chunks(CHUNK_BYTES):
            first = decoder is None
            if decoder is None:
                bom, self.encoding = next(
                    ((bom, name) for bom, name in _BOMS if data.startswith(bom)), (b"", self.encoding)
                )
                decoder = codecs.getincrementaldecoder(self.encoding)(_KEEP_BYTES)
                self._may_be_utf8 = not bom and _is_one_byte(self.encoding)
                self._refuse_binary(data.removeprefix(bom))
                text = decoder.decode(data.removeprefix(bom))
            else:
                text = decoder.decode(data)
            if self._may_be_utf8 and not text.isascii():
                self._look_for_utf8(data, first=first)
            self._look_at(text, last)
            last = text[-1:]
            yield text.replace(BOM, "") if BOM in text else text
        if decoder is None:
            raise refused(self.path, "the file is empty")
        text = decoder.decode(b"", final=True)
        self._look_at(text, last)
        yield text

    def _look_at(self, text: str, last: str) -> None:
        """Note what makes the rows of a text need a closer look; `last` is the character before it."""
        if not self.has_excel_texts:
            self.has_excel_texts = _EXCEL_TEXT in text or last + text[:1] == _EXCEL_TEXT
        if self.suspect:
            return
        self.suspect = "\0" in text
        if not text.isascii():
            try:
                text.encode()  # much quicker than a search: only a kept byte cannot be encoded
            except UnicodeEncodeError:
                self.suspect = True

    def _refuse_binary(self, data: bytes) -> None:
        """Refuse what is no text at all.

        A text with a few NUL bytes is damaged, and its rows are looked at one by one.
        """
        for magic, name in (*_BINARY, (ZIP_MAGIC, "packed twice"), (GZIP_MAGIC, "packed twice")):
            if data.startswith(magic):
                raise refused(self.path, f"the file is not text: it is {name}", _binary_hint(data))
        if self.encoding.startswith(("utf-16", "utf_16", "utf16", "utf-32", "utf_32", "utf32")):
            return
        count = data.rstrip(b"\0").count(b"\0")
        if (count > _FEW and count > _BINARY_SHARE * len(data)) or utf16_of(data):
            raise refused(self.path, "the file looks binary, not like text", _binary_hint(data))

    def _look_for_utf8(self, data: bytes, *, first: bool) -> None:
        """Whether a file that is declared as cp1252 or the like is UTF-8: its first bytes beyond ASCII tell."""
        self._may_be_utf8 = False
        rest = _UTF8_BYTES.sub(b"", data[:-3] if len(data) == CHUNK_BYTES else data)
        if _NOT_ASCII.search(rest):
            return
        found = _UTF8_BYTES.search(data)
        example = f" ({found[0].decode(self.encoding, 'replace')!r} is {found[0].decode()!r})" if found else ""
        message = f"the mapping says `encoding: {self.encoding}`, and the file is UTF-8{example}"
        if first:
            raise refused(self.path, message, "set `encoding: utf-8` in the mapping")
        self.notes.append(f"{message}; set `encoding: utf-8` in the mapping and import it again")


def _split(text: str) -> list[str]:
    """The lines of a text, each with its end, as CSV and JSON Lines know lines."""
    if any(end in text for end in _OTHER_LINE_ENDS):
        return io.StringIO(text, newline="").readlines()
    return text.splitlines(keepends=True)


def _is_one_byte(encoding: str) -> bool:
    """Whether each byte is a character, so that UTF-8 would be read as gibberish instead of being noticed."""
    return codecs.lookup(encoding).name.startswith(("cp125", "iso8859", "latin", "mac"))


def utf16_of(data: bytes) -> str | None:
    """The UTF-16 that a text without a mark is written in; None where it is none."""
    half = len(data) // 2
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if data[start::2].count(0) > max(3, _UTF16_SHARE * half) and not data[1 - start :: 2].count(0):
            return name
    return None


def _binary_hint(data: bytes) -> str:
    if data.startswith((ZIP_MAGIC, GZIP_MAGIC)):
        return "unpack it first"
    if name := utf16_of(data):
        return f"if it is UTF-16 text, set `encoding: {name}` in the mapping"
    return "an export is CSV or JSON Lines text, packed or not, or an .xlsx workbook"
