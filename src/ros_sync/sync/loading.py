"""One batch into the mirror: references resolved, repeats judged, derived values worked out, problems kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert

from ros_sync.connectors.base import Batch, Lookup, SetAside
from ros_sync.fields import Carried
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.store import Row, Upsert
from ros_sync.mirror.tables import SetAsideRow
from ros_sync.sync.deals import HISTORIC, DealContext, amounts_at_home, initial_columns, recount
from ros_sync.sync.references import References
from ros_sync.sync.seen import SeenIds

SHOWN_ROWS = 20  # set-aside rows kept in a report; all of them are in the database
BY_ID = Lookup("owner", ("id",))


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
            columns = self._prepared(connection, mirrored, batch, file)
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

    def _prepared(
        self, connection: Connection, mirrored: MirroredObject, batch: Batch, file: FileReport
    ) -> dict[str, Sequence[Carried]]:
        """The batch under the mirror's own columns, `id` first and `custom` last."""
        given: dict[str, Sequence[Carried]] = dict(batch.columns)
        columns: dict[str, Sequence[Carried]] = {"id": given.pop("id")}
        custom = given.pop("custom", None)
        references = References(connection, self._source)
        for name, values in given.items():
            column = mirrored.columns[name]
            lookup = batch.lookups.get(name)
            if lookup is not None or name == "owner":
                found = references.resolve(lookup or BY_ID, values)
                unknown = self._unknown(file, name, values, found)
                if lookup is not None:
                    values = [found.get(value) for value in values]  # noqa: PLW2901
                if name == "owner":
                    columns["owner_named"] = unknown
            columns[column] = values
        if batch.object == "deal" and "amount_minor" in columns and "amount_home_minor" not in columns:
            columns["amount_home_minor"] = self._home(columns["amount_minor"], columns["currency"], file)
        if custom is not None:
            columns["custom"] = custom
        return columns

    def _home(self, minors: Sequence[Carried], currencies: Sequence[Carried], file: FileReport) -> list[int | None]:
        amounts = amounts_at_home(minors, currencies, self._context)
        if None in amounts:
            file.without_rate.update(
                str(currency)
                for minor, currency, home in zip(minors, currencies, amounts, strict=True)
                if minor is not None and home is None
            )
        return amounts

    @staticmethod
    def _unknown(
        file: FileReport, name: str, values: Sequence[Carried], found: Mapping[Carried, str | None]
    ) -> list[Carried]:
        """The names that led to no record, None in the other rows; they are counted."""
        if None not in found.values():
            return [None] * len(values)
        unknown = [value if value is not None and found[value] is None else None for value in values]
        file.unknown.setdefault(name, Counter()).update(str(value) for value in unknown if value is not None)
        return unknown

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
