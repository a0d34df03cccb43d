"""The tests' reader of the mirror: what is written comes back by the tests' names, and a question with a slip fails."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import alter, kinds, mirror_of, put, put_all, remove

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def deals(engine: Engine) -> Engine:
    """Three deals, of which one is deleted and one has a past."""
    common = {"source": "crm", "valid_from": NOON, "amount_minor": 500, "close_date": date(2026, 3, 31)}
    put_all(engine, "deal", [{**common, "id": each, "deleted_at": NOON if each == "3" else None} for each in "123"])
    alter(engine, "deal", {"id": "2"}, amount_minor=700, custom={"size": 7})
    put(engine, "deal_version", source="crm", id="1", valid_from=NOON - timedelta(days=1), valid_to=NOON, stage="Demo")
    return engine


def test_records_come_as_python(deals: Engine) -> None:
    """Instants are aware, days are dates, money is whole minor units, JSON is what it means."""
    mirror = mirror_of(deals)
    assert (NOON, date(2026, 3, 31), 500) == mirror.deal("1").pick("valid_from", "close_date", "amount_minor")
    assert (700, {"size": 7}, None) == mirror.deal("2").pick("amount_minor", "custom", "deleted_at")


def test_questions_are_equality(deals: Engine) -> None:
    """Of values, of any of several, of none at all, and whether a record is marked as deleted."""
    mirror = mirror_of(deals)
    asked: list[dict[str, Any]] = [
        {"amount_minor": 500},
        {"id": ("1", "2")},
        {"custom": None},
        {"deleted": True},
        {"deleted": False},
        {},
    ]
    found = [[deal.id for deal in mirror.deals(**where)] for where in asked]
    assert [["1", "3"], ["1", "2"], ["1", "3"], ["3"], ["1", "2"], ["1", "2", "3"]] == found
    assert [len(each) for each in found] == [mirror.count("deal", **where) for where in asked]
    assert [500, 500, 700] == sorted(mirror.values("deal", "amount_minor"))


def test_the_past_is_told(deals: Engine) -> None:
    """A record's past states, and all records as they were at a moment."""
    mirror = mirror_of(deals)
    assert [("1", "Demo")] == [each.pick("id", "stage") for each in mirror.versions("deal", "1")]
    assert [("1", "Demo")] == [each.pick("id", "stage") for each in mirror.as_of(NOON - timedelta(hours=1), "deal")]


def test_changes_come_as_they_were_written(engine: Engine) -> None:
    """Of everything, of a record, of one field or of several."""
    for record_id, name in (("2", "stage"), ("1", "name"), ("1", "stage")):
        put(engine, "change", object="deal", source="crm", record_id=record_id, field=name, at=NOON, new="x")
    changes = mirror_of(engine).changes
    found = [changes(), changes("deal", "1"), changes("deal", "1", "stage"), changes(name=["name"]), changes("lead")]
    assert [3, 2, 1, 1, 0] == [len(each) for each in found]
    assert ["2", "1", "1"] == [each.record_id for each in changes()]


def test_tests_use_the_standard_terms(engine: Engine) -> None:
    """Whatever the columns are called today, and they come back under the same names."""
    event = {"source": "hubspot", "key": "1", "kind": "deal.deletion", "stream": "deals", "record_id": "7"}
    put(engine, "change_event", **event, received_at=NOON, processed_at=NOON)
    alter(engine, "change_event", {"key": "1"}, processed_at=NOON + timedelta(hours=1))
    (found,) = mirror_of(engine).change_events()
    assert ("7", NOON, NOON + timedelta(hours=1)) == found.pick("record_id", "received_at", "processed_at")
    remove(engine, "change_event", key="1")
    assert [] == mirror_of(engine).records("change_event")


def test_a_transaction_sees_itself(sqlite_engine: Engine) -> None:
    """A connection that is given is read and written in, and nothing is committed."""
    with sqlite_engine.connect() as connection:
        put(connection, "owner", source="crm", id="7", valid_from=NOON)
        assert 1 == mirror_of(connection).count("owner")
    assert 0 == mirror_of(sqlite_engine).count("owner")


def test_a_file_is_read_by_its_path(sqlite_template: Path) -> None:
    """For what a command of a process of its own has written."""
    assert [] == mirror_of(sqlite_template).deals()


def test_a_slip_fails(deals: Engine) -> None:
    """A name that no column has, and one record where there are more."""
    mirror = mirror_of(deals)
    with pytest.raises(LookupError):
        mirror.deals(ammount_minor=5)
    with pytest.raises(LookupError):
        mirror.deal()
    with pytest.raises(AttributeError):
        _ = mirror.deal("1").ammount_minor


def test_every_kind_can_be_read(engine: Engine) -> None:
    """Each has a table."""
    mirror = mirror_of(engine)
    assert {} == {kind: found for kind in kinds() if (found := mirror.records(kind))}
