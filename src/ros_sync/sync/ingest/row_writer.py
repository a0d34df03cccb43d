"""The one way in for rows, from a file or from a CRM's API.

References resolved, compared, written, recounted, quarantined.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from ros_sync.connectors.base import Batch, Quarantined
from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Columns, Upsert, Written
from ros_sync.sync.ingest.deals import HISTORIC, DealContext, recount
from ros_sync.sync.ingest.mirror_columns import prepared
from ros_sync.sync.ingest.quarantine_log import quarantine
from ros_sync.sync.ingest.reports import RowCounts
from ros_sync.sync.ingest.restating import AMOUNT_HOME, by_rate_history, restate

STAGE_ENTERED = "stage_entered_at"


class RowWriter:
    """Takes batches of one source in, in one transaction and under the number of a run."""

    def __init__(self, connection: Connection, source: str, context: DealContext, run_id: int) -> None:
        self._connection = connection
        self._source = source
        self._context = context
        self._run_id = run_id

    def columns(self, batch: Batch, counts: RowCounts) -> dict[str, Sequence[StoredValue]]:
        """The batch under the mirror's own columns; `counts` notes the names that led nowhere."""
        if batch.object != "deal":
            return prepared(self._connection, self._source, objects()[batch.object], batch, self._context, counts)
        context = self.deal_context
        if context.rate_history is not None and AMOUNT_HOME not in batch.columns:
            restate(self._connection, self._source, [str(each) for each in batch.columns["id"]], context.rate_history)
        return prepared(self._connection, self._source, objects()[batch.object], batch, context, counts)

    @cached_property
    def deal_context(self) -> DealContext:
        """The context by whose rates deals are written in this transaction."""
        return by_rate_history(self._connection, self._context)

    def upsert(self, batch: Batch, columns: Columns, *, empty: bool, **more: Any) -> Upsert:
        """What writes these columns; `empty`: the mirror holds nothing of the object yet. The rest as `Upsert`."""
        mirrored, names = objects()[batch.object], tuple(columns)
        more["restated"] = self.restated(batch.object)
        return Upsert(self._connection, mirrored, self._source, names, run_id=self._run_id, expect_empty=empty, **more)

    def restated(self, name: str) -> frozenset[int]:
        """The instants (microseconds) at which records of an object may have changed without being touched."""
        rate_history = self.deal_context.rate_history if name == "deal" else None
        return rate_history.moves if rate_history is not None else frozenset()

    def recount(self, name: str, written: Written, spliced: Collection[str] = (), *, given: Collection[str]) -> None:
        """Work out anew what follows from the history of deals that moved.

        `spliced` are those whose past was restated, `given` those whose entry to their stage the CRM itself says.
        """
        if name != "deal":
            return
        moved = set(spliced) | {
            each
            for each, changed in written.updated.items()
            if HISTORIC.intersection(changed) or (STAGE_ENTERED in changed and each in given)
        }
        for ids, is_given in ((moved.intersection(given), True), (moved.difference(given), False)):
            recount(self._connection, self._source, sorted(ids), self._context, entry_is_given=is_given)

    def quarantine(self, rows: Sequence[Quarantined], counts: RowCounts) -> None:
        """Keep rows that could not be read."""
        quarantine(self._connection, self._source, self._run_id, rows, counts)
