"""Conditions, parameters and records of every kind, and the one answer that they must have."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

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
    insert,
    select,
)
from sqlalchemy.types import TypeEngine

from ros_sync import clock
from ros_sync.fields import Kind, PythonValue
from ros_sync.mirror.columns import Instant
from ros_sync.organisation.company import standard_calendar
from ros_sync.rules.language import Condition, Moment, Parameters, Schema, Variant, parameter_value, parse
from ros_sync.rules.record_fields import custom_column, custom_value

ROWS = 30
TEXTS = ["a", "A", "ab", "ä", "Ä", "ß", "%", "_", "a b", "日本", "x\\y", 'q"', "it's", "won"]
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
CALENDARS = {zone: standard_calendar(zone) for zone in ZONES}  # each remembers the days that it has worked out
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
    "n3": (Kind.NUMBER, BigInteger()),
}
CUSTOM = {
    "text": Kind.TEXT,
    "size": Kind.NUMBER,
    "flag": Kind.BOOLEAN,
    "day": Kind.DATE,
    "at": Kind.INSTANT,
    "price": Kind.MONEY,
}
NAMES = (
    "stage",
    "amount",
    "is_x",
    "next_one",
    "Owner",
    "close_date",
    "a1",
    "of_2",
    "x",
    "y_",
    "nowish",
    "older_one",
    "z9",
)
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
            if schema.get(name) != "home1":
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
        variants.append(Variant(parse(text, schema).clause, {key: draw(values[key]) for key in some}))
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


def assert_one_answer(
    databases: list[Connection],
    condition: Condition,
    columns: dict[str, str],
    moment: Moment,
    rows: list[dict[str, Any]],
) -> None:
    """Run a condition over rows in both databases, in the interpreter and in words, and compare what they pick."""
    sql_columns: dict[str, ColumnElement[Any]] = {name: table.c[column] for name, column in columns.items()}
    sql_columns |= {f"custom.{key}": custom_column(table.c.custom, key, kind) for key, kind in CUSTOM.items()}

    records = [record_of(row, columns) for row in rows]
    expected = [number for number, record in enumerate(records) if condition.holds(record, moment)]
    assert expected == [number for number, record in enumerate(records) if condition.explain(record, moment).holds]

    found = []
    for connection in databases:
        with connection.begin() as transaction:
            connection.execute(insert(table), [{"id": number, **row} for number, row in enumerate(rows)])
            where = condition.to_sql(sql_columns, moment)
            found.append(list(connection.scalars(select(table.c.id).where(where).order_by(table.c.id))))
            transaction.rollback()
    assert [expected, expected] == found


EXTREME = [0, 1, -1, 2**31, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 10**14, 2**63 - 1, -(2**63)]
FRACTIONS = [0.0, -0.0, 5e-324, 1e-300, 2.0**-53, 1e-16, 0.1, 1 / 3, 2.5, 1e15, 2.0**53, 1e17, 1e300, -1e308, 1.7e308]
FAR = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1, 1, 3, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 16, 8, 0, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]
LITERALS = ["0", "1", "2", "0.1", "0.5", "0.001", "0.000001", "20k", "1.5m", "99999999999999", "100000000000000"]
PEOPLES_NUMBERS = ["n1", "n2", "n3", "custom.size"]


def extreme_rows(seed: int) -> list[dict[str, Any]]:
    """Rows with what is far out, as a CRM may hold it: the largest whole numbers, tiny fractions, the first day."""
    chance = random.Random(seed)
    days_far = [at.date() for at in FAR]
    by_column: dict[str, list[Any]] = {
        "n1": [0, 1, -3, 2**31 - 1],
        "n2": FRACTIONS,
        "n3": EXTREME,
        "d1": days_far,
        "d2": days_far,
        "i1": FAR,
        "i2": FAR,
        "home1": EXTREME,
        "own1": EXTREME,
    }
    properties: dict[str, list[Any]] = {
        "size": [*EXTREME, *FRACTIONS, "x"],
        "price": [*EXTREME, *FRACTIONS, "x", True],
        "at": [*EXTREME, *FRACTIONS, clock.to_micros(FAR[3]), -(10**17), 10**18],
        "day": ["0001-01-01", "9999-12-31", "2026-03-16", 5],
    }
    rows = []
    for _ in range(ROWS):
        row = dict.fromkeys(COLUMNS) | {name: chance.choice([None, *some]) for name, some in by_column.items()}
        row["custom"] = {key: chance.choice(some) for key, some in properties.items() if chance.random() < 0.8}
        rows.append(row)
    return rows


@st.composite
def sums(draw: st.DrawFn, fields: list[str], depth: int = 0) -> str:
    """Arithmetic over fields, parameters and numbers, as wild as anybody could write it."""
    form = draw(st.sampled_from(["{}", "{} + {}", "{} - {}", "{} * {}", "({} * {})", "({} - {})", "-{}"]))
    if form == "{}" or depth > 4:
        return draw(st.sampled_from([*fields, "$floor", "$many"]) | st.sampled_from(LITERALS))
    return form.format(*(draw(sums(fields, depth + 1)) for _ in range(form.count("{}"))))


@st.composite
def moved(draw: st.DrawFn) -> str:
    """A day or an instant that is moved again and again."""
    base = draw(st.sampled_from(["today", "now", "1900-01-01", "2999-12-31"]))
    spans = ["3660 days", "522 weeks"] if base != "now" else ["3660 days", "87840 hours", "3660 business days"]
    return base + "".join(draw(st.lists(st.sampled_from([f" {s} {x}" for s in "+-" for x in spans]), max_size=12)))


@st.composite
def wild(draw: st.DrawFn) -> str:
    """A condition at the bounds: with arithmetic, with days moved far, with lists."""
    order = draw(orders)
    match draw(st.sampled_from(["sums", "sums", "money", "money", "days", "instants", "list", "span"])):
        case "sums":
            return f"{draw(sums(PEOPLES_NUMBERS))} {order} {draw(sums(PEOPLES_NUMBERS))}"
        case "money":
            return f"{draw(st.sampled_from(['home1', 'custom.price']))} {order} {draw(sums([]))}"
        case "days":
            return f"{draw(st.sampled_from(['d1', 'custom.day']))} {order} {draw(moved())}"
        case "instants":
            return f"{draw(st.sampled_from(['i1', 'custom.at']))} {order} {draw(moved())}"
        case "list":
            listed = ", ".join(draw(st.lists(sums([]), min_size=1, max_size=3)))
            return f"{draw(st.sampled_from(PEOPLES_NUMBERS))} is one of [{listed}]"
        case _:
            name = draw(st.sampled_from(["d1", "i1", "custom.day", "custom.at"]))
            how = draw(st.sampled_from(["older than", "newer than", "within next"]))
            span = draw(st.sampled_from(["3660 days", "87840 hours", "87840 business hours", "3660 business days"]))
            return f"{name} {how} {span}"


OPTIONS = [
    "Pro",
    "Pro Plus",
    "Pro;Old",
    "Old;Pro",
    "Old;Pro Plus;Gone",
    "Old;Pro;Gone",
    "",
    ";Pro",
    "pro",
    "Proß;Ünder",
    "%;_",
    None,
]
PLAIN = "{name} contains $word"
NEEDLES = ["Pro", "Pro Plus", "Old", "Plus", "pro", "Ünder", "%", "_", "ro", " "]
