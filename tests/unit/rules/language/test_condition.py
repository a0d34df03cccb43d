"""What conditions mean, and what they say they saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine

from ros_sync.durations import Duration, TimeLine
from ros_sync.fields import PythonValue
from ros_sync.mirror.catalogue import objects
from ros_sync.rules.language import Condition, Moment, Parameters, Schema, Variant, parameter_value, parse
from ros_sync.rules.record_fields import Columns

HOLDS = [
    ("is_open", True),
    ("not is_open", False),
    ("closing_plan", False),
    ("not closing_plan", True),
    ('stage is "proposal"', True),
    ('stage is "Proposal"', False),
    ('segment is not "enterprise"', False),
    ('not segment is "enterprise"', True),
    ("segment != 'a'", False),
    ('segment is not one of ["a"]', False),
    ('stage is one of ["won", "proposal"]', True),
    ('stage contains "opos"', True),
    ('stage starts with "opos"', False),
    ("next_step is missing", True),
    ("next_step is present", False),
    ("push_count * 2 - 1 > 4.5", True),
    ("days_pushed + push_count > 0", False),
    ("not days_pushed + push_count > 0", True),
    ("2 < push_count", True),
    ("amount_home >= 20k", True),
    ("amount_home > 20000 EUR", False),
    ("amount = 0 or amount is missing", False),
    ("probability <= 0.25", True),
    ("close_date is past", True),
    ("close_date before 2026-03-10", False),
    ("close_date >= today - 6 days", True),
    ("close_date within next 7 days", False),
    ("last_buyer_activity older than 14 days", True),
    ("last_buyer_activity older than 16 days", False),
    ("last_buyer_activity newer than 16 days", True),
    ("last_buyer_activity older than 10 business days", True),
    ("last_buyer_activity is 2026-03-01", True),
    ("last_buyer_activity after 2026-03-01", False),
    ("last_buyer_activity < created", False),
    ("is_open and not (next_step is present or push_count < 3)", True),
]


@pytest.mark.parametrize("text,expected", HOLDS)
def test_holds(schema: Schema, moment: Moment, record: dict[str, PythonValue], text: str, expected: bool) -> None:
    """A condition holds as it reads; a comparison with a missing value is false, and `not` turns that round."""
    assert expected is parse(text, schema).holds(record, moment)


def test_first_variant_wins(schema: Schema, moment: Moment) -> None:
    """A parameter has the value of the first variant that holds for the record."""
    variants = (
        Variant(parse('segment is "enterprise"', schema).clause, {"quiet": parameter_value("30 days")}),
        Variant(parse("is_open", schema).clause, {"quiet": parameter_value("1 day")}),
    )
    parameters = Parameters({"quiet": parameter_value("14 days")}, variants)
    condition = parse("last_buyer_activity older than $quiet", schema, parameters)
    record: dict[str, PythonValue] = {"is_open": True, "last_buyer_activity": datetime(2026, 3, 9, tzinfo=UTC)}

    held = [condition.holds(record | {"segment": segment}, moment) for segment in ("enterprise", "smb")]

    assert [False, True] == held


class Asked:
    """A calendar that keeps what it was asked."""

    def __init__(self, calendar: TimeLine) -> None:
        self.calendar = calendar
        self.asked: list[tuple[datetime, Duration]] = []

    def add(self, start: datetime, duration: Duration) -> datetime:
        self.asked.append((start, duration))
        return self.calendar.add(start, duration)

    def subtract(self, end: datetime, duration: Duration) -> datetime:
        self.asked.append((end, duration))
        return self.calendar.subtract(end, duration)


@pytest.mark.parametrize(
    "text",
    [
        "last_buyer_activity older than 10 business days",
        "close_date within next 24 business hours",
        "last_buyer_activity < now - 3 business days",
    ],
)
def test_a_calendar_is_asked_once_for_what_all_records_are_compared_with(
    schema: Schema, moment: Moment, record: dict[str, PythonValue], text: str
) -> None:
    """It counts day by day: of a thousand records each would wait for that."""
    calendar = Asked(moment.timeline)
    condition, of_then = parse(text, schema), replace(moment, timeline=calendar)
    held = {condition.holds(record, of_then) for _ in range(3)} | {condition.explain(record, of_then).holds}
    assert ({condition.holds(record, moment)}, 1) == (held, len(calendar.asked))


def test_thresholds_of_days_follow_the_company_zone(schema: Schema, moment: Moment) -> None:
    """An instant counts to the day that it falls on in the company's time zone."""
    record: dict[str, PythonValue] = {"created": datetime(2026, 3, 15, 23, 30, tzinfo=UTC)}

    assert parse("created is today", schema).holds(record, moment)


SAID = [
    ("last_buyer_activity older than 14 days", "last buyer activity 1 Mar 2026, 15 days ago: older than 14 days"),
    ("last_buyer_activity older than 30 days", "last buyer activity 1 Mar 2026, 15 days ago: not older than 30 days"),
    ("next_step is missing or next_step_date is missing", "next step is missing; next step date is missing"),
    ("amount_home >= 10k", "amount EUR 20,000: at least EUR 10,000"),
    ('stage is "won"', "stage “proposal”: is not “won”"),
    ("is_open and push_count >= 2", "is open: yes; push count 3: at least 2"),
    ("is_open and push_count >= 4", "push count 3: not at least 4"),
    ("close_date within next 2 weeks", "close date 10 Mar 2026, 6 days ago: not within the next 2 weeks"),
    ("created older than 3 days", "created is missing"),
    ("push_count > contacts_engaged or is_open", "is open: yes"),
]


@pytest.mark.parametrize("text,expected", SAID)
def test_explanation(schema: Schema, moment: Moment, record: dict[str, PythonValue], text: str, expected: str) -> None:
    """An explanation tells, in plain words, the clauses that decided."""
    assert expected == parse(text, schema).explain(record, moment).words


def _sql(condition: Condition, moment: Moment, url: str) -> str:
    columns = Columns("deal", objects()["deal"].table, {})
    return str(condition.to_sql(columns, moment).compile(dialect=create_engine(url).dialect))


def test_positive_sql_is_plain_comparisons(schema: Schema, moment: Moment) -> None:
    """Outside of a negation, SQL holds nothing that keeps an index from serving it."""
    text = "is_open and (last_buyer_activity older than 14 days or amount_home >= 20k) and next_step is missing"

    expected = (
        "deal.stage_kind = ? AND (deal.last_buyer_activity_at < ? OR deal.amount_home_minor >= ?) AND "
        "deal.next_step IS NULL"
    )
    assert expected == _sql(parse(text, schema), moment, "sqlite://")


def test_negated_sql_says_what_missing_means(schema: Schema, moment: Moment) -> None:
    """Under a negation a missing value counts as false, said at the leaf."""
    sql = _sql(parse('not (stage is "x" or is_open)', schema), moment, "postgresql+psycopg://")

    assert 2 == sql.count("NOT coalesce(")


def test_values_are_bound(schema: Schema, moment: Moment) -> None:
    """No value of a condition stands in the SQL itself."""
    sql = _sql(parse("""stage is "'; drop table deal" """, schema), moment, "sqlite://")

    assert "deal.stage = ?" == sql


def test_fields_read(schema: Schema) -> None:
    """A condition names the fields it reads, those of its parameters' variants included."""
    variant = Variant(parse('segment is "smb"', schema).clause, {"quiet": parameter_value("7 days")})
    parameters = Parameters({"quiet": parameter_value("14 days")}, (variant,))

    assert {"created", "segment"} == parse("created older than $quiet", schema, parameters).fields


def test_an_amount_without_a_rate_is_missing_in_the_currency_of_the_company(schema: Schema, moment: Moment) -> None:
    """A deal in dollars has an amount; what is missing where no rate is known is the amount in euros."""
    record: dict[str, PythonValue] = {"amount": 2_000_000, "currency": "USD", "amount_home": None}

    for text in ("amount_home >= 10k or amount_home is missing", "amount_home >= 10k"):
        assert "amount in EUR is missing" == parse(text, schema).explain(record, moment).words
