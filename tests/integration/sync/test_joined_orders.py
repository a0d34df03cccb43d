"""Linking, unlinking, writing, deleting and erasing in any order: what is asked for is what follows from the rows.

The model knows the members' own rows and who was linked when, and works everything out from scratch in the simplest
way: no table of joined records, no history of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine
from tests.integration.sync.two_crms import CONTEXT, Key, at, changes, linked, records, unlinked, write

from ros_sync import clock
from ros_sync.mirror.erasure import erase
from ros_sync.mirror.identities import IdentityError
from ros_sync.sync.ingest.joined_records import followed_by_joined

KEYS: list[Key] = [("hubspot", "h1"), ("hubspot", "h2"), ("salesforce", "s1"), ("export", "x1")]
FIELDS = ("name", "role", "email")
STEP = 1.0  # hours from one step to the next


@dataclass
class Model:
    """The members' own states and the memberships, each with its steps."""

    states: dict[Key, list[tuple[float, dict[str, Any]]]] = field(default_factory=dict)
    links: list[list[Any]] = field(default_factory=list)  # member, leader, from, to
    erased: set[Key] = field(default_factory=set)

    def write(self, key: Key, hours: float, values: dict[str, Any]) -> None:
        before = self.states.get(key, [(0.0, {})])[-1][1]
        if key not in self.states or any(before.get(name) != value for name, value in values.items()):
            self.states.setdefault(key, []).append((hours, {**before, **values}))

    def open(self, hours: float | None = None) -> dict[Key, Key]:
        return {
            member: leader
            for member, leader, since, until in self.links
            if (until is None if hours is None else since <= hours and (until is None or hours < until))
        }

    def link(self, leader: Key, members: list[Key], hours: float) -> bool:
        known = self.open()
        wanted = list(dict.fromkeys([leader, *members]))
        if any(known.get(key, leader) != leader for key in wanted):
            return False
        together = {key for key, led_by in known.items() if led_by == leader} | set(wanted)
        if len(together) < 2 or len({source for source, _ in together}) < len(together):
            return False
        if any(key not in self.states for key in wanted if key not in known):
            return False
        self.links += [[key, leader, hours, None] for key in wanted if key not in known]
        return True

    def unlink(self, member: Key, hours: float) -> bool:
        leader = self.open().get(member)
        if leader is None:
            return False
        left = [key for key, led_by in self.open().items() if led_by == leader and key != member]
        ending = {member} if member != leader and len(left) > 1 else {member, *left}
        for entry in self.links:
            if entry[0] in ending and entry[3] is None:
                entry[3] = hours
        return True

    def erase(self, key: Key) -> None:
        leaders = {leader for member, leader, _, _ in self.links if member == key}
        self.states.pop(key, None)
        self.erased.add(key)
        self.links = [entry for entry in self.links if entry[0] != key]
        for leader in leaders:
            left = {member for member, led_by, _, _ in self.links if led_by == leader}
            if leader == key or len(left) < 2:
                self.links = [entry for entry in self.links if entry[1] != leader]

    def state(self, key: Key, hours: float) -> dict[str, Any] | None:
        found = None
        for since, values in self.states.get(key, []):
            if since <= hours:
                found = values
        return found

    def expected(self, hours: float, *, present: bool = False) -> dict[Key, tuple[Any, ...]]:
        """Each record at a moment: its fields, and whether it is deleted."""
        led = self.open(None if present else hours)
        order = {entry[0]: number for number, entry in enumerate(self.links) if entry[3] is None or not present}
        records: dict[Key, tuple[Any, ...]] = {}
        for key in self.states:
            state = self.state(key, hours)
            if state is not None and key not in led:
                records[key] = (*(state.get(name) for name in FIELDS), state.get("deleted_at") is not None)
        for leader in set(led.values()):
            members = sorted((key for key in led if led[key] == leader), key=lambda key: (key != leader, order[key]))
            states = [state for key in members if (state := self.state(key, hours)) is not None]
            if states:
                states.sort(key=lambda s: s.get("deleted_at") is not None)
                values = [next((s[name] for s in states if s.get(name) is not None), None) for name in FIELDS]
                records[leader] = (*values, all(s.get("deleted_at") is not None for s in states))
        return records


value = st.sampled_from([None, "a", "b"])
key = st.sampled_from(KEYS)
step = st.one_of(
    st.tuples(st.just("write"), key, st.dictionaries(st.sampled_from(FIELDS), value, min_size=1)),
    st.tuples(st.just("delete"), key, st.booleans()),
    st.tuples(st.just("link"), key, st.lists(key, min_size=1, max_size=2)),
    st.tuples(st.just("unlink"), key, st.none()),
    st.tuples(st.just("erase"), key, st.none()),
)


def take(connection: Connection, model: Model, what: str, which: Key, more: Any, hours: float) -> None:
    """One step, in the database and in the model."""
    if which in model.erased and what in ("write", "delete"):
        return
    if what == "write":
        write(connection, "contact", which, hours, **more)
        model.write(which, hours, more)
    elif what == "delete" and which in model.states:
        deleted = clock.to_micros(at(hours)) if more else None
        write(connection, "contact", which, hours, deleted_at=deleted)
        model.write(which, hours, {"deleted_at": deleted})
    elif what == "link":
        done = model.link(which, more, hours)
        try:
            linked(connection, "contact", which, *more, hours=hours)
            assert done
        except IdentityError:
            assert not done
    elif what == "unlink":
        done = model.unlink(which, hours)
        try:
            unlinked(connection, "contact", which, hours=hours)
            assert done
        except IdentityError:
            assert not done
    elif what == "erase" and which in model.states:
        with followed_by_joined(connection, CONTEXT):
            erase(connection, which[0], "contacts", [which[1]], at(hours))
        model.erase(which)


def replayed(connection: Connection, present: dict[Key, tuple[Any, ...]]) -> None:
    """The changes of each field of each record follow each other, and end in what it says now."""
    for name in FIELDS:
        last: dict[Key, Any] = {}
        for each, _, old, new, _ in changes(connection, "contact", name):
            assert old != new
            assert last.get(each, old) == old
            last[each] = new
        for each, values in present.items():
            assert last.get(each, values[FIELDS.index(name)]) == values[FIELDS.index(name)]


written = st.dictionaries(st.sampled_from(FIELDS), value, min_size=1)
# What makes a history worth telling: everybody is there, and some of them are one before the rest happens.
beginning = st.tuples(
    st.lists(written, min_size=len(KEYS), max_size=len(KEYS)),
    st.permutations(["h1", "s1", "x1"]),
    st.integers(min_value=2, max_value=3),
)


def begun(values: list[dict[str, Any]], order: list[str], number: int) -> list[tuple[str, Key, Any]]:
    """The first steps: every record is written, and so many of three are linked, the first of them leading."""
    by_id = {each[1]: each for each in KEYS}
    steps: list[tuple[str, Key, Any]] = [("write", each, values[place]) for place, each in enumerate(KEYS)]
    return [*steps, ("link", by_id[order[0]], [by_id[each] for each in order[1:number]])]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=beginning, more=st.lists(step, max_size=9))
def test_any_order_gives_what_follows_from_the_rows(
    engine: Engine, first: tuple[Any, Any, int], more: list[tuple[str, Key, Any]]
) -> None:
    """Now and at each moment between two steps."""
    steps = [*begun(*first), *more]
    with engine.connect() as connection, connection.begin() as transaction:
        model = Model()
        for number, (what, which, told) in enumerate(steps, start=1):
            take(connection, model, what, which, told, number * STEP)
        for number in range(len(steps) + 1):
            moment = number * STEP + STEP / 2
            found = {
                each: (*(row[name] for name in FIELDS), row["deleted_at"] is not None)
                for each, row in records(connection, "contact", moment).items()
            }
            assert model.expected(moment) == found, f"after step {number}"
        present = {
            each: (*(row[name] for name in FIELDS), row["deleted_at"] is not None)
            for each, row in records(connection, "contact").items()
        }
        assert model.expected(len(steps) + 1.0, present=True) == present
        replayed(connection, present)
        transaction.rollback()
