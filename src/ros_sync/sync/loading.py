"""One batch into the mirror: references resolved, repeats judged, derived values worked out, problems kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert

from ros_sync.connectors.base import Batch, SetAside
from ros_sync.mirror.bookkeeping import SetAsideRow
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Row, Upsert
from ros_sync.sync.deals import HISTORIC, DealContext, initial_columns, recount
from ros_sync.sync.preparing import prepared
from ros_sync.sync.seen import SeenIds

SHOWN_ROWS = 20  # set-aside rows kept in a report; all of them are in the database


@dataclass(slots=True)
class FileReport:
    """What became of one file as one object. Counts are rows; `repeated` are rows that say the same thing twice.

    `unknown` counts, for each field that names another record, rows by the name that led to none; `without_rate`
    counts amounts by currency that could not be told in the company's own. `examples` are the first rows set aside.
    """

    file: str
    object: str
    rows_read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    older: int = 0
    repeated: int = 0
    set_aside: int = 0
    examples: list[SetAside] = field(default_factory=list)
    unknown: dict[str, Counter[str]] = field(default_factory=dict)
    without_rate: Counter[str] = field(default_factory=Counter)


class BatchLoader:
    """Loads batches of one run; the caller gives each its own transaction."""

    def __init__(self, context: DealContext, run_id: int, source: str, as_of: int, *, stage_entry_given: bool) -> None:
        self._context = context
        self._run_id = run_id
        self._source = source
        self._as_of = as_of
        self._stage_entry_given = stage_entry_given

    def load(
        self,
        connection: Connection,
        batch: Batch,
        file: FileReport,
        seen: SeenIds,
        *,
        expect_empty: bool,
        stale: bool,
    ) -> None:
        """Write one batch and count in `file` what became of it.

        `expect_empty`: the mirror held nothing of this object before the run. `stale`: a later state is known, so
        that rows which differ are left alone.
        """
        set_aside = list(batch.set_aside)
        if batch.lines:
            mirrored = objects()[batch.object]
            columns = prepared(connection, self._source, mirrored, batch, self._context, file)
            names = tuple(columns)
            upsert = Upsert(connection, mirrored, self._source, names, run_id=self._run_id, expect_empty=expect_empty)
            initial = initial_columns if batch.object == "deal" else None
            repeated = seen.add([str(record_id) for record_id in columns["id"]], batch.origin, batch.lines)
            if expect_empty and not repeated:
                rows: list[Row] = []
                written = upsert.insert(columns, self._as_of, initial)
            else:
                rows = list(zip(*columns.values(), strict=True))
                fresh = [row for index, row in enumerate(rows) if index not in repeated] if repeated else rows
                written = upsert.write(fresh, self._as_of, stale=stale, initial=initial)
            if batch.object == "deal":
                moved = [each for each, changed in written.updated.items() if HISTORIC.intersection(changed)]
                recount(connection, self._source, moved, self._context, entry_is_given=self._stage_entry_given)
            # Of an older export nothing that differs is stored, so there is nothing to compare a repeated row with.
            contradicting = [] if stale else self._contradictions(upsert, names, rows, batch, repeated)
            set_aside.extend(contradicting)
            file.created += len(written.created)
            file.updated += len(written.updated)
            file.unchanged += written.unchanged
            file.older += written.older
            file.repeated += len(repeated) - len(contradicting)
        file.rows_read += batch.rows_read
        self._keep(connection, set_aside, file)

    @staticmethod
    def _contradictions(
        upsert: Upsert, columns: Sequence[str], rows: Sequence[Row], batch: Batch, repeated: dict[int, str]
    ) -> list[SetAside]:
        """Of rows whose id came before in the same export, those that say something else than the first one did."""
        if not repeated:
            return []
        stored = upsert.stored([str(rows[index][0]) for index in repeated])
        found = []
        for index, place in repeated.items():
            row = rows[index]
            first = stored.get(str(row[0]))
            differing = [name for name, a, b in zip(columns, first or (), row, strict=False) if a != b]
            if differing:
                reason = (
                    f"this id was read at {place} already, with another {', '.join(differing)}; the first one stands"
                )
                found.append(SetAside(batch.origin, batch.lines[index], "id", str(row[0]), reason))
        return found

    def _keep(self, connection: Connection, rows: Sequence[SetAside], file: FileReport) -> None:
        if not rows:
            return
        file.set_aside += len(rows)
        file.examples.extend(rows[: SHOWN_ROWS - len(file.examples)])
        connection.execute(
            insert(SetAsideRow),
            [
                {
                    "run_id": self._run_id,
                    "source": self._source,
                    "file": row.file,
                    "line": row.line,
                    "column": row.column,
                    "value": row.value,
                    "reason": row.reason,
                }
                for row in rows
            ],
        )
