"""SQLite, PostgreSQL and the interpreter give one answer, whatever the schema, the records and the condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import make_url
from tests.integration.rules.conditions import (
    CALENDARS,
    COLUMNS,
    CUSTOM,
    FAR,
    LITERALS,
    NEEDLES,
    NOWS,
    OPTIONS,
    PLAIN,
    ZONES,
    assert_one_answer,
    conditions,
    extreme_rows,
    parameter_sets,
    record_of,
    schemas,
    some_rows,
    table,
    wild,
)

from ros_sync.fields import Field, Kind
from ros_sync.rules.language import ConditionError, Moment, Parameters, Schema, Variant, parameter_value, parse
from ros_sync.rules.language.satisfiable import Question

pytestmark = pytest.mark.postgresql


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
    moment = Moment(data.draw(st.sampled_from(NOWS), label="now"), ZoneInfo(zone), CALENDARS[zone], "EUR")
    text = data.draw(conditions(columns), label="condition")
    condition = parse(text, schema, data.draw(parameter_sets(schema, columns), label="parameters"))
    records = some_rows(data.draw(st.integers(0, 10_000), label="seed of the rows"), moment.now)
    assert_one_answer(databases, condition, columns, moment, records)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_what_passes_the_check_never_fails(databases: list[Connection], data: st.DataObject) -> None:
    """Whatever condition is accepted, and whatever the records hold, all three give one answer and none fails."""
    fields = {name: Field(name, kind) for name, (kind, _) in COLUMNS.items()}
    fields |= {f"custom.{key}": Field(f"custom.{key}", kind) for key, kind in CUSTOM.items()}
    schema = Schema("thing", fields, frozenset({"home1"}), "EUR")
    values = st.sampled_from(LITERALS).map(parameter_value)
    variant = Variant(parse("n1 > 0 or custom.size > 0", schema).clause, {"floor": data.draw(values)})
    parameters = Parameters({"floor": data.draw(values), "many": data.draw(values)}, (variant,))
    try:
        condition = parse(data.draw(wild(), label="condition"), schema, parameters)
    except ConditionError:
        return  # refused where the file is read, and so never run
    zone = data.draw(st.sampled_from(ZONES), label="zone")
    now = data.draw(st.sampled_from([*NOWS, *FAR]), label="now")
    moment = Moment(now, ZoneInfo(zone), CALENDARS[zone], "EUR")
    rows = extreme_rows(data.draw(st.integers(0, 10_000), label="seed of the rows"))

    assert_one_answer(databases, condition, {name: name for name in COLUMNS}, moment, rows)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_not_turns_every_answer_round(data: st.DataObject) -> None:
    """`not` makes false what holds and true what does not, missing values included.

    What holds is known to be possible.
    """
    columns = data.draw(schemas())
    fields = {name: Field(name, COLUMNS[column][0]) for name, column in columns.items()}
    fields |= {f"custom.{key}": Field(f"custom.{key}", kind) for key, kind in CUSTOM.items()}
    schema = Schema("thing", fields, frozenset(name for name, column in columns.items() if column == "home1"), "EUR")
    moment = Moment(NOWS[0], ZoneInfo(ZONES[0]), CALENDARS[ZONES[0]], "EUR")
    text = data.draw(conditions(columns))
    parameters = data.draw(parameter_sets(schema, columns))
    records = [record_of(row, columns) for row in some_rows(data.draw(st.integers(0, 10_000)), moment.now)]

    plain = [parse(text, schema, parameters).holds(record, moment) for record in records]

    turned = parse(f"not ({text})", schema, parameters)
    assert [not held for held in plain] == [turned.holds(record, moment) for record in records]
    environments = [Question(environment, moment) for environment in parameters.environments]
    if any(plain):
        assert any(question.can_hold([turned.clause], turned=True) for question in environments)
    if not all(plain):
        assert any(question.can_hold([turned.clause]) for question in environments)


@pytest.mark.parametrize("name", ["t1", "custom.text"])
@pytest.mark.parametrize("needle", NEEDLES)
@pytest.mark.parametrize("form", [PLAIN, "not {name} contains $word", '{name} contains $word and t2 contains "ro"'])
def test_a_whole_option_is_one_answer(databases: list[Connection], name: str, needle: str, form: str) -> None:
    """Of a field with several options `contains` finds whole ones, in either database and in the interpreter alike."""
    fields = {each: Field(each, kind) for each, (kind, _) in COLUMNS.items()} | {
        "custom.text": Field("custom.text", Kind.TEXT)
    }
    schema = Schema("thing", fields, frozenset({"home1"}), "EUR", frozenset({name}))
    condition = parse(form.format(name=name), schema, Parameters({"word": parameter_value(needle)}))
    moment = Moment(NOWS[0], ZoneInfo(ZONES[0]), CALENDARS[ZONES[0]], "EUR")
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    rows = [row | {"t1": held, "t2": held, "custom": {"text": held}} for held in OPTIONS]
    columns = {each: each for each in COLUMNS}
    assert_one_answer(databases, condition, columns, moment, rows)
    if form == PLAIN:
        told = [condition.holds(record_of(each, columns), moment) for each in rows]
        found = [held for held, holds in zip(OPTIONS, told, strict=True) if holds]
        assert found == [held for held in OPTIONS if held is not None and needle in held.split(";")]
