from __future__ import annotations

import csv
import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ros_sync.connectors.base import BATCH_ROWS, Lookup
from ros_sync.connectors.export import ExportMapping, file_size, read
from ros_sync.connectors.export.blocks import refuse_missing
from ros_sync.connectors.export.csv_rows import MAX_CELL_CHARS
from ros_sync.connectors.export.lines import CHUNK_BYTES
from ros_sync.connectors.export.mapping import Column
from ros_sync.errors import ImportRefusedError, Where

ReadFile = Callable[..., Any]
MappingOf = Callable[[str], ExportMapping]


def test_a_csv_file_becomes_rows_with_the_id_first(read_file: ReadFile) -> None:
    """Columns are found by name wherever they stand, texts are stripped, empty ones are missing."""
    result = read_file("Other,Name,Id\nx, Big deal ,1\ny,,2\n")
    assert result.records == [{"id": "1", "name": "Big deal"}, {"id": "2", "name": None}]


def test_an_empty_file_is_refused(read_file: ReadFile) -> None:
    """A file of no bytes is named as empty."""
    with pytest.raises(ImportRefusedError, match=r"deals\.csv: the file is empty"):
        read_file("")


@pytest.mark.parametrize("content", ["\n\n", "\ufeff", " \n"])
def test_a_file_of_blank_lines_is_empty(read_file: ReadFile, content: str) -> None:
    """White space and a byte order mark are nothing."""
    with pytest.raises(ImportRefusedError, match="the file is empty"):
        read_file(content)


def test_a_packed_empty_file_is_refused(read_file: ReadFile) -> None:
    """What counts is what is inside."""
    with pytest.raises(ImportRefusedError, match="the file is empty"):
        read_file(gzip.compress(b""), name="deals.csv.gz")


def test_a_header_alone_is_no_batch(read_file: ReadFile) -> None:
    """A file without rows is harmless."""
    assert read_file("Id,Name\n").batches == []


def test_a_missing_column_is_refused_by_name_and_place(read_file: ReadFile) -> None:
    """The message names the column, where the mapping asks for it, what was meant, and what there is."""
    with pytest.raises(ImportRefusedError) as caught:
        read_file("Id,Deal Name\n1,x\n", "name: Deal Nam")
    said = str(caught.value)
    for part in ("'Deal Nam'", "crm.yaml:8:13", "files[1].fields.name", "did you mean 'Deal Name'?", "Id, Deal Name"):
        assert part in said


def test_a_wrong_delimiter_is_suspected(read_file: ReadFile) -> None:
    """A header of one cell with semicolons in it says what to set."""
    with pytest.raises(ImportRefusedError, match='set `delimiter: ";"`'):
        read_file("Id;Name\n1;x\n")


def test_a_mapped_column_twice_is_refused(read_file: ReadFile) -> None:
    """Which of the two is meant cannot be known."""
    with pytest.raises(ImportRefusedError, match=r"column 'Name', .* appears 2 times"):
        read_file("Id,Name,Name\n1,a,b\n")


def test_another_column_twice_is_harmless(read_file: ReadFile) -> None:
    """Columns that nobody reads may be called as they like."""
    assert read_file("Id,Name,X,X\n1,a,b,c\n").column("name") == ["a"]


@pytest.mark.parametrize(
    "text,expected",
    [("1;a\n", ("1", "a")), ("1;'a\n", ("1", "'a"))],
)
def test_a_declared_delimiter_parts_the_cells(read_file: ReadFile, text: str, expected: tuple[str, str]) -> None:
    """`delimiter: ";"` is understood."""
    record = read_file("Id;Name\n" + text, top='delimiter: ";"').records[0]
    assert expected == (record["id"], record["name"])


def test_a_tsv_file_is_parted_by_tabs(read_file: ReadFile) -> None:
    """The name of the file says so."""
    assert read_file("Id\tName\n1\ta,b\n", name="deals.tsv").column("name") == ["a,b"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom", "utf-32"])
def test_a_byte_order_mark_wins(read_file: ReadFile, encoding: str) -> None:
    """UTF-8 and UTF-16 with a mark are read without being declared."""
    text = "Id,Name\n1,Müller 東京\n"
    if encoding.endswith("-bom"):
        content = ("\ufeff" + text).encode(encoding.removesuffix("-bom"))
    else:
        content = text.encode(encoding)
    assert read_file(content).column("name") == ["Müller 東京"]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le", "utf-16"])
def test_a_declared_encoding_is_used(read_file: ReadFile, encoding: str) -> None:
    """`encoding:` names how the file is written."""
    content = "Id,Name\n1,Müller\n".encode(encoding)
    assert read_file(content, top=f"encoding: {encoding}").column("name") == ["Müller"]


def test_a_row_that_is_not_of_the_encoding_is_quarantined(read_file: ReadFile) -> None:
    """The row is named by line, column and byte, with what to set; the others are read."""
    result = read_file("Id,Name\n1,Muller\n2,Müller\n3,Mullér\n4,end\n".encode("latin-1"))
    expected = "column 'Name': 'M\\\\xFCller': byte 0xFC is not valid in utf-8; set the file's own encoding"
    assert (result.column("id"), [each.line for each in result.quarantined]) == (["1", "4"], [3, 4])
    assert expected in str(result.quarantined[0])
    assert "`encoding: cp1252`" in result.quarantined[0].reason


@pytest.mark.parametrize("damage", ["Prüfung".encode("latin-1"), b"Note\0s", b"\xff\x00"])
def test_a_heading_that_nobody_asks_for_may_be_damaged(read_file: ReadFile, damage: bytes) -> None:
    """A heading that cannot be read matters only where the mapping means it."""
    assert ["x"] == read_file(b"Id,Name," + damage + b"\n1,x,y\n").column("name")


def test_a_heading_that_cannot_be_read_is_told_where_one_is_missing(read_file: ReadFile) -> None:
    """Column names cannot be compared when they cannot be read: the refusal says what to set."""
    with pytest.raises(ImportRefusedError, match=r"no column 'Näme'.*in the header, byte 0xE4.*cp1252"):
        read_file("Id,Näme\n1,x\n".encode("latin-1"), "name: Näme")


@pytest.mark.parametrize(
    "content,hint",
    [
        ("Id,Name\n1,x\n".encode("utf-16-le"), "encoding: utf-16-le"),
        ("Id,Name\n1,x\n".encode("utf-16-be"), "encoding: utf-16-be"),
        (bytes(range(256)) * 4 + b"\0\0\x01" * 201, "CSV or JSON Lines"),
    ],
)
def test_a_binary_file_is_refused(read_file: ReadFile, content: bytes, hint: str) -> None:
    """NUL bytes are not text; the message guesses what the file is."""
    with pytest.raises(ImportRefusedError, match=rf"looks binary.*{hint}"):
        read_file(content)


@pytest.mark.parametrize(
    "name,head,row",
    [("deals.csv", "Id,Name\n", "{id},{text}\n"), ("deals.jsonl", "", '{{"Id": "{id}", "Name": "{text}"}}\n')],
)
def test_a_nul_byte_in_the_middle_of_a_file_costs_its_own_row_alone(
    read_file: ReadFile, name: str, head: str, row: str
) -> None:
    """A file that began as text is read to its end; the row with the byte is named, in words any database stores."""
    count, damaged = 3 * CHUNK_BYTES // 20, 2 * CHUNK_BYTES // 20
    rows = [row.format(id=number, text="\0" if number == damaged else "abcdefghijklmn") for number in range(count)]
    result = read_file(head + "".join(rows), name=name)
    aside = [(each.line, "NUL byte" in each.reason, "\0" in str(each.value)) for each in result.quarantined]
    line = damaged + (2 if head else 1)
    assert (count - 1, [(line, True, False)]) == (len(result.records), aside)


def test_what_is_said_of_a_row_can_be_stored(read_file: ReadFile) -> None:
    """A reason that quotes the file holds neither NUL nor half of a character, which PostgreSQL refuses."""
    result = read_file('{"Id": "1", "Name": "a"}\n{"Id": "2", "Name": {"\\u0000\\ud800": 1}}\n', name="deals.jsonl")
    assert result.quarantined[0].reason.endswith("such as Name.\\x00\\ud800")


def test_a_gzip_file_is_unpacked(read_file: ReadFile) -> None:
    """Packed files are read as they are."""
    assert read_file(gzip.compress(b"Id,Name\n1,a\n"), name="deals.csv.gz").column("name") == ["a"]


def test_a_broken_off_gzip_file_is_refused(read_file: ReadFile) -> None:
    """Half a file is named as damaged."""
    rows = "".join(f"{number},{number * 7919}\n" for number in range(5000))
    packed = gzip.compress(f"Id,Name\n{rows}".encode())
    with pytest.raises(ImportRefusedError, match="the gzip file is damaged or broken off"):
        read_file(packed[: len(packed) // 2], name="deals.csv.gz")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, mapping_of: MappingOf) -> None:
    """The error is about the file, not a traceback."""
    mapping = mapping_of("version: 1\nsource: crm\nfiles:\n  - {object: deal, id: Id, fields: {name: Name}}\n")
    with pytest.raises(ImportRefusedError, match="cannot be read: No such file"):
        list(read(tmp_path / "absent.csv", mapping.entries[0]))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_ends_a_row_and_stays_inside_quotes(read_file: ReadFile, end: str) -> None:
    """A quoted cell keeps its lines; rows are counted by the lines they begin on."""
    result = read_file(f'Id,Name{end}1,"a{end}{end}b"{end}{end}2,c{end}')
    assert ([f"a{end}{end}b", "c"], [2, 6]) == (result.column("name"), result.lines)


def test_line_separators_of_unicode_end_no_row(read_file: ReadFile) -> None:
    """U+2028 and the like are part of the text."""
    assert read_file("Id,Name\n1,a\u2028b\x85c\x0cd\n").column("name") == ["a\u2028b\x85c\x0cd"]


def test_a_quote_never_closed_costs_its_own_row_alone(read_file: ReadFile) -> None:
    """The row where it opened is quarantined, and reading goes on with the next line."""
    result = read_file('Id,Name\n1,a\n2,"b\n3,c\n4,d\n')
    assert (result.column("id"), result.lines) == (["1", "3", "4"], [2, 4, 5])
    assert "deals.csv:3, column 'Name': 'b\\n': a quote opened here is never closed" in str(result.quarantined[0])


def test_a_quote_closed_by_the_next_rows_quote_swallows_nothing(read_file: ReadFile) -> None:
    """Two rows are never silently read as one."""
    result = read_file('Id,Name\n1,"a\n2,"b"\n3,c\n')
    assert (result.column("id"), [each.line for each in result.quarantined]) == (["2", "3"], [2])


def test_a_quote_inside_a_quoted_cell_is_quarantined(read_file: ReadFile) -> None:
    """A quote that is not doubled is named, on one line too."""
    result = read_file('Id,Name\n1,"5" pipe"\n2,ok\n')
    assert (result.column("id"), result.quarantined[0].line) == (["2"], 2)
    assert "written twice" in result.quarantined[0].reason


def test_a_quote_never_closed_in_a_large_file_is_given_up_soon(read_file: ReadFile) -> None:
    """The rows after it are all read, whatever their number."""
    count = 3 * MAX_CELL_CHARS // 20
    rows = "".join(f"{number},abcdefghijklm\n" for number in range(10_000, 10_000 + count))
    result = read_file(f'Id,Name\n1,"open\n{rows}')
    assert (count, [2]) == (len(result.records), [each.line for each in result.quarantined])
    assert list(range(3, count + 3)) == result.lines


def test_many_open_quotes_are_each_quarantined(read_file: ReadFile) -> None:
    """One bad row after the other neither stops reading nor takes a good row along."""
    rows = "".join(f'{number},"x" y\n{number + 1},good\n' for number in range(0, 4000, 2))
    result = read_file(f"Id,Name\n{rows}")
    assert (len(result.records), len(result.quarantined)) == (2000, 2000)
    assert list(range(3, 4003, 2)) == result.lines


LONG = "x" * (MAX_CELL_CHARS + 1)
OF_LINES = "\n".join(["x" * 50_000] * 4)  # in quotes, over several lines


@pytest.mark.parametrize("cell", [LONG, f'"{LONG}"', f'"{OF_LINES}"'], ids=["plain", "quoted", "lines"])
def test_a_cell_beyond_the_limit_is_quarantined(read_file: ReadFile, cell: str) -> None:
    """What no CRM can hold is not taken into a field: its row is quarantined, by the heading."""
    result = read_file(f"Id,Name\n0,a\n1,{cell}\n2,{'y' * MAX_CELL_CHARS}\n3,b\n")
    last = 5 + cell.count("\n")
    assert (result.column("id"), result.lines) == (["0", "2", "3"], [2, last - 1, last])
    assert [(each.line, each.column, each.reason) for each in result.quarantined] == [
        (3, "Name", "the cell is longer than 131,072 characters")
    ]


@pytest.mark.parametrize("cell", [LONG, f'"{LONG}"', f'"{OF_LINES}"'], ids=["plain", "quoted", "lines"])
def test_a_cell_beyond_the_limit_does_not_matter_where_nothing_is_mapped_to_it(read_file: ReadFile, cell: str) -> None:
    """Every row is read, however many of them have one."""
    rows = "".join(f"{number},n{number},{cell if number % 3 == 0 else 'short'}\n" for number in range(10))
    result = read_file(f"Id,Name,Notes\n{rows}")
    assert (result.column("name"), result.quarantined) == ([f"n{number}" for number in range(10)], [])
    more = cell.count("\n")
    assert result.lines == [2 + number + more * ((number + 2) // 3) for number in range(10)]


def test_a_file_that_lacks_many_columns_is_refused_in_few_words() -> None:
    """The first ones with where they are asked for, then names, then numbers.

    Of the columns that there are likewise.
    """
    present = [f"col{number}" for number in range(50)]
    missing = [Column(f"field{number}", Where("crm.yaml", number)) for number in range(40)]
    told = str(refuse_missing(Path("deals.csv"), missing, present))
    assert (told.count("asks for"), "'field9' and 30 more; " in told, told.endswith("col19 and 30 more")) == (
        3,
        True,
        True,
    )
    assert len(told) < 800


@pytest.mark.parametrize("name", ["deals.csv", "deals.jsonl"])
def test_a_line_without_end_is_quarantined(read_file: ReadFile, name: str) -> None:
    """A line beyond the limit is dropped while it is read, and the next line keeps its number."""
    rows = ("Id,Name", "1,{}", "2,b") if name.endswith("csv") else ('{"Id": 0}', "{}", '{"Id": 2, "Name": "b"}')
    content = "\n".join(rows).replace("{}", "x" * 5_000_000)
    result = read_file(content, name=name)
    assert (result.quarantined[0].line, result.quarantined[0].reason) == (
        2,
        "the line is longer than 4,194,304 characters",
    )
    assert result.lines[-1] == 3


@pytest.mark.parametrize("row,count", [("1,a,b", "3 cells"), ("1", "1 cell")])
def test_a_row_of_another_length_is_quarantined_with_both_counts(read_file: ReadFile, row: str, count: str) -> None:
    """Cells that are missing or too many shift the columns, so the row is not read."""
    result = read_file(f"Id,Name\n{row}\n2,b\n")
    assert f"the row has {count}, the header has 2" in result.quarantined[0].reason
    assert result.column("id") == ["2"]


def test_every_row_of_another_length_is_quarantined(read_file: ReadFile) -> None:
    """Also where all rows agree with each other and not with the header."""
    assert len(read_file("Id,Name\n1,a,b\n2,a,b\n").quarantined) == 2


def test_blank_lines_are_skipped_and_counted(read_file: ReadFile) -> None:
    """They are no rows, but lines."""
    result = read_file("\n\nId,Name\n\n1,a\n   \n2,b\n\n")
    assert (result.lines, result.quarantined) == ([5, 7], [])


def test_a_row_without_an_id_is_quarantined(read_file: ReadFile) -> None:
    """Without an id, a record cannot be found again."""
    result = read_file("Id,Name\n ,a\n2,b\n")
    assert "deals.csv:2, column 'Id': the id is missing" in str(result.quarantined[0])


def test_a_value_that_cannot_be_read_names_all_there_is_to_know(read_file: ReadFile) -> None:
    """File, line, column, value and reason."""
    result = read_file("Id,When\n1,12/31/2026\n2,31/12/2026\n", 'close_date: {column: When, format: "%m/%d/%Y"}')
    said = str(result.quarantined[0])
    assert "deals.csv:3, column 'When': '31/12/2026': is not a date of the form %m/%d/%Y" in said
    assert result.column("close_date") == ["2026-12-31"]


@pytest.mark.parametrize(
    "cell,minor,aside",
    [
        ('"1.234,56"', None, 'number: {decimal: ","}'),
        ('"$1,234.50"', 123_450, None),
        ("(500)", -50_000, None),
        ("1e3", 100_000, None),
        ("", None, None),
    ],
)
def test_amounts_of_all_sorts_are_read_or_named(
    read_file: ReadFile, cell: str, minor: int | None, aside: str | None
) -> None:
    """An amount is read by the declared style or its row is quarantined."""
    result = read_file(f"Id,Amount\n1,{cell}\n", "amount: {column: Amount, currency: USD}")
    if aside is None:
        assert [{"id": "1", "amount": minor, "currency": "USD"}] == result.records
    else:
        assert aside in result.quarantined[0].reason


def test_many_rows_are_read_in_batches_of_bounded_size(read_file: ReadFile) -> None:
    """Every row is there once, in order, with the line it stands on."""
    count = 2 * BATCH_ROWS + 17
    result = read_file("Id,Name\n" + "".join(f"{number},n\n" for number in range(count)))
    assert [str(number) for number in range(count)] == result.column("id")
    assert max(len(batch.lines) for batch in result.batches) <= BATCH_ROWS + 200
    assert list(range(2, count + 2)) == result.lines


@pytest.mark.parametrize("pack", [False, True])
def test_the_position_ends_at_the_size_of_the_file(tmp_path: Path, mapping_of: MappingOf, pack: bool) -> None:
    """Progress counts the bytes on disk, packed or not."""
    mapping = mapping_of("version: 1\nsource: crm\nfiles:\n  - {object: deal, id: Id, fields: {name: Name}}\n")
    content = ("Id,Name\n" + "".join(f"{number},n\n" for number in range(20_000))).encode()
    path = tmp_path / "deals.csv"
    path.write_bytes(gzip.compress(content) if pack else content)
    positions = [batch.position for batch in read(path, mapping.entries[0])]
    assert positions == sorted(positions)
    assert file_size(path) == positions[-1]


def test_memory_does_not_grow_with_the_file(tmp_path: Path, mapping_of: MappingOf) -> None:
    """Four times the rows take the same memory, also with a quote left open at the start."""
    mapping = mapping_of("version: 1\nsource: crm\nfiles:\n  - {object: deal, id: Id, fields: {name: Name}}\n")
    peaks = []
    for count in (20_000, 80_000):
        path = tmp_path / f"deals{count}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            file.write('Id,Name\n0,"open\n')
            csv.writer(file).writerows((number, f"name of {number}") for number in range(count))
        tracemalloc.start()
        rows = sum(len(batch.lines) for batch in read(path, mapping.entries[0]))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == rows
    assert peaks[1] < 1.5 * peaks[0]


def test_json_lines_are_read_with_nested_names(read_file: ReadFile) -> None:
    """Dotted column names go down into objects; a missing key is a missing value; lists are joined."""
    content = '{"Id": 1, "a": {"b": "x"}}\n\n{"Id": 2}\n{"Id": 3, "a": null}\n{"Id": 4, "a.b": ["p", 2]}\n'
    result = read_file(content, "name: a.b", name="deals.jsonl")
    assert [tuple(row.values()) for row in result.records] == [("1", "x"), ("2", None), ("3", None), ("4", "p;2")]
    assert result.lines == [1, 3, 4, 5]


@pytest.mark.parametrize("decimal", [".", ","])
def test_json_numbers_keep_every_digit(read_file: ReadFile, decimal: str) -> None:
    """Amounts are exact, and a JSON number has a decimal point whatever the style of the texts."""
    content = '{"Id": "1", "A": 90071992547409.93}\n{"Id": "2", "A": 1.5e3}\n{"Id": "3", "A": 1.234}\n'
    fields = "amount: {column: A, currency: KWD}"
    result = read_file(content, fields, name="deals.ndjson", top=f'number: {{decimal: "{decimal}"}}')
    assert result.column("amount") == [90_071_992_547_409_930, 1_500_000, 1234]


@pytest.mark.parametrize(
    "line,reason",
    [
        ('{"Id": 1,', "this is not JSON: Expecting property name enclosed in double quotes at column 10"),
        ("[1]", "a line must hold one JSON object"),
        ('{"Id": 1, "Name": NaN}', "NaN is not a number that JSON knows"),
        ('{"Id": 1, "Name": {"first": 1}}', "such as Name.first"),
        ('{"Id": 1, "Name": "\\ud800"}', "half of a surrogate pair"),
        ('{"Id": 1, "Name": "a\\u0000"}', "NUL"),
        ('{"Id": 1, "Name": ' + "[" * 100_000 + "}", "nested too deep"),
        ('{"Name": "x"}', "the id is missing"),
    ],
)
def test_a_bad_json_line_is_quarantined(read_file: ReadFile, line: str, reason: str) -> None:
    """The line is named with what is wrong; the next one is read."""
    result = read_file(f'{line}\n{{"Id": 2, "Name": "b"}}\n', name="deals.jsonl")
    assert (result.column("id"), result.quarantined[0].line) == (["2"], 1)
    assert reason in result.quarantined[0].reason


def test_a_json_line_that_is_not_of_the_encoding_is_quarantined(read_file: ReadFile) -> None:
    """As in CSV, the byte is named."""
    content = '{"Id": 1, "Name": "ü"}\n{"Id": 2, "Name": "u"}\n'.encode("latin-1")
    result = read_file(content, name="deals.jsonl")
    assert (result.column("id"), "byte 0xFC" in result.quarantined[0].reason) == (["2"], True)


def test_a_column_that_no_json_line_has_is_refused(read_file: ReadFile) -> None:
    """A misspelt column would be missing in every record, unnoticed."""
    with pytest.raises(ImportRefusedError, match=r"'Nam'.*did you mean 'Name'"):
        read_file('{"Id": 1, "Name": "x"}\n', "name: Nam", name="deals.jsonl.gz")


def test_references_are_handed_on_with_how_to_find_them(read_file: ReadFile) -> None:
    """The raw text travels, and the batch says what it names."""
    result = read_file("Id,Who\n1,anna@example.com\n", "owner: {column: Who, find: {object: owner, by: [email, name]}}")
    assert {"owner": Lookup("owner", ("email", "name"))} == result.batches[0].lookups
    assert result.column("owner") == ["anna@example.com"]
