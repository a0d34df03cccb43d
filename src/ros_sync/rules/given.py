"""The `given` values of a test: read as people write them, and made into the record that a rule looks at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from ros_sync.fields import Field, Kind, PythonValue
from ros_sync.money import Money
from ros_sync.rules.language import Moment, Schema
from ros_sync.rules.language.advice import value_advice
from ros_sync.rules.language.folding import in_home_minor
from ros_sync.rules.language.parameters import FIRST_YEAR, LAST_YEAR, read_date, read_money, read_number
from ros_sync.rules.record_fields import derived_values

# Days and instants are naive here, amounts may lack their currency: a test means the company's own.
Given = str | int | float | bool | date | datetime | Decimal | Money | None

DEFAULT_CURRENCY = "EUR"  # of files that are tried outside a workspace

_DEFAULTS: dict[str, dict[str, PythonValue]] = {
    "deal": {"name": "Example deal", "stage_kind": "open"},
    "lead": {"name": "Example lead"},
}


def read_given(field: Field, text: str, schema: Schema | None = None) -> Given:
    """A value of the field as written; ValueError says how to write it. With a schema, its currency bounds amounts."""
    match field.kind:
        case Kind.NUMBER:
            return float(read_number(text))
        case Kind.BOOLEAN:
            if text not in ("true", "false"):
                yes, no = (
                    text.lower() in ("yes", "y", "on", "true", "1"),
                    text.lower() in ("no", "n", "off", "false", "0"),
                )
                hint = f"; write {'true' if yes else 'false'}" if yes or no else ""
                raise ValueError(f"{text!r} is not true or false{hint}")
            return text == "true"
        case Kind.DATE:
            return read_date(text)
        case Kind.INSTANT:
            return read_local(text)
        case Kind.MONEY:
            return _read_amount(field, text, schema)
        case Kind.TEXT:
            return text


def read_local(text: str) -> datetime:
    """`2026-03-16 09:00` or a day, naive unless it names an offset; ValueError says how to write it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        day, _, time = text.strip().partition(" ")
        advice = value_advice(day) if ":" in time else value_advice(text.strip())
        if advice and ":" in time:
            advice = re.sub(r"(\d{4}-\d{2}-\d{2})", rf"\1 {time}", advice)
        raise ValueError(f"{text!r} is not a day and time; {advice or 'write it like 2026-03-16 09:00'}") from error
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"{text} is out of range; use the years {FIRST_YEAR} to {LAST_YEAR}")
    return at


def _read_amount(field: Field, text: str, schema: Schema | None) -> Decimal | Money:
    """An amount with its currency, or in the company's own, within the decimals that it has."""
    amount = read_money(text) if re.search(r"[A-Z]{2}$", text) else read_number(text)
    if schema is None:
        return amount
    if isinstance(amount, Decimal):
        Money.of(amount, schema.home_currency or DEFAULT_CURRENCY)
    elif field.name in schema.home_money and schema.home_currency is not None:
        in_home_minor(amount, schema.home_currency)
    return amount


def moment_of(now: datetime, company: Moment) -> Moment:
    """The company's moment at a test's `now`."""
    return Moment(_instant(now, company), company.timezone, company.timeline, company.home_currency)


def given_record(schema: Schema, given: Mapping[str, Given], moment: Moment) -> dict[str, PythonValue]:
    """The record that the values make: an open deal unless said otherwise; derived fields follow."""
    record: dict[str, PythonValue] = dict.fromkeys(schema.fields)
    record.update(_DEFAULTS.get(schema.name, {}))
    for name, value in given.items():
        if schema.fields[name].kind is Kind.MONEY:
            _give_money(record, name, value, moment)
        else:
            record[name] = _instant(value, moment) if isinstance(value, datetime) else _plain(value)
    if record.get("amount_home") is None and record.get("currency") == moment.home_currency:
        record["amount_home"] = record.get("amount")
    record.update(derived_values(schema.name, record))
    return record


def _give_money(record: dict[str, PythonValue], name: str, value: Given, moment: Moment) -> None:
    """Money stands in the record as minor units; the currency of `amount` stands beside it."""
    if value is None:
        record[name] = None
        return
    assert isinstance(value, Decimal | Money), value
    money = value if isinstance(value, Money) else Money.of(value, moment.home_currency)
    record[name] = money.minor
    if name == "amount":
        record["currency"] = money.currency


def _instant(value: datetime, moment: Moment) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=moment.timezone)).astimezone(UTC)


def _plain(value: Given) -> PythonValue:
    assert not isinstance(value, Decimal | Money)
    return value
