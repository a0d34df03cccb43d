"""One batch into the mirror: references resolved, repeats judged, derived values worked out, problems kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from ros_sync import clock
from ros_sync.connectors.base import AT_UNKNOWN_TIME, Batch
from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.store import Row, Upsert, Written
from ros_sync.sync.ingest.completion import complete, told
from ros_sync.sync.ingest.deals import DealContext, initial_columns
from ros_sync.sync.ingest.holding import HeldBack
from ros_sync.sync.ingest.reports import RowCounts
from ros_sync.sync.ingest.row_writer import RowWriter
from ros_sync.sync.ingest.seen import SeenIds
from ros_sync.sync.ingest.short_ids import ShortIds


@dataclass(slots=True)
class FileReport(RowCounts):
    """What became of one file as one object. Counts are rows; `repeated` are rows that say the same thing twice.

    `completed` are rows that added to what another one of the same import said, `notes` what a person should know of
    the file.
    """

    file: str
    object: str
    rows_read: int = 0
    repeated: int = 0
    completed: int = 0
    notes: list[str] = field(default_factory=list)


class BatchLoader:
    """Loads batches of one run; the caller gives each its own transaction."""

    def __init__(self, context: DealContext, run_id: int, source: str, as_of: int, *, stage_entry_given: bool) -> None:
        self._context = context
        self._run_id = run_id
        self._source = source
        self._as_of = as_of
        self._stage_entry_given = stage_entry_given
        self._short_ids: ShortIds | None = None

    def load(
        self,
        connection: Connection,
        batch: Batch,
        file: FileReport,
        seen: SeenIds,
        *,
        expect_empty: bool,
        stale: bool,
        held: HeldBack | None = None,
        later: frozenset[str] = frozenset(),
    ) -> None:
        """Write one batch and count in `file` what became of it.

        `expect_empty`: the mirror held nothing of this object before the run. `stale`: a later state is known, so
        that rows which differ are left alone. `later` are the fields of which a later file speaks too, and `held` keeps
        what this one leaves empty of them until `finish`.
        """
        rows_in = RowWriter(connection, self._source, self._context, self._run_id)
        quarantined = list(batch.quarantined)
        file.notes += batch.notes
        if batch.lines:
            mirrored = objects()[batch.object]
            self._short_ids = self._short_ids or ShortIds(connection, self._source)
            self._short_ids.apply(connection, batch)
            columns = rows_in.columns(batch, file)
            file.notes += strange_zones(columns.get("timezone", ()), batch.object)
            if AT_UNKNOWN_TIME in columns.get("deleted_at", ()):
                columns["deleted_at"] = self._deleted_at(connection, mirrored, columns)
            names = tuple(columns)
            upsert = rows_in.upsert(batch, columns, empty=expect_empty)
            initial = initial_columns if batch.object == "deal" else None
            ids = [str(record_id) for record_id in columns["id"]]
            repeated = seen.add(ids, batch.origin, batch.lines, columns)
            if held is not None and later and not stale:
                filled = frozenset(mirrored.columns[name] for name in later if name in mirrored.columns)
                columns = dict(held.hold(upsert.again(), columns, filled, repeated))
            rows: list[Row] = []
            if expect_empty and not repeated:
                written = upsert.insert(columns, self._as_of, initial)
            else:
                rows = list(zip(*columns.values(), strict=True))
                fresh = [row for index, row in enumerate(rows) if index not in repeated] if repeated else rows
                written = upsert.write(fresh, self._as_of, stale=stale, initial=initial)
            self._recount(connection, batch.object, written)
            file.add(written)
            # Of an older export nothing that differs is stored, so there is nothing to compare a repeated row with.
            if repeated and stale:
                file.repeated += len(repeated)
            elif repeated:
                second = {index: (rows[index], before) for index, before in repeated.items()}
                completion = complete(connection, mirrored, upsert, names, second, self._as_of, held)
                quarantined.extend(told(batch, index, against) for index, against in completion.against.items())
                self._recount(connection, batch.object, completion.written)
                file.completed += completion.completed
                file.repeated += len(repeated) - len(completion.against) - completion.completed
        file.rows_read += batch.rows_read
        rows_in.quarantine(quarantined, file)

    def finish(self, connection: Connection, name: str, held: HeldBack) -> int:
        """Empty what all files of an object left empty; how many records that changed."""
        restated = RowWriter(connection, self._source, self._context, self._run_id).restated(name)

        def upsert_of(columns: Sequence[str]) -> Upsert:
            mirrored = objects()[name]
            return Upsert(connection, mirrored, self._source, columns, run_id=self._run_id, restated=restated)

        changed: set[str] = set()
        for written in held.empty(upsert_of, self._as_of):
            self._recount(connection, name, written)
            changed.update(written.updated)
        return len(changed)

    def _recount(self, connection: Connection, name: str, written: Written) -> None:
        rows = RowWriter(connection, self._source, self._context, self._run_id)
        rows.recount(name, written, given=written.updated if self._stage_entry_given else ())

    def _deleted_at(
        self, connection: Connection, mirrored: MirroredObject, columns: Mapping[str, Sequence[StoredValue]]
    ) -> list[StoredValue]:
        """Since when records are deleted of which the file only says that they are: since they were last changed.

        Where that is not known, since this export; and what is known to be deleted already stays so.
        """
        unknown = [
            str(each) for each, at in zip(columns["id"], columns["deleted_at"], strict=True) if at == AT_UNKNOWN_TIME
        ]
        table = mirrored.table
        query = select(table.c.id, table.c.deleted_at).where(table.c.source == self._source, table.c.id.in_(unknown))
        known = {each: clock.to_micros(at) for each, at in connection.execute(query) if at is not None}
        modified = columns.get("modified_at") or [None] * len(columns["id"])
        rows = zip(columns["id"], columns["deleted_at"], modified, strict=True)
        return [
            known.get(str(each), changed if changed is not None else self._as_of) if at == AT_UNKNOWN_TIME else at
            for each, at, changed in rows
        ]


def strange_zones(names: Sequence[StoredValue], name: str) -> list[str]:
    """A note for each time zone of people that is none; the company's is used for them."""
    strange = sorted(
        {str(each) for each in names if name == "owner" and each is not None and not clock.is_zone(str(each))}
    )
    return [
        f"{each!r} isn't a time zone; using the company's instead (map it: `values: {{{each!r}: Europe/Berlin}}`)"
        for each in strange
    ]
