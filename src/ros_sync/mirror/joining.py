"""What the members of an identity say together, worked out of what each of them says.

Of each property the leader's value counts, and where it has none, the next member's: that of whoever was linked first.
A *system of record* may be named for a property instead (`prefer`). Properties that mean something together alone (an
amount and its currency, a stage and its kind) come from one member. Ids of other records are those of the leader's CRM,
through their own identities; an owner who has no id there is named. A joined record is deleted when every member is,
and a deleted member is asked last.

Present, past and changes are worked out anew as a whole whenever a member is written: nothing is kept that would have
to be brought up to date, and the members' own rows stay untouched.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, insert, select

from ros_sync.fields import Kind, to_stored
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.identities import Key, Membership, led_by, memberships
from ros_sync.mirror.joined_tables import JOINED_CHANGE, joined_tables
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
_DELETED = "deleted_at"
_LATEST = frozenset(("modified_at", "run_id", "stream"))  # what is no property: a state that differs in these is none

State = dict[str, Any]
Recount = Callable[[State, Sequence[Mapping[str, Any]]], State]
"""The computed columns of a state, given it and the changes up to then (rows of `change`), oldest first."""


class _JoinedState(NamedTuple):
    """What the members say together, from one instant to the next."""

    start: datetime
    end: datetime | None
    state: State
    members: tuple[Key, ...]


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
    take_away(connection, name, leader)
    every = memberships(connection, name, leader)
    if not every:
        return
    members = {key: _read(connection, mirrored, key) for key in dict.fromkeys(each.member for each in every)}
    joiner = _Joiner(connection, mirrored, leader, every, members, prefer or {})
    states = joiner.states()
    if recount is not None:
        # What a state rests on is what its members had gone through by then, together: an identity that has ended
        # since, or has lost a member, had counted no less.
        for each in states:
            history = joiner.changes(each.members)
            is_present = each.end is None and each is states[-1]
            known = history if is_present else [change for change in history if change["at"] <= each.start]
            each.state.update(recount(each.state, known))
    drawn = _drawn_together(states)
    if drawn and drawn[-1].end is None and any(each.until is None for each in every):
        present = drawn.pop()
        connection.execute(insert(tables.present), [{**present.state, "valid_from": present.start}])
        if changes := joiner.changes(present.members):
            connection.execute(insert(JOINED_CHANGE), changes)
    if drawn:
        past = [{**each.state, "valid_from": each.start, "valid_to": each.end} for each in drawn]
        connection.execute(insert(tables.past), past)


def take_away(connection: Connection, name: str, leader: Key) -> None:
    """Take the joined record of a leader away, its past and its changes; the members' own stay."""
    tables = joined_tables(name)
    assert tables is not None
    for table in tables:
        connection.execute(delete(table).where(table.c.source == leader[0], table.c.id == leader[1]))
    c = JOINED_CHANGE.c
    mine = (c.object == name) & (c.source == leader[0]) & (c.record_id == leader[1])
    connection.execute(delete(JOINED_CHANGE).where(mine))


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
        self._names: dict[Key, str | None] = {}
        self._others: dict[tuple[str, Key], list[tuple[datetime, datetime | None, str]]] = {}
        self._histories: dict[tuple[Key, ...], list[dict[str, Any]]] = {}

    def states(self) -> list[_JoinedState]:
        """The joined states, oldest first, each with its beginning and end, since they were linked."""
        cuts = {each.since for each in self._every} | {each.until for each in self._every if each.until is not None}
        for each in self._every:
            inside = {instant for span in self._members[each.member].spans for instant in (span.start, span.end)}
            inside |= self._moments_of_references(each.member)
            cuts |= {
                instant
                for instant in inside
                if instant is not None and each.since < instant and (each.until is None or instant < each.until)
            }
        found: list[_JoinedState] = []
        ordered = sorted(cuts)
        for start, end in zip(ordered, [*ordered[1:], None], strict=True):
            members = self._active(start)
            state = self._joined(members, start)  # of the leader alone, too, where who it was one with was erased
            if state is not None:
                found.append(_JoinedState(start, end, state, tuple(member.key for member in members)))
        return found

    def changes(self, keys: tuple[Key, ...]) -> list[dict[str, Any]]:
        """How what these members say together came to be so: each change once, oldest first, ids left out."""
        if keys not in self._histories:
            self._histories[keys] = self._changes([self._members[key] for key in keys])
        return self._histories[keys]

    def _changes(self, members: Sequence[_Member]) -> list[dict[str, Any]]:
        columns = dict.fromkeys(column for member in members for column in sorted(member.changes))
        found: list[dict[str, Any]] = []
        for column in columns:
            causes: dict[datetime, RowMapping] = {}
            ranked = self._ranked(members, column)
            # Whose value counts changes with the unit's leading column, and when a member is deleted.
            along = (*_unit(column), _DELETED)
            for member in reversed(ranked):  # where two tell of one instant, the one that counts is the cause
                causes.update({change["at"]: change for name in along for change in member.changes.get(name, ())})
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
        if column == _DELETED:
            said = [member.value(column, instant) for member in ranked]
            return None if None in said else max(map(str, said), key=int)
        leading = _unit(column)[0]
        for member in sorted(ranked, key=lambda member: member.value(_DELETED, instant) is not None):
            if member.value(leading, instant) is not None:
                return self._told_by(member, column, member.value(column, instant), None)
        return None

    def _told_by(self, member: _Member, column: str, value: object, instant: datetime | None) -> object:
        """A member's value as the leader's CRM would say it; `instant`: by what was known then."""
        if column not in REFERENCES or value is None or member.key[0] == self._leader[0]:
            return value
        return self._in_leaders_crm(REFERENCES[column], (member.key[0], str(value)), instant)

    def _joined(self, members: Sequence[_Member], instant: datetime) -> State | None:
        """What they say together at an instant; None where none of them was known then."""
        there = [(member, state) for member in members if (state := member.at(instant)) is not None]
        if not there:
            return None
        there.sort(key=lambda pair: pair[1][_DELETED] is not None)  # who is still there knows better
        told = {member.key: state for member, state in there}
        joined: State = dict.fromkeys(self._mirrored.table.columns.keys())
        for column in joined.keys() - _BOOKKEEPING - {"custom"}:
            leading = _unit(column)[0]
            for member in self._ranked([each for each, _ in there], column):
                state = told[member.key]
                if state.get(leading) is not None:
                    joined[column] = self._told_by(member, column, state[column], instant)
                    break
            else:
                joined[column] = self._default(column)
        joined["custom"] = self._custom(there)
        if "owner_named" in joined:
            joined["owner_named"] = self._owner_named(there, joined["owner_id"])
        deleted = [state[_DELETED] for _, state in there]
        joined[_DELETED] = None if None in deleted else max(deleted)
        instants = [state["modified_at"] for _, state in there if state["modified_at"] is not None]
        joined["modified_at"] = max(instants, default=None)
        joined["source"], joined["id"] = self._leader
        joined["run_id"] = max((state["run_id"] for _, state in there if state["run_id"] is not None), default=None)
        joined["stream"] = told[self._leader]["stream"] if self._leader in told else there[0][1]["stream"]
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
        if key not in self._names:
            owner = objects()["owner"].table.c
            query = select(owner.email, owner.name).where(owner.source == key[0], owner.id == key[1])
            row = self._connection.execute(query).first()
            self._names[key] = None if row is None else row[0] or row[1]
        return self._names[key]

    def _moments_of_references(self, key: Key) -> set[datetime | None]:
        """When records that a member names became one with others, or ceased to be: their ids here change then."""
        moments: set[datetime | None] = set()
        if key[0] == self._leader[0]:
            return moments
        for column, name in REFERENCES.items():
            named = {span.state.get(column) for span in self._members[key].spans} - {None}
            for record_id in named:
                for since, until, _ in self._ids_here(name, (key[0], str(record_id))):
                    moments |= {since, until}
        return moments

    def _in_leaders_crm(self, name: str, key: Key, instant: datetime | None) -> str | None:
        """The id that a record of another CRM had in the leader's at an instant, or has had last; None without one."""
        found = self._ids_here(name, key)
        if instant is None:
            return found[-1][2] if found else None
        fitting = (each for since, until, each in found if since <= instant and (until is None or instant < until))
        return next(fitting, None)

    def _ids_here(self, name: str, key: Key) -> list[tuple[datetime, datetime | None, str]]:
        """The ids that a record of another CRM has had in the leader's, each from one instant to another."""
        if (name, key) not in self._others:
            found: list[tuple[datetime, datetime | None, str]] = []
            for leader in led_by(self._connection, name, {key}):
                every = memberships(self._connection, name, leader)
                own = [each for each in every if each.member == key]
                here = [each for each in every if each.member[0] == self._leader[0]]
                found += [
                    (max(mine.since, its.since), _earlier(mine.until, its.until), its.member[1])
                    for mine in own
                    for its in here
                    if (mine.until is None or its.since < mine.until) and (its.until is None or mine.since < its.until)
                ]
            self._others[name, key] = sorted(found, key=lambda each: each[0])
        return self._others[name, key]


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two ends, of which None is none."""
    return min((each for each in (one, other) if each is not None), default=None)


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


def _drawn_together(states: Iterable[_JoinedState]) -> list[_JoinedState]:
    """The states without cuts at which nothing changed: a property that differs is a change, bookkeeping is none."""
    drawn: list[_JoinedState] = []
    for each in states:
        last = drawn[-1] if drawn else None
        if last is not None and last.end == each.start and _properties(last.state) == _properties(each.state):
            drawn[-1] = _JoinedState(last.start, each.end, each.state, each.members)
        else:
            drawn.append(each)
    return drawn


def _properties(state: State) -> State:
    return {column: value for column, value in state.items() if column not in _LATEST}
