"""A schema, a moment and a record that the tests of rules share."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ros_sync.fields import PythonValue
from ros_sync.organisation.company import standard_calendar
from ros_sync.rules.language import Moment, Schema
from ros_sync.rules.object_schema import schema_of


@pytest.fixture
def schema() -> Schema:
    """Give the schema of deals."""
    return schema_of("deal", home_currency="EUR")


@pytest.fixture
def moment() -> Moment:
    """Give Monday 16 March 2026, nine in the morning in Berlin."""
    zone = "Europe/Berlin"
    return Moment(datetime(2026, 3, 16, 8, tzinfo=UTC), ZoneInfo(zone), standard_calendar(zone), "EUR")


@pytest.fixture
def record() -> dict[str, PythonValue]:
    """Give an open deal without a next step."""
    return {
        "name": "Loom renewal",
        "stage": "proposal",
        "is_open": True,
        "amount": 2_000_000,
        "currency": "EUR",
        "amount_home": 2_000_000,
        "push_count": 3,
        "close_date": date(2026, 3, 10),
        "last_buyer_activity": datetime(2026, 3, 1, tzinfo=UTC),
        "next_step": None,
        "probability": 0.25,
    }
