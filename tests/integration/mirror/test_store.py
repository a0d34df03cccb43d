"""Batches into the mirror: what is new, what changed, what is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from ros_sync import clock
from ros_sync.mirror.as_of import as_of
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Row, Upsert, Written

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
WEEK = timedelta(days=7)
COLUMNS = ("id", "name", "amount_minor", "currency", "close_date", "stage", "custom")
ACME = ("1", "Acme", 2_000_000, "EUR", "2026-03-31", "proposal", '{"size":3}')
BETA = ("2", "Beta", None, None, None, "discovery", None)
DEAL = objects()["deal"]


def write(engine: Engine, rows: list[Row], at: datetime, columns: tuple[str, ...] = COLUMNS, **more: Any) -> Written:
    with engine.begin() as connection:
        return Upsert(connection, DEAL, "crm", columns, run_id=None).write(rows, clock.to_micros(at), **more)


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def changed(row: Row, **values: Any) -> Row:
    return tuple(values.get(name, value) for name, value in zip(COLUMNS, row, strict=True))


def test_new_rows_are_stored_as_given(engine: Engine) -> None:
    """What a connector hands over is what a query gives back."""
    write(engine, [ACME, BETA], MONDAY)
    stored = rows(engine, "SELECT id, name, amount_minor, currency, stage FROM deal ORDER BY id")
    assert [("1", "Acme", 2_000_000, "EUR", "proposal"), ("2", "Beta", None, None, "discovery")] == stored


def test_the_same_rows_again_write_nothing(engine: Engine) -> None:
    """A second time is counted as unchanged and leaves no trace in the history."""
    write(engine, [ACME, BETA], MONDAY)
    assert Written(unchanged=2) == write(engine, [ACME, BETA], MONDAY + WEEK)
    assert [(0, 0)] == rows(engine, "SELECT (SELECT count(*) FROM change), (SELECT count(*) FROM deal_version)")


def test_a_change_is_kept_property_by_property(engine: Engine) -> None:
    """Old value, new value and moment of each property that changed."""
    write(engine, [ACME], MONDAY)
    write(engine, [changed(ACME, close_date="2026-04-30", amount_minor=1_500_000)], MONDAY + WEEK)
    at = clock.to_micros(MONDAY + WEEK)
    expected = [("amount_minor", "2000000", "1500000", at), ("close_date", "2026-03-31", "2026-04-30", at)]
    assert expected == rows(engine, 'SELECT field, "old", "new", at FROM change ORDER BY field')


def test_the_state_that_ended_can_be_asked_for(engine: Engine) -> None:
    """As of Monday, Tuesday, and the moment of the change."""
    write(engine, [ACME], MONDAY)
    write(engine, [changed(ACME, stage="negotiation")], MONDAY + WEEK)

    def stage_at(moment: datetime) -> list[str | None]:
        past = as_of(DEAL, moment)
        with engine.connect() as connection:
            return list(connection.execute(select(past.c.stage)).scalars())

    asked = [MONDAY - WEEK, MONDAY, MONDAY + WEEK - timedelta(microseconds=1), MONDAY + WEEK]
    assert [[], ["proposal"], ["proposal"], ["negotiation"]] == [stage_at(moment) for moment in asked]


def test_two_changes_at_one_moment_leave_no_state_without_duration(engine: Engine) -> None:
    """A state that never lasted is no version, yet both changes are in the history."""
    write(engine, [ACME], MONDAY)
    write(engine, [changed(ACME, stage="a")], MONDAY + WEEK)
    write(engine, [changed(ACME, stage="b")], MONDAY + WEEK)
    assert [("proposal",)] == rows(engine, "SELECT stage FROM deal_version")
    assert [("a",), ("b",)] == rows(engine, 'SELECT "new" FROM change ORDER BY id')


def test_a_row_older_than_the_stored_one_is_left_alone(engine: Engine) -> None:
    """Last month's export cannot undo this month's."""
    write(engine, [ACME], MONDAY)
    assert 1 == write(engine, [changed(ACME, stage="old")], MONDAY - WEEK).older
    assert [("proposal",)] == rows(engine, "SELECT stage FROM deal")


def test_a_row_knows_best_when_it_changed(engine: Engine) -> None:
    """A modified instant in the row dates the change, whatever the moment of the export."""
    columns = ("id", "stage", "modified_at")
    tuesday = clock.to_micros(MONDAY + timedelta(days=1))
    write(engine, [("1", "a", clock.to_micros(MONDAY))], MONDAY, columns)
    write(engine, [("1", "b", tuesday)], MONDAY + WEEK, columns)
    assert [(tuesday,)] == rows(engine, "SELECT at FROM change WHERE field = 'stage'")


def test_a_modified_instant_alone_is_no_new_state(engine: Engine) -> None:
    """A CRM that touches a record without changing what is mirrored leaves no version, but its instant is kept."""
    columns = ("id", "stage", "modified_at")
    later = clock.to_micros(MONDAY + WEEK)
    write(engine, [("1", "a", clock.to_micros(MONDAY))], MONDAY, columns)
    assert Written(unchanged=1) == write(engine, [("1", "a", later)], MONDAY + WEEK, columns)
    assert [(later, 0)] == rows(engine, "SELECT modified_at, (SELECT count(*) FROM deal_version) FROM deal")


def test_columns_that_a_batch_does_not_speak_of_stay(engine: Engine) -> None:
    """A file of next steps leaves the amount as it is."""
    write(engine, [ACME], MONDAY)
    write(engine, [("1", "call Ann on 12 March")], MONDAY + WEEK, ("id", "next_step"))
    assert [("Acme", 2_000_000, "call Ann on 12 March")] == rows(
        engine, "SELECT name, amount_minor, next_step FROM deal"
    )


def test_custom_properties_are_merged_and_their_changes_named(engine: Engine) -> None:
    """A property that this file does not have is kept; one that changed is in the history under its own name."""
    write(engine, [ACME], MONDAY)
    write(engine, [changed(ACME, custom='{"colour":"red","size":4}')], MONDAY + WEEK)
    write(engine, [changed(ACME, custom='{"size":5}')], MONDAY + 2 * WEEK)
    assert [('{"colour":"red","size":5}',)] == rows(engine, "SELECT CAST(custom AS TEXT) FROM deal")
    expected = [("custom.colour", None, "red"), ("custom.size", "3", "4"), ("custom.size", "4", "5")]
    assert expected == rows(engine, 'SELECT field, "old", "new" FROM change ORDER BY id')


def test_initial_columns_are_given_to_new_rows_alone(engine: Engine) -> None:
    """What is worked out for a new record is not laid over one that has a history."""
    initial = lambda fresh: {"push_count": [7] * len(fresh["id"])}  # noqa: E731  # a test's one-liner
    write(engine, [ACME], MONDAY, initial=initial)
    write(
        engine,
        [changed(ACME, stage="x"), BETA],
        MONDAY + WEEK,
        initial=lambda fresh: {"push_count": [0] * len(fresh["id"])},
    )
    assert [("1", 7), ("2", 0)] == rows(engine, "SELECT id, push_count FROM deal ORDER BY id")


@pytest.mark.parametrize("name", list(objects()))
def test_every_object_has_the_same_columns_in_the_past(name: str) -> None:
    """A condition on the present runs unchanged on any past moment."""
    mirrored = objects()[name]
    present = [column.name for column in mirrored.table.columns]
    past = [column.name for column in mirrored.version_table.columns]
    assert sorted([*present, "valid_to"]) == sorted(past)


def test_a_number_with_a_fraction_is_kept_as_given(engine: Engine) -> None:
    """A CRM that counts 2.7 contacts is wrong, but what it says is not changed in silence."""
    write(engine, [("1", 2.7)], MONDAY, ("id", "contacts_engaged"))
    assert [(2.7,)] == rows(engine, "SELECT contacts_engaged FROM deal")
