"""Excel workbooks are read as they are: every kind of cell, and nothing that would take the machine's memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from ros_sync.connectors.export import workbook_limits
from ros_sync.errors import ImportRefusedError

ReadFile = Callable[..., Any]


def workbook(*rows: Sequence[Any], more: dict[str, Any] | None = None, hidden: str | None = None) -> bytes:
    """A workbook with these rows on its first visible sheet; `more` are cells by their reference."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    if hidden is not None:
        sheet.title, sheet.sheet_state = hidden, "hidden"
        sheet["A1"] = "notes"
        sheet = book.create_sheet("Deals")
    for row in rows:
        sheet.append(list(row))
    for place, value in (more or {}).items():
        sheet[place] = value
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


FIELDS = """name: Name
amount: {column: Amount, currency: EUR}
close_date: Close
created: Created
closing_plan: Plan
contacts_engaged: Contacts"""
HEAD = ("Id", "Name", "Amount", "Close", "Created", "Plan", "Contacts")
# as a workbook has it
ROW = (6877153472, "00123", 1234.1, date(2026, 3, 31), datetime(2026, 3, 1, 10, 22, 7), True, 3)  # noqa: DTZ001


@pytest.mark.parametrize(
    "top,fields",
    [
        ("", FIELDS),
        ('number: {decimal: ",", thousands: "."}\ndates: "%d.%m.%Y"', FIELDS),
        (
            'number: {decimal: ","}',
            FIELDS.replace("close_date: Close", 'close_date: {column: Close, format: "%d.%m.%Y"}').replace(
                "created: Created", 'created: {column: Created, format: "%d.%m.%Y %H:%M:%S"}'
            ),
        ),
    ],
)
def test_every_kind_of_cell_is_read_whatever_the_style_of_texts(read_file: ReadFile, top: str, fields: str) -> None:
    """Numbers, days, instants and booleans of a workbook have a kind and no style."""
    expected = {
        "id": "6877153472",
        "name": "00123",
        "amount": 123_410,
        "currency": "EUR",
        "close_date": "2026-03-31",
        "created": 1_772_360_527_000_000,
        "closing_plan": True,
        "contacts_engaged": 3,
    }
    result = read_file(workbook(HEAD, ROW), fields, name="deals.xlsx", top=top)
    assert ([expected], [2]) == (result.records, result.lines)


def test_rows_are_named_by_their_number_in_the_sheet(read_file: ReadFile) -> None:
    """Blank rows are skipped and counted; what cannot be read is named by row and heading."""
    content = workbook((), ("Id", "Name", "Amount"), (None, " ", None), (1, "a", "many"), (), (2, "b", 5))
    result = read_file(content, "amount: {column: Amount, currency: EUR}", name="deals.xlsx")
    assert (["2"], [6]) == (result.column("id"), result.lines)
    assert "deals.xlsx:4, column 'Amount': 'many': is not a number" in str(result.quarantined[0])


@pytest.mark.parametrize("value", [123456789012345678, 1.5e20, 1e15])
def test_an_id_that_lost_its_last_digits_is_quarantined(read_file: ReadFile, value: float) -> None:
    """A workbook keeps fifteen digits of a number; the rest of an id cannot be known."""
    result = read_file(workbook(("Id", "Name"), (value, "a"), ("123456789012345678", "b")), name="deals.xlsx")
    assert (["123456789012345678"], "scientific" in result.quarantined[0].reason) == (
        result.column("id"),
        True,
    )


def test_a_number_with_three_decimals_is_no_thousand(read_file: ReadFile) -> None:
    """What a text would leave open, a cell with a number does not."""
    content = workbook(("Id", "N"), (1, 12.345))
    assert [12.345] == read_file(content, "contacts_engaged: N", name="deals.xlsx").column("contacts_engaged")


def test_the_first_visible_sheet_is_read_and_the_others_are_told(read_file: ReadFile) -> None:
    """`sheet:` names another one, also a hidden one."""
    content = workbook(("Id", "Name"), (1, "a"), hidden="Notes")
    assert ["a"] == read_file(content, name="deals.xlsx").column("name")
    with pytest.raises(ImportRefusedError, match=r"no sheet 'Deal' .did you mean 'Deals'"):
        read_file(content, name="deals.xlsx", entry="    sheet: Deal\n")
    with pytest.raises(ImportRefusedError, match=r"no column 'Id'.*the columns are: notes"):
        read_file(content, name="deals.xlsx", entry="    sheet: Notes\n")


def test_a_workbook_in_a_zip_archive_is_read(read_file: ReadFile) -> None:
    """An archive of one workbook is unpacked to disk and read."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("deals.xlsx", workbook(("Id", "Name"), (1, "a")))
    assert ["a"] == read_file(target.getvalue(), name="deals.zip").column("name")


def test_a_stray_cell_far_outside_is_refused(read_file: ReadFile) -> None:
    """A grid of thousands of millions of cells is never made; the message says where the cell is."""
    content = workbook(("Id", "Name"), (1, "a"), more={"XFD1048576": "x"})
    with pytest.raises(ImportRefusedError, match="goes on to row 1,048,576 and column 16,384"):
        read_file(content, name="deals.xlsx")


def rewritten(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one part changed."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in source.infolist():
            data = source.read(member)
            archive.writestr(member.filename, change(data) if member.filename == part else data)
    return target.getvalue()


def test_cells_without_references_are_counted(read_file: ReadFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet may leave references out; its extent is counted then."""
    monkeypatch.setattr(workbook_limits, "MAX_CELLS", 1000)
    rows = b"".join(b"<row>" + b"<c><v>1</v></c>" * 20 + b"</row>" for _ in range(100))
    content = rewritten(
        workbook(("Id", "Name"), (1, "a")),
        "xl/worksheets/sheet1.xml",
        lambda data: data.replace(b"</sheetData>", rows + b"</sheetData>"),
    )
    with pytest.raises(ImportRefusedError, match="more than 1,000 cells"):
        read_file(content, name="deals.xlsx")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: rewritten(content, "xl/workbook.xml", lambda _: b"<no"),
        lambda content: rewritten(content, "xl/worksheets/sheet1.xml", lambda data: data[:200]),
        lambda content: content[:700] + b"\xff" * 40 + content[740:],
    ],
)
def test_a_damaged_workbook_is_refused_in_words(read_file: ReadFile, damage: Callable[[bytes], bytes]) -> None:
    """Never a traceback, whatever is broken."""
    content = damage(workbook(("Id", "Name"), (1, "a")))
    with pytest.raises(ImportRefusedError, match=r"deals\.xlsx: .*(damaged|cannot be read|is empty)"):
        read_file(content, name="deals.xlsx")


def test_a_workbook_that_unpacks_to_too_much_is_refused(read_file: ReadFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size that the archive states is looked at before anything is unpacked."""
    monkeypatch.setattr(workbook_limits, "MAX_BYTES", 10_000)
    rows = [(number, f"name {number}") for number in range(2_000)]
    with pytest.raises(ImportRefusedError, match="save it as CSV"):
        read_file(workbook(("Id", "Name"), *rows), name="deals.xlsx")
