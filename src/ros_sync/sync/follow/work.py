"""What the parts of a cycle share: the source, the mirror, what the run has done so far, and who is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, func, select

from ros_sync import clock
from ros_sync.connectors.source import HistoryStream, Page, Source, Stream
from ros_sync.errors import DailyLimitError, RosSyncError, StoppedError
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.store import Upsert
from ros_sync.sync.follow import unlinked
from ros_sync.sync.follow.event_inbox import announced_since
from ros_sync.sync.ingest.applied import Applied
from ros_sync.sync.ingest.applier import Applier
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.deletions import DeletionLedger, DeletionLimit
from ros_sync.sync.ingest.joined_records import followed_by_joined
from ros_sync.sync.ingest.reports import CycleReport, Progress
from ros_sync.sync.ingest.run_log import close_run, open_run
from ros_sync.sync.one_writer import writing
from ros_sync.sync.policy import SyncPolicy

log = structlog.get_logger(__name__)

TOUCHED_AT_ONCE = 4_000  # of more records than these, derived values are worked out for all, which is quicker then


class Work:
    """One source, one mirror, and what is done to them now. Not for several threads at once.

    `touched` are the (stream, id) that were written since derived values were last worked out; None stands for all of
    them, as it does for a process that has just begun: the one before may have been killed in between. `from_event`:
    what is read now is read because a webhook told of it, so that nothing is fresher.
    """

    def __init__(
        self,
        engine: Engine,
        source: Source,
        context: DealContext,
        *,
        now: Callable[[], datetime],
        policy: SyncPolicy,
        progress: Callable[[Progress], None],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.engine = engine
        self.source = source
        self.context = context
        self.now = now
        self.policy = policy
        self.report = CycleReport(source.name, now())
        self.touched: set[tuple[str, str]] | None = None
        self.from_event = False
        self.put_off: dict[str, datetime] = {}  # streams whose change events wait, and until when
        self._progress = progress
        self._stopping = stopping
        self._run_id: int | None = None
        self._told: Counter[str] = Counter()

    # ---- the run

    def begin(self, report: CycleReport) -> None:
        """From now on everything is counted in this report."""
        self.report, self._run_id = report, None
        self._told.clear()

    def go_on(self) -> None:
        """Raise StoppedError where the program is to stop."""
        if self._stopping():
            raise StoppedError

    @contextmanager
    def writing(self) -> Iterator[tuple[Connection, Applier]]:
        """A transaction that writes records, under the number of this run."""
        with writing(self.engine, self.source.name) as connection:
            number = self._run_id if self._run_id is not None else self._new_run(connection)
            now = clock.to_micros(self.now())
            applier = Applier(connection, self.source, self.context, run_id=number, now=now)
            with followed_by_joined(connection, self.context):
                yield connection, applier
        self._run_id = number

    def _new_run(self, connection: Connection) -> int:
        at = self.report.started_at
        return open_run(connection, self.source.name, "sync", what="", as_of=at, started_at=at)

    def close(self) -> None:
        """Write down what the run did, where it wrote anything."""
        if self._run_id is None:
            return
        report = self.report
        names = ("created", "updated", "unchanged", "older", "quarantined")
        read = [name for name, counted in report.streams.items() if counted.read or counted.changes]
        done = {name: report.total(name) for name in names}
        with writing(self.engine, self.source.name) as connection:
            close_run(
                connection,
                self._run_id,
                what=", ".join(read) or "account",
                rows_read=report.total("read"),
                finished_at=report.finished_at,
                error=report.trouble,
                **done,
            )
        log.info(
            "sync_done",
            source=self.source.name,
            read=report.total("read"),
            created=report.total("created"),
            updated=report.total("updated"),
            calls=report.call_count,
            trouble=report.trouble,
            seconds=round(report.seconds, 3),
        )

    def note(self, stream: Stream | HistoryStream, error: Exception) -> DailyLimitError | None:
        """Keep what went wrong with a stream, so that the others go on; the day's limit ends the cycle."""
        if isinstance(error, DailyLimitError):
            return error
        if isinstance(error, StoppedError):
            raise error
        if isinstance(error, RosSyncError):
            told = str(error)
            log.warning("stream_failed", source=self.source.name, stream=stream.name, error=told)
        else:  # a mistake of ours, or an answer that nobody thought of
            told = f"{stream.name} couldn't be read: {type(error).__name__}; see the log for details"
            log.error("stream_failed_unexpectedly", source=self.source.name, stream=stream.name, exc_info=error)
        self.report.of(stream.name).trouble = told
        return None

    def tell(self, stream: Stream, phase: str, pages: Sequence[Page]) -> None:
        """Tell how far the stream has been read."""
        self._told[stream.name] += sum(len(page.ids) for page in pages)
        expected = pages[-1].expected if pages else None
        self._progress(Progress(stream.name, phase, self._told[stream.name], expected))

    # ---- writing pages

    def ledger(self, connection: Connection, stream: Stream) -> DeletionLedger:
        """The ledger of a stream's deletions."""
        limit = DeletionLimit(self.policy.deletion_share, self.policy.deletion_at_least)
        known = partial(self.known_count, connection, stream)
        return DeletionLedger(connection, self.source.name, stream.name, self.now(), limit, known)

    def announced_meanwhile(self, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Those of these records of which a webhook has told since this work began."""
        return announced_since(connection, self.source.name, stream.name, ids, self.report.started_at)

    def touch(self, stream: Stream, applied: Applied | Iterable[str]) -> None:
        """Remember what was written, until derived values are worked out."""
        if self.touched is None:
            return
        changed = applied if isinstance(applied, Applied) else Applied(set(applied))
        self.touched |= {(stream.name, each) for each in changed.rows} | changed.ends
        if len(self.touched) > TOUCHED_AT_ONCE:
            self.touched = None

    # ---- records by id

    def alive(self, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Those of these records that the mirror holds and does not think deleted."""
        upsert = self.rows(connection, stream.objects[0])
        return {each for each, row in stored(upsert, ids) if row[1] is None}

    def here(self, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Those of these records that the mirror holds in any state, under any of the stream's objects."""
        return {each for name in stream.objects for each, _ in stored(self.rows(connection, name), ids)}

    def rows(self, connection: Connection, name: str) -> Upsert:
        """The stored rows of an object of this source: their ids, and since when they are deleted."""
        return Upsert(connection, objects()[name], self.source.name, ("id", "deleted_at"), run_id=None)

    def known_count(self, connection: Connection, stream: Stream) -> int:
        """How many of the stream's records are alive here."""
        table = objects()[stream.objects[0]].table
        query = select(func.count()).select_from(table)
        query = query.where(table.c.source == self.source.name, table.c.deleted_at.is_(None))
        return int(connection.execute(of_stream(self.source, stream, table, query)).scalar_one())

    def note_unlinked(
        self, connection: Connection, stream: Stream, ids: Sequence[str], unread: Mapping[str, str]
    ) -> None:
        """Note which associations of these records could be read, and which are still to be."""
        if unread:
            self.report.unlinked |= {(stream.name, to): reason for to, reason in unread.items()}
            unlinked.put_off(connection, self.source.name, stream.name, ids, unread, self.now())


def stored(upsert: Upsert, ids: Sequence[str]) -> Iterator[tuple[str, Sequence[Any]]]:
    """The rows of these records, some ids at a time."""
    for start in range(0, len(ids), CHUNK):
        yield from upsert.stored(ids[start : start + CHUNK]).items()


def of_stream(source: Source, stream: Stream, table: Any, query: Any) -> Any:
    """The query held to records of this stream, where several streams feed one object (activities).

    Which stream a row came by is not known where it was stored before that was noted, until it is read again: it
    belongs to the one stream that feeds the object, where there is but one.
    """
    feeding = [each.name for each in source.streams if stream.objects[0] in each.objects]
    if len(feeding) > 1:
        return query.where(table.c.stream == stream.name)
    return query.where(table.c.stream.in_([stream.name, *feeding]) | table.c.stream.is_(None))
