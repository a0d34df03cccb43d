"""Which records belong together: the associations of the CRM, as they are at present."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, delete, insert, or_, select, tuple_

from ros_sync.mirror.insertion import insert_or
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.tables import FORMER_LINK, RECORD_LINK

PRIMARY = "primary"  # the label under which a CRM knows the one that counts; compared without regard to case


LinkTarget = tuple[str, str, str]  # stream, id, label
Ended = Callable[[str, Sequence[str]], Collection[str]]  # those of a stream's records (by id) that have ended


def set_links(
    connection: Connection,
    source: str,
    stream: str,
    links: Mapping[str, Iterable[LinkTarget]],
    now: datetime,
    *,
    kinds: Collection[str],
    ended: Ended,
    lasting: Collection[str] = (),
) -> tuple[set[str], set[tuple[str, str]]]:
    """Make these records have exactly these links with the streams of `kinds`.

    Gives the ids of those whose links changed, and the (stream, id) of the other ends that were won or lost.

    Only what differs is written. `ended` names those of a stream's records that the CRM thinks deleted: a link with one
    of them stays, as the CRM does not tell of it until the record is restored. Links with the streams of `lasting` are
    remembered when they end.
    """
    changed: set[str] = set()
    ends: set[tuple[str, str]] = set()
    ids = list(links)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        stored = _stored(connection, source, stream, chunk, kinds)
        new, gone = [], []
        for record_id in chunk:
            wanted, known = set(links[record_id]), stored.get(record_id, set())
            new += [(record_id, *target) for target in wanted - known]
            gone += [(record_id, *target) for target in known - wanted]
        # A deleted end is not told of, and comes back with its links when it is restored.
        gone = _without_ended(gone, ended)
        changed.update(row[0] for row in (*new, *gone))
        ends.update((row[1], row[2]) for row in (*new, *gone))
        # Noted before anybody can erase one of the ends: what was said with a person goes with them.
        _remove(connection, source, stream, gone)
        remember(connection, source, [(stream, *row[:3]) for row in gone if row[1] in lasting], now)
        if new:
            names = ("record_id", "to_stream", "to_id", "label")
            fixed = {"source": source, "stream": stream, "since": now}
            connection.execute(insert(RECORD_LINK), [fixed | dict(zip(names, row, strict=True)) for row in sorted(new)])
    return changed, ends


def lost(
    connection: Connection,
    source: str,
    stream: str,
    links: Mapping[str, Iterable[LinkTarget]],
    kinds: Collection[str],
) -> dict[str, list[str]]:
    """By stream, the records to which these (with the links that they have now) had a link and have none any more."""
    found: dict[str, set[str]] = defaultdict(set)
    ids = list(links)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        stored = _stored(connection, source, stream, chunk, kinds)
        for record_id in chunk:
            there = {(to_stream, to_id) for to_stream, to_id, _ in links[record_id]}
            for to_stream, to_id, _ in stored.get(record_id, ()):
                if (to_stream, to_id) not in there:
                    found[to_stream].add(to_id)
    return {to_stream: sorted(theirs) for to_stream, theirs in found.items()}


def _without_ended(rows: Sequence[tuple[str, str, str, str]], ended: Ended) -> list[tuple[str, str, str, str]]:
    """The rows whose other end has not ended."""
    deleted: set[tuple[str, str]] = set()
    for to_stream in sorted({row[1] for row in rows}):
        ids = sorted({row[2] for row in rows if row[1] == to_stream})
        deleted.update((to_stream, each) for each in ended(to_stream, ids))
    return [row for row in rows if (row[1], row[2]) not in deleted]


def ended_among(connection: Connection, source: str, table: Table | None, ids: Sequence[str]) -> set[str]:
    """Those of these records that are deleted; none where their table is not known."""
    found: set[str] = set()
    for start in range(0, len(ids) if table is not None else 0, CHUNK):
        assert table is not None
        query = select(table.c.id).where(
            table.c.source == source, table.c.id.in_(ids[start : start + CHUNK]), table.c.deleted_at.is_not(None)
        )
        found.update(connection.execute(query).scalars())
    return found


def preferred(found: Iterable[tuple[str, str]], label: str | None = None) -> str | None:
    """Of the (id, label) of a record's links the id that counts: see `linked`."""
    wanted = (label or PRIMARY).casefold()
    return min(((its.casefold() != wanted, len(each), each) for each, its in found), default=(True, 0, None))[2]


def mirror_links(
    connection: Connection,
    source: str,
    stream: str,
    ids: Sequence[str],
    other: str,
    now: datetime,
    *,
    lasting: bool = False,
) -> set[str]:
    """Make the links that records of `other` have with these say what these say; the ids of those that changed.

    Labels are the side's own: a link that is new from there has none until it is read from there. With `lasting`, those
    that end are remembered.
    """
    c = RECORD_LINK.c
    changed: set[str] = set()
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        ours = select(c.record_id, c.to_id).where(
            c.source == source, c.stream == stream, c.to_stream == other, c.record_id.in_(chunk)
        )
        theirs = select(c.to_id, c.record_id).where(
            c.source == source, c.stream == other, c.to_stream == stream, c.to_id.in_(chunk)
        )
        wanted, known = (set(map(tuple, connection.execute(query))) for query in (ours, theirs))
        new = [
            {"source": source, "stream": other, "record_id": there, "to_stream": stream, "to_id": here, "label": "",
             "since": now}
            for here, there in sorted(wanted - known)
        ]  # fmt: skip
        if new:
            connection.execute(insert(RECORD_LINK), new)
        if lasting:
            remember(connection, source, [(other, there, stream, here) for here, there in known - wanted], now)
        for here, there in sorted(known - wanted):
            pair = (c.stream == other) & (c.record_id == there) & (c.to_stream == stream) & (c.to_id == here)
            connection.execute(delete(RECORD_LINK).where(c.source == source, pair))
        changed.update(there for _, there in wanted ^ known)
    return changed


def repoint(connection: Connection, source: str, stream: str, merged: Mapping[str, str], now: datetime) -> None:
    """What was linked with a record that was merged (old id -> new id) is linked with the new one.

    Its own links end.
    """
    c = RECORD_LINK.c
    ids = list(merged)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        query = select(c.stream, c.record_id, c.to_id, c.label).where(
            c.source == source, c.to_stream == stream, c.to_id.in_(chunk)
        )
        moved = {(name, each, merged[old], label) for name, each, old, label in connection.execute(query)}
        there = select(c.stream, c.record_id, c.to_id, c.label).where(
            c.source == source, c.to_stream == stream, c.to_id.in_({new for _, _, new, _ in moved})
        )
        moved -= set(map(tuple, connection.execute(there))) if moved else set()
        rows = [
            {"source": source, "stream": name, "record_id": each, "to_stream": stream, "to_id": new, "label": label,
             "since": now}
            for name, each, new, label in sorted(moved)
        ]  # fmt: skip
        if rows:
            connection.execute(insert(RECORD_LINK), rows)
    forget(connection, source, stream, ids)


def linked(
    connection: Connection,
    source: str,
    stream: str,
    ids: Sequence[str],
    to_stream: str,
    *,
    label: str | None = None,
    ended: Table | None = None,
) -> dict[str, list[str]]:
    """The ids of the records of `to_stream` that each of these is linked with.

    Those under the preferred `label` (`primary` unless given) come first, then by id, lowest number first. Those that
    are deleted in `ended`, the present records of that stream, are left out.
    """
    wanted = (label or PRIMARY).casefold()
    c = RECORD_LINK.c
    ranked: dict[str, dict[str, bool]] = defaultdict(dict)
    for start in range(0, len(ids), CHUNK):
        query = select(c.record_id, c.to_id, c.label).where(
            c.source == source,
            c.stream == stream,
            c.to_stream == to_stream,
            c.record_id.in_(ids[start : start + CHUNK]),
        )
        if ended is not None:
            over = select(ended.c.id).where(
                ended.c.source == c.source, ended.c.id == c.to_id, ended.c.deleted_at.is_not(None)
            )
            query = query.where(~over.correlate(RECORD_LINK).exists())
        for record_id, to_id, its_label in connection.execute(query):
            ranked[record_id][to_id] = ranked[record_id].get(to_id, False) or its_label.casefold() == wanted
    return {
        record_id: sorted(found, key=lambda to_id: (not found[to_id], len(to_id), to_id))  # used at once
        for record_id, found in ranked.items()
    }


def linked_to(
    connection: Connection, source: str, to_stream: str, to_ids: Sequence[str], stream: str
) -> dict[str, list[str]]:
    """The other way round: the ids of the records of `stream` that are linked with each of these of `to_stream`."""
    c = RECORD_LINK.c
    found: dict[str, set[str]] = defaultdict(set)
    for start in range(0, len(to_ids), CHUNK):
        query = select(c.to_id, c.record_id).where(
            c.source == source,
            c.to_stream == to_stream,
            c.stream == stream,
            c.to_id.in_(to_ids[start : start + CHUNK]),
        )
        for to_id, record_id in connection.execute(query):
            found[to_id].add(record_id)
    return {to_id: sorted(ids, key=lambda each: (len(each), each)) for to_id, ids in found.items()}


def remember(connection: Connection, source: str, rows: Iterable[tuple[str, str, str, str]], now: datetime) -> None:
    """Note links (stream, id, stream, id) that have ended: the person at one end may yet be erased."""
    names = ("stream", "record_id", "to_stream", "to_id")
    values = [{"source": source, "ended_at": now} | dict(zip(names, row, strict=True)) for row in sorted(set(rows))]
    if values:
        connection.execute(insert_or(connection.dialect, FORMER_LINK).on_conflict_do_nothing(), values)


def has_links(connection: Connection, source: str, stream: str) -> bool:
    """Whether anything is kept of the links of a stream's records."""
    query = (
        select(RECORD_LINK.c.record_id).where(RECORD_LINK.c.source == source, RECORD_LINK.c.stream == stream).limit(1)
    )
    return connection.execute(query).first() is not None


def forget(connection: Connection, source: str, stream: str, ids: Sequence[str]) -> None:
    """Remove every link from and to these records."""
    c = RECORD_LINK.c
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        from_it = (c.stream == stream) & c.record_id.in_(chunk)
        to_it = (c.to_stream == stream) & c.to_id.in_(chunk)
        connection.execute(delete(RECORD_LINK).where(c.source == source, or_(from_it, to_it)))


def forget_former(connection: Connection, source: str, stream: str, ids: Sequence[str]) -> None:
    """Remove what is remembered of links that these records had."""
    c = FORMER_LINK.c
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        its = or_((c.stream == stream) & c.record_id.in_(chunk), (c.to_stream == stream) & c.to_id.in_(chunk))
        connection.execute(delete(FORMER_LINK).where(c.source == source, its))


def _stored(
    connection: Connection, source: str, stream: str, ids: Sequence[str], kinds: Collection[str]
) -> dict[str, set[LinkTarget]]:
    c = RECORD_LINK.c
    query = select(c.record_id, c.to_stream, c.to_id, c.label).where(
        c.source == source, c.stream == stream, c.record_id.in_(ids), c.to_stream.in_(sorted(kinds))
    )
    found: dict[str, set[LinkTarget]] = defaultdict(set)
    for record_id, to_stream, to_id, label in connection.execute(query):
        found[record_id].add((to_stream, to_id, label))
    return found


def _remove(connection: Connection, source: str, stream: str, gone: Sequence[tuple[str, str, str, str]]) -> None:
    c = RECORD_LINK.c
    for start in range(0, len(gone), CHUNK):
        keys = tuple_(c.record_id, c.to_stream, c.to_id, c.label).in_(gone[start : start + CHUNK])
        connection.execute(delete(RECORD_LINK).where(c.source == source, c.stream == stream, keys))
