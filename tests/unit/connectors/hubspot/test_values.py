"""HubSpot's values, which all come as texts, in stored form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ros_sync import clock
from ros_sync.connectors.hubspot import values
from ros_sync.fields import MAX_WHOLE, StoredValue

BERLIN = ZoneInfo("Europe/Berlin")
NINE = clock.to_micros(datetime(2026, 3, 2, 9, 0, 0, 123_000, tzinfo=UTC))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2026-03-02T09:00:00.123Z", NINE),
        ("1772442000123", NINE),
        ("2026-03-02T10:00:00.123+01:00", NINE),
        ("1970-01-01T00:00:00Z", 0),
        ("-1000", -1_000_000),
    ],
)
def test_instants(text: str, expected: int) -> None:
    """Milliseconds since 1970 and ISO 8601 mean the same."""
    assert values.instant(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2026-03-31", "2026-03-31"),
        ("2026-03-31T00:00:00Z", "2026-03-31"),
        ("1774915200000", "2026-03-31"),
        ("2026-03-30T22:30:00Z", "2026-03-31"),  # half past midnight in Berlin
        ("2026-03-31T21:59:59.999Z", "2026-03-31"),
    ],
)
def test_days(text: str, expected: str) -> None:
    """Midnight UTC is that day, another instant the day that it falls on where the account is."""
    assert values.day(BERLIN)(text) == expected


@pytest.mark.parametrize(
    "text, expected", [("12", 12), ("12.5", 12.5), ("-3", -3), ("1e3", 1000.0), ("00012", 12), (".5", 0.5)]
)
def test_numbers(text: str, expected: float) -> None:
    """Whole numbers stay whole."""
    assert values.number(text) == expected


@pytest.mark.parametrize(
    "text, currency, expected",
    [
        ("1234.5", "EUR", 123_450),
        ("1234", "JPY", 1_234),
        ("0.005", "EUR", 1),
        ("-2", "USD", -200),
        ("1e-999999", "EUR", 0),
    ],
)
def test_amounts(text: str, currency: str, expected: int) -> None:
    """Amounts are whole minor units of their currency, rounded half up."""
    assert values.minor_units(text, currency) == expected


@pytest.mark.parametrize(
    "read, text",
    [
        (values.instant, "soon"),
        (values.instant, "9" * 40),
        (values.instant, "0001-01-01T00:00:00+14:00"),
        (values.instant, "9999-12-31T23:59:59.9999Z"),
        (values.instant, "9999-12-31T23:59:59-12:00"),
        (values.day(BERLIN), "31.3.2026"),
        (values.day(BERLIN), "9" * 30),
        (values.number, "many"),
        (values.number, "nan"),
        (values.number, "1" * 40),
        (values.boolean, "perhaps"),
        (lambda text: values.minor_units(text, "EUR"), "NaN"),
        (lambda text: values.minor_units(text, "EUR"), "Infinity"),
        (lambda text: values.minor_units(text, "EUR"), "sNaN"),
        (lambda text: values.minor_units(text, "EUR"), "1e300"),
        (lambda text: values.minor_units(text, "EUR"), "1e999999"),
        (lambda text: values.minor_units(text, "EUR"), "-1e999999"),
        (lambda text: values.minor_units(text, "EUR"), "1e99999999999999999999"),
        (lambda text: values.minor_units(text, "EUR"), "1_000"),
        (lambda text: values.minor_units(text, "CLF"), "999999999999999"),  # four decimals: beyond 64 bits
    ],
)
def test_what_cannot_be_read_says_why(read: Callable[[str], StoredValue], text: str) -> None:
    """A value of another kind is a ValueError with words for people, never another failure."""
    with pytest.raises(ValueError, match=r"^is "):
        read(text)


def test_texts_are_fit_for_both_databases() -> None:
    """Blanks around go, NUL, which PostgreSQL refuses, goes, and nothing but blanks is missing."""
    assert [values.text(each) for each in (" a\0b ", "  ", "\0")] == ["ab", None, None]


# Texts that look like what is expected and are not quite, beside those that look like nothing.
ODD = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[-+]?[0-9]{0,40}[._]?[0-9]{0,5}([eE][-+]?[0-9]{1,20})?", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[-+][0-9]{2}:[0-9]{2})?)?",
                  fullmatch=True),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.sampled_from(["Infinity", "-inf", "NaN", "sNaN", "²", "١٢", "true", " TRUE ", "9" * 5_000, "1" + "0" * 19]),
)  # fmt: skip


@given(ODD, st.sampled_from(["EUR", "JPY", "CLF", "KWD", "", "nonsense"]))
@example("1e999999", "EUR")
@example("1e-999999999999999999", "EUR")
def test_any_text_is_an_amount_or_is_none(text: str, currency: str) -> None:
    """Whatever is told as an amount fits into the databases or is a ValueError."""
    try:
        found = values.minor_units(text, currency)
    except ValueError:
        return
    assert isinstance(found, int)
    assert abs(found) <= MAX_WHOLE


@given(ODD)
@example("0001-01-01T00:00:00+14:00")
def test_any_text_is_an_instant_or_is_none(text: str) -> None:
    """Whatever is told as an instant lies within the years that can be kept or is a ValueError."""
    try:
        found = values.instant(text)
    except ValueError:
        return
    assert isinstance(found, int)
    assert clock.to_micros(clock.from_micros(found)) == found


@given(ODD, st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles"]))
def test_any_text_is_a_day_or_is_none(text: str, zone: str) -> None:
    """Whatever is told as a day is one, in any zone, or is a ValueError."""
    try:
        found = values.day(ZoneInfo(zone))(text)
    except ValueError:
        return
    assert isinstance(found, str)
    assert date.fromisoformat(found).isoformat() == found


@given(st.lists(ODD | st.none(), max_size=4))
def test_any_text_is_a_number_a_truth_value_a_text_or_is_none(cells: list[str | None]) -> None:
    """Read one by one or many at once, nothing but a ValueError is raised, and no number is too large to be kept."""
    for read in (values.number, values.boolean):
        for cell in filter(None, cells):
            try:
                read(cell)
            except ValueError:
                continue
    try:
        found = values.numbers(cells)
    except ValueError:
        found = []
    assert all(each is None or abs(float(each)) < float("inf") for each in found)
    assert [values.text(cell) if cell else None for cell in cells] == values.texts(cells)
