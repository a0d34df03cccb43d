"""How records end: deleted, merged, erased; and how they come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from ros_sync import clock
from ros_sync.connectors.source import Stream
from ros_sync.mirror import archived, links, redirects
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.erasure import PERSONS, erase
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.store import Row, Upsert
from ros_sync.sync.ingest.ingestion import Ingestion
from ros_sync.sync.ingest.joined_records import follow_merges
from ros_sync.sync.ingest.reports import StreamReport


class Endings:
    """Ends records in one transaction."""

    def __init__(self, ingestion: Ingestion) -> None:
        self._in = ingestion

    def archive(self, stream: Stream, deleted: Mapping[str, int | None], report: StreamReport) -> set[str]:
        """Mark records as deleted.

        Those that were never seen here are remembered, as no poll tells when they come back.
        """
        if not deleted:
            return set()
        table, at = objects()[stream.objects[0]].table, clock.from_micros(self._in.now)
        unseen = archived.unseen(self._in.connection, self._in.source.name, table, list(deleted))
        archived.remember(self._in.connection, self._in.source.name, stream.name, sorted(unseen), at)
        dated = {each: self._in.now if since is None else since for each, since in deleted.items()}
        return self.delete(stream, dated, report)

    def delete(
        self,
        stream: Stream,
        deleted: Mapping[str, int | None],
        report: StreamReport,
        *,
        names: Sequence[str] | None = None,
    ) -> set[str]:
        """Mark records as deleted since an instant, or (None) as there again; those that the mirror holds otherwise.

        `names` are the objects of the stream that are meant, if not all.
        """
        changed: set[str] = set()
        ids = list(deleted)
        for name in names or stream.objects:
            upsert = Upsert(
                self._in.connection, objects()[name], self._in.source.name, ("id", "deleted_at"), run_id=self._in.run_id
            )
            for start in range(0, len(ids), CHUNK):
                there = upsert.stored(ids[start : start + CHUNK])
                rows: list[Row] = [
                    (each, deleted[each])
                    for each, row in there.items()
                    if (row[1] is None) is not (deleted[each] is None)
                ]
                for row in rows:
                    upsert.write([row], int(row[1]) if row[1] is not None else self._in.now, derived=True)
                changed.update(str(row[0]) for row in rows)
        report.deleted += sum(deleted[each] is not None for each in changed)
        report.restored += sum(deleted[each] is None for each in changed)
        self._in.link_fields.refill(self._in.link_fields.neighbours(stream, sorted(changed)), stream.name)
        return changed

    def revive(
        self, stream: Stream, ids: Sequence[str], report: StreamReport, *, before: int | None = None
    ) -> set[str]:
        """Records that the CRM has: where they were thought deleted (before an instant), they are there again.

        Whether one is a lead again too, its page has told: see `_belongs`.
        """
        table = objects()[stream.objects[0]].table
        found: list[str] = []
        for start in range(0, len(ids), CHUNK):
            where = [
                table.c.source == self._in.source.name,
                table.c.id.in_(ids[start : start + CHUNK]),
                table.c.deleted_at.is_not(None),
            ]
            if before is not None:
                where.append(table.c.deleted_at <= clock.from_micros(before))
            found += self._in.connection.execute(select(table.c.id).where(*where)).scalars()
        return self.delete(stream, dict.fromkeys(found), report, names=stream.objects[:1]) if found else set()

    def merge(self, stream: Stream, merged: Mapping[str, str], report: StreamReport) -> dict[str, set[str]]:
        """Note which records went into others; their own rows end and stay with their history.

        What was linked with them is linked with the others now; gives those records, by stream.
        """
        if not merged:
            return {}
        at = clock.from_micros(self._in.now)
        neighbours = self._in.link_fields.neighbours(stream, list(merged))
        fresh: dict[str, str] = {}
        for name in stream.objects:
            fresh = redirects.redirect(self._in.connection, self._in.source.name, name, merged, at)
            follow_merges(self._in.connection, name, self._in.source.name, fresh, at)
        report.merged += len(fresh)
        counted = StreamReport(stream.name)
        self.delete(stream, dict.fromkeys(merged, self._in.now), counted)
        links.repoint(self._in.connection, self._in.source.name, stream.name, merged, at)
        return neighbours

    def gone(self, stream: Stream, ids: Sequence[str], report: StreamReport) -> None:
        """Records that the CRM does not know any more.

        A person was erased there and is erased here, others are deleted.
        """
        if not ids:
            return
        if set(stream.objects) & set(PERSONS):
            neighbours = self._in.link_fields.neighbours(stream, ids)
            erase(self._in.connection, self._in.source.name, stream.name, ids, clock.from_micros(self._in.now))
            self._in.link_fields.refill(neighbours, stream.name)
            report.erased += len(ids)
        else:
            self.delete(stream, dict.fromkeys(ids, self._in.now), report)
