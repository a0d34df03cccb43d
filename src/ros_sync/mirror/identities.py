"""Which records of several CRMs are the same thing, and since when.

An identity has a leader, chosen when it began, and at least one other member; the leader is a member itself. Nothing is
overwritten: a membership that ends gets its `valid_to` and its reason, and linking again is a new row. Whoever links or
unlinks has the joined record worked out anew afterwards (`sync/ingest/joined_records.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, tuple_, update

from ros_sync.errors import PermanentError, Where
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.identity_tables import ERASED_MEMBER, RECORD_IDENTITY
from ros_sync.mirror.insertion import insert_or
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.tables import JOINABLE

Key = tuple[str, str]  # source, id
_C = RECORD_IDENTITY.c
FORGOTTEN = "linked with a person who was erased"
_FEWEST = 2  # records that can be one


class IdentityError(PermanentError):
    """These records cannot be linked, or are not."""


class Membership(NamedTuple):
    """A record was a member of its leader's identity from `since` until `until` (None: it still is)."""

    member: Key
    leader: Key
    since: datetime
    until: datetime | None
    reason: str


def link(
    connection: Connection, name: str, leader: Key, members: Iterable[Key], at: datetime, *, reason: str, by: str
) -> None:
    """Make records of the object `name` one from `at` on, led by `leader`; those that are already stay as they are.

    IdentityError where an object is never joined, where a record belongs to another leader, and where two records of
    one CRM would be one: that is a merge, and made in the CRM; where a record is not in the mirror, and where `at` lies
    before the end of what it was one with before.
    """
    if name not in JOINABLE:
        raise IdentityError(f"records of the object {name!r} are never joined")
    wanted = dict.fromkeys([leader, *members])
    known = leaders_of(connection, name, list(wanted))
    for member, led_by in known.items():
        if led_by != leader:
            words = f"{_named(member)} already belongs to {_named(led_by)}"
            raise IdentityError(words, where=Where(record=_named(member)), hint="unlink it there first")
    together = {member.member for member in members_of(connection, name, leader)} | wanted.keys()
    if len(together) < _FEWEST:
        raise IdentityError(f"{_named(leader)} has nothing to be linked with", where=Where(record=_named(leader)))
    if len({source for source, _ in together}) < len(together):
        raise IdentityError(
            f"{_named(leader)} would be linked with two records of one CRM",
            where=Where(record=_named(leader)),
            hint="merge them in that CRM",
        )
    fresh = [member for member in wanted if member not in known]
    # Two identities of one record at one moment would make two of it, or none.
    _refuse_unknown(connection, name, fresh)
    _refuse_earlier(connection, name, fresh, at)
    rows = [
        {
            "object": name,
            "member_source": member[0],
            "member_id": member[1],
            "leader_source": leader[0],
            "leader_id": leader[1],
            "valid_from": at,
            "reason": reason,
            "linked_by": by,
        }
        for member in fresh
    ]
    if rows:
        connection.execute(insert(RECORD_IDENTITY), rows)


def _refuse_unknown(connection: Connection, name: str, members: Sequence[Key]) -> None:
    for source, record_id in members:
        if not _is_there(connection, name, (source, record_id)):
            key = _named((source, record_id))
            raise IdentityError(f"{key} is not in the mirror", where=Where(record=key), hint="sync its source first")


def _is_there(connection: Connection, name: str, key: Key) -> bool:
    table = objects()[name].table
    there = select(table.c.id).where(table.c.source == key[0], table.c.id == key[1])
    return connection.execute(there).first() is not None


def _refuse_earlier(connection: Connection, name: str, members: Sequence[Key], at: datetime) -> None:
    for source, record_id in members:
        own = (_C.object == name) & (_C.member_source == source) & (_C.member_id == record_id)
        until = connection.execute(select(func.max(_C.valid_to)).where(own)).scalar()
        if until is not None and at < until:
            key = _named((source, record_id))
            words = f"{key} was linked with another record until {until:%Y-%m-%d %H:%M:%S} UTC"
            raise IdentityError(words, where=Where(record=key), hint="link it from then on")


def unlink(connection: Connection, name: str, member: Key, at: datetime, *, reason: str) -> Key:
    """End a record's membership at `at`; its leader. The identity ends with it where fewer than two would be left.

    It ends with its leader, too: who leads is fixed. IdentityError where the record is linked with nothing.
    """
    leader = leaders_of(connection, name, [member]).get(member)
    if leader is None:
        raise IdentityError(f"{_named(member)} is linked with nothing", where=Where(record=_named(member)))
    left = [each.member for each in members_of(connection, name, leader) if each.member != member]
    ending = [member] if member != leader and len(left) > 1 else [member, *left]
    for source, record_id in ending:
        connection.execute(
            update(RECORD_IDENTITY)
            .where(_open(name), _C.member_source == source, _C.member_id == record_id)
            .values(valid_to=at, unlinked_because=reason)
        )
    return leader


def leaders_of(connection: Connection, name: str, members: Sequence[Key], at: datetime | None = None) -> dict[Key, Key]:
    """The leader of each of these records that is one with others, at present or at the instant `at`."""
    when = _open(name) if at is None else _within(name, at)
    found: dict[Key, Key] = {}
    for start in range(0, len(members), CHUNK):
        among = tuple_(_C.member_source, _C.member_id).in_(members[start : start + CHUNK])
        for row in connection.execute(select(RECORD_IDENTITY).where(when, among)).mappings():
            found[row["member_source"], row["member_id"]] = (row["leader_source"], row["leader_id"])
    return found


def members_of(connection: Connection, name: str, leader: Key, at: datetime | None = None) -> list[Membership]:
    """The members of a leader's identity, itself first, at present or at the instant `at`."""
    when = _open(name) if at is None else _within(name, at)
    return _memberships(connection, when, leader)


def memberships(connection: Connection, name: str, leader: Key) -> list[Membership]:
    """Every membership that a leader's identity ever had, the leader's first, then by their beginning."""
    return _memberships(connection, _C.object == name, leader)


def led_by(connection: Connection, name: str, members: Collection[Key]) -> set[Key]:
    """The leaders of every identity that any of these records belongs, or ever belonged, to."""
    found: set[Key] = set()
    wanted = sorted(members)
    for start in range(0, len(wanted), CHUNK):
        among = tuple_(_C.member_source, _C.member_id).in_(wanted[start : start + CHUNK])
        query = select(_C.leader_source, _C.leader_id).where(_C.object == name, among).distinct()
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def follow_merges(connection: Connection, name: str, source: str, merged: Mapping[str, str], at: datetime) -> set[Key]:
    """Let the record into which a member was merged in its CRM take its place; the leaders that this concerns.

    Where the leader itself was merged, an identity led by the record that it went into takes the place of its own. A
    record that belongs to an identity already takes no second place.
    """
    touched: set[Key] = set()
    for old, new in merged.items():
        member, into = (source, old), (source, new)
        leader = leaders_of(connection, name, [member]).get(member)
        if leader is None:
            continue
        others = [each for each in members_of(connection, name, leader) if each.member != member]
        reason = next(each.reason for each in members_of(connection, name, leader) if each.member == member)
        merged_into = f"{_named(member)} was merged into {_named(into)}"
        unlink(connection, name, member, at, reason=merged_into)
        touched.add(leader)
        if leaders_of(connection, name, [into]) or not _is_there(connection, name, into):
            continue
        if member == leader:
            linked = [each.member for each in others if each.member != into]
            link(connection, name, into, linked, at, reason=reason, by=merged_into)
            touched.add(into)
        else:
            link(connection, name, leader, [into, *(each.member for each in others)], at, reason=reason, by=merged_into)
    return touched


def forget(connection: Connection, name: str, source: str, ids: Sequence[str], at: datetime) -> set[Key]:
    """Forget that erased persons were one with others; the leaders whose joined record was theirs, too.

    An identity whose leader was erased, or that has nobody else left, is forgotten as a whole. That there was somebody
    is remembered of the leader, without anything of them, until what was said of it is taken away: it may be theirs.
    """
    keys = [(source, record_id) for record_id in ids]
    leaders = led_by(connection, name, keys)
    for leader_source, leader_id in sorted(leaders):
        led = (_C.object == name) & (_C.leader_source == leader_source) & (_C.leader_id == leader_id)
        here = (_C.member_source == source) & _C.member_id.in_(ids)
        connection.execute(delete(RECORD_IDENTITY).where(led, here))
        left = connection.execute(select(_C.member_source, _C.member_id).where(led).distinct()).all()
        if (leader_source, leader_id) in keys or len(left) < _FEWEST:
            connection.execute(delete(RECORD_IDENTITY).where(led))
        # Why they were the same may be an address of the person's.
        connection.execute(update(RECORD_IDENTITY).where(led).values(reason=FORGOTTEN, unlinked_because=None))
        row = {"object": name, "leader_source": leader_source, "leader_id": leader_id, "erased_at": at}
        insertion = insert_or(connection.dialect, ERASED_MEMBER).values(row)
        keys_of_leader = ["object", "leader_source", "leader_id"]
        connection.execute(insertion.on_conflict_do_update(index_elements=keys_of_leader, set_={"erased_at": at}))
    return leaders


def _memberships(connection: Connection, when: ColumnElement[bool], leader: Key) -> list[Membership]:
    led = (_C.leader_source == leader[0]) & (_C.leader_id == leader[1])
    query = select(RECORD_IDENTITY).where(when, led).order_by(_C.valid_from, _C.id)
    found = [
        Membership((row["member_source"], row["member_id"]), leader, row["valid_from"], row["valid_to"], row["reason"])
        for row in connection.execute(query).mappings()
    ]
    return sorted(found, key=lambda each: each.member != leader)


def _open(name: str) -> ColumnElement[bool]:
    return (_C.object == name) & _C.valid_to.is_(None)


def _within(name: str, at: datetime) -> ColumnElement[bool]:
    return (_C.object == name) & (_C.valid_from <= at) & or_(_C.valid_to.is_(None), _C.valid_to > at)


def _named(key: Key) -> str:
    return f"{key[0]} {key[1]}"
