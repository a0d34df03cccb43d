"""The CRM's history spliced into the mirror's past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, text

from ros_sync import clock
from ros_sync.fields import StoredValue
from ros_sync.mirror.as_of import as_of
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Upsert
from ros_sync.mirror.tables import CHANGE
from ros_sync.mirror.timeline import splice

DEAL = objects()["deal"]
COLUMNS = ("id", "modified_at", "name", "stage", "amount_minor", "close_date")
TRACKED = ("stage", "amount_minor", "close_date")
START = 1_770_000_000_000_000
MINUTE = 60_000_000
VALUES: dict[str, tuple[StoredValue, ...]] = {
    "name": ("Loom", "Looms", "Loom hall"),
    "stage": ("Discovery", "Proposal", "Negotiation"),
    "amount_minor": (None, 100, 250),
    "close_date": (None, "2026-03-31", "2026-04-30"),
}


class Edit(NamedTuple):
    """A minute at which somebody set a property, and the poll that may follow at once."""

    minute: int
    column: str
    value: StoredValue
    polled: bool


@st.composite
def histories(draw: st.DrawFn) -> list[Edit]:
    """A life of a deal: edits in order, some of them followed by a poll."""
    minutes = sorted(draw(st.lists(st.integers(1, 200), min_size=0, max_size=12, unique=True)))
    edits = []
    for minute in minutes:
        column = draw(st.sampled_from(sorted(VALUES)))
        edits.append(Edit(minute, column, draw(st.sampled_from(VALUES[column])), draw(st.booleans())))
    return edits


class Crm:
    """What the CRM says of the deal after some of the edits."""

    def __init__(self, edits: list[Edit]) -> None:
        self.first: dict[str, StoredValue] = {name: values[0] for name, values in VALUES.items()}
        self.entries: dict[str, list[tuple[int, StoredValue, str | None]]] = {
            name: [(START, value, "user:1")] for name, value in self.first.items() if value is not None
        }
        self.modified = START
        for edit in edits:
            self.first_or_later(edit)

    def first_or_later(self, edit: Edit) -> None:
        at = START + edit.minute * MINUTE
        entries = self.entries.setdefault(edit.column, [])
        if (entries[-1][1] if entries else None) != edit.value:
            entries.append((at, edit.value, "user:2"))
            self.modified = at

    def row(self) -> tuple[StoredValue, ...]:
        last = {name: entries[-1][1] for name, entries in self.entries.items() if entries}
        return ("7", self.modified, *(last.get(name) for name in COLUMNS[2:]))

    def history(self) -> dict[str, list[tuple[int, StoredValue, str | None]]]:
        return {name: list(self.entries.get(name, ())) for name in TRACKED}


def poll(connection: Connection, source: str, crm: Crm) -> None:
    """What a poll does with one record: the row, then its history."""
    written = Upsert(connection, DEAL, source, COLUMNS, run_id=1).write([crm.row()], START)
    splice(connection, DEAL, source, {"7": crm.history()}, created={"7": START}, run_id=1, fresh=bool(written.created))


def tracked_at(connection: Connection, minute: int) -> dict[str, list[tuple[object, ...]]]:
    """Give the tracked columns as they were at that minute, by source."""
    past = as_of(DEAL, clock.from_micros(START + minute * MINUTE))
    query = select(past.c.source, *(past.c[name] for name in TRACKED)).where(past.c.source.in_(("polled", "filled")))
    found: dict[str, list[tuple[object, ...]]] = {"polled": [], "filled": []}
    for source, *values in connection.execute(query):
        found[source].append(tuple(values))
    return found


def changes(connection: Connection, source: str) -> list[tuple[object, ...]]:
    change = CHANGE.c
    query = select(change.field, change.at, change.old, change.new, change.by)
    found = connection.execute(query.where(change.source == source, change.field.in_(TRACKED)))
    return sorted(map(tuple, found), key=repr)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as opened:
        yield opened


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_one_back_fill_knows_the_past_as_well_as_a_mirror_that_polled_all_along(
    connection: Connection, edits: list[Edit]
) -> None:
    """Tracked columns at every past moment, and their change history, do not depend on when the mirror looked."""
    with connection.begin() as transaction:
        poll(connection, "polled", Crm([]))
        for number, edit in enumerate(edits, 1):
            if edit.polled:
                poll(connection, "polled", Crm(edits[:number]))
        poll(connection, "polled", Crm(edits))
        poll(connection, "filled", Crm(edits))
        turns = {minute for edit in edits for minute in (edit.minute - 1, edit.minute)}
        for minute in sorted({0, 201, *turns}):  # between two edits nothing changes
            told = tracked_at(connection, minute)
            assert told["polled"] == told["filled"] != []
        assert changes(connection, "polled") == changes(connection, "filled")
        transaction.rollback()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_splicing_again_writes_nothing(connection: Connection, edits: list[Edit]) -> None:
    """A history that the mirror has already taken in leaves every row as it is."""
    with connection.begin() as transaction:
        poll(connection, "again", Crm(edits))
        before = dump(connection)
        crm = Crm(edits)
        assert splice(connection, DEAL, "again", {"7": crm.history()}, created={"7": START}, run_id=2) == set()
        assert dump(connection) == before
        transaction.rollback()


def dump(connection: Connection) -> list[list[tuple[object, ...]]]:
    return [
        [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))]
        for table in ("deal", "deal_version", "change")
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_states_follow_each_other_without_gap_or_overlap(connection: Connection, edits: list[Edit]) -> None:
    """Each past state ends where the next one begins, the last one where the present begins."""
    with connection.begin() as transaction:
        poll(connection, "chain", Crm([]))
        for number, edit in enumerate(edits, 1):
            if edit.polled:
                poll(connection, "chain", Crm(edits[:number]))
        query = text("SELECT valid_from, valid_to FROM deal_version WHERE source = 'chain' ORDER BY valid_from")
        spans = [tuple(row) for row in connection.execute(query)]
        present = connection.execute(text("SELECT valid_from FROM deal WHERE source = 'chain'")).scalar_one()
        starts = [*(start for start, _ in spans), present]
        assert [end for _, end in spans] == starts[1:]
        assert starts[0] == START
        transaction.rollback()
