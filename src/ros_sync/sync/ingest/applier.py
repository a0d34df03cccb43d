"""One page of a source into the mirror: rows, histories, links, deletions and merges, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, insert, select

from ros_sync import clock
from ros_sync.connectors.base import Batch, SetAside
from ros_sync.connectors.source import History, HistoryEntry, Link, Page, Source, Stream
from ros_sync.fields import Carried
from ros_sync.mirror import archived, links, redirects
from ros_sync.mirror.bookkeeping import SET_ASIDE_ROW
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.erasure import PERSONS, erase
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.property_history import ColumnHistory, tracked_columns
from ros_sync.mirror.store import Columns, Initial, Row, Upsert, Written, insert_rows
from ros_sync.mirror.timeline import Timeline, splice
from ros_sync.sync.ingest import history_entries
from ros_sync.sync.ingest.deals import HISTORIC, DealContext, initial_columns, recount
from ros_sync.sync.ingest.deletions import held_among
from ros_sync.sync.ingest.erased import ErasedPersons
from ros_sync.sync.ingest.firsts import count_first, insert_first
from ros_sync.sync.ingest.histories import history_columns
from ros_sync.sync.ingest.link_fields import LinkFields
from ros_sync.sync.ingest.preparing import prepared
from ros_sync.sync.ingest.reports import SHOWN_ROWS, StreamReport

STAGE_ENTERED = "stage_entered_at"


@dataclass(slots=True)
class Applied:
    """What was changed that derived values may rest on: `rows` of the stream, and `ends` (stream, id) of links."""

    rows: set[str] = field(default_factory=set)
    ends: set[tuple[str, str]] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.rows or self.ends)


class Applier:
    """Writes pages of one source. `now` (microseconds) is the moment that they were read at."""

    def __init__(self, connection: Connection, source: Source, context: DealContext, *, run_id: int, now: int) -> None:
        self.run_id = run_id
        self.connection = connection
        self._source = source
        self._context = context
        self._now = now

    def apply(
        self,
        stream: Stream,
        page: Page,
        report: StreamReport,
        *,
        empty: bool = False,
        staying: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> Applied:
        """Write a page; `empty`: the mirror held nothing of this stream's objects before this back-fill.

        `staying` are, by object, records that belong to it until a person decides, whatever the page says.
        """
        applied = Applied()
        page = self._erased.left_of(stream, page)
        neighbours = self.merge(stream, page.merged, report)
        created: dict[str, set[str]] = {}
        for place, batch in enumerate(page.batches):
            histories = page.histories if place == 0 else {}
            new, changed = self._write(stream, batch, histories, page.links, report, first=place == 0, empty=empty)
            created[batch.object] = new
            applied.rows |= new | changed
            if place > 0:
                applied.rows |= self._belongs(batch, page.ids, staying.get(batch.object, ()))
        if page.links:
            linked = self.link(stream, page.links, created=created, fresh=empty)
            applied.rows |= linked.rows
            applied.ends |= linked.ends
        self._fields.refill(neighbours, stream.name)
        applied.rows |= self._archive(stream, page.deleted, report) | page.merged.keys() | set(page.merged.values())
        applied.ends |= {(name, each) for name, near in neighbours.items() for each in near}
        return applied

    # ---- rows

    def _write(
        self,
        stream: Stream,
        batch: Batch,
        histories: Mapping[str, History],
        linked: Mapping[str, Sequence[Link]],
        report: StreamReport,
        *,
        first: bool,
        empty: bool,
    ) -> tuple[set[str], set[str]]:
        """Write a batch with its histories; the ids of records that are new, and of those that changed."""
        mirrored, name = objects()[batch.object], self._source.name
        self._set_aside(stream, batch.set_aside, report)
        if not batch.columns["id"]:
            return set(), set()
        columns = prepared(self.connection, name, mirrored, batch, self._context, report)
        upsert = Upsert(
            self.connection,
            mirrored,
            name,
            tuple(columns),
            run_id=self.run_id,
            expect_empty=empty,
            custom_names=batch.custom_names,
            silent=self._silent(stream, mirrored),
            stream=stream.name,
        )
        told = history_columns(self.connection, name, mirrored, batch, histories, self._context)
        initial = partial(self._initial, stream, mirrored, linked)
        spliced: set[str] = set()
        if empty:
            written = self._insert(stream, mirrored, upsert, columns, told, initial)
        else:
            written = upsert.write(list(zip(*columns.values(), strict=True)), self._now, initial=initial)
            spliced = self._splice(stream, mirrored, batch, told, set(written.created))
        created = set(written.created)
        if batch.object == "deal":
            given = _given(columns, STAGE_ENTERED) if written.updated or spliced else set()
            moved = spliced | {
                each
                for each, changed in written.updated.items()
                if HISTORIC.intersection(changed) or (STAGE_ENTERED in changed and each in given)
            }
            for ids, entry_is_given in ((moved & given, True), (moved - given, False)):
                recount(self.connection, name, sorted(ids), self._context, entry_is_given=entry_is_given)
        if first:
            report.read += len(batch.columns["id"])
            report.created += len(created)
            report.updated += len(written.updated)
            report.unchanged += written.unchanged
            report.older += written.older
        report.changes += sum(map(len, written.updated.values()))
        return created, set(written.updated) | spliced

    def _belongs(self, batch: Batch, ids: Sequence[str], staying: Collection[str]) -> set[str]:
        """Records of a page that are none of this object any more end here, and those that are one again are back.

        The first object of a stream has every record; a contact that marketing no longer works on is no lead any more.
        """
        if batch.partial:  # what tells which records they are is hidden from us
            return set()
        mirrored, there = objects()[batch.object], set(map(str, batch.columns["id"]))
        columns = ("id", "deleted_at")
        upsert = Upsert(self.connection, mirrored, self._source.name, columns, run_id=self.run_id)
        changed: list[Row] = []
        for start in range(0, len(ids), CHUNK):
            for each, row in upsert.stored(ids[start : start + CHUNK]).items():
                if each not in staying and (row[1] is None) is not (each in there):
                    changed.append((each, None if each in there else self._now))
        upsert.write(changed, self._now, derived=True)
        return {str(row[0]) for row in changed}

    def _initial(
        self, stream: Stream, mirrored: MirroredObject, linked: Mapping[str, Sequence[Link]], columns: Columns
    ) -> dict[str, Iterable[Carried]]:
        """Further columns of records that are new: what follows from their links is no change of them."""
        more: dict[str, Iterable[Carried]] = dict(initial_columns(columns)) if mirrored.name == "deal" else {}
        for name, (to, label) in self._fields.of(mirrored.name, stream.links).items():
            ids = [str(each) for each in columns["id"]]
            theirs = {each: [link for link in linked.get(each, ()) if link.object == to] for each in ids}
            targets = sorted({link.id for found in theirs.values() for link in found})
            ended = links.ended_among(self.connection, self._source.name, self._fields.table(to), targets)
            values = {
                each: links.preferred(((link.id, link.label) for link in found if link.id not in ended), label)
                for each, found in theirs.items()
            }
            unasked = [each for each in ids if each not in linked]
            if unasked:  # a contact that was known before and is a lead from now on
                held = links.linked(
                    self.connection,
                    self._source.name,
                    stream.name,
                    unasked,
                    to,
                    label=label,
                    ended=self._fields.table(to),
                )
                values |= {each: theirs[0] for each, theirs in held.items()}
            more[mirrored.columns[name]] = list(values.values())
        return more

    @staticmethod
    def _silent(stream: Stream, mirrored: MirroredObject) -> frozenset[str]:
        """The columns whose changes are those of others."""
        return frozenset(mirrored.columns[name] for name in stream.following if name in mirrored.columns)

    def _insert(
        self,
        stream: Stream,
        mirrored: MirroredObject,
        upsert: Upsert,
        columns: Columns,
        histories: Mapping[str, ColumnHistory],
        initial: Initial,
    ) -> Written:
        """Write records that the mirror does not hold, with the past that the CRM tells of them."""
        tracked = tracked_columns(histories.values())
        if not tracked:
            return upsert.insert(columns, self._now, initial)
        silent = self._silent(stream, mirrored)
        timeline = Timeline(self.connection, mirrored, self._source.name, tracked, run_id=self.run_id, silent=silent)
        written, changes = insert_first(upsert, timeline, columns, histories, self._now, initial)
        if mirrored.name == "deal":
            count_first(self.connection, self._source.name, columns, changes, self._context.quarter_of)
        return written

    def _splice(
        self,
        stream: Stream,
        mirrored: MirroredObject,
        batch: Batch,
        histories: Mapping[str, ColumnHistory],
        created: set[str],
    ) -> set[str]:
        """Take in the CRM's own histories; the ids of records whose past changed."""
        ids = [str(each) for each in batch.columns["id"]]
        born = dict(zip(ids, batch.columns.get("created", [None] * len(ids)), strict=True))
        changed: set[str] = set()
        for fresh in (True, False):
            part = {each: history for each, history in histories.items() if (each in created) is fresh}
            if part:
                changed |= splice(
                    self.connection,
                    mirrored,
                    self._source.name,
                    part,
                    created={each: _micros(born.get(each)) for each in part},
                    run_id=self.run_id,
                    fresh=fresh,
                    silent=self._silent(stream, mirrored),
                )
        return changed

    # ---- histories that come by a stream of their own

    def add_to_history(self, stream: Stream, entries: Sequence[HistoryEntry]) -> set[str]:
        """Keep entries about a stream's records, and take in those that can be; the ids of records whose past changed."""
        told = self._erased.entries_left_of(stream, entries)
        history_entries.keep(self.connection, self._source.name, stream.name, told)
        return self.merge_history(stream, list(dict.fromkeys(each.record_id for each in told)))

    def merge_history(self, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Take in the entries that wait for these records and are no newer than their rows; whose past changed."""
        mirrored, name = objects()[stream.objects[0]], self._source.name
        changed: set[str] = set()
        for start in range(0, len(ids), CHUNK):
            rows = history_entries.ready(self.connection, mirrored, name, stream.name, ids[start : start + CHUNK])
            if not rows:
                continue
            entries = history_entries.entries_of(self.connection, name, stream.name, rows)
            histories = history_entries.whole_histories(self.connection, mirrored, name, entries, rows)
            columns: dict[str, list[Carried]] = {
                "id": list(rows),
                "currency": [each.currency for each in rows.values()],
                "created": [each.created for each in rows.values()],
            }
            batch = Batch(mirrored.name, stream.name, columns, [])
            told = history_columns(self.connection, name, mirrored, batch, histories, self._context)
            spliced = self._splice(stream, mirrored, batch, told, set())
            if mirrored.name == "deal":
                is_given = "stage_entered" in self._source.given.get("deal", ())
                recount(self.connection, name, sorted(spliced), self._context, entry_is_given=is_given)
            history_entries.note_merged(self.connection, name, stream.name, entries, clock.from_micros(self._now))
            changed |= spliced
        return changed

    # ---- links

    def link(
        self,
        stream: Stream,
        found: Mapping[str, Sequence[Link]],
        *,
        created: Mapping[str, set[str]] | None = None,
        fresh: bool = False,
    ) -> Applied:
        """Make these records have these links, and fill the fields that follow from them.

        `created` are records, by object, that were stored with those fields just now.
        """
        found = self._erased.less(stream, found)
        if fresh:
            return self._link_first(stream, found)
        wanted = {each: [(link.object, link.id, link.label) for link in theirs] for each, theirs in found.items()}
        now = clock.from_micros(self._now)
        changed, ends = links.set_links(
            self.connection, self._source.name, stream.name, wanted, now, kinds=stream.links, ended=self._ended,
            lasting=[to for to in stream.links if self._erased.tells_of_persons(stream.name, to)],
        )  # fmt: skip
        self._fields.fill(stream, stream.links, sorted(changed), created or {})
        self._tell_other_side(stream, changed, now)
        return Applied(changed, ends)

    def _ended(self, stream: str, ids: Sequence[str]) -> set[str]:
        """Those of a stream's records that the CRM thinks deleted: they are deleted here, or that waits for a person."""
        known = links.ended_among(self.connection, self._source.name, self._fields.table(stream), ids)
        return known | held_among(self.connection, self._source.name, stream, ids).keys()

    def _link_first(self, stream: Stream, found: Mapping[str, Sequence[Link]]) -> Applied:
        """Give records that were stored just now their first links; the fields that follow from them came with the rows."""
        columns = ("record_id", "to_stream", "to_id", "label")
        rows = [(each, *link) for each, theirs in found.items() for link in dict.fromkeys(theirs)]
        fixed: dict[str, Carried] = {"source": self._source.name, "stream": stream.name, "since": self._now}
        insert_rows(self.connection, "record_link", columns, rows, fixed)
        linked = {each for each, theirs in found.items() if theirs}
        return Applied(linked, {(link.object, link.id) for theirs in found.values() for link in theirs})

    def _tell_other_side(self, stream: Stream, changed: set[str], now: datetime) -> None:
        """What is linked is linked from both sides: those that are kept here from the other one follow."""
        if not changed:
            return
        for other in self._fields.streams.values():
            if stream.name in other.links and other.name in stream.links:
                moved = links.mirror_links(
                    self.connection, self._source.name, stream.name, sorted(changed), other.name, now,
                    lasting=self._erased.tells_of_persons(stream.name, other.name),
                )  # fmt: skip
                self._fields.fill(other, (stream.name,), sorted(moved))

    @cached_property
    def _fields(self) -> LinkFields:
        return LinkFields(self.connection, self._source, run_id=self.run_id, now=self._now)

    @cached_property
    def _erased(self) -> ErasedPersons:
        return ErasedPersons(self.connection, self._source.name, self._fields.streams, clock.from_micros(self._now))

    # ---- deletions, merges

    def _archive(self, stream: Stream, deleted: Mapping[str, int | None], report: StreamReport) -> set[str]:
        """Mark records as deleted; those that were never seen here are remembered, as no poll tells when they come back."""
        if not deleted:
            return set()
        table, at = objects()[stream.objects[0]].table, clock.from_micros(self._now)
        unseen = archived.unseen(self.connection, self._source.name, table, list(deleted))
        archived.remember(self.connection, self._source.name, stream.name, sorted(unseen), at)
        dated = {each: self._now if since is None else since for each, since in deleted.items()}
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
                self.connection, objects()[name], self._source.name, ("id", "deleted_at"), run_id=self.run_id
            )
            for start in range(0, len(ids), CHUNK):
                there = upsert.stored(ids[start : start + CHUNK])
                rows: list[Row] = [
                    (each, deleted[each])
                    for each, row in there.items()
                    if (row[1] is None) is not (deleted[each] is None)
                ]
                for row in rows:
                    upsert.write([row], int(row[1]) if row[1] is not None else self._now, derived=True)
                changed.update(str(row[0]) for row in rows)
        report.deleted += sum(deleted[each] is not None for each in changed)
        report.restored += sum(deleted[each] is None for each in changed)
        self._fields.refill(self._fields.neighbours(stream, sorted(changed)), stream.name)
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
                table.c.source == self._source.name,
                table.c.id.in_(ids[start : start + CHUNK]),
                table.c.deleted_at.is_not(None),
            ]
            if before is not None:
                where.append(table.c.deleted_at <= clock.from_micros(before))
            found += self.connection.execute(select(table.c.id).where(*where)).scalars()
        return self.delete(stream, dict.fromkeys(found), report, names=stream.objects[:1]) if found else set()

    def merge(self, stream: Stream, merged: Mapping[str, str], report: StreamReport) -> dict[str, set[str]]:
        """Note which records went into others; their own rows end and stay with their history.

        What was linked with them is linked with the others now; gives those records, by stream.
        """
        if not merged:
            return {}
        at = clock.from_micros(self._now)
        neighbours = self._fields.neighbours(stream, list(merged))
        fresh: dict[str, str] = {}
        for name in stream.objects:
            fresh = redirects.redirect(self.connection, self._source.name, name, merged, at)
        report.merged += len(fresh)
        counted = StreamReport(stream.name)
        self.delete(stream, dict.fromkeys(merged, self._now), counted)
        links.repoint(self.connection, self._source.name, stream.name, merged, at)
        return neighbours

    def gone(self, stream: Stream, ids: Sequence[str], report: StreamReport) -> None:
        """Records that the CRM does not know any more: a person was erased there and is erased here, others are deleted."""
        if not ids:
            return
        if set(stream.objects) & set(PERSONS):
            neighbours = self._fields.neighbours(stream, ids)
            erase(self.connection, self._source.name, stream.name, ids, clock.from_micros(self._now))
            self._fields.refill(neighbours, stream.name)
            report.erased += len(ids)
        else:
            self.delete(stream, dict.fromkeys(ids, self._now), report)

    def _set_aside(self, stream: Stream, rows: Sequence[SetAside], report: StreamReport) -> None:
        if not rows:
            return
        report.set_aside += len(rows)
        report.examples.extend(rows[: max(0, SHOWN_ROWS - len(report.examples))])
        kept: list[dict[str, Any]] = [
            {
                "run_id": self.run_id,
                "source": self._source.name,
                "file": stream.name,
                "line": 0,
                "record_id": row.record,
                "column": row.column,
                "value": row.value,
                "reason": row.reason,
            }
            for row in rows
        ]
        self.connection.execute(insert(SET_ASIDE_ROW), kept)


def _given(columns: Columns, name: str) -> set[str]:
    """The ids of the rows in which this column says something."""
    values = columns.get(name, ())
    return {str(each) for each, value in zip(columns["id"], values, strict=False) if value is not None}


def _micros(value: Carried) -> int | None:
    return None if value is None else int(value)
