"""What the members of an identity say together, worked out of what each of them says.

Of each property the leader's value counts, and where it has none, the next member's: that of whoever was linked first.
A *system of record* may be named for a property instead (`prefer`). Properties that mean something together alone (an
amount and its currency, a stage and its kind) come from one member. Ids of other records are those of the leader's CRM,
through their own identities; an owner who has no id there is named. A joined record is deleted when every member is.

Present, past and changes are worked out anew as a whole whenever a member is written: nothing is kept that would have
to be brought up to date, and the members' own rows stay untouched.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Table, delete, insert, null, select

from ros_sync.fields import Kind, to_stored
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.identities import Key, Membership, leaders_of, members_of, memberships
from ros_sync.mirror.joined_tables import JOINED_CHANGE, JoinedTables, joined_tables
from ros_sync.mirror.store import as_text
from ros_sync.mirror.tables import CHANGE, REFERENCES

# Columns that mean something together alone: they come from the first member that has a value in the first of them.
UNITS = (
    ("amount_minor", "currency", "amount_home_minor"),
    (
        "stage",
        "pipeline",
        "stage_kind",
        "stage_position",
        "stage_order",
        "probability",
        "stage_entered_at",
        "stage_entry_known",
        "stage_days_before",
        "advanced_at",
    ),
    ("account_id", "account_name"),
)
_BOOKKEEPING = frozenset(("source", "id", "valid_from", "valid_to", "run_id", "stream", "modified_at", "deleted_at"))
_LATEST = frozenset(("modified_at", "run_id", "stream"))  # what is no property: a state that differs in these is none

State = dict[str, Any]
Recount = Callable[[State, Sequence[Mapping[str, Any]]], State]
"""The computed columns of a state, given it and the changes up to then (rows of `change`), oldest first."""


class _Span(NamedTuple):
    """A state of a member, from one instant to the next."""

    start: datetime
    end: datetime | None
    state: State


@dataclass(slots=True)
class _Member:
    """What the mirror holds of one member: its states, oldest first, and its changes by column."""

    key: Key
    spans: list[_Span] = field(default_factory=list)
    changes: dict[str, list[RowMapping]] = field(default_factory=dict)

    def at(self, instant: datetime) -> State | None:
        """Its state at an instant; None where it was not known then."""
        number = bisect_right(self.spans, instant, key=lambda span: span.start) - 1
        if number < 0:
            return None
        span = self.spans[number]
        return span.state if span.end is None or instant < span.end else None

    def value(self, column: str, instant: datetime) -> object:
        """The value of a column at an instant by its changes, as the change history keeps it.

        Before the first change it is what that change says it was.
        """
        changes = self.changes.get(column, ())
        number = bisect_right(changes, instant, key=lambda change: change["at"])
        if number < len(changes):
            return changes[number]["old"]
        present = self.spans[-1].state if self.spans else {}
        return _text_of(present, column)


def rebuild(
    connection: Connection,
    name: str,
    leader: Key,
    *,
    prefer: Mapping[str, str] | None = None,
    recount: Recount | None = None,
) -> None:
    """Work out the joined record of a leader: its present, its past since they were linked, and its changes.

    `prefer` names, by column, the source whose value counts before the leader's. Of a leader that leads no more, the
    past stays, and its changes are the members' own again. With no membership left, nothing is.
    """
    tables = joined_tables(name)
    assert tables is not None
    mirrored = objects()[name]
    _take_away(connection, name, leader, tables)
    every = memberships(connection, name, leader)
    if not every:
        return
    members = {key: _read(connection, mirrored, key) for key in dict.fromkeys(each.member for each in every)}
    joiner = _Joiner(connection, mirrored, leader, every, members, prefer or {})
    is_open = any(each.until is None for each in every)
    changes = joiner.changes() if is_open else []
    states = joiner.states()
    if recount is not None:
        # What the present state rests on is known with each past one: its changes up to then.
        for start, _, state in states:
            state.update(recount(state, [change for change in changes if change["at"] <= start]))
        states = _drawn_together(states)
    if is_open and states and states[-1][1] is None:
        start, _, state = states.pop()
        if recount is not None:
            state.update(recount(state, changes))
        _insert(connection, tables.present, {**state, "valid_from": start})
    for start, end, state in states:
        _insert(connection, tables.past, {**state, "valid_from": start, "valid_to": end})
    if changes:
        connection.execute(insert(JOINED_CHANGE), changes)


def _insert(connection: Connection, table: Table, row: State) -> None:
    # JSON takes None for its own null, and the mirrored tables have the database's.
    connection.execute(insert(table).values({**row, "custom": null() if row["custom"] is None else row["custom"]}))


def _take_away(connection: Connection, name: str, leader: Key, tables: JoinedTables) -> None:
    for table in tables:
        connection.execute(delete(table).where(table.c.source == leader[0], table.c.id == leader[1]))
    c = JOINED_CHANGE.c
    connection.execute(delete(JOINED_CHANGE).where(c.object == name, c.source == leader[0], c.record_id == leader[1]))


def _read(connection: Connection, mirrored: MirroredObject, key: Key) -> _Member:
    member = _Member(key)
    source, record_id = key
    past, present = mirrored.version_table, mirrored.table
    query = select(past).where(past.c.source == source, past.c.id == record_id).order_by(past.c.valid_from)
    for row in connection.execute(query).mappings():
        state = {column: value for column, value in row.items() if column != "valid_to"}
        member.spans.append(_Span(row["valid_from"], row["valid_to"], state))
    query = select(present).where(present.c.source == source, present.c.id == record_id)
    for row in connection.execute(query).mappings():
        member.spans.append(_Span(row["valid_from"], None, dict(row)))
    c = CHANGE.c
    told = select(CHANGE).where(c.object == mirrored.name, c.source == source, c.record_id == record_id)
    for change in connection.execute(told.order_by(c.at, c.id)).mappings():
        member.changes.setdefault(change["field"], []).append(change)
    return member


class _Joiner:
    """Joins the members of one leader."""

    def __init__(
        self,
        connection: Connection,
        mirrored: MirroredObject,
        leader: Key,
        every: Sequence[Membership],
        members: Mapping[Key, _Member],
        prefer: Mapping[str, str],
    ) -> None:
        self._connection = connection
        self._mirrored = mirrored
        self._leader = leader
        self._every = every
        self._members = members
        self._prefer = prefer
        self._names: dict[tuple[str, Key], str | None] = {}
        self._translated: dict[tuple[str, Key], str | None] = {}

    def states(self) -> list[tuple[datetime, datetime | None, State]]:
        """The joined states, oldest first, each with its beginning and end, since they were linked."""
        cuts = {each.since for each in self._every} | {each.until for each in self._every if each.until is not None}
        for each in self._every:
            for span in self._members[each.member].spans:
                for instant in (span.start, span.end):
                    if instant is not None and each.since < instant and (each.until is None or instant < each.until):
                        cuts.add(instant)
        found: list[tuple[datetime, datetime | None, State]] = []
        ordered = sorted(cuts)
        for start, end in zip(ordered, [*ordered[1:], None], strict=True):
            members = self._active(start)
            state = self._joined(members, start)  # of the leader alone, too, where who it was one with was erased
            if state is not None:
                found.append((start, end, state))
        return _drawn_together(found)

    def changes(self) -> list[dict[str, Any]]:
        """How what the present members say together came to be so: each change once, oldest first, ids left out."""
        members = [
            self._members[each.member] for each in members_of(self._connection, self._mirrored.name, self._leader)
        ]
        columns = dict.fromkeys(column for member in members for column in sorted(member.changes))
        found: list[dict[str, Any]] = []
        for column in columns:
            causes: dict[datetime, RowMapping] = {}
            ranked = self._ranked(members, column)
            for member in reversed(ranked):  # where two tell of one instant, the one that counts is the cause
                causes.update(
                    {change["at"]: change for name in _unit(column) for change in member.changes.get(name, ())}
                )
                causes.update({change["at"]: change for change in member.changes.get(column, ())})
            before: object = _BEGINNING
            for at in sorted(causes):
                if before is _BEGINNING:
                    before = self._value(ranked, column, _just_before(at))
                value = self._value(ranked, column, at)
                if value != before:
                    cause = causes[at]
                    found.append({
                        "object": self._mirrored.name, "source": self._leader[0], "record_id": self._leader[1],
                        "field": column, "at": at, "old": before, "new": value, "by": cause["by"],
                        "run_id": cause["run_id"], "cause": cause["cause"],
                    })  # fmt: skip
                before = value
        return sorted(found, key=lambda change: (change["at"], change["field"]))

    def _active(self, instant: datetime) -> list[_Member]:
        """The members at an instant, the leader first, then in the order in which they were linked."""
        return [
            self._members[each.member]
            for each in self._every
            if each.since <= instant and (each.until is None or instant < each.until)
        ]

    def _ranked(self, members: Sequence[_Member], column: str) -> list[_Member]:
        """The members in the order in which their values count for a column."""
        preferred = self._prefer.get(_unit(column)[0], self._prefer.get(column))
        return sorted(members, key=lambda member: member.key[0] != preferred) if preferred else list(members)

    def _value(self, ranked: Sequence[_Member], column: str, instant: datetime) -> object:
        """What the members say of a column at an instant, by their changes: that of the first who says something."""
        leading = _unit(column)[0]
        for member in ranked:
            if member.value(leading, instant) is not None:
                return self._told_by(member, column, member.value(column, instant))
        return None

    def _told_by(self, member: _Member, column: str, value: object) -> object:
        """A member's value as the leader's CRM would say it."""
        if column not in REFERENCES or value is None or member.key[0] == self._leader[0]:
            return value
        return self._in_leaders_crm(REFERENCES[column], (member.key[0], str(value)))

    def _joined(self, members: Sequence[_Member], instant: datetime) -> State | None:
        """What they say together at an instant; None where none of them was known then."""
        there = [(member, state) for member in members if (state := member.at(instant)) is not None]
        if not there:
            return None
        joined: State = dict.fromkeys(self._mirrored.table.columns.keys())
        for column in joined.keys() - _BOOKKEEPING - {"custom"}:
            leading = _unit(column)[0]
            for member in self._ranked([each for each, _ in there], column):
                state = next(state for each, state in there if each is member)
                if state.get(leading) is not None:
                    joined[column] = self._told_by(member, column, state[column])
                    break
            else:
                joined[column] = self._default(column)
        joined["custom"] = self._custom(there)
        if "owner_named" in joined:
            joined["owner_named"] = self._owner_named(there, joined["owner_id"])
        deleted = [state["deleted_at"] for _, state in there]
        joined["deleted_at"] = None if None in deleted else max(deleted)
        instants = [state["modified_at"] for _, state in there if state["modified_at"] is not None]
        joined["modified_at"] = max(instants, default=None)
        joined["source"], joined["id"] = self._leader
        joined["run_id"] = max((state["run_id"] for _, state in there if state["run_id"] is not None), default=None)
        joined["stream"] = there[0][1]["stream"]
        return joined

    def _default(self, column: str) -> object:
        default = self._mirrored.table.columns[column].server_default
        if default is None:
            return None
        return {"false": False, "0": 0}[str(default.arg)]  # type: ignore[attr-defined]  # a text of ours

    def _custom(self, there: Sequence[tuple[_Member, State]]) -> dict[str, Any] | None:
        together: dict[str, Any] = {}
        names = dict.fromkeys(name for _, state in there for name in state["custom"] or {})
        for name in names:
            for member in self._ranked([each for each, _ in there], f"custom.{name}"):
                state = next(state for each, state in there if each is member)
                value = (state["custom"] or {}).get(name)
                if value is not None:
                    together[name] = value
                    break
        return together or None

    def _owner_named(self, there: Sequence[tuple[_Member, State]], owner_id: str | None) -> str | None:
        """Who owns it by name, where no owner is known by an id of the leader's CRM."""
        if owner_id is not None:
            return None
        for member, state in there:
            if state["owner_named"] is not None:
                return str(state["owner_named"])
            if state["owner_id"] is not None:
                return self._name_of_owner((member.key[0], str(state["owner_id"])))
        return None

    def _name_of_owner(self, key: Key) -> str | None:
        if ("owner", key) not in self._names:
            owner = objects()["owner"].table.c
            query = select(owner.email, owner.name).where(owner.source == key[0], owner.id == key[1])
            row = self._connection.execute(query).first()
            self._names["owner", key] = None if row is None else row[0] or row[1]
        return self._names["owner", key]

    def _in_leaders_crm(self, name: str, key: Key) -> str | None:
        """The id that a record of another CRM has in the leader's; None where it has none."""
        if (name, key) not in self._translated:
            leader = leaders_of(self._connection, name, [key]).get(key)
            others = members_of(self._connection, name, leader) if leader is not None else []
            ids = [each.member[1] for each in others if each.member[0] == self._leader[0]]
            self._translated[name, key] = ids[0] if ids else None
        return self._translated[name, key]


_BEGINNING = object()


def _just_before(at: datetime) -> datetime:
    return at - timedelta(microseconds=1)


def _unit(column: str) -> tuple[str, ...]:
    """The columns that a column means something together with; the first decides whose they are."""
    return next((unit for unit in UNITS if column in unit), (column,))


def _text_of(state: Mapping[str, Any], column: str) -> str | None:
    """A value of a state as the change history keeps it."""
    if column.startswith("custom."):
        return as_text((state.get("custom") or {}).get(column.removeprefix("custom.")))
    value = state.get(column)
    if value is None:
        return None
    kind: Kind | None = None
    for mirrored in objects().values():
        if column in mirrored.table.columns:
            kind = mirrored.table.columns[column].info.get("kind")
            break
    return as_text(to_stored(kind, value) if kind is not None else value)


def _drawn_together(
    states: Iterable[tuple[datetime, datetime | None, State]],
) -> list[tuple[datetime, datetime | None, State]]:
    """The states without cuts at which nothing changed: a property that differs is a change, bookkeeping is none."""
    drawn: list[tuple[datetime, datetime | None, State]] = []
    for start, end, state in states:
        if drawn and drawn[-1][1] == start and _properties(drawn[-1][2]) == _properties(state):
            drawn[-1] = (drawn[-1][0], end, state)
        else:
            drawn.append((start, end, state))
    return drawn


def _properties(state: State) -> State:
    return {column: value for column, value in state.items() if column not in _LATEST}
