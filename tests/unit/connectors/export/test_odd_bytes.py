"""What is not mapped does not matter; what is mapped costs its own row and no other."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ros_sync.connectors.export import packed
from ros_sync.errors import ImportRefusedError

ReadFile = Callable[..., Any]
DAMAGE = [b"\0", b"\xff", b"\x81\x8d", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88"]


def outcome(result: Any) -> tuple[list[Any], list[tuple[int, str | None]]]:
    """The ids that were read, and line and column of each row quarantined."""
    return result.column("id"), [(each.line, each.column) for each in result.quarantined]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("before", [0, 3])
def test_a_damaged_byte_in_a_column_that_nobody_asks_for_costs_nothing(
    read_file: ReadFile, damage: bytes, before: int
) -> None:
    """Near the beginning of the file as well as later."""
    rows = b"".join(b"%d,x,fine\n" % number for number in range(before))
    result = read_file(b"Id,Name,Notes\n" + rows + b"98,a,b" + damage + b"c\n99,b,ok\n")
    assert ([*map(str, range(before)), "98", "99"], []) == outcome(result)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_byte_in_a_mapped_column_costs_its_own_row(read_file: ReadFile, damage: bytes) -> None:
    """The row is named by line and column, also where the byte stands at the very beginning of the file."""
    result = read_file(b"Id,Name,Notes\n1,a" + damage + b"b,x\n2,b,y\n")
    assert (["2"], [(2, "Name")]) == outcome(result)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_byte_in_a_key_that_nobody_asks_for_costs_nothing(read_file: ReadFile, damage: bytes) -> None:
    """In JSON Lines as in CSV."""
    lines = b'{"Id": "1", "Name": "a", "Notes": "b' + damage + b'c"}\n{"Id": "2", "Name": "b"}\n'
    assert (["1", "2"], []) == outcome(read_file(lines, name="deals.jsonl"))


@pytest.mark.parametrize("value", ['"\\ud800"', "NaN", "-Infinity", '"\\u0000"', '"a\tb"', '{"deep": [{"er": 1e999}]}'])
def test_what_json_cannot_say_costs_nothing_where_nobody_asks(read_file: ReadFile, value: str) -> None:
    """Halves of surrogate pairs, NaN, control characters and nested things in a key without a mapping."""
    result = read_file('{"Id": "1", "Name": "a", "Notes": ' + value + "}\n", name="deals.jsonl")
    assert (["1"], []) == outcome(result)


@pytest.mark.parametrize("value", ['"\\ud800"', "NaN", '"\\u0000"', '["a", "\\udfff"]'])
def test_what_json_cannot_say_costs_its_own_row_where_it_is_mapped(read_file: ReadFile, value: str) -> None:
    """The row is named by line and key; the next one is read."""
    lines = '{"Id": "1", "Name": ' + value + '}\n{"Id": "2", "Name": "b"}\n'
    assert (["2"], [(1, "Name")]) == outcome(read_file(lines, name="deals.jsonl"))


def test_a_mark_in_the_middle_is_no_part_of_an_id(read_file: ReadFile) -> None:
    """Files that were put together keep a byte order mark and a header in the middle: neither becomes a record."""
    one = "\ufeffId,Name\n1,a\n".encode()
    result = read_file(one + one.replace(b"1,a", b'\xef\xbb\xbf2,"b"'))
    assert (["1", "2"], [(3, None)]) == outcome(result)
    assert "the headings stand here once more" in result.quarantined[0].reason


def test_blank_rows_of_a_spreadsheet_are_no_damage(read_file: ReadFile) -> None:
    """Rows of delimiters and blanks alone are skipped, and lines are counted on."""
    result = read_file("Id,Name,Notes\n,,\n1,a,\n , ,\n,,,,,\n2,b,\n\n,,\n")
    assert ((["1", "2"], []), [3, 6]) == (outcome(result), result.lines)


@pytest.mark.parametrize(
    "content",
    ["Id,Name\n1,a,,,\n2,b\n", "Id,Name,,\n1,a\n2,b,,\n", "Id,Name,,\n1,a,,,,\n2,b,\n"],
)
def test_blank_cells_at_the_end_of_a_row_are_no_damage(read_file: ReadFile, content: str) -> None:
    """Blank cells beyond the header, and cells that only headings without a name lack."""
    assert (["1", "2"], []) == outcome(read_file(content))


def test_a_row_with_text_but_no_id_is_quarantined(read_file: ReadFile) -> None:
    """A row that is not blank is never skipped in silence."""
    assert (["1"], [(2, "Id")]) == outcome(read_file("Id,Name,Notes\n,,why\n1,a,\n"))


@pytest.mark.parametrize("first", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "sep=\t\n", "sep=|\n"])
@pytest.mark.parametrize("top", ["", 'delimiter: ";"'])
def test_the_delimiter_that_the_file_declares_is_used(read_file: ReadFile, first: str, top: str) -> None:
    """Excel's first line `sep=;` is believed like a byte order mark, whatever the mapping says."""
    sign = first.strip('"\r\n')[-1] if "\t" not in first else "\t"
    result = read_file(first + f"Id{sign}Name\n1{sign}a,b\n", top=top)
    assert (["a,b"], [3]) == (result.column("name"), result.lines)


@pytest.mark.parametrize("cell", ['="00123"', '"=""00123"""', ' ="00123" '])
def test_a_text_that_a_spreadsheet_wrote_as_a_formula_is_read(read_file: ReadFile, cell: str) -> None:
    """`="00123"` is how a spreadsheet keeps the zeros of an id."""
    assert ["00123"] == read_file(f"Id,Name\n{cell},x\n").column("id")


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso-8859-15", "mac-roman"])
def test_utf_8_declared_as_something_else_is_refused(read_file: ReadFile, encoding: str) -> None:
    """`MÃ¼ller` is never loaded; the message shows the letters and says what to set."""
    with pytest.raises(ImportRefusedError, match=r"the file is UTF-8 .*'ü'.*set `encoding: utf-8`"):
        read_file("Id,Name\n1,Müller\n2,東京\n".encode(), top=f"encoding: {encoding}")


def test_utf_8_that_shows_late_is_told(read_file: ReadFile) -> None:
    """Where the first letters beyond ASCII come after the beginning, the file is read and the import says so."""
    rows = "".join(f"{number},abcdefghijklmnop\n" for number in range(20_000))
    result = read_file(f"Id,Name\n{rows}x,Müller\n".encode(), top="encoding: cp1252")
    notes = [note for batch in result.batches for note in batch.notes]
    assert (1, True) == (len(notes), "the file is UTF-8" in notes[0])


def zipped(**files: bytes) -> bytes:
    """A ZIP archive of these files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def test_the_one_file_of_a_zip_archive_is_read(read_file: ReadFile) -> None:
    """What macOS adds beside it is no file."""
    content = zipped(
        **{"out/deals.csv": b"Id,Name\n1,a\n", "__MACOSX/out/._deals.csv": b"\0\1", "out/.DS_Store": b"\0"}
    )
    assert ["a"] == read_file(content, name="deals.zip").column("name")


def test_a_zip_archive_of_json_lines_is_read_by_the_name_inside(read_file: ReadFile) -> None:
    """The name of the packed file says what it holds."""
    assert ["a"] == read_file(zipped(**{"d.jsonl": b'{"Id": 1, "Name": "a"}\n'}), name="deals.zip").column("name")


@pytest.mark.parametrize(
    "content,said",
    [
        (zipped(a=b"Id\n1\n", b=b"Id\n2\n"), "holds 2 files (a, b).*unpack it"),
        (zipped(), "the ZIP archive is empty"),
        (zipped(**{"__MACOSX/a": b"x"}), "holds no file"),
        (zipped(a=b"Id,Name\n" + b"1,x\n" * 9_999)[:90], "the ZIP archive is damaged"),
        (zipped(a=zipped(b=b"Id\n1\n")), "packed twice"),
        (zipped(a=gzip.compress(b"Id\n1\n")), "packed twice"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Excel workbook .*save it as .xlsx"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "it is a PDF document"),
        (b"SQLite format 3\0" + b"\0" * 84, "it is a SQLite database"),
    ],
    ids=["two files", "empty", "no file", "damaged", "ZIP in ZIP", "gzip in ZIP", "xls", "pdf", "sqlite"],
)
def test_what_is_no_export_is_refused_by_name(read_file: ReadFile, content: bytes, said: str) -> None:
    """The message says what the file is and what to do."""
    with pytest.raises(ImportRefusedError, match=said.replace("(a, b)", r"\(a, b\)")):
        read_file(content, name="deals.zip")


@pytest.mark.parametrize("pack", [lambda content: zipped(a=content), gzip.compress])
def test_a_bomb_is_refused(read_file: ReadFile, pack: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What unpacks to hundreds of times its size is given up, however its directory lies."""
    monkeypatch.setattr(packed, "BOMB_FLOOR_BYTES", 300_000)
    with pytest.raises(ImportRefusedError, match="unpacks to more than 300 times its size"):
        read_file(pack(b"Id,Name\n" + b"\n" * 1_000_000), name="deals.csv.gz")
