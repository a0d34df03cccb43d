from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ros_sync import clock
from ros_sync.connectors.export.dates import DateStyle, InstantReader, check_format, date_parser

US = DateStyle(("%m/%d/%Y",), iso=False)
BERLIN = DateStyle(zone=clock.zone("Europe/Berlin"))


def _instant(text: str, style: DateStyle) -> str:
    found = InstantReader(style).read(text)
    assert found is not None
    return clock.from_micros(found).isoformat()


@pytest.mark.parametrize(
    "text,formats,expected",
    [
        ("12/31/2026", ("%m/%d/%Y",), "2026-12-31"),
        ("3/1/2017", ("%m/%d/%Y",), "2017-03-01"),
        ("31.12.26", ("%d.%m.%y",), "2026-12-31"),
        ("1 March 2026", ("%d %B %Y",), "2026-03-01"),
        ("2026-03-01", ("%m/%d/%Y",), "2026-03-01"),
        ("2026-03-01 10:22", ("%Y-%m-%d %H:%M",), "2026-03-01"),
        ("2026-03-01", (), "2026-03-01"),
    ],
)
def test_a_date_is_read_by_the_formats_in_turn(text: str, formats: tuple[str, ...], expected: str) -> None:
    """Declared formats come first, ISO 8601 after them."""
    assert expected == date_parser(DateStyle(formats))(text)


@pytest.mark.parametrize("text", ["31/12/2026", "02/30/2026", "2026-12-31", "12/31/26", "12/31/2026 ", "١٢/31/2026"])
def test_a_date_of_another_form_is_refused_by_value_and_format(text: str) -> None:
    """Nothing but the declared format is taken, and the message names it."""
    with pytest.raises(ValueError, match="is not a date of the form %m/%d/%Y"):
        date_parser(US)(text)


def test_a_swapped_day_and_month_is_suspected() -> None:
    """The message says which format would read the value."""
    with pytest.raises(ValueError, match="it would be one of the form %d/%m/%Y"):
        date_parser(US)("31/12/2026")


def test_a_date_of_an_instant_is_the_day_in_the_zone() -> None:
    """Half past eleven at night in London is the next day in Berlin."""
    assert date_parser(BERLIN)("2026-03-01T23:30:00Z") == "2026-03-02"


@pytest.mark.parametrize(
    "text,expected",
    [
        ("2026-03-01", "2026-02-28T23:00:00+00:00"),
        ("2026-07-01", "2026-06-30T22:00:00+00:00"),
        ("2026-03-01 10:22", "2026-03-01T09:22:00+00:00"),
        ("2026-03-01T10:22:33.5Z", "2026-03-01T10:22:33.500000+00:00"),
        ("2026-03-01T10:22:00+05:30", "2026-03-01T04:52:00+00:00"),
        ("20260301T102200Z", "2026-03-01T10:22:00+00:00"),
    ],
)
def test_an_instant_without_a_zone_is_of_the_mappings(text: str, expected: str) -> None:
    """A day is its start in the zone; an offset of its own wins."""
    assert expected == _instant(text, BERLIN)


def test_instants_remembered_by_day_and_time_are_those_read_anew() -> None:
    """Putting a known day and a known time of day together gives the same instant."""
    parse = InstantReader(BERLIN).read
    parse("2026-03-01T10:22:00Z")
    parse("2026-07-02T11:33:00Z")
    expected = datetime(2026, 7, 2, 10, 22, tzinfo=UTC)
    assert clock.to_micros(expected) == parse("2026-07-02T10:22:00Z")


@pytest.mark.parametrize(
    "text,form,expected",
    [
        ("03/01/2026 01:05 PM", "%m/%d/%Y %I:%M %p", "2026-03-01T13:05:00+00:00"),
        ("03/01/2026 12:05 am", "%m/%d/%Y %I:%M %p", "2026-03-01T00:05:00+00:00"),
        ("01.03.2026 13:05:09", "%d.%m.%Y %H:%M:%S", "2026-03-01T13:05:09+00:00"),
        ("01.03.2026 13:05 +0200", "%d.%m.%Y %H:%M %z", "2026-03-01T11:05:00+00:00"),
    ],
)
def test_an_instant_is_read_by_its_format(text: str, form: str, expected: str) -> None:
    """Times of day come with the format."""
    assert expected == _instant(text, DateStyle((form,), iso=False))


@pytest.mark.parametrize("text", ["2026-13-01", "yesterday", "2026-03-01T25:00:00Z", "1772360520000"])
def test_what_is_no_iso_date_is_refused(text: str) -> None:
    """Without formats, ISO 8601 it must be."""
    with pytest.raises(ValueError, match="is not a date of ISO 8601"):
        InstantReader(BERLIN).read(text)


@pytest.mark.parametrize(
    "form,reason",
    [
        ("%Q-%m-%d", "%Q is not known"),
        ("%m/%d", "names the year"),
        ("%Y", "names the year"),
        ("%Y-%m-%d %I:%M", "needs %p"),
        ("%Y-%m-%m-%d", "twice"),
        ("%Y-%m-%d%", "is not known"),
    ],
)
def test_a_format_that_cannot_name_a_day_is_refused(form: str, reason: str) -> None:
    """Mistakes in a format are found with the mapping, not with the data."""
    with pytest.raises(ValueError, match=reason):
        check_format(form)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-01T10:22:07Z", "20260301T102207.123Z", "2026-03-01 10:22:07", "2026-03-29T02:30:00",
        "1965-01-01T00:00:01Z",
        "2026-03-01T10:22:07.5Z", "2026-W09-7T10:22:07Z", " 2026-03-01T10:22:07Z", "2026-03-01T10:22:07+02:00",
        "2026-03-01",
    ],
)  # fmt: skip  # as many as fit a line
def test_many_cells_at_once_are_read_as_each_alone(cell: str) -> None:
    """The quick way gives what the careful one gives, beside empty cells too."""
    reader = InstantReader(DateStyle(zone=ZoneInfo("Europe/Berlin")))
    assert [reader.read(cell.strip()), None] == reader.read_all([cell, ""])


@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31 23:59:59.999",
     "0000-00-00",
     "0000-00-00 00:00:00", "1900-01-01", "1899-12-30", "1753-01-01T00:00:00", "2999-12-31",
     "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
@pytest.mark.parametrize("style", [DateStyle(), BERLIN, DateStyle(zone=clock.zone("America/Los_Angeles"))])
def test_a_placeholder_is_a_missing_date(text: str, style: DateStyle) -> None:
    """What programs write where there is no date is none, alone and among many, in any zone."""
    reader = InstantReader(style)
    many = reader.read_all(["2026-03-01T10:00:00Z", text, ""])
    assert (None, None, [None, None]) == (date_parser(style)(text), reader.read(text), many[1:])


@pytest.mark.parametrize("text", ["01.01.0001", "31.12.9999", "00.00.0000"])
def test_a_placeholder_of_a_declared_form_is_a_missing_date(text: str) -> None:
    """Whatever the format."""
    assert [None] == InstantReader(DateStyle(("%d.%m.%Y",), iso=False)).read_all([text])


@pytest.mark.parametrize("text", ["0026-03-01", "1026-03-01", "2206-03-01T10:00:00Z", "0202-03-01"])
def test_a_year_that_cannot_be_meant_is_refused(text: str) -> None:
    """A slip of the pen is told with its year, alone and among many."""
    with pytest.raises(ValueError, match="which can hardly be meant"):
        date_parser(BERLIN)(text)
    with pytest.raises(ValueError, match="which can hardly be meant"):
        InstantReader(BERLIN).read_all(["2026-03-01T10:00:00Z", text])


@pytest.mark.parametrize(
    "text,form,expected",
    [
        ("1772360527000", "epoch_milliseconds", "2026-03-01T10:22:07+00:00"),
        ("1772360527123", "epoch_milliseconds", "2026-03-01T10:22:07.123000+00:00"),
        ("1772360527", "epoch_seconds", "2026-03-01T10:22:07+00:00"),
        ("46082", "excel_days", "2026-02-28T23:00:00+00:00"),
        ("46082.432025463", "excel_days", "2026-03-01T09:22:07+00:00"),
    ],
)
def test_a_number_of_a_program_is_read_where_the_format_says_so(text: str, form: str, expected: str) -> None:
    """Milliseconds and seconds since 1970, and a workbook's days, which have no zone."""
    style = DateStyle((form,), iso=False, zone=clock.zone("Europe/Berlin"))
    check_format(form)
    assert (expected, "2026-03-01") == (_instant(text, style), date_parser(style)(text))


@pytest.mark.parametrize(
    "text,hint",
    [
        ("46082", "as Excel's day number it is 2026-03-01 00:00; .*`format: excel_days`"),
        ("46082.5", "as Excel's day number it is 2026-03-01 12:00"),
        ("1772360527000", "as a number of milliseconds it is 2026-03-01 10:22.*`format: epoch_milliseconds`"),
        ("1772360527", "as a number of seconds it is 2026-03-01"),
        ("2026-03-01 10:22 IST", "the zone IST can mean several"),
    ],
)
def test_a_number_that_may_be_a_date_is_told_so(text: str, hint: str) -> None:
    """The message says what it would be and what to set."""
    with pytest.raises(ValueError, match=hint):
        InstantReader(DateStyle()).read(text)


@pytest.mark.parametrize(
    "text,expected",
    [
        ("2026-03-01 10:22 UTC", "2026-03-01T10:22:00+00:00"),
        ("2026-03-01 10:22:07 CET", "2026-03-01T09:22:07+00:00"),
        ("2026-03-01 10:22 EST", "2026-03-01T15:22:00+00:00"),
        ("2026-03-01 10:22 (PDT)", "2026-03-01T17:22:00+00:00"),
        ("2026-07-01 10:22 Europe/Berlin", "2026-07-01T08:22:00+00:00"),
        ("2026-03-01T10:22+01:00[Europe/Berlin]", "2026-03-01T09:22:00+00:00"),
        ("2026-03-01 10:22 GMT+0530", "2026-03-01T04:52:00+00:00"),
        ("03/01/2026 10:22 AM PST", "2026-03-01T18:22:00+00:00"),
    ],
)
def test_the_name_of_a_zone_is_understood(text: str, expected: str) -> None:
    """Names of zones that mean one thing, behind ISO 8601 and behind declared formats."""
    assert expected == _instant(text, DateStyle(("%m/%d/%Y %I:%M %p",), zone=clock.zone("Asia/Tokyo")))


def test_a_format_may_end_in_the_name_of_a_zone() -> None:
    """`%Z` stands at the end of a format."""
    style = DateStyle(("%d.%m.%Y %H:%M %Z",), iso=False)
    check_format(style.formats[0])
    assert _instant("01.03.2026 10:22 MEZ", style) == "2026-03-01T09:22:00+00:00"
    with pytest.raises(ValueError, match="at the end"):
        check_format("%Z %d.%m.%Y")


MIXED = DateStyle(("%d/%m/%Y", "%m/%d/%Y"))


@pytest.mark.parametrize("formats", [MIXED.formats, MIXED.formats[::-1], ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")])
def test_a_day_that_two_formats_of_a_list_read_differently_is_refused(formats: tuple[str, ...]) -> None:
    """Both readings are told; what only one of them can read is read, and so is what both read alike."""
    hour = " 10:00" if "%H" in formats[0] else ""
    read = date_parser(DateStyle(formats))
    assert ("2026-04-25", "2026-04-25", "2026-04-04") == (
        read("25/04/2026" + hour), read("04/25/2026" + hour), read("04/04/2026" + hour),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"two ways: 2026-0[34]-0[34] by .* and 2026-0[34]-0[34] by .*leave only"):
        read("03/04/2026" + hour)
    with pytest.raises(ValueError, match="two ways"):
        InstantReader(DateStyle(formats)).read_all(["25/04/2026" + hour, "03/04/2026" + hour])


@pytest.mark.parametrize(
    "text,hint",
    [
        ("31/03/2026", 'it would be 2026-03-31 by the form %d/%m/%Y: write `dates: "%d/%m/%Y"`'),
        (
            "03/31/2026 2:15 PM",
            'it would be 2026-03-31 by the form %m/%d/%Y %I:%M %p: write `dates: "%m/%d/%Y %I:%M %p"`',
        ),
        ("31.03.2026", 'it would be 2026-03-31 by the form %d.%m.%Y: write `dates: "%d.%m.%Y"`'),
        ("3 March 2026", 'it would be 2026-03-03 by the form %d %B %Y: write `dates: "%d %B %Y"`'),
        ("2026/03/31", 'it would be 2026-03-31 by the form %Y/%m/%d: write `dates: "%Y/%m/%d"`'),
        (
            "03/04/2026",
            (
                "it would be 2026-04-03 by the form %d/%m/%Y or 2026-03-04 by the form %m/%d/%Y: "
                "say by `dates` in which of them the file is written"
            ),
        ),
        (
            "05/05/2026",
            (
                "it would be 2026-05-05 by the form %d/%m/%Y or 2026-05-05 by the form %m/%d/%Y: "
                "say by `dates` in which of them the file is written"
            ),
        ),
    ],
)
def test_a_day_as_people_write_it_comes_with_its_format(text: str, hint: str) -> None:
    """What `dates` is to say; where the order of day and month is open, both are told."""
    with pytest.raises(ValueError, match="is not a date of ISO 8601") as caught:
        InstantReader(BERLIN).read(text)
    assert str(caught.value) == f"is not a date of ISO 8601; {hint}"


@pytest.mark.parametrize("text", ["99/99/2026", "2026-03-31 25:00", "31/03/1066"])
def test_what_is_no_day_in_any_form_has_no_hint(text: str) -> None:
    """Nor has a year that nobody means."""
    with pytest.raises(ValueError, match=r"is not a date of ISO 8601$"):
        InstantReader(BERLIN).read(text)
