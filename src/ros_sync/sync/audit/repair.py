"""Bringing records of the mirror that an audit found to differ up to what the CRM says, by the sync engine's own paths.

Everything here can be done again: what is right already is not written, what is written keeps its history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, delete, select

from ros_sync import clock
from ros_sync.connectors.source import Page, Source, Stream
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Row, Upsert
from ros_sync.mirror.tables import CHANGE
from ros_sync.mirror.touched import note
from ros_sync.sync.audit.comparison import Comparison
from ros_sync.sync.follow import maintenance, page_writing, record_reading, relinking
from ros_sync.sync.follow.work import Work
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.reports import CycleReport
from ros_sync.sync.policy import SyncPolicy


class Repairer:
    """A context in which records are mended under one run. `notes` say what was left alone, and why."""

    def __init__(
        self, engine: Engine, source: Source, context: DealContext, *, now: Callable[[], datetime], policy: SyncPolicy
    ) -> None:
        self.notes: list[str] = []
        self._engine = engine
        self._source = source
        self._context = context
        self._now = now
        self._work = Work(engine, source, context, now=now, policy=policy, progress=lambda _progress: None)

    def __enter__(self) -> Self:
        """Begin a run; nothing is written of it before something is mended."""
        self._work.begin(CycleReport(self._source.name, self._now()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run."""
        self._work.report.finished_at = self._now()
        self._work.report.trouble = None if error is None else str(error)
        self._work.close()

    def account(self) -> None:
        """Owners and stages."""
        maintenance.describe(self._work, self._now())

    def read_again(self, stream: Stream, ids: Sequence[str], ends: Page) -> None:
        """Records as the CRM has them now; `ends` takes what it says of those that have ended."""
        self._forget_orphans(stream, ids)
        record_reading.read_again(self._work, stream, ids, ends=ends)

    def end(self, stream: Stream, ends: Page) -> None:
        """Carry out what was said of records that have ended, as one: too many are held."""
        page_writing.end(self._work, stream, ends, "repair")
        self.notes += [each.what for each in self._work.report.remarks]
        self._work.report.remarks.clear()

    def _forget_orphans(self, stream: Stream, ids: Sequence[str]) -> None:
        """A past whose present row is lost goes too.

        The record is new here then, and the CRM's own history comes with it.
        """
        for name in stream.objects:
            mirrored = objects()[name]
            versions = mirrored.version_table.c
            present = select(mirrored.table.c.id).where(
                mirrored.table.c.source == versions.source, mirrored.table.c.id == versions.id
            )
            orphaned = (
                select(versions.id)
                .where(versions.source == self._source.name, versions.id.in_(ids), ~present.exists())
                .distinct()
            )
            with self._engine.connect() as connection:
                lost = list(connection.execute(orphaned).scalars())
            if lost:
                with self._work.writing() as (connection, _):
                    connection.execute(
                        delete(mirrored.version_table).where(
                            versions.source == self._source.name, versions.id.in_(lost)
                        )
                    )
                    of_it = (CHANGE.c.object == name, CHANGE.c.source == self._source.name)
                    connection.execute(delete(CHANGE).where(*of_it, CHANGE.c.record_id.in_(lost)))
                    note(connection, name, self._source.name, lost)

    def relink(self, stream: Stream, ids: Sequence[str]) -> None:
        """The associations of those of these records that are alive here."""
        if stream.links:
            with self._engine.connect() as connection:
                alive = Comparison(connection, self._source, self._context).holders(stream, ids)
            relinking.relink(self._work, stream, list(alive))

    def fill(self, stream: Stream, ids: Sequence[str]) -> None:
        """The fields of these records that follow from their associations, where they say something else."""
        if not stream.links:
            return
        with self._engine.connect() as connection:
            comparison = Comparison(connection, self._source, self._context)
            wrong = {name: comparison.unfollowing(stream, name, ids) for name in stream.objects}
        if not any(wrong.values()):
            return
        with self._work.writing() as (connection, applier):
            now = clock.to_micros(self._now())
            for name, found in wrong.items():
                mirrored = objects()[name]
                following = Comparison(connection, self._source, self._context).following(stream, mirrored, found)
                rows: list[Row] = [(each, *(values.get(each) for values in following.values())) for each in found]
                upsert = Upsert(connection, mirrored, self._source.name, ("id", *following), run_id=applier.run_id)
                upsert.write(rows, now, derived=True)

    def splice(self, stream: Stream, ids: Sequence[str]) -> None:
        """The change histories of the tracked fields of these records."""
        page = record_reading.agreed(self._work, stream, self._source.read(stream, ids), asked=ids)
        page.histories = self._source.histories(stream, page.ids)
        with self._work.writing() as (_, applier):
            page_writing.apply(self._work, applier, stream, page)

    def derive(self) -> None:
        """What follows from activities, where something was mended."""
        maintenance.derive(self._work, self._now())
