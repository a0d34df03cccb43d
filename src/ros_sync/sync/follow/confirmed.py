"""Waves of deletions that a person confirmed are carried out.

The CRM is asked once more, and what it has again stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from ros_sync.sync.follow import guises, maintenance, record_reading
from ros_sync.sync.follow.work import Work
from ros_sync.sync.ingest import deletions
from ros_sync.sync.ingest.deletions import CONFIRMED_WAY
from ros_sync.sync.one_writer import writing

UNREADABLE_WAY = "unreadable"  # as `read_again` calls it
AT_ONCE = 500  # records ended in one transaction; a kill costs reading them again


def delete_confirmed(work: Work) -> None:
    """Carry out what was confirmed. A stream that cannot be read keeps no other from it; it is tried again."""
    source = work.source
    with work.engine.connect() as connection:
        found = list(deletions.confirmed(connection, source.name))
    streams = {name: stream for stream in source.streams for name in (*stream.objects[1:], stream.name)}
    for number, name, ids in found:
        stream = streams.get(name)
        if stream is None:
            _of_the_account(work, number, name, ids)
            continue
        try:
            for start in range(0, len(ids), AT_ONCE):
                chunk = ids[start : start + AT_ONCE]
                # Of a contact that is no lead any more, that alone was confirmed.
                record_reading.read_again(
                    work, stream, chunk, way=CONFIRMED_WAY if stream.name == name else UNREADABLE_WAY
                )
                with writing(work.engine, source.name) as connection:
                    if stream.name != name:
                        guises.settle(work, connection, name, chunk)
                    left = deletions.held_among(connection, source.name, name, chunk)
                    deletions.count_taken_over(connection, number, len(chunk) - len(left))
        except Exception as error:  # it is told, and the other streams go on
            failure = work.note(stream, error)
            if failure is not None:
                raise failure from error


def _of_the_account(work: Work, number: int, name: str, ids: Sequence[str]) -> None:
    """Owners and stages are told of all at once."""
    if not work.report.described:
        maintenance.describe(work, work.report.started_at)
    with writing(work.engine, work.source.name) as connection:
        left = deletions.held_among(connection, work.source.name, name, ids)
        deletions.count_taken_over(connection, number, len(ids) - len(left))
