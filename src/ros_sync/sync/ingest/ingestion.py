"""What every part of one transaction into the mirror goes by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from ros_sync import clock
from ros_sync.connectors.source import Source
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.erased import ErasedPersons
from ros_sync.sync.ingest.link_fields import LinkFields
from ros_sync.sync.ingest.row_writer import RowWriter


@dataclass(frozen=True)
class Ingestion:
    """One transaction of one source, under the number of a run. `now` (microseconds) is the moment of what was read."""

    connection: Connection
    source: Source
    context: DealContext
    run_id: int
    now: int

    @cached_property
    def link_fields(self) -> LinkFields:
        """The fields that follow from links."""
        return LinkFields(self.connection, self.source, run_id=self.run_id, now=self.now)

    @cached_property
    def rows(self) -> RowWriter:
        """What writes rows."""
        return RowWriter(self.connection, self.source.name, self.context, self.run_id)

    @property
    def deal_context(self) -> DealContext:
        """The context by whose rates deals are written."""
        return self.rows.deal_context

    @cached_property
    def erased(self) -> ErasedPersons:
        """The persons who were erased, as this transaction sees them."""
        streams = self.link_fields.streams
        return ErasedPersons(self.connection, self.source.name, streams, clock.from_micros(self.now))
