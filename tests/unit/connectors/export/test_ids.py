"""Ids that cannot be trusted are refused by name, and Salesforce's two forms of one id are one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ros_sync.connectors.export.ids import canonical_by, short_form

ReadFile = Callable[..., Any]
FIELDS = (
    "name: Name\nstage_kind: {value: open}\namount: {column: Amount, currency: EUR}\nclose_date: Close\nowner: Owner"
)


def read_ids(read_file: ReadFile, *ids: str) -> tuple[list[str], list[str]]:
    """The ids that were read of a file with these, and the reasons of the others."""
    rows = "".join(f'"{each}",a,5,2026-03-01,7\n' for each in ids)
    result = read_file(f"Id,Name,Amount,Close,Owner\n{rows}ok,b,6,2026-03-01,8\n", FIELDS)
    assert len(ids) + 1 == len(result.records) + len(result.quarantined)
    return result.column("id"), [each.reason for each in result.quarantined]


@pytest.mark.parametrize(
    "text,reason",
    [
        ("1.00E+11", "scientific notation"), ("6,877E+12", "scientific notation"), ("6.877153472E9", "scientific"),
        ("1e+11", "scientific notation"), ("6877153472.0", "has decimals"), ("6877153472,00", "has decimals"),
        ("6.877.153.472", "signs between thousands"), ("6,877,153,472", "signs between thousands"),
        ("6 877 153 472", "signs between thousands"), ("#N/A", "error value"), ("#REF!", "error value"),
        ("########", "error value"), ("=A2", "formula"), ("=VLOOKUP(A2,B:C,2)", "formula"),
        ("Total", "line of totals"), ("TOTAL:", "line of totals"), ("Grand Total", "line of totals"),
        ("Grand Totals (8 records)", "line of totals"), ("Subtotal", "line of totals"), ("Summe", "line of totals"),
        ("Gesamtsumme", "line of totals"), ("Sum of Amount", "line of totals"), ("null", "missing value"),
        ("None", "missing value"), ("nan", "missing value"), ("N/A", "missing value"), ("-", "missing value"),
        ("1\u200b2", "U+200B"), ("12\u00ad", "U+00AD"),
    ],
)  # fmt: skip
def test_an_id_that_cannot_be_trusted_costs_its_row(read_file: ReadFile, text: str, reason: str) -> None:
    """What a spreadsheet made of an id, totals, and what stands for none: each is named, and the next row is read."""
    ids, reasons = read_ids(read_file, text)
    assert (["ok"], True) == (ids, reason in reasons[0])


IDS = ("1C1I7A6R", "12E34", "5E10", "OPP-1", "00123", "1.2", "a@b.example", "Totally Spies", "Totalenergies", "Na",
       "Ümlaut 7", "4150868000000225013", "123456789012345", "nanny", "x-1.0", "12345E67", "Count-1", "#7")  # fmt: skip


@pytest.mark.parametrize("text", IDS)
def test_an_id_that_only_looks_odd_is_read(read_file: ReadFile, text: str) -> None:
    """Ids of other CRMs that have letters, points, signs or the letter E."""
    assert ([text, "ok"], []) == read_ids(read_file, text)


def test_many_different_deals_are_not_made_one_by_their_ids(read_file: ReadFile) -> None:
    """Every row whose id was rounded is quarantined."""
    ids, reasons = read_ids(read_file, *["1.00E+11"] * 300)
    assert (["ok"], 300) == (ids, len(reasons))


@pytest.mark.parametrize(
    "row", ["Total,,11,,", "Grand Totals (2 records),,11,,", ",,11,,", "Confidential - do not share,,,,"]
)
def test_a_line_below_the_table_is_no_record(read_file: ReadFile, row: str) -> None:
    """Totals and notes are quarantined by line."""
    result = read_file(f"Id,Name,Amount,Close,Owner\n1,a,5,2026-03-01,7\n{row}\n", FIELDS)
    assert (["1"], [3]) == (result.column("id"), [each.line for each in result.quarantined])


@pytest.mark.parametrize("owner", ["1.00E+11", "6877153472.0", "#N/A"])
def test_a_reference_that_cannot_be_trusted_costs_its_row(read_file: ReadFile, owner: str) -> None:
    """The id of another record is an id too."""
    result = read_file(f"Id,Name,Owner\n1,a,{owner}\n2,b,7\n", "name: Name\nowner: Owner")
    assert (["2"], ["Owner"]) == (result.column("id"), [each.column for each in result.quarantined])


def test_a_name_that_is_looked_up_may_be_anything(read_file: ReadFile) -> None:
    """Where `find` looks people up by name, the cell is not an id."""
    fields = "owner: {column: Owner, find: {object: owner, by: [name]}}"
    assert ["=Ann=", "1.0"] == read_file("Id,Owner\n1,=Ann=\n2,1.0\n", fields).column("owner")


# Salesforce's own example and ids of its documents, with the suffixes that its formula CASESAFEID gives.
PAIRS = [("0060000000D3PxI", "0060000000D3PxIAAV"), ("006A0000001AbCd", "006A0000001AbCdIAK"),
         ("00600000000abcd", "00600000000abcdAAA"),
         ("006ABCDEFGHIJKL", "006ABCDEFGHIJKLY55")]  # fmt: skip


def checksum(short: str) -> str:
    """The three characters as Salesforce describes them, counted in another way than the program does."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    return "".join(
        letters[sum(2**place for place in range(5) if short[start + place] in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")]
        for start in (0, 5, 10)
    )


@pytest.mark.parametrize("short", [pair[0] for pair in PAIRS])
def test_the_short_form_of_a_salesforce_id_becomes_the_long_one(short: str) -> None:
    """Both name one record; the long form is kept, capitals restored where a program lost them."""
    canonical = canonical_by("deal")
    assert canonical is not None
    expected = short + checksum(short)
    assert [expected] * 4 == [canonical(each) for each in (short, expected, expected.lower(), expected.upper())]
    assert (short, None) == (short_form(expected), short_form(short))


@pytest.mark.parametrize(
    "text", ["123456789012345", "abcdefghijklmno", "001000000000001", "006-00000000001", "0060000000D3PxIZZ9"]
)
def test_what_is_no_deal_of_salesforce_stays_as_it_is(text: str) -> None:
    """Fifteen characters alone are no Salesforce id: the first three tell the object."""
    canonical = canonical_by("deal")
    assert canonical is not None
    assert text == canonical(text)


def test_both_forms_of_ids_and_references_are_read_as_one(read_file: ReadFile) -> None:
    """In the id as well as where another record is named."""
    result = read_file(
        "Id,Owner\n006A0000001AbCd,005A0000001AbCd\n006A0000001AbCdIAK,005A0000001AbCdIAK\n", "owner: Owner"
    )
    deal, owner = "006A0000001AbCd" + checksum("006A0000001AbCd"), "005A0000001AbCd" + checksum("005A0000001AbCd")
    assert ([deal, owner], [True, True]) == (
        [result.column("id")[0], result.column("owner")[0]],
        [len(set(result.column(name))) == 1 for name in ("id", "owner")],
    )
