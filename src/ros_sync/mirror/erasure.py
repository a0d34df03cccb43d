"""Privacy deletion: a person's data leaves the mirror and its history, for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select, union, update

from ros_sync.mirror import links, redirects
from ros_sync.mirror.bookkeeping import CHANGE_EVENT, QUARANTINED_ROW, WRITE_BACK_REQUEST
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.tables import CHANGE, FORMER_LINK, HISTORY_ENTRY, RECORD_LINK
from ros_sync.mirror.touched import any_joined, note

PERSONS = ("contact", "lead")  # the objects that a person may be, under one id
WITHHELD = "activity.subject"  # the `object` under which it is remembered of which activities the subject is not kept


def erase(connection: Connection, source: str, stream: str, ids: Sequence[str], at: datetime) -> None:
    """Erase persons of a source: rows, versions, changes, links, what was quarantined or sent of them.

    `stream` is the vendor's kind of record by which links and events know them. Activities stay, as the deal's; what
    they say of the person alone does not. The ids are remembered, without anything else, so that nothing brings them
    back.
    """
    for start in range(0, len(ids), CHUNK):
        chunk = _with_merged(connection, source, ids[start : start + CHUNK])
        for name in PERSONS:
            mirrored = objects()[name]
            for table in (mirrored.table, mirrored.version_table):
                connection.execute(delete(table).where(table.c.source == source, table.c.id.in_(chunk)))
            _forget_changes(connection, source, name, chunk)
            redirects.erased(connection, source, name, chunk, at)
            _forget_joined(connection, source, name, chunk, at)
        _forget_activities(connection, source, stream, chunk, at)  # before their links, by which activities are found
        links.forget(connection, source, stream, chunk)
        links.forget_former(connection, source, stream, chunk)
        for table, of_persons in (
            (QUARANTINED_ROW, QUARANTINED_ROW.c.file == stream),
            (CHANGE_EVENT, CHANGE_EVENT.c.stream == stream),
            (HISTORY_ENTRY, HISTORY_ENTRY.c.stream == stream),
            (WRITE_BACK_REQUEST, WRITE_BACK_REQUEST.c.object.in_(PERSONS)),
        ):
            theirs = (table.c.source == source) & table.c.record_id.in_(chunk)
            connection.execute(delete(table).where(theirs, of_persons))


def _with_merged(connection: Connection, source: str, ids: Sequence[str]) -> list[str]:
    """These persons and the records that were merged into them, which tell of the same person."""
    found = dict.fromkeys(ids)
    for name in PERSONS:
        for record_id in ids:
            found |= dict.fromkeys(redirects.history_ids(connection, source, name, record_id))
    return list(found)


def _forget_joined(connection: Connection, source: str, name: str, ids: Sequence[str], at: datetime) -> None:
    """Take erased persons out of the records that they were one with, or that name them.

    What the others say together is worked out at the end of the transaction (`sync/ingest/joined_records.py`).
    """
    if not any_joined(connection):
        return
    from ros_sync.mirror import identities, joining  # noqa: PLC0415  # loaded where records are joined
    from ros_sync.mirror.joined_references import referring  # noqa: PLC0415

    for record_id in ids:
        for other, leader in referring(connection, name, (source, record_id)):
            note(connection, other, leader[0], [leader[1]])
    for leader in identities.forget(connection, name, source, ids, at):
        joining.take_away(connection, name, leader)
        note(connection, name, leader[0], [leader[1]])


def _forget_changes(connection: Connection, source: str, name: str, ids: Iterable[str]) -> None:
    mine = (CHANGE.c.object == name) & (CHANGE.c.source == source)
    connection.execute(delete(CHANGE).where(mine, CHANGE.c.record_id.in_(ids)))


def withheld(connection: Connection, source: str, ids: Sequence[str]) -> set[str]:
    """Those of these activities whose subject is not kept, as they were with a person who was erased."""
    if not redirects.any_of(connection, source, WITHHELD):
        return set()
    return set(redirects.resolve(connection, source, WITHHELD, ids))


def _forget_activities(connection: Connection, source: str, stream: str, ids: Sequence[str], at: datetime) -> None:
    """Activities with these persons lose their subject and the person, in the past too, and never get it back."""
    mirrored = objects()["activity"]
    touched = _linked_activities(connection, source, stream, ids)
    for table in (mirrored.table, mirrored.version_table):
        about = (table.c.source == source) & or_(table.c.contact_id.in_(ids), table.c.lead_id.in_(ids))
        touched.update(connection.execute(select(table.c.id).where(about)).scalars())
    withhold(connection, source, sorted(touched), ids, at)


def withhold(
    connection: Connection, source: str, activities: Sequence[str], persons: Sequence[str], at: datetime
) -> None:
    """Keep no subject of these activities, now or ever, nor that they were with these persons."""
    mirrored = objects()["activity"]
    for start in range(0, len(activities), CHUNK):
        chunk = activities[start : start + CHUNK]
        redirects.erased(connection, source, WITHHELD, chunk, at)
        for table in (mirrored.table, mirrored.version_table):
            here = (table.c.source == source) & table.c.id.in_(chunk)
            connection.execute(update(table).where(here).values(subject=None))
            for column in (table.c.contact_id, table.c.lead_id):
                connection.execute(update(table).where(here, column.in_(persons)).values({column.name: None}))
        note(connection, "activity", source, chunk)
        mentions = CHANGE.c.field.in_(("subject", "contact_id", "lead_id"))
        theirs = (CHANGE.c.object == "activity") & (CHANGE.c.source == source) & CHANGE.c.record_id.in_(chunk)
        connection.execute(delete(CHANGE).where(theirs, mentions))


def _linked_activities(connection: Connection, source: str, stream: str, ids: Sequence[str]) -> set[str]:
    """The activities that are linked with these persons, whichever side tells of it.

    The row of an activity names one person, its links all of them, those that have ended among them: which side is read
    first after an erasure is chance. Which streams are activities is not known here, so that
    every record is looked for among them. Where several streams feed activities, their ids begin with the stream
    (`calls/501`), and the other side's links lack that.
    """
    told = []
    for c in (RECORD_LINK.c, FORMER_LINK.c):
        told.append(select(c.stream, c.record_id).where(c.source == source, c.to_stream == stream, c.to_id.in_(ids)))
        told.append(select(c.to_stream, c.to_id).where(c.source == source, c.stream == stream, c.record_id.in_(ids)))
    named: dict[str, set[str]] = {}  # by id, the streams of which it may be
    for kind, other in connection.execute(union(*told)):
        for each in (other, f"{kind}/{other}"):
            named.setdefault(each, set()).add(kind)
    candidates = sorted(named)
    found: set[str] = set()
    mirrored = objects()["activity"]
    for start in range(0, len(candidates), CHUNK):
        for table in (mirrored.table, mirrored.version_table):
            there = (table.c.source == source) & table.c.id.in_(candidates[start : start + CHUNK])
            for record_id, kind in connection.execute(select(table.c.id, table.c.stream).where(there)):
                bare = "/" not in record_id  # then a deal may have the same number
                if not bare or kind is None or kind in named[record_id]:
                    found.add(record_id)
    return found
