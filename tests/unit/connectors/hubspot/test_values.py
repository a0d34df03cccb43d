"""HubSpot's values, which all come as texts, in carried form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ros_sync import clock
from ros_sync.connectors.hubspot import values
from ros_sync.fields import Carried

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
    [("1234.5", "EUR", 123_450), ("1234", "JPY", 1_234), ("0.005", "EUR", 1), ("-2", "USD", -200)],
)
def test_amounts(text: str, currency: str, expected: int) -> None:
    """Amounts are whole minor units of their currency, rounded half up."""
    assert values.minor_units(text, currency) == expected


@pytest.mark.parametrize(
    "read, text",
    [
        (values.instant, "soon"),
        (values.instant, "9" * 40),
        (values.day(BERLIN), "31.3.2026"),
        (values.day(BERLIN), "9" * 30),
        (values.number, "many"),
        (values.number, "nan"),
        (values.number, "1" * 40),
        (values.boolean, "perhaps"),
        (lambda text: values.minor_units(text, "EUR"), "NaN"),
        (lambda text: values.minor_units(text, "EUR"), "Infinity"),
        (lambda text: values.minor_units(text, "EUR"), "1e300"),
    ],
)
def test_what_cannot_be_read_says_why(read: Callable[[str], Carried], text: str) -> None:
    """A value of another kind is a ValueError with words for people, never another failure."""
    with pytest.raises(ValueError, match=r"^is "):
        read(text)


def test_texts_are_fit_for_both_databases() -> None:
    """Blanks around go, NUL, which PostgreSQL refuses, goes, and nothing but blanks is missing."""
    assert [values.text(each) for each in (" a\0b ", "  ", "\0")] == ["ab", None, None]
