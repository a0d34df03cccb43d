"""The engine takes a vendor whose shapes are unlike HubSpot's.

Two streams of one kind, a history stream, bulk parts, one call.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text
from tests.integration.databases import ON_SQLITE
from tests.integration.mirror_reader import alter, mirror_of, remove
from tests.integration.sync.conftest import CONTEXT
from tests.integration.sync.fake_vendor import (
    ACCOUNTS,
    CHANGES,
    CONTACTS,
    DEALS,
    EVENTS,
    KIND,
    SECOND,
    TASKS,
    FakeSource,
    FakeVendor,
)

from ros_sync import clock
from ros_sync.connectors.source import HistoryEntry, Page, Window
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.columns import METADATA
from ros_sync.organisation.company import Member, Organisation
from ros_sync.sla.owners import directory as directory_of
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.follow import event_inbox
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.policy import SyncPolicy
from ros_sync.sync.write_back.requests import WriteBackRequest

DAY = 86_400
KILLED_EVERY = int(os.environ.get("ROS_SYNC_KILLED_EVERY", "6"))  # statements; `make chaos` takes each one
BESIDE = ("change", "link", "redirect", "deletion", "history_entry")
Rows = list[tuple[Any, ...]]


class Killed(BaseException):  # no error: nothing may catch it
    """Stands for kill -9."""


@pytest.fixture
def vendor() -> FakeVendor:
    """A small company: two accounts, deals that moved, activities, persons."""
    made = FakeVendor()
    for each in ("a1", "a2"):
        made.create(ACCOUNTS, each, name=f"Looms {each}", owner="u1")
    for each in ("c1", "c2"):
        made.create(CONTACTS, each, name=f"Person {each}", email=f"{each}@loom.example")
    for number in range(1, 6):
        made.create(DEALS, f"d{number}", {ACCOUNTS: ["a1"]}, name=f"Deal {number}", stage="Discovery",
                    stage_kind="open",
                    amount=100_00 * number, currency="USD", close_date="2026-03-31", owner="u2")  # fmt: skip
    made.set(DEALS, "d1", stage="Proposal")
    made.set(DEALS, "d1", close_date="2026-04-30")
    made.set(DEALS, "d2", amount=999_00)
    for each in ("t1", "t2"):
        made.create(TASKS, each, {DEALS: ["d1"], CONTACTS: ["c1"]}, subject=f"Task {each}")
    for each in ("e1", "e2"):
        made.create(EVENTS, each, {DEALS: ["d2"], CONTACTS: ["c2"]}, subject=f"Event {each}")
    made.wait(3_600)
    return made


def syncer_of(engine: Engine, vendor: FakeVendor, *, newest_first: bool = False, **policy: Any) -> Syncer:
    source = FakeSource(vendor, newest_first=newest_first)
    return Syncer(engine, source, CONTEXT, now=vendor.present, policy=SyncPolicy(**policy))


def audited(engine: Engine, vendor: FakeVendor, *, repair: bool = False) -> Any:
    auditor = Auditor(engine, FakeSource(vendor), CONTEXT, now=vendor.present, history=True)
    return auditor.run(repair=repair)


def changes(engine: Engine, record_id: str, name: str) -> Rows:
    """When (in seconds of the vendor's), from what, to what, by whom."""
    found = mirror_of(engine).changes("deal", record_id, name)
    return [(clock.to_micros(each.at), each.old, each.new, each.by) for each in sorted(found, key=lambda each: each.at)]


def told(vendor: FakeVendor, record_id: str, name: str) -> Rows:
    """The same by the vendor's own history."""
    found = [each for each in vendor.entries if (each.record_id, each.field) == (record_id, name)]
    return [(each.at, str(each.before), str(each.value), each.by) for each in found]


def state(engine: Engine) -> dict[str, Rows]:
    """Everything that a killed cycle must come to in the end; without numbers and the moments of our own work."""
    mirror = mirror_of(engine)
    left_out = {"run_id", "noted_at", "since", "merged_at"}
    found: dict[str, Rows] = {}
    for kind in (*objects(), *(f"{name}_version" for name in objects()), *BESIDE):
        numbered = {"id"} if kind == "change" else set()
        rows = [vars(each) for each in mirror.records(kind)]
        found[kind] = sorted(tuple(str(row[name]) for name in sorted(row.keys() - left_out - numbered)) for row in rows)
    return found


@contextmanager
def killed_at(engine: Engine, number: int) -> Iterator[None]:
    """A process that ends before its statement of that number, and does nothing any more."""
    count = itertools.count(1)

    def look(*_: object) -> None:
        if next(count) >= number:
            raise Killed

    event.listen(engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", look)
        locks_given_back(engine)


def locks_given_back(engine: Engine) -> None:
    """Wait until PostgreSQL has noticed that the sessions of a process are over, and their locks with them."""
    if engine.dialect.name != "postgresql":
        return
    held = text(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE locktype = 'advisory' AND datname = current_database()"
    )
    until = time.monotonic() + 30
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.scalar(held):
            assert time.monotonic() < until, "a session that was over still held a lock"
            time.sleep(0.01)


def move_on(vendor: FakeVendor) -> None:
    """A day in which everything happens once."""
    vendor.wait(DAY)
    vendor.set(DEALS, "d1", stage="Negotiation")
    vendor.set(DEALS, "d1", stage="Proposal")
    vendor.set(DEALS, "d3", stage="Lost", stage_kind="lost")
    vendor.create(DEALS, "d6", {ACCOUNTS: ["a2"]}, name="Deal 6", stage="Discovery", stage_kind="open", amount=1,
                  currency="EUR", close_date="2026-05-31")  # fmt: skip
    vendor.set(DEALS, "d6", close_date="2026-06-30")
    vendor.set(TASKS, "t1", subject="Called")
    vendor.create(EVENTS, "e3", {DEALS: ["d6"], CONTACTS: ["c1"]}, subject="Met")
    vendor.delete(DEALS, "d4")
    vendor.delete(ACCOUNTS, "a1", into="a2")
    vendor.link(DEALS, "d1", ACCOUNTS, ["a2"])
    vendor.delete(TASKS, "t2")
    vendor.erase(CONTACTS, "c2")
    vendor.wait(60)


def test_a_cycle_fills_the_mirror_and_one_call_tells_that_nothing_changed(engine: Engine, vendor: FakeVendor) -> None:
    """Five streams and a history, idle: one call for all."""
    syncer = syncer_of(engine, vendor)
    report = syncer.cycle()
    assert report.trouble is None, report.trouble
    assert not audited(engine, vendor).total
    syncer.cycle()
    before = vendor.calls.copy()
    vendor.wait(60)
    assert syncer.cycle().trouble is None
    assert {"changes": 1} == dict(vendor.calls - before)
    there = state(engine)
    vendor.wait(60)
    syncer.cycle()
    assert there == state(engine)


@pytest.mark.parametrize("newest_first", [False, True])
def test_histories_that_come_by_themselves_are_added(engine: Engine, vendor: FakeVendor, newest_first: bool) -> None:
    """Each change once, at its own moment and by whom, in whatever order its page came; pushes are counted from it."""
    syncer = syncer_of(engine, vendor, newest_first=newest_first)
    syncer.cycle()
    vendor.wait(2 * DAY)  # less than a day later, a date is a correction of the last one
    for stage in ("Negotiation", "Proposal", "Negotiation"):  # there and back between two polls
        vendor.set(DEALS, "d1", stage=stage)
    vendor.set(DEALS, "d1", close_date="2026-05-31")
    syncer.cycle()
    for record_id, name in (("d1", "stage"), ("d1", "close_date"), ("d3", "stage")):
        assert told(vendor, record_id, name) == changes(engine, record_id, name)
    assert [each[1:3] for each in told(vendor, "d2", "amount")] == [
        each[1:3] for each in changes(engine, "d2", "amount_minor")
    ]
    deal = mirror_of(engine).deal("d1")
    assert (2, "2026-03-31", 61) == (deal.push_count, str(deal.first_close_date), deal.days_pushed)
    versions = [each.stage for each in mirror_of(engine).versions("deal", "d1")]
    assert ["Discovery", "Proposal"] == list(dict.fromkeys(versions))[:2]


def test_an_entry_adds_to_what_is_known_and_takes_nothing_away(engine: Engine, vendor: FakeVendor) -> None:
    """One old entry that comes late leaves the changes that were stored, and is put between them."""
    syncer = syncer_of(engine, vendor)
    late = vendor.entries.pop(0)  # d1 became Proposal
    assert (late.record_id, late.field) == ("d1", "stage")
    vendor.set(DEALS, "d1", stage="Negotiation")
    vendor.set(DEALS, "d1", stage="Won", stage_kind="won")
    syncer.cycle()
    known = changes(engine, "d1", "stage")
    assert [("Proposal", "Negotiation"), ("Negotiation", "Won")] == [each[1:3] for each in known]
    vendor.entries.insert(0, late)
    with syncer._work.writing() as (_, applier):
        stream = next(each for each in syncer.source.streams if each.name == DEALS)
        assert {"d1"} == applier.add_to_history(stream, [late])
    assert told(vendor, "d1", "stage") == changes(engine, "d1", "stage")
    with syncer._work.writing() as (_, applier):
        assert set() == applier.add_to_history(stream, [late]), "it is there"


def test_entries_wait_for_their_rows(engine: Engine, vendor: FakeVendor) -> None:
    """Newer than its row, or without one: it is kept, and taken in with the row."""
    syncer = syncer_of(engine, vendor)
    syncer.cycle()
    vendor.wait(30)
    vendor.fail.add(DEALS)
    vendor.set(DEALS, "d2", stage="Proposal")
    vendor.create(DEALS, "d9", name="Deal 9", stage="Discovery", stage_kind="open", amount=5, currency="EUR")
    vendor.set(DEALS, "d9", stage="Proposal")
    report = syncer.cycle()
    assert DEALS in (report.trouble or "")
    assert [] == changes(engine, "d2", "stage")
    waiting = [each.record_id for each in mirror_of(engine).history_entries(merged_at=None)]
    assert ["d2", "d9"] == sorted(waiting)
    vendor.fail.clear()
    vendor.wait(10)
    assert syncer.cycle().trouble is None
    for each in ("d2", "d9"):
        assert told(vendor, each, "stage") == changes(engine, each, "stage")
    assert [] == mirror_of(engine).history_entries(merged_at=None)


def test_one_stream_that_fails_keeps_no_other(engine: Engine, vendor: FakeVendor) -> None:
    """The call for all streams tells of the one that cannot be read; the others are followed."""
    syncer = syncer_of(engine, vendor)
    syncer.cycle()
    vendor.wait(30)
    vendor.fail.add(TASKS)
    vendor.set(DEALS, "d5", stage="Proposal")
    vendor.set(TASKS, "t1", subject="Called")
    report = syncer.cycle()
    assert [TASKS] == [name for name, each in report.streams.items() if each.trouble]
    assert told(vendor, "d5", "stage") == changes(engine, "d5", "stage")
    vendor.fail.clear()
    syncer.cycle()
    assert not audited(engine, vendor).total


def test_what_ends_is_found_in_streams_of_one_kind(engine: Engine, vendor: FakeVendor) -> None:
    """Tasks and events that vanish from a listing, and the audit that says so.

    By the stream, not by what they are called.
    """
    syncer = syncer_of(engine, vendor)
    syncer.cycle()
    del vendor.records[TASKS]["t2"], vendor.records[EVENTS]["e1"]  # without a trace
    vendor.wait(60)
    found = audited(engine, vendor)
    assert {(TASKS, "t2"), (EVENTS, "e1")} == {(each.stream, each.id) for each in found.shown}
    syncer.cycle(full=True)
    there = {each.id: each.stream for each in mirror_of(engine).activities(deleted=False)}
    kinds = {each.activity_kind for each in mirror_of(engine).activities()}
    assert {"t1": TASKS, "e2": EVENTS} == there
    assert {KIND} == kinds
    assert not audited(engine, vendor).total


def test_a_day_of_everything(engine: Engine, vendor: FakeVendor) -> None:
    """Changes, new records, deletions, a merge, an erasure, links: afterwards the audit finds nothing."""
    syncer = syncer_of(engine, vendor)
    syncer.cycle()
    move_on(vendor)
    assert syncer.cycle().trouble is None
    assert syncer.cycle(full=True).trouble is None  # only that tells of a person who was erased without a webhook
    report = audited(engine, vendor)
    assert not report.total, report.shown
    for each in ("d1", "d3", "d6"):
        for name in ("stage", "close_date"):
            assert told(vendor, each, name) == changes(engine, each, name)


def test_the_audit_mends_what_the_mirror_lost(engine: Engine, vendor: FakeVendor) -> None:
    """Rows that are gone, links that are wrong, values that differ."""
    syncer_of(engine, vendor).cycle()
    alter(engine, "deal", {"id": "d5"}, amount_minor=1)
    remove(engine, "activity", id="e2")
    remove(engine, "link", record_id="d3")
    found = audited(engine, vendor, repair=True)
    assert {"d5", "e2", "d3"} == {each.id for each in found.shown}
    assert not found.left.total()
    assert not audited(engine, vendor).total


def test_writes_go_back_and_never_over_what_somebody_else_set(engine: Engine, vendor: FakeVendor) -> None:
    """Written, already so, and in conflict; what people read names the vendor as it calls itself."""
    syncer = syncer_of(engine, vendor)
    syncer.cycle()
    people = {"ada@loom.example": Member(email="ada@loom.example", name="Ada", role="RevOps")}
    with engine.connect() as connection:
        directory = directory_of(connection, Organisation(people=people))
    done = syncer.write(WriteBackRequest("deal", "d1", {"stage": "Negotiation"}, "ada@loom.example"), directory)
    assert ("done", "written") == (done.state, done.words)
    assert "Negotiation" == vendor.records[DEALS]["d1"].values["stage"]
    again = syncer.write(WriteBackRequest("deal", "d1", {"stage": "Negotiation"}, "ada@loom.example"), directory)
    assert "it already had this value in Fake CRM" == again.words
    vendor.between = lambda: vendor.set(DEALS, "d1", stage="Lost", stage_kind="lost")
    lost = syncer.write(WriteBackRequest("deal", "d1", {"stage": "Proposal"}, "ada@loom.example"), directory)
    vendor.between = lambda: None
    assert "conflict" == lost.state
    vendor.wait(60)
    syncer.cycle()
    assert told(vendor, "d1", "stage") == changes(engine, "d1", "stage")


def test_what_a_webhook_tells_is_read_by_its_stream(engine: Engine, vendor: FakeVendor) -> None:
    """A body in the vendor's own words; a record of two streams of one kind is asked of the one that was named."""
    syncer = syncer_of(engine, vendor)
    syncer.cycle()
    vendor.wait(30)
    vendor.set(DEALS, "d1", stage="Negotiation")
    vendor.create(EVENTS, "e9", {DEALS: ["d1"]}, subject="Met")
    events, others = syncer.source.change_events(f"{DEALS} d1\n{EVENTS} e9\n".encode())
    assert (2, 0) == (event_inbox.keep(engine, "fake", events, vendor.present()), others)
    before = vendor.calls.copy()
    assert syncer.process_change_events() is not None
    assert not (vendor.calls - before)["changes"], "no poll"
    assert ("Negotiation", EVENTS) == (mirror_of(engine).deal("d1").stage, mirror_of(engine).activity("e9").stream)
    assert [] == mirror_of(engine).change_events(processed_at=None)


def test_erasing_a_person_takes_the_entries_about_them(engine: Engine, vendor: FakeVendor) -> None:
    """Nothing that a history stream told of a person stays behind, and nothing comes back."""
    syncer = syncer_of(engine, vendor)
    syncer.cycle()
    stream = next(each for each in syncer.source.streams if each.name == CONTACTS)
    waits = [HistoryEntry("c2", "email", vendor.now + DAY * SECOND, "new@loom.example", None, "c2@loom.example")]
    with syncer._work.writing() as (_, applier):
        applier.add_to_history(stream, waits)
    vendor.erase(CONTACTS, "c2")
    vendor.wait(60)
    syncer.cycle(full=True)
    with syncer._work.writing() as (_, applier):
        applier.add_to_history(stream, waits)
    assert [] == mirror_of(engine).history_entries(stream=CONTACTS)


@pytest.mark.parametrize("story", ["back-fill", "a day", "whole listing"])
def test_killed_at_every_statement(engine: Engine, vendor: FakeVendor, story: str) -> None:
    """A process that ends anywhere is gone on with, and nothing is lost, doubled or put elsewhere."""
    every = KILLED_EVERY if engine.dialect.name == "sqlite" else 8 * KILLED_EVERY
    small: dict[str, Any] = {"group_rows": 2, "backfill_rows": 2}
    if story != "back-fill":
        syncer_of(engine, vendor, **small).cycle()
        move_on(vendor)
    restore = snapshot(engine)
    full = story == "whole listing"
    syncer_of(engine, vendor, **small).cycle(full=full)
    whole = state(engine)
    reached = 0
    for number in itertools.count(1, every):
        restore()
        try:
            with killed_at(engine, number):
                syncer_of(engine, vendor, **small).cycle(full=full)
        except Killed:
            reached = number
        syncer_of(engine, vendor, **small).cycle(full=full)
        assert whole == state(engine), f"killed at statement {number}"
        if reached < number:
            break
    assert reached > 30, "the story has that many places"


def snapshot(engine: Engine) -> Callable[[], None]:
    """Keep every row of every table; gives what makes the database that again."""
    if engine.dialect.name == "sqlite":
        kept = sqlite3.connect(":memory:")
        copied(engine, kept, back=False)
        return partial(copied, engine, kept, back=True)
    tables = METADATA.sorted_tables
    with engine.connect() as connection:
        rows = {each: [dict(row) for row in connection.execute(select(each)).mappings()] for each in tables}

    def restore() -> None:
        with engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(each.name for each in tables)}"))
            for each in tables:
                if rows[each]:
                    connection.execute(each.insert(), rows[each])

    return restore


def copied(engine: Engine, other: sqlite3.Connection, *, back: bool) -> None:
    """Copy a SQLite database, or make it what the copy is."""
    raw = engine.raw_connection()
    mine = raw.driver_connection
    assert isinstance(mine, sqlite3.Connection)
    (other if back else mine).backup(mine if back else other)
    raw.close()


@ON_SQLITE
def test_a_poll_goes_back_by_the_overlap_that_the_vendor_tells(
    engine: Engine, vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 seconds here, where HubSpot's search needs 120."""
    syncer = syncer_of(engine, vendor)
    syncer.cycle()
    vendor.wait(30)
    syncer.cycle()
    asked: list[Mapping[str, Window]] = []
    changed = FakeSource.changed

    def noted(source: FakeSource, windows: Mapping[str, Window]) -> Iterator[Page]:
        asked.append(windows)
        return changed(source, windows)

    monkeypatch.setattr(FakeSource, "changed", noted)
    syncer.cycle()
    polled = clock.to_micros(syncer.source.present)
    assert {polled - 60 * SECOND} == {each.since for each in asked[0].values()}
    assert {DEALS, ACCOUNTS, CONTACTS, TASKS, EVENTS, CHANGES} == asked[0].keys()
