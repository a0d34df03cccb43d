from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ros_sync.connectors.export.values import (
    CONTINENTAL,
    ENGLISH,
    NumberStyle,
    read_amount,
    read_boolean,
    read_currency,
    read_number,
    read_plain_amounts,
)

POINT = NumberStyle(".", ",", declared=True)


@pytest.mark.parametrize(
    "text,minor",
    [
        ("1234", 123_400),
        ("1234.5", 123_450),
        ("1,234.50", 123_450),
        ("$1,234.50", 123_450),
        ("USD 1,234.50", 123_450),
        ("1,234.50 USD", 123_450),
        ("(500)", -50_000),
        ("($500.25)", -50_025),
        ("-500", -50_000),
        ("-$500", -50_000),
        ("$-500", -50_000),
        ("\u2212500", -50_000),
        ("1e3", 100_000),
        ("1.5E+3", 150_000),
        (".5", 50),
        ("12.3400", 1234),
        ("0", 0),
    ],
)
def test_an_amount_in_english_style_is_read_exactly(text: str, minor: int) -> None:
    """Signs, brackets, exponents, groups and currency signs give the exact minor units."""
    assert minor == read_amount(text, "USD")


@pytest.mark.parametrize(
    "text,reason",
    [
        ("1.234,56", 'number: {decimal: ","}'),
        ("1,23", 'number: {decimal: ","}'),
        ("12,34,567", "is not a number of the form 1,234.50"),
        ("1 234.50", 'thousands: " "'),
        ("1'234.50", 'thousands: "\'"'),
        ("€5", "carries the currency '€', but the currency of this row is USD"),
        ("EUR 5", "carries the currency 'EUR', but the currency of this row is USD"),
        ("$5 USD", "is not a number"),
        ("(-5)", "is not a number"),
        ("(5", "is not a number"),
        ("500-", "is not a number"),
        ("NaN", "is not a number"),
        ("inf", "is not a number"),
        ("1_000", "is not a number"),
        ("१२", "is not a number"),
        ("0x10", "is not a number"),
        ("12.3456", "has more decimals than USD has (2)"),
        ("1e30", "beyond 64 bits"),
        ("99999999999999999999", "beyond 64 bits"),
        ("9" * 200, "too long for a number"),
        ("1e999999999", "is not a number"),
        ("5%", "is a percentage"),
    ],
)
def test_an_amount_that_could_be_misread_is_refused_with_the_reason(text: str, reason: str) -> None:
    """What is not of the declared style is an error that says why, never a guess."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_amount(text, "USD")
    assert reason in str(caught.value)


@pytest.mark.parametrize("text,minor", [("1.234,56", 123_456), ("1234,5", 123_450), ("1.234", 123_400), ("€ 7", 700)])
def test_an_amount_in_continental_style_is_read_exactly(text: str, minor: int) -> None:
    """A declared decimal comma is understood, with points between thousands."""
    assert minor == read_amount(text, "EUR", CONTINENTAL)


@pytest.mark.parametrize("text", ["1 234,50", "1\u00a0234,50", "1\u202f234,50"])
def test_spaces_part_thousands_where_declared(text: str) -> None:
    """A declared space stands for the typographic spaces too."""
    assert read_amount(text, "EUR", NumberStyle(",", " ")) == 123_450


def test_the_hint_of_a_continental_mapping_names_the_decimal_point() -> None:
    """An English number under a continental mapping says what to set."""
    with pytest.raises(ValueError, match=r'number: \{decimal: "\."\}'):
        read_amount("1,234.56", "EUR", CONTINENTAL)


@pytest.mark.parametrize(
    "text,minor", [("1.005", 100), ("1.015", 102), ("1.0051", 101), ("-1.015", -102), ("-1.005", -100)]
)
def test_an_amount_is_rounded_half_even_where_asked(text: str, minor: int) -> None:
    """`round: true` rounds what the currency cannot hold, half to even."""
    assert minor == read_amount(text, "EUR", POINT, round_off=True)


TWO_WAYS = [
    "1.234",
    "12.345",
    "999.000",
    "20.000",
    "-1.234",
    "(1.234)",
    "€1.234",
    "1.234 EUR",
    "EUR 1.234",
    "\u22121.234",
]


@pytest.mark.parametrize("text", TWO_WAYS)
@pytest.mark.parametrize("round_off", [True, False])
def test_an_amount_that_can_be_read_two_ways_is_refused_with_both(text: str, round_off: bool) -> None:
    """Where nobody says how numbers are written, both readings are told and how to choose; thousands come first."""
    with pytest.raises(ValueError, match=r"can be read in two ways: as \d{4,6}, where the point parts") as caught:
        read_amount(text, "EUR", round_off=round_off)
    said = str(caught.value)
    thousands, decimals = 'number: {decimal: ",", thousands: "."}', 'number: {decimal: ".", thousands: ","}'
    assert 0 < said.index(thousands) < said.index(decimals)
    assert "round: true" not in said


@pytest.mark.parametrize(
    "text,currency,minor",
    [("1,234", "EUR", 123_400), ("1,234", "JPY", 1234), ("0.123", "KWD", 123), ("1234.567", "KWD", 1_234_567)],
)
def test_an_amount_with_one_possible_reading_is_read(text: str, currency: str, minor: int) -> None:
    """A fraction that the currency does not have is no reading."""
    assert minor == read_amount(text, currency)


@pytest.mark.parametrize("text,currency", [("1.234", "KWD"), ("1,234", "KWD"), ("1.234", "JPY")])
def test_the_currency_decides_whether_there_are_two_readings(text: str, currency: str) -> None:
    """Dinars have three decimals.

    Yen have none, so that a point in front of three digits is a fraction or thousands.
    """
    with pytest.raises(ValueError, match="can be read in two ways"):
        read_amount(text, currency)


@pytest.mark.parametrize(
    "text,style,minor",
    [
        ("1.234", NumberStyle(",", ".", declared=True), 123_400),
        ("1,234", NumberStyle(".", ",", declared=True), 123_400),
    ],
)
def test_what_the_mapping_declares_is_read_without_asking(text: str, style: NumberStyle, minor: int) -> None:
    """`number:` is the answer."""
    assert minor == read_amount(text, "EUR", style)


def test_too_many_decimals_in_a_declared_style_tell_of_both_readings_first() -> None:
    """The first advice is never to round a thousand down to one."""
    with pytest.raises(ValueError, match=r"two ways: as 1234.*and as 1\.234.*thousands: \".\"}.*round: true"):
        read_amount("1.234", "EUR", POINT)


@pytest.mark.parametrize("text", ["1.234", "1,234", "-12.345", "999,999"])
def test_a_number_that_can_be_read_two_ways_is_refused_with_both(text: str) -> None:
    """Counts and scores as well, as long as nobody says how the file writes numbers."""
    with pytest.raises(ValueError, match="can be read in two ways"):
        read_number(text)
    assert read_number(text.replace(",", "."), POINT) == float(text.replace(",", "."))


@pytest.mark.parametrize("currency,minor", [("JPY", 1500), ("KWD", 1_500_000), ("EUR", 150_000)])
def test_minor_units_follow_the_currency(currency: str, minor: int) -> None:
    """Yen have no decimals and dinars three."""
    assert minor == read_amount("1500", currency)


@given(st.integers(-(10**11), 10**11), st.sampled_from(["JPY", "EUR", "KWD"]))
def test_every_amount_written_out_is_read_back(minor: int, currency: str) -> None:
    """An amount survives being written with groups and decimals."""
    decimals = {"JPY": 0, "EUR": 2, "KWD": 3}[currency]
    assert minor == read_amount(f"{Decimal(minor).scaleb(-decimals):,f}", currency, POINT)


@given(st.lists(st.one_of(st.just(""), st.from_regex(r"-?[0-9]{1,9}\.[0-9]{2}", fullmatch=True)), min_size=1))
def test_many_plain_amounts_are_read_as_one_by_one(cells: list[str]) -> None:
    """The quick way and the careful way agree."""
    expected = [read_amount(cell, "EUR") if cell else None for cell in cells]
    assert expected == read_plain_amounts(cells, 2, ENGLISH)


@pytest.mark.parametrize("cell", ["1", "1.5", "1.234", " 1.00", "1,000.00", "$1.00", "1.00\n2.00\n", "x"])
def test_a_cell_that_is_not_plain_sends_all_to_the_careful_way(cell: str) -> None:
    """One cell of another form is enough."""
    assert read_plain_amounts(["1.00", cell], 2, ENGLISH) is None


@pytest.mark.parametrize(
    "text,number",
    [("15", 15), ("12.0", 12), ("1,000,000", 1_000_000), ("0.1", 0.1), ("1e3", 1000), ("15%", 0.15), ("-2.5", -2.5)],
)
def test_a_number_is_whole_where_it_can_be(text: str, number: float) -> None:
    """Whole numbers are ints, others floats, percentages are shares."""
    assert (number, type(number)) == (read_number(text), type(read_number(text)))


def test_a_column_of_percentages_without_the_sign_is_divided() -> None:
    """`percent: true` reads 10 as 0.1."""
    assert read_number("10", percent=True) == 0.1


@pytest.mark.parametrize("text", ["$5", "nan", "1e40", "9223372036854775808", "five"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """Currencies, NaN, words and what 64 bits cannot hold are not numbers."""
    with pytest.raises(ValueError, match=r"is|carries"):
        read_number(text)


@pytest.mark.parametrize(
    "text,value", [("TRUE", True), ("yes", True), ("1", True), ("False", False), ("No", False), ("0", False)]
)
def test_booleans_are_read_in_any_case(text: str, value: bool) -> None:
    """True/false, yes/no and 1/0 are understood."""
    assert value is read_boolean(text)


def test_another_word_is_no_boolean() -> None:
    """Anything else asks for a value map."""
    with pytest.raises(ValueError, match="values:"):
        read_boolean("maybe")


def test_a_currency_code_is_taken_in_any_case() -> None:
    """`eur` is EUR."""
    assert read_currency("eur") == "EUR"
