"""The one door to records: whoever judges, counts or tells of them asks here, and learns nothing of CRMs.

`records_of("deal")` are the deals at present, `records_of("deal", at)` as they were, `changes_of("deal")` how they came
to be so. A record that several CRMs have is there once, as its leader, with what its members say together; all others
are the mirrored rows. What they are called is the same in each: the columns of the mirrored table, or of `change`.

Packages above the mirror may register objects of their own (`register`): a forecast is asked for as a deal is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, FromClause, and_, delete, exists, or_, select, union_all

from ros_sync.mirror.as_of import as_of
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.identity_tables import ERASED_MEMBER, RECORD_IDENTITY
from ros_sync.mirror.joined_tables import JOINED_CHANGE, joined_tables
from ros_sync.mirror.redirects import ERASED
from ros_sync.mirror.tables import CHANGE, REDIRECT

Key = tuple[str, str]  # source, id
_IDENTITY = RECORD_IDENTITY.c


@dataclass(frozen=True, slots=True)
class RegisteredObject:
    """An object of a package above the mirror: selectables with the columns `source`, `id` and `deleted_at` at least.

    `past` gives the records as they were at an instant, `changes` has the columns of the table `change`.
    """

    name: str
    present: FromClause
    past: Callable[[datetime], FromClause] | None = None
    changes: FromClause | None = None


_registered: dict[str, RegisteredObject] = {}


def register(entry: RegisteredObject) -> None:
    """Make an object known under its name; ValueError where the name is taken by another one."""
    if entry.name in objects() or _registered.setdefault(entry.name, entry) is not entry:
        raise ValueError(f"there is an object {entry.name!r} already")


def names() -> tuple[str, ...]:
    """The names of all objects: the mirrored ones, then the registered ones."""
    return (*objects(), *_registered)


def records_of(name: str, at: datetime | None = None) -> FromClause:
    """The records of an object at present, or as they were at the instant `at`; LookupError where there is no such one.

    Deleted ones are among them (`deleted_at`). A record is missing before the mirror first knew of it. Records that
    were linked are one from then on: before, `at` gives each of them.
    """
    if (other := _registered.get(name)) is not None:
        if at is None:
            return other.present
        if other.past is None:
            raise LookupError(f"the past of {name} is not kept")
        return other.past(at)
    return _present(name) if at is None else _past(_mirrored(name), at)


@cache
def changes_of(name: str) -> FromClause:
    """The changes of an object's records, with the columns of `change`; of a joined record each change is there once.

    LookupError where there is no such object, or where its changes are not kept.
    """
    if (other := _registered.get(name)) is not None:
        if other.changes is None:
            raise LookupError(f"the changes of {name} are not kept")
        return other.changes
    own = select(*CHANGE.columns).where(CHANGE.c.object == _mirrored(name).name)
    if joined_tables(name) is None:
        return own.subquery("changes")
    joined = select(*JOINED_CHANGE.columns).where(JOINED_CHANGE.c.object == name)
    own = own.where(_is_alone(name, CHANGE.c.source, CHANGE.c.record_id))
    return union_all(own, joined).subquery("changes")


def own_records_of(name: str) -> FromClause:
    """What each CRM itself has, whoever it belongs together with: for those who look people up by any of their ids."""
    return _mirrored(name).table


@cache
def _present(name: str) -> FromClause:
    mirrored, joined = _mirrored(name), joined_tables(name)
    if joined is None:
        return mirrored.table
    own = mirrored.table
    alone = select(*own.columns).where(_is_alone(name, own.c.source, own.c.id))
    return union_all(alone, select(*joined.present.columns)).subquery(name)


def _past(mirrored: MirroredObject, at: datetime) -> FromClause:
    own, joined = as_of(mirrored, at), joined_tables(mirrored.name)
    if joined is None:
        return own
    columns = [column.name for column in mirrored.table.columns]
    present, past = joined
    within = (_IDENTITY.valid_from <= at) & (_IDENTITY.valid_to.is_(None) | (_IDENTITY.valid_to > at))
    member = exists().where(_same_member(mirrored.name, own.c.source, own.c.id), within)
    return union_all(
        select(*own.c).where(~member),
        select(*present.columns).where(present.c.valid_from <= at),
        select(*(past.c[column] for column in columns)).where(past.c.valid_from <= at, past.c.valid_to > at),
    ).subquery(mirrored.name)


def _same_member(name: str, source: ColumnElement[str], record_id: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(_IDENTITY.object == name, _IDENTITY.member_source == source, _IDENTITY.member_id == record_id)


def _is_alone(name: str, source: ColumnElement[str], record_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a row is no member of an identity. Where there is none at all, that is asked once and not of each row."""
    member = exists().where(_same_member(name, source, record_id), _IDENTITY.valid_to.is_(None))
    none = ~exists().where(_IDENTITY.object == name, _IDENTITY.valid_to.is_(None))
    return or_(none, ~member)


def _mirrored(name: str) -> MirroredObject:
    found = objects().get(name)
    if found is None:
        raise LookupError(f"there is no object {name!r}")
    return found


def is_erased(name: str, records: FromClause) -> ColumnElement[bool]:
    """Whether a record's person was erased, or was merged into one who was: a condition on `records` of the object."""
    own, other = REDIRECT.alias("own"), REDIRECT.alias("other")
    into = (other.c.source == own.c.source) & (other.c.object == own.c.object) & (other.c.old_id == own.c.new_id)
    merged = select(other.c.old_id).where(into, other.c.new_id == ERASED).correlate(own).exists()
    same = (own.c.source == records.c.source) & (own.c.object == name) & (own.c.old_id == records.c.id)
    return select(own.c.old_id).where(same, or_(own.c.new_id == ERASED, merged)).correlate(records).exists()


def erased_ids(connection: Connection, among: Iterable[str]) -> dict[Key, list[str]]:
    """By source and object (of those in `among`), the ids of persons who were erased, and of those merged into them."""
    own, other = REDIRECT.alias("own"), REDIRECT.alias("other")
    into = (other.c.source == own.c.source) & (other.c.object == own.c.object) & (other.c.old_id == own.c.new_id)
    query = (
        select(own.c.source, own.c.object, own.c.old_id)
        .join_from(own, other, and_(into, other.c.new_id == ERASED), isouter=True)
        .where(own.c.object.in_(list(among)), or_(own.c.new_id == ERASED, other.c.old_id.is_not(None)))
        .order_by(own.c.source, own.c.object, own.c.old_id)
    )
    found: dict[Key, list[str]] = {}
    for source, name, record_id in connection.execute(query):
        found.setdefault((source, name), []).append(record_id)
    return found


def leaders_of_erased(connection: Connection) -> list[tuple[str, str, str]]:
    """The leaders (object, source, id) of which a member was erased: what was said of them may be the erased person's.

    Whoever has taken that away says so (`forgotten`).
    """
    c = ERASED_MEMBER.c
    query = select(c.object, c.leader_source, c.leader_id).order_by(c.object, c.leader_source, c.leader_id)
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def forgotten(connection: Connection, leaders: Iterable[tuple[str, str, str]]) -> None:
    """Note that nothing is left of what was said of these leaders (object, source, id) before a member was erased."""
    c = ERASED_MEMBER.c
    for name, source, record_id in leaders:
        here = (c.object == name) & (c.leader_source == source) & (c.leader_id == record_id)
        connection.execute(delete(ERASED_MEMBER).where(here))
