"""A database of an earlier version, full of everything, is the same afterwards under the names of today."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Engine,
    MetaData,
    Table,
    create_engine,
    inspect,
    select,
    text,
)
from tests.integration.mirror.versions import downgrade, migrate

from ros_sync.mirror.columns import METADATA, Instant
from ros_sync.mirror.database import open_engine

BEFORE = "0009"  # the last version before the names of today
TABLES = {  # renamed since
    "cursor": "stream_state",
    "set_aside_row": "quarantined_row",
    "webhook_event": "change_event",
    "alert_notice": "alert_notification",
    "write_back": "write_back_request",
}
COLUMNS = {  # (table of then, column of then)
    ("cursor", "object"): "stream",
    ("cursor", "value"): "progress",
    ("cursor", "polled_until"): "cursor",
    ("cursor", "complete_until"): "watermark",
    ("sync_run", "set_aside"): "quarantined",
    ("source_state", "parked_until"): "quota_exhausted_until",
    ("webhook_event", "done_at"): "processed_at",
    ("alert", "next_notice_at"): "next_notification_at",
    ("alert_notice", "told_at"): "notified_at",
}
FORMER = re.compile(r"set_aside|webhook_event|alert_notice|told_at|parked|(^|_)cursor_|write_back(?!_request)")
CALLED = {
    "sqlite": "SELECT name FROM sqlite_master",
    "postgresql": "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
    "UNION ALL SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
}
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MADE = {("cursor", "value"): '{"phase": "live", "shape": ["m", ["amount"]]}'}  # what is more than a word
LIVE = "INSERT INTO cursor (source, object, value, updated_at) VALUES ('hubspot', '{}', '{{\"phase\": \"live\"}}', 1)"

Rows = dict[tuple[str, str], list[dict[str, Any]]]


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        yield engine
    finally:
        engine.dispose()


def invented(table: Table, column: Column[Any], number: int) -> object:
    """A value of a column, different in each row."""
    made: dict[str, object] = {
        "BOOLEAN": number % 2 == 0,
        "BIGINT": number if column.name == "id" or column.foreign_keys else 1_700_000_000_000_000 + number,
        "INTEGER": number,
        "FLOAT": number + 0.5,
        "DOUBLE PRECISION": number + 0.5,
        "DATE": None,
        "JSON": {"told": number},
    }
    kind = str(column.type.compile()).upper()
    return MADE.get((table.name, column.name), made.get(kind, f"{table.name}.{column.name} {number}"))


def fill(engine: Engine) -> Rows:
    """Two rows in every table, as it is in the database; what they say."""
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if table.name == "alembic_version":
                continue
            for number in (1, 2):
                connection.execute(
                    table.insert().values({each.name: invented(table, each, number) for each in table.columns})
                )
    return rows_of(engine)


def rows_of(engine: Engine) -> Rows:
    """Every row of every table, by the table's name and a text that orders them."""
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        return {
            (table.name, ""): sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=str)
            for table in metadata.sorted_tables
            if table.name != "alembic_version"
        }


def test_every_row_of_every_table_is_kept(database_url: str) -> None:
    """Under the names of today: nothing is lost, nothing is changed."""
    migrate(database_url.replace("postgresql://", "postgresql+psycopg://"), BEFORE)
    with engine_of(database_url) as engine:
        before = fill(engine)
    opened = open_engine(database_url)
    opened.dispose()
    with engine_of(database_url) as engine:
        after = rows_of(engine)
    assert len(before) > 30
    for (name, _), rows in before.items():
        there = after[TABLES.get(name, name), ""]
        expected = [{COLUMNS.get((name, column), column): value for column, value in row.items()} for row in rows]
        for row in expected:
            if name == "cursor":
                row["progress"] = row["progress"].replace('"shape":', '"schema":')
        known = [{column: row[column] for column in expected[0]} for row in there]
        assert sorted(expected, key=str) == sorted(known, key=str), name


def test_what_was_made_goes_on_counting(database_url: str) -> None:
    """Numbers go on where they were, indexes and keys have the names of today, on both databases."""
    migrate(database_url.replace("postgresql://", "postgresql+psycopg://"), BEFORE)
    with engine_of(database_url) as engine:
        metadata = MetaData()
        metadata.reflect(engine)
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO change (object, source, record_id, field, at) VALUES ('deal', 'crm', '1', 'stage', 5)"
                )
            )
    opened = open_engine(database_url)
    with opened.begin() as connection:
        connection.execute(
            text("INSERT INTO change (object, source, record_id, field, at) VALUES ('deal', 'crm', '1', 'stage', 6)")
        )
        assert [1, 2] == list(connection.execute(text("SELECT id FROM change ORDER BY id")).scalars())
        look = inspect(connection)
        for table in METADATA.sorted_tables:
            wanted = {str(index.name) for index in table.indexes}
            assert wanted <= {str(index["name"]) for index in look.get_indexes(table.name)}, table.name
            assert {each.name for each in table.columns} == {each["name"] for each in look.get_columns(table.name)}
        called = CALLED[opened.dialect.name]
        names = list(connection.execute(text(called)).scalars())
        assert {"stream_state", "change_event", "ix_change_event_open"} <= set(names)
        assert [] == [name for name in names if FORMER.search(name)]
        for name in ("quarantined_row", "change_event", "write_back_request"):  # their numbers come from a sequence
            numbered = METADATA.tables[name]
            needed = [each for each in numbered.columns if not each.nullable and each.name != "id"]
            made = {
                each.name: NOW if isinstance(each.type, Instant) else invented(numbered, each, 1) for each in needed
            }
            connection.execute(numbered.insert().values(made))
    opened.dispose()


@pytest.mark.parametrize(
    "followed", [("deals", "contacts", "calls", "notes"), ("deals", "companies", "calls")], ids=["many", "one"]
)
def test_streams_are_filled_in_where_they_are_certain(database_url: str, followed: tuple[str, ...]) -> None:
    """By what the source was followed by and, where several feed activities, by what their ids begin with."""
    migrate(database_url.replace("postgresql://", "postgresql+psycopg://"), BEFORE)
    rows = [("deal", "hubspot", "1"), ("deal", "crm", "2"), ("contact", "hubspot", "3"), ("lead", "hubspot", "3"),
            ("account", "hubspot", "4"),
            ("activity", "hubspot", "calls/5"), ("activity", "hubspot", "notes/5"), ("activity", "hubspot", "7"),
            ("activity", "crm", "calls/5")]  # fmt: skip
    with engine_of(database_url) as engine, engine.begin() as connection:
        for each in followed:
            connection.execute(text(LIVE.format(each)))
        connection.execute(text("INSERT INTO cursor (source, object, value, updated_at) VALUES ('crm', 'deal', '', 1)"))
        for table, source, record_id in rows:
            connection.execute(
                text(f"INSERT INTO {table} (source, id, valid_from) VALUES ('{source}', '{record_id}', 1)")
            )
    opened = open_engine(database_url)
    with opened.connect() as connection:
        found = {
            (table, source, record_id): connection.execute(
                text(f"SELECT stream FROM {table} WHERE source = '{source}' AND id = '{record_id}'")
            ).scalar_one()
            for table, source, record_id in rows
        }
    opened.dispose()
    many = "notes" in followed
    assert {
        ("deal", "hubspot", "1"): "deals",
        ("deal", "crm", "2"): None,
        ("contact", "hubspot", "3"): "contacts" if many else None,
        ("lead", "hubspot", "3"): "contacts" if many else None,
        ("account", "hubspot", "4"): None if many else "companies",
        ("activity", "hubspot", "calls/5"): "calls",
        ("activity", "hubspot", "notes/5"): "notes" if many else None,
        ("activity", "hubspot", "7"): None if many else "calls",
        ("activity", "crm", "calls/5"): None,
    } == found


def test_every_name_is_mapped() -> None:
    """A renamed table or column that this test does not know would be a lost one."""
    assert all(name in METADATA.tables for name in TABLES.values())
    for (table, _), column in COLUMNS.items():
        assert column in METADATA.tables[TABLES.get(table, table)].c
    assert not list(itertools.filterfalse(METADATA.tables.__contains__, TABLES.values()))


def test_what_was_kept_under_invented_streams_has_its_own_place(database_url: str) -> None:
    """The deletion scan, rereading, what is known of the account, what is derived; and the real streams stay."""
    migrate(database_url.replace("postgresql://", "postgresql+psycopg://"), BEFORE)
    with engine_of(database_url) as engine, engine.begin() as connection:
        connection.execute(text("INSERT INTO source_state (source, updated_at) VALUES ('hubspot', 1)"))
        rows = [
            ("hubspot", "(looked back) deals", "", 20, 10),
            ("hubspot", "(reread deals)", "", None, None),
            ("hubspot", "(account)", "remembered", None, None),
            ("hubspot", "(derived)", "", None, None),
            ("", "(slips)", "2 01", None, None),
            ("hubspot", "deals", '{"phase": "live"}', 20, 10),
        ]
        statement = text(
            "INSERT INTO cursor (source, object, value, polled_until, complete_until, updated_at) "
            "VALUES (:source, :stream, :value, :polled, :complete, 7)"
        )
        for row in rows:
            connection.execute(
                statement, dict(zip(("source", "stream", "value", "polled", "complete"), row, strict=True))
            )
    opened = open_engine(database_url)
    with opened.connect() as connection:
        found = {
            query: [tuple(row) for row in connection.execute(text(query))]
            for query in (
                "SELECT stream, cursor, watermark, updated_at FROM stream_state",
                "SELECT stream, scan, listed_at, searched_until, updated_at FROM scan_state ORDER BY scan",
                "SELECT source, what, basis, updated_at FROM derivation_state ORDER BY what",
                "SELECT memory FROM source_state",
            )
        }
    opened.dispose()
    assert [
        [("deals", 20, 10, 7)],
        [("deals", "deletions", 20, 10, 7), ("deals", "reread", None, None, 7)],
        [("hubspot", "activities", "", 7), ("", "slips", "2 01", 7)],
        [("remembered",)],
    ] == list(found.values())


@pytest.mark.parametrize("to", ["0009", "0010", "0011", "0012", "0013"])
def test_back_and_forth_is_where_it_was(database_url: str, to: str) -> None:
    """Going back to a version gives its names and rows again, and forward those of today."""
    url = database_url.replace("postgresql://", "postgresql+psycopg://")
    migrate(url, BEFORE)
    with engine_of(database_url) as engine:
        fill(engine)
    migrate(url, "head")
    with engine_of(database_url) as engine:
        with engine.begin() as connection:
            written = '{"phase": "live", "sweep": [3, 4, "p"], "schema": ["m", ["sweep"]]}'
            connection.execute(text("UPDATE stream_state SET progress = :written"), {"written": written})
        rows, names = rows_of(engine), names_of(engine)
    downgrade(url, to)
    if to == "0011":
        with engine_of(database_url) as engine, engine.connect() as connection:
            former = connection.execute(text("SELECT DISTINCT progress FROM stream_state")).scalars().all()
        assert ['{"phase": "live", "settled": [3, 4, "p"], "shape": ["m", ["sweep"]]}'] == list(former)
    migrate(url, "head")
    with engine_of(database_url) as engine:
        assert names == names_of(engine)
        after = rows_of(engine)
    lost = {"memory", "stream", "cause"}  # columns that an earlier version does not have
    for table, there in rows.items():
        if there and table[0] not in ("scan_state", "derivation_state", "history_entry"):
            known = [{name: row[name] for name in row.keys() - lost} for row in there]
            assert known == [{name: row[name] for name in row.keys() - lost} for row in after[table]], table


def names_of(engine: Engine) -> list[str]:
    """What tables, indexes and constraints are called."""
    with engine.connect() as connection:
        return sorted(connection.execute(text(CALLED[engine.dialect.name])).scalars())
