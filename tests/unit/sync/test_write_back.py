"""Which values can be of the kind of the field that they are to be written to."""

from __future__ import annotations

import pytest

from ros_sync import clock
from ros_sync.fields import Kind, StoredValue
from ros_sync.sync.write_back.requests import _unfit

LAST = clock.to_micros(clock.from_micros(0).replace(year=9999, month=12, day=31))


MAX_TEXT_CHARS = 65_536


@pytest.mark.parametrize(
    "kind, value",
    [
        *((kind, None) for kind in (*Kind, None)),
        (Kind.TEXT, "x" * MAX_TEXT_CHARS),
        (Kind.MONEY, -5),
        (Kind.NUMBER, 2),
        (Kind.NUMBER, 2.5),
        (Kind.BOOLEAN, False),
        (Kind.DATE, "2026-02-28"),
        (Kind.INSTANT, 0),
        (Kind.INSTANT, LAST),
        (None, "anything"),
        (None, 5),
        (None, True),
    ],
)
def test_what_fits(kind: Kind | None, value: StoredValue) -> None:
    """Nothing fits everywhere; a property of the company's own takes anything."""
    assert _unfit(kind, value, MAX_TEXT_CHARS) is None


@pytest.mark.parametrize(
    "kind, value, why",
    [
        (Kind.TEXT, "x" * (MAX_TEXT_CHARS + 1), "is longer than"),
        (None, "x" * (MAX_TEXT_CHARS + 1), "is longer than"),
        (None, "ring\x07", "not to be written"),
        (Kind.MONEY, 2.5, "is not of the kind"),
        (Kind.MONEY, True, "is not of the kind"),
        (Kind.NUMBER, True, "is not of the kind"),
        (Kind.NUMBER, "2", "is not of the kind"),
        (Kind.BOOLEAN, 1, "is not of the kind"),
        (Kind.DATE, "2026-02-29", "is not of the kind"),
        (Kind.DATE, 20260228, "is not of the kind"),
        (Kind.INSTANT, True, "is not of the kind"),
        (Kind.INSTANT, "2026-02-28", "is not of the kind"),
        (Kind.INSTANT, 10**18, "is not of the kind"),
        (Kind.INSTANT, 10**30, "is not of the kind"),
        (Kind.INSTANT, -(10**18), "is not of the kind"),
    ],
)
def test_what_does_not_fit_is_said(kind: Kind | None, value: StoredValue, why: str) -> None:
    """A text that is too long or holds what no CRM shows, a value of another kind, a day that no calendar has."""
    assert why in (_unfit(kind, value, MAX_TEXT_CHARS) or "")
