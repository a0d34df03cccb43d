"""SQLite, PostgreSQL and the interpreter give one answer, whatever the schema, the records and the condition."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeEngine

from ros_sync import clock
from ros_sync.fields import Field, Kind, PythonValue
from ros_sync.mirror.columns import Instant
from ros_sync.organisation.company import standard_calendar
from ros_sync.rules.language import Moment, Parameters, Schema, Variant, parameter_value, parse
from ros_sync.rules.records import custom_column, custom_value

pytestmark = pytest.mark.postgresql

ROWS = 30
TEXTS = ["a", "A", "ab", "ä", "Ä", "ß", "%", "_", "a b", "日本", "x\\y", 'q"', "it's", "won"]
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
NOWS = (
    datetime(2026, 3, 16, 8, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # clocks change in Europe
    datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
COLUMNS: dict[str, tuple[Kind, TypeEngine[Any]]] = {
    "t1": (Kind.TEXT, String()),
    "t2": (Kind.TEXT, String()),
    "n1": (Kind.NUMBER, Integer()),
    "n2": (Kind.NUMBER, Float()),
    "b1": (Kind.BOOLEAN, Boolean()),
    "b2": (Kind.BOOLEAN, Boolean()),
    "d1": (Kind.DATE, Date()),
    "d2": (Kind.DATE, Date()),
    "i1": (Kind.INSTANT, Instant()),
    "i2": (Kind.INSTANT, Instant()),
    "home1": (Kind.MONEY, BigInteger()),
    "own1": (Kind.MONEY, BigInteger()),
}
CUSTOM = {"text": Kind.TEXT, "size": Kind.NUMBER, "flag": Kind.BOOLEAN, "day": Kind.DATE, "at": Kind.INSTANT}
NAMES = ("stage", "amount", "is_x", "next_one", "Owner", "close_date", "a1", "of_2", "x", "y_", "nowish", "older_one")

table = Table(
    "thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    *(Column(name, sql_type) for name, (_, sql_type) in COLUMNS.items()),
    Column("custom", JSON(none_as_null=True)),
    prefixes=["TEMPORARY"],
)

texts = st.sampled_from(TEXTS)
spans = st.sampled_from(
    ["14 days", "1 day", "2 weeks", "36 hours", "90 minutes", "5 business days", "24 business hours"]
)
numbers = st.sampled_from(["0", "1", "2", "0.5", "2.5", "20k", "1.5m", "-1"])
amounts = st.sampled_from(["0", "20k", "20000 EUR", "0.01", "19999.99 EUR"])
days = st.sampled_from(
    ["2026-03-01", "2026-03-16", "2026-03-29", "2026-12-31", "today", "today + 7 days", "today - 2 weeks"]
)
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


@pytest.fixture(scope="module")
def databases(postgresql_server: str) -> Iterator[list[Connection]]:
    """Give a connection to each of the two databases, with the table in it."""
    url = make_url(postgresql_server).set(drivername="postgresql+psycopg")
    engines = [create_engine("sqlite://"), create_engine(url)]
    connections = [engine.connect() for engine in engines]
    for connection in connections:
        table.create(connection)
        connection.commit()
    yield connections
    for connection in connections:
        connection.close()
    for engine in engines:
        engine.dispose()


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, str]:
    """A schema: the columns under names drawn at random."""
    names = draw(st.permutations(NAMES))
    return dict(zip(names, COLUMNS, strict=True))


def quoted(text: str) -> str:
    """A text as a condition writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@st.composite
def leaves(draw: st.DrawFn, schema: dict[str, str], params: bool) -> str:  # noqa: PLR0911  # one for each kind
    """A clause about one field."""
    kinds = {name: COLUMNS[column] for name, column in schema.items()}
    all_kinds = {name: kind for name, (kind, _) in kinds.items()} | {
        f"custom.{key}": kind for key, kind in CUSTOM.items()
    }
    name = draw(st.sampled_from(sorted(all_kinds)))
    if draw(st.integers(0, 4)) == 0:
        return f"{name} is {draw(st.sampled_from(['missing', 'present', 'not missing']))}"
    other = draw(st.sampled_from(sorted(key for key, kind in all_kinds.items() if kind is all_kinds[name])))
    match all_kinds[name]:
        case Kind.TEXT:
            value = draw(texts.map(quoted) | (st.just("$word") if params else texts.map(quoted)))
            listed = ", ".join(draw(st.lists(texts.map(quoted), min_size=1, max_size=3)))
            form = draw(
                st.sampled_from(
                    [
                        f"is {value}",
                        f"is not {value}",
                        f"contains {value}",
                        f"starts with {value}",
                        f"is {other}",
                        f"is one of [{listed}]",
                        f"is not one of [{listed}]",
                    ]
                )
            )
            return f"{name} {form}"
        case Kind.NUMBER:
            value = draw(numbers | (st.just("$floor") if params else numbers))
            side = draw(st.sampled_from([name, f"{name} * 2 - {other}", f"-{name}", f"({name} + 0.5)"]))
            return f"{side} {draw(orders)} {draw(st.sampled_from([value, other]))}"
        case Kind.BOOLEAN:
            return draw(st.sampled_from([name, f"{name} is true", f"{name} is false", f"{name} != {other}"]))
        case Kind.DATE | Kind.INSTANT:
            span = draw(spans | (st.just("$quiet") if params else spans))
            day, order = draw(days), draw(st.sampled_from(["=", "<", "<=", ">", ">="]))
            form = draw(
                st.sampled_from(
                    [
                        f"older than {span}",
                        f"newer than {span}",
                        f"within next {span}",
                        "is past",
                        f"{order} {day}",
                        f"before {day}",
                        f"after {day}",
                        f"is {day}",
                        f"{order} {other}",
                    ]
                )
            )
            return f"{name} {form}"
        case Kind.MONEY:
            if schema[name] == "own1":
                return f"{name} {draw(orders)} 0"
            return f"{name} {draw(orders)} {draw(amounts | (st.just('$floor') if params else amounts))}"


@st.composite
def conditions(draw: st.DrawFn, schema: dict[str, str], depth: int = 0) -> str:
    """A condition of several clauses, negations and brackets."""
    form = draw(st.sampled_from(["{}", "{}", "not ({})", "({} and {})", "({} or {})"])) if depth < 3 else "{}"
    if form == "{}":
        return draw(leaves(schema, params=True))
    return form.format(*(draw(conditions(schema, depth + 1)) for _ in range(form.count("{}"))))


@st.composite
def parameter_sets(draw: st.DrawFn, schema: Schema, columns: dict[str, str]) -> Parameters:
    """Parameters, with up to two variants of some of them."""
    values = {
        "quiet": spans.map(parameter_value),
        "floor": st.sampled_from(["0", "1", "20k"]).map(parameter_value),
        "word": st.sampled_from(["a", "ab", "won"]).map(parameter_value),
    }
    variants = []
    for text in draw(st.lists(leaves(columns, params=False), max_size=2)):
        some = draw(st.lists(st.sampled_from(sorted(values)), unique=True))
        variants.append(Variant(parse(text, schema), {key: draw(values[key]) for key in some}))
    return Parameters({key: draw(value) for key, value in values.items()}, tuple(variants))


def some_rows(seed: int, now: datetime) -> list[dict[str, Any]]:
    """Rows by column, any value missing; instants lie at and around the thresholds of the spans above."""
    chance = random.Random(seed)
    edges = [timedelta(days=days) for days in (14, 1, 0, -14, 15)] + [timedelta(hours=36)]
    near = [timedelta(microseconds=micros) for micros in (0, 1, -1)]
    midnights = [datetime(2026, 3, 1, 23, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC)]
    instants = [now - edge + close for edge in edges for close in near] + midnights
    micros = [clock.to_micros(at) for at in instants]
    strays = [None, "a", 1, 0.5, True, "2026-03-01", 1_772_000_000_000_000]
    by_kind: dict[Kind, list[Any]] = {
        Kind.TEXT: TEXTS,
        Kind.NUMBER: [-3, -1, 0, 1, 2, 3],
        Kind.BOOLEAN: [True, False],
        Kind.DATE: [now.date() + timedelta(days=days) for days in range(-15, 16)]
        + [date(2026, 3, 1), date(2026, 3, 29)],
        Kind.INSTANT: instants,
        Kind.MONEY: [0, 1, 1_999_999, 2_000_000, 2_000_001, -5],
    }
    properties: dict[str, list[Any]] = {
        "text": [*strays, *TEXTS],
        "size": [*strays, 0, 2.5, 20_000],
        "flag": [*strays, True, False],
        "day": [*strays[:5], "soon", "2026-03-01", "2026-03-16", "2026-12-31"],
        "at": [None, *micros],
    }
    rows = []
    for _ in range(ROWS):
        row = {name: chance.choice([None, *by_kind[kind]]) for name, (kind, _) in COLUMNS.items()}
        row["n2"] = chance.choice([None, 0.0, 0.5, 1.0, 2.5, -0.1, 20_000.0])
        some = chance.sample(sorted(properties), chance.randint(0, len(properties)))
        row["custom"] = {key: chance.choice(properties[key]) for key in some} if chance.random() < 0.8 else None
        rows.append(row)
    return rows


def record_of(row: dict[str, Any], columns: dict[str, str]) -> dict[str, PythonValue]:
    """The record that the interpreter sees."""
    record: dict[str, PythonValue] = {name: row[column] for name, column in columns.items()}
    properties = row["custom"] or {}
    return record | {f"custom.{key}": custom_value(properties.get(key), kind) for key, kind in CUSTOM.items()}


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_one_answer(databases: list[Connection], data: st.DataObject) -> None:
    """A condition picks the same records in SQLite, in PostgreSQL and in the interpreter."""
    columns = data.draw(schemas(), label="schema")
    fields = {name: Field(name, COLUMNS[column][0]) for name, column in columns.items()}
    fields |= {f"custom.{key}": Field(f"custom.{key}", kind) for key, kind in CUSTOM.items()}
    home = frozenset(name for name, column in columns.items() if column == "home1")
    schema = Schema("thing", fields, home, "EUR")
    zone = data.draw(st.sampled_from(ZONES), label="zone")
    moment = Moment(data.draw(st.sampled_from(NOWS), label="now"), ZoneInfo(zone), standard_calendar(zone), "EUR")
    text = data.draw(conditions(columns), label="condition")
    condition = parse(text, schema, data.draw(parameter_sets(schema, columns), label="parameters"))
    records = some_rows(data.draw(st.integers(0, 10_000), label="seed of the rows"), moment.now)
    sql_columns: dict[str, ColumnElement[Any]] = {name: table.c[column] for name, column in columns.items()}
    sql_columns |= {f"custom.{key}": custom_column(table.c.custom, key, kind) for key, kind in CUSTOM.items()}

    expected = [number for number, row in enumerate(records) if condition.holds(record_of(row, columns), moment)]

    found = []
    for connection in databases:
        with connection.begin() as transaction:
            connection.execute(insert(table), [{"id": number, **row} for number, row in enumerate(records)])
            where = condition.to_sql(sql_columns, moment)
            found.append(list(connection.scalars(select(table.c.id).where(where).order_by(table.c.id))))
            transaction.rollback()
    assert [expected, expected] == found


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_not_turns_every_answer_round(data: st.DataObject) -> None:
    """`not` makes false what holds and true what does not, missing values included."""
    columns = data.draw(schemas())
    fields = {name: Field(name, COLUMNS[column][0]) for name, column in columns.items()}
    fields |= {f"custom.{key}": Field(f"custom.{key}", kind) for key, kind in CUSTOM.items()}
    schema = Schema("thing", fields, frozenset(name for name, column in columns.items() if column == "home1"), "EUR")
    moment = Moment(NOWS[0], ZoneInfo(ZONES[0]), standard_calendar(ZONES[0]), "EUR")
    text = data.draw(conditions(columns))
    parameters = data.draw(parameter_sets(schema, columns))
    records = [record_of(row, columns) for row in some_rows(data.draw(st.integers(0, 10_000)), moment.now)]

    plain = [parse(text, schema, parameters).holds(record, moment) for record in records]

    turned = parse(f"not ({text})", schema, parameters)
    assert [not held for held in plain] == [turned.holds(record, moment) for record in records]
