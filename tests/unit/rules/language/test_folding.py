"""Fixed numbers are worked out where a condition is read, and what could fail when it runs is refused there."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ros_sync.durations import Duration
from ros_sync.fields import PythonValue
from ros_sync.organisation.company import standard_calendar
from ros_sync.rules.language import ConditionError, Moment, Parameters, Schema, Variant, parameter_value, parse

HUGE = "100000000000000"
REFUSED = [
    (f"push_count > {HUGE} * {HUGE}", 14, "too large"),
    (f"amount_home > {HUGE} * {HUGE}", 15, "too large"),
    (f"push_count > {HUGE} + 1", 14, "too large"),
    (f"push_count > -{HUGE} - 1", 14, "too large"),
    (f"push_count is one of [1, {HUGE} * 2]", 26, "too large"),
    (f"push_count * ({HUGE} * 2) > 1", 15, "too large"),
    ("push_count > $many * $many", 14, "too large"),
    ("push_count > 2 * $varied * $varied", 14, "too large"),
    ("push_count > 0.000001 * 0.000001 * 0.1", 14, "12 decimals"),
    ("amount_home >= 0.001 + 0.001", 1, "more decimals than EUR"),
    ("amount_home >= 0.5 * 0.01", 1, "more decimals than EUR"),
    ("amount_home >= $half * 0.01", 1, "more decimals than EUR"),
    ("push_count > " + " * ".join(["days_pushed"] * 10), 14, "too much is multiplied"),
    ("push_count * " + " * ".join(["0.1"] * 12 + ["push_count"] * 8) + " > 1", 1, "too much is multiplied"),
    ("amount_home * amount_home > 1", 1, "is for numbers"),
    ("amount_home * 2 > 1", 1, "is for numbers"),
    ("close_date > today + 99999999 days", 22, "ten years"),
    ("close_date > today + 3661 days", 22, "ten years"),
    ("created > now - 9999999999999999999999 business hours", 17, "ten years"),
    ("last_activity older than 523 weeks", 26, "ten years"),
    ("close_date > 3000-01-01", 14, "out of range"),
    ("close_date > 0001-01-01", 14, "out of range"),
    ("amount_home > 100000000000001 EUR", 15, "too large"),
    ("probability > 0.0000001", 15, "more than 6 decimals"),
]
ACCEPTED = [
    f"push_count > {HUGE}",
    f"push_count * {HUGE} * {HUGE} > 1",
    "push_count > " + " * ".join(["days_pushed"] * 9),
    "amount_home >= 0.005 + 0.005",
    "amount_home >= 2 * $half",
    "close_date > today + 3660 days" + " + 3660 days" * 30,
]


def parameters(schema: Schema) -> Parameters:
    """Parameters of which one is too large where it varies."""
    variant = Variant(parse("is_open", schema).clause, {"varied": parameter_value("10000000m")})
    values = {"many": "100m", "varied": "2", "half": "0.5"}
    return Parameters({name: parameter_value(text) for name, text in values.items()}, (variant,))


@pytest.mark.parametrize("text,column,words", REFUSED)
def test_what_could_fail_is_refused_at_its_place(schema: Schema, text: str, column: int, words: str) -> None:
    """A constant out of bounds, also one that only some records have, is refused where it stands."""
    with pytest.raises(ConditionError) as caught:
        parse(text, schema, parameters(schema))

    assert (column, True) == (caught.value.column, words in str(caught.value)), str(caught.value)


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_cannot_fail_is_accepted(schema: Schema, moment: Moment, text: str) -> None:
    """What stays within the bounds is read, and asked without failing."""
    record: dict[str, PythonValue] = {
        "push_count": 2**63 - 1,
        "days_pushed": 2**63 - 1,
        "amount_home": 1,
        "close_date": date.max,
    }

    assert parse(text, schema, parameters(schema)).explain(record, moment).text == text


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York", "UTC"])
@pytest.mark.parametrize("now", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_no_moment_is_too_far_off(now: datetime, zone: str) -> None:
    """At the first and the last instant there is, every shift ends within what there is."""
    moment = Moment(now, ZoneInfo(zone), standard_calendar(zone), "EUR")
    spans = [Duration.parse(text) for text in ("3660 days", "500 weeks", "9 hours", "9 business days")]

    shifted = [moment.day_at(span, sign) for span in spans for sign in (1, -1)]
    begun = [moment.start_of(day).year for day in (date.min, date.max)]

    assert (True, [1, 9999]) == (all(isinstance(day, date) for day in shifted), [max(1, year) for year in begun])
