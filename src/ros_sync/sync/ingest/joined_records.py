"""Joined records follow their members: whatever writes a member has what it says with the others worked out anew.

It happens in the transaction that wrote the member, and costs one look where no record is joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ros_sync import clock
from ros_sync.fields import Kind, StoredValue, from_stored, to_stored
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.tables import JOINABLE
from ros_sync.mirror.touched import Touched, any_joined, note, noting
from ros_sync.sync.ingest.deals import HISTORIC, Computed, DealContext, Moved, beside_stored, computed
from ros_sync.sync.one_writer import hold_identities

Key = tuple[str, str]  # source, id
Joined = tuple[str, Key]  # the object and the leader


@contextmanager
def followed_by_joined(connection: Connection, context: DealContext) -> Iterator[None]:
    """A block that writes records; the joined records of which they are members are worked out anew at its end.

    Until the transaction ends, nobody else links records or works joined ones out: what is read of the other members
    is then still true when it is committed.
    """
    with noting(connection) as touched:
        yield
    if touched:
        hold_identities(connection)
        if any_joined(connection):
            rebuild(connection, _of_members(connection, touched), context)


def link(
    connection: Connection,
    name: str,
    leader: Key,
    members: Iterable[Key],
    at: datetime,
    context: DealContext,
    *,
    reason: str,
    by: str,
) -> None:
    """Make records one (`identities.link`), and work out what they say together."""
    from ros_sync.mirror import identities  # noqa: PLC0415  # loaded where records are joined
    from ros_sync.mirror.joined_references import referring  # noqa: PLC0415

    hold_identities(connection)
    identities.link(connection, name, leader, members, at, reason=reason, by=by)
    rebuild(connection, {(name, leader)} | referring(connection, name, leader), context)


def unlink(connection: Connection, name: str, member: Key, at: datetime, context: DealContext, *, reason: str) -> None:
    """End a membership (`identities.unlink`), and work out what is left."""
    from ros_sync.mirror import identities  # noqa: PLC0415  # loaded where records are joined
    from ros_sync.mirror.joined_references import referring  # noqa: PLC0415

    hold_identities(connection)
    leader = identities.unlink(connection, name, member, at, reason=reason)
    rebuild(connection, {(name, leader)} | referring(connection, name, member), context)


def follow_merges(connection: Connection, name: str, source: str, merged: Mapping[str, str], at: datetime) -> None:
    """Let those into which members were merged take their places; they are worked out with what was written."""
    if not merged or not any_joined(connection):
        return
    from ros_sync.mirror import identities  # noqa: PLC0415  # loaded where records are joined
    from ros_sync.mirror.joined_references import referring  # noqa: PLC0415

    hold_identities(connection)
    for old in merged:
        for other, leader in referring(connection, name, (source, old)):
            note(connection, other, leader[0], [leader[1]])
    for leader_source, leader_id in identities.follow_merges(connection, name, source, merged, at):
        note(connection, name, leader_source, [leader_id])


def rebuild(connection: Connection, joined: Iterable[Joined], context: DealContext) -> None:
    """Work out these joined records anew."""
    from ros_sync.mirror import joining  # noqa: PLC0415  # loaded where records are joined

    def recount(state: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return _recounted(state, changes, context)

    for name, leader in sorted(joined):
        prefer = context.systems_of_record.get(name)
        joining.rebuild(connection, name, leader, prefer=prefer, recount=recount if name == "deal" else None)


def _of_members(connection: Connection, touched: Touched) -> set[Joined]:
    """The joined records that any of the records written is, or was, a member of."""
    from ros_sync.mirror import identities  # noqa: PLC0415  # loaded where records are joined
    from ros_sync.mirror.joined_references import referring  # noqa: PLC0415

    found: set[Joined] = set()
    for (name, source), ids in touched.items():
        if name in JOINABLE and ids:
            members = [(source, record_id) for record_id in ids]
            found |= {(name, leader) for leader in identities.led_by(connection, name, members)}
        if name == "owner":  # who owns a record of another CRM is named there
            for record_id in ids:
                found |= referring(connection, name, (source, record_id))
    return found


def _recounted(
    state: Mapping[str, Any], changes: Sequence[Mapping[str, Any]], context: DealContext
) -> dict[str, object]:
    """The computed columns of a joined deal, from the changes that its members went through together."""
    moved = [
        Moved(change["field"], clock.to_micros(change["at"]), change["old"], change["new"])
        for change in changes
        if change["field"] in HISTORIC
    ]
    stored = {name: to_stored(Kind.INSTANT, state[name]) for name in ("created_at", "stage_entered_at", "advanced_at")}
    columns = computed(
        moved,
        created_at=_whole(stored["created_at"]),
        close_date=None if state["close_date"] is None else state["close_date"].isoformat(),
        stage_kind=state["stage_kind"],
        quarter_of=context.quarter_of,
    )
    columns = beside_stored(
        columns,
        moved,
        entered_at=_whole(stored["stage_entered_at"]),
        advanced_at=_whole(stored["advanced_at"]),
        entry_is_given=bool(state["stage_entry_known"]) and not any(each.column == "stage" for each in moved),
    )
    return _as_stored(columns)


def _as_stored(columns: Computed) -> dict[str, object]:
    """Computed columns as SQLAlchemy takes them."""
    kinds = {name: objects()["deal"].table.columns[name].info["kind"] for name in Computed._fields}
    return {name: from_stored(kinds[name], value) for name, value in zip(Computed._fields, columns, strict=True)}


def _whole(value: StoredValue) -> int | None:
    return None if value is None else int(value)
