"""Associations that could not be read: whose they are is kept, and they are read when that is possible again.

One kind of association that is refused keeps neither the records nor their other associations from being followed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, select

from ros_sync.connectors.source import Link, Source, Stream
from ros_sync.errors import DailyLimitError, PermanentError, TransientError
from ros_sync.mirror.bookkeeping import UNLINKED
from ros_sync.mirror.insertion import insert_or
from ros_sync.mirror.portions import CHUNK

Links = dict[str, list[Link]]


def links_of(source: Source, stream: Stream, ids: Sequence[str]) -> tuple[Links, dict[str, str]]:
    """The associations of these records, and by stream why those with it could not be read."""
    try:
        return source.links(stream, ids), {}
    except DailyLimitError:
        raise
    except (PermanentError, TransientError) as error:
        if len(stream.links) == 1:
            return {each: [] for each in ids}, {stream.links[0]: str(error)}
    found: Links = {each: [] for each in ids}
    unread: dict[str, str] = {}
    for to in stream.links:
        more, failed = links_of(source, replace(stream, links=(to,)), ids)
        for each, links in more.items():
            found[each] += links
        unread |= failed
    return found, unread


def readable(stream: Stream, unread: Collection[str]) -> Stream:
    """The stream with those of its associations that could be read."""
    return replace(stream, links=tuple(to for to in stream.links if to not in unread)) if unread else stream


def put_off(
    connection: Connection, source: str, stream: str, ids: Sequence[str], unread: Collection[str], now: datetime
) -> None:
    """Note that the associations of these records with some streams are still to be read."""
    rows = [
        {"source": source, "stream": stream, "record_id": each, "to_stream": to, "since": now}
        for each in dict.fromkeys(ids)
        for to in sorted(unread)
    ]
    if rows:
        connection.execute(insert_or(connection.dialect, UNLINKED).on_conflict_do_nothing(), rows)


def waiting(connection: Connection, source: str) -> dict[tuple[str, str], list[str]]:
    """By stream and stream associated with, the records whose associations are still to be read."""
    c = UNLINKED.c
    found: dict[tuple[str, str], list[str]] = {}
    query = select(c.stream, c.to_stream, c.record_id).where(c.source == source).order_by(c.record_id)
    for stream, to, record_id in connection.execute(query):
        found.setdefault((stream, to), []).append(record_id)
    return found


def done(connection: Connection, source: str, stream: str, ids: Sequence[str], read: Collection[str]) -> None:
    """Note that the associations of these records with some streams have been read."""
    c = UNLINKED.c
    for start in range(0, len(ids), CHUNK):
        chunk = c.record_id.in_(ids[start : start + CHUNK])
        here = (c.source == source, c.stream == stream, c.to_stream.in_(sorted(read)))
        connection.execute(delete(UNLINKED).where(*here, chunk))


def in_words(unread: Mapping[tuple[str, str], str]) -> str:
    """What people are told of associations that could not be read."""
    reasons: dict[str, list[str]] = {}
    for (stream, to), reason in unread.items():
        reasons.setdefault(reason, []).append(f"{stream} with {to}")
    told = "; ".join(f"{', '.join(pairs)}: {reason}" for reason, pairs in reasons.items())
    return (
        f"associations couldn't be read ({told}); the records are synced, and the associations are read as soon as "
        "possible"
    )
