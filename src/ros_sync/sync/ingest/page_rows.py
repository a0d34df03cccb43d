"""The rows of a page into the mirror, with the past that the CRM tells of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

from ros_sync import clock
from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import History, HistoryEntry, Link, Stream
from ros_sync.fields import StoredValue
from ros_sync.mirror import links
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.property_history import Change, ColumnHistory, NewRow, tracked_columns
from ros_sync.mirror.store import Columns, Initial, Row, Upsert, Written
from ros_sync.mirror.timeline import Timeline, splice
from ros_sync.sync.ingest import history_entries
from ros_sync.sync.ingest.deals import count_initial, initial_columns, recount
from ros_sync.sync.ingest.ingestion import Ingestion
from ros_sync.sync.ingest.mirror_columns import history_columns
from ros_sync.sync.ingest.reports import StreamReport
from ros_sync.sync.ingest.restating import note_movements
from ros_sync.sync.ingest.row_writer import STAGE_ENTERED


class PageRows:
    """Writes the rows of pages in one transaction."""

    def __init__(self, ingestion: Ingestion) -> None:
        self._in = ingestion

    def write(
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
        mirrored, name = objects()[batch.object], self._in.source.name
        rows = self._in.rows
        rows.quarantine(batch.quarantined, report)
        if not batch.columns["id"]:
            return set(), set()
        columns = rows.columns(batch, report)
        upsert = rows.upsert(
            batch, columns, empty=empty, custom_names=batch.custom_names,
            silent=self._silent(stream, mirrored), stream=stream.name,
        )  # fmt: skip
        told = history_columns(self._in.connection, name, mirrored, batch, histories, self._in.deal_context)
        initial = partial(self._initial, stream, mirrored, linked)
        spliced: set[str] = set()
        if empty:
            written = self._insert(stream, mirrored, upsert, columns, told, initial)
        else:
            written = upsert.write(list(zip(*columns.values(), strict=True)), self._in.now, initial=initial)
            spliced = self._splice(stream, mirrored, batch, told, set(written.created))
        created = set(written.created)
        given = _given(columns, STAGE_ENTERED) if written.updated or spliced else set()
        rows.recount(batch.object, written, spliced, given=given)
        if first:
            report.read += len(batch.columns["id"])
            report.add(written)
        report.changes += sum(map(len, written.updated.values()))
        return created, set(written.updated) | spliced

    def settle_belonging(self, batch: Batch, ids: Sequence[str], staying: Collection[str]) -> set[str]:
        """Records of a page that are none of this object any more end here, and those that are one again are back.

        The first object of a stream has every record; a contact that marketing no longer works on is no lead any more.
        """
        if batch.partial:  # what tells which records they are is hidden from us
            return set()
        mirrored, there = objects()[batch.object], set(map(str, batch.columns["id"]))
        columns = ("id", "deleted_at")
        upsert = Upsert(self._in.connection, mirrored, self._in.source.name, columns, run_id=self._in.run_id)
        changed: list[Row] = []
        for start in range(0, len(ids), CHUNK):
            for each, row in upsert.stored(ids[start : start + CHUNK]).items():
                if each not in staying and (row[1] is None) is not (each in there):
                    changed.append((each, None if each in there else self._in.now))
        upsert.write(changed, self._in.now, derived=True)
        return {str(row[0]) for row in changed}

    def _initial(
        self, stream: Stream, mirrored: MirroredObject, linked: Mapping[str, Sequence[Link]], columns: Columns
    ) -> dict[str, Iterable[StoredValue]]:
        """Further columns of records that are new: what follows from their links is no change of them."""
        more: dict[str, Iterable[StoredValue]] = dict(initial_columns(columns)) if mirrored.name == "deal" else {}
        for name, (to, label) in self._in.link_fields.of(mirrored.name, stream.links).items():
            ids = [str(each) for each in columns["id"]]
            theirs = {each: [link for link in linked.get(each, ()) if link.object == to] for each in ids}
            targets = sorted({link.id for found in theirs.values() for link in found})
            ended = links.ended_among(
                self._in.connection, self._in.source.name, self._in.link_fields.table(to), targets
            )
            values = {
                each: links.preferred(((link.id, link.label) for link in found if link.id not in ended), label)
                for each, found in theirs.items()
            }
            unasked = [each for each in ids if each not in linked]
            if unasked:  # a contact that was known before and is a lead from now on
                held = links.linked(
                    self._in.connection,
                    self._in.source.name,
                    stream.name,
                    unasked,
                    to,
                    label=label,
                    ended=self._in.link_fields.table(to),
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
            return upsert.insert(columns, self._in.now, initial)
        silent = self._silent(stream, mirrored)
        timeline = Timeline(
            self._in.connection, mirrored, self._in.source.name, tracked, run_id=self._in.run_id, silent=silent
        )
        written, changes = insert_initial(upsert, timeline, columns, histories, self._in.now, initial)
        if mirrored.name == "deal":
            count_initial(self._in.connection, self._in.source.name, columns, changes, self._in.context.quarter_of)
            self._note_movements(histories)
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
                    self._in.connection,
                    mirrored,
                    self._in.source.name,
                    part,
                    created={each: _micros(born.get(each)) for each in part},
                    run_id=self._in.run_id,
                    fresh=fresh,
                    silent=self._silent(stream, mirrored),
                )
        if mirrored.name == "deal":
            self._note_movements(changed)
        return changed

    def _note_movements(self, ids: Collection[str]) -> None:
        """Give changes that exchange rates brought about their cause, where rates ever changed."""
        rate_history = self._in.deal_context.rate_history
        if rate_history is not None and rate_history.moves:
            note_movements(self._in.connection, self._in.source.name, ids, rate_history)

    # ---- histories that come by a stream of their own

    def add_to_history(self, stream: Stream, entries: Sequence[HistoryEntry]) -> set[str]:
        """Keep entries about a stream's records, and take in those that can be.

        The ids of records whose past changed.
        """
        told = self._in.erased.entries_left_of(stream, entries)
        history_entries.keep(self._in.connection, self._in.source.name, stream.name, told)
        return self.merge_history(stream, list(dict.fromkeys(each.record_id for each in told)))

    def merge_history(self, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Take in the entries that wait for these records and are no newer than their rows; whose past changed."""
        mirrored, name = objects()[stream.objects[0]], self._in.source.name
        changed: set[str] = set()
        for start in range(0, len(ids), CHUNK):
            rows = history_entries.ready(self._in.connection, mirrored, name, stream.name, ids[start : start + CHUNK])
            if not rows:
                continue
            entries = history_entries.entries_of(self._in.connection, name, stream.name, rows)
            histories = history_entries.whole_histories(self._in.connection, mirrored, name, entries, rows)
            columns: dict[str, list[StoredValue]] = {
                "id": list(rows),
                "currency": [each.currency for each in rows.values()],
                "created": [each.created for each in rows.values()],
            }
            batch = Batch(mirrored.name, stream.name, columns, [])
            told = history_columns(self._in.connection, name, mirrored, batch, histories, self._in.deal_context)
            spliced = self._splice(stream, mirrored, batch, told, set())
            if mirrored.name == "deal":
                is_given = "stage_entered" in self._in.source.given.get("deal", ())
                recount(self._in.connection, name, sorted(spliced), self._in.context, entry_is_given=is_given)
            history_entries.note_merged(self._in.connection, name, stream.name, rows, clock.from_micros(self._in.now))
            changed |= spliced
        return changed


def insert_initial(
    upsert: Upsert,
    timeline: Timeline,
    columns: Columns,
    histories: Mapping[str, ColumnHistory],
    now: int,
    initial: Initial,
) -> tuple[Written, list[Change]]:
    """Write records that the mirror does not hold, with their past; gives the changes of that past too.

    Nothing is read and no row is written twice. `now` (microseconds) is since when rows without a modified instant are
    true.
    """
    nothing: list[StoredValue] = [None] * len(columns["id"])
    modified = columns.get("modified_at", nothing)
    since = [now if each is None else each for each in modified]
    values = zip(*(columns.get(name, nothing) for name in timeline.columns), strict=True)
    # ids are texts, instants ints
    created = columns.get("created_at", nothing)
    rows = map(NewRow, columns["id"], since, modified, created, values)  # type: ignore[arg-type]
    beginning = timeline.begin(rows, histories)
    written = upsert.insert(columns, now, initial, since=beginning.since)
    timeline.write(beginning)
    return written, beginning.changes


def _given(columns: Columns, name: str) -> set[str]:
    """The ids of the rows in which this column says something."""
    values = columns.get(name, ())
    return {str(each) for each, value in zip(columns["id"], values, strict=False) if value is not None}


def _micros(value: StoredValue) -> int | None:
    return None if value is None else int(value)
