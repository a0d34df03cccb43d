"""WriteTarget a source: one cycle brings the mirror up to the present, whatever state it finds.

A stream is listed once (the back-fill, up to a bound that is fixed first), then polled for what was modified since. A
poll reads a little of the past again, since search lags behind writes; a pass over what lies longer ago moves the
durable watermark. Rows, histories, links and the place reached are written in one transaction, so a process killed
anywhere goes on where the last one ended. Doing it again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy import Engine

from ros_sync.connectors.source import Page, Source, Stream
from ros_sync.errors import DailyLimitError, RosSyncError, StoppedError
from ros_sync.organisation.people import Directory
from ros_sync.sync.follow import (
    change_events,
    confirmed,
    event_inbox,
    maintenance,
    page_writing,
    record_reading,
    relinking,
    unlinked,
)
from ros_sync.sync.follow.back_fill import Listing
from ros_sync.sync.follow.deletion_scan import DeletionScan
from ros_sync.sync.follow.polling import Polling
from ros_sync.sync.follow.work import Work
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.recounting import recount_slips
from ros_sync.sync.ingest.reports import CycleReport, Progress
from ros_sync.sync.ingest.restating import restate_amounts
from ros_sync.sync.one_writer import CHANGE_EVENTS, CYCLE, WRITES, alone, writing
from ros_sync.sync.policy import SyncPolicy, due, lies_ahead, quota_exhausted
from ros_sync.sync.stream_state import read_stream_states, save_state, state_of
from ros_sync.sync.write_back import requests as write_back
from ros_sync.sync.write_back.requests import Outcome, WriteBackRequest

log = structlog.get_logger(__name__)

Done = TypeVar("Done")
USED_UP = "the CRM's daily API limit is used up"


class _FollowedSource:
    """What carrying out write-back requests needs (`write_back.requests.WriteTarget`), by the work of a syncer."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.engine = work.engine
        self.source = work.source

    def now(self) -> datetime:
        return self._work.now()

    def take_in(self, stream: Stream, page: Page) -> None:
        work = self._work
        try:
            page = record_reading.with_needs(work, stream, page, confirmed=set())
        except StoppedError:
            raise
        except RosSyncError as error:  # looking back each day finds the history
            log.warning("history_put_off", source=work.source.name, stream=stream.name, error=str(error))
        with work.writing() as (_, applier):
            page_writing.apply(work, applier, stream, page)
        maintenance.derive(work, work.now())


class Syncer:
    """Follows one source. `now` gives the present; `progress` is told how far a stream has been read.

    Where `stopping` says so, what is under way ends with StoppedError at the next page.
    """

    def __init__(
        self,
        engine: Engine,
        source: Source,
        context: DealContext,
        *,
        now: Callable[[], datetime],
        policy: SyncPolicy | None = None,
        progress: Callable[[Progress], None] | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.engine = engine
        self.source = source
        self.context = context
        self._now = now
        self._policy = policy or SyncPolicy()
        tell = progress or (lambda _progress: None)
        self._work = Work(engine, source, context, now=now, policy=self._policy, progress=tell, stopping=stopping)
        self.following = _FollowedSource(self._work)
        self._unknown_owners: set[str] = set()  # owners nobody knew, also after a look at the account

    # ---- a cycle

    def cycle(self, *, full: bool = False) -> CycleReport:
        """Bring the mirror up to the present; with `full`, list everything again and look for what has vanished.

        What keeps a stream from being read is told in the report and in `source_state`; it stops no other stream.
        """
        report = CycleReport(self.source.name, self._now())
        with alone(self.engine, self.source.name, CYCLE) as mine:
            report.busy = not mine
            if mine:
                recount_slips(self.engine, self.context, report.started_at)
                restate_amounts(self.engine, self.context, report.started_at)
                with self._counted(report):
                    self._turn(report, full=full)
        return report

    @contextmanager
    def _counted(self, report: CycleReport) -> Iterator[None]:
        """Count calls and writes of the block in the report, and close its run."""
        before = Counter(self.source.counts)
        self._work.begin(report)
        with self.engine.connect() as connection:
            maintenance.remember(connection, self.source)
        try:
            yield
        finally:
            report.calls = dict(Counter(self.source.counts) - before)
            report.finished_at = self._now()
            self._work.close()

    def _turn(self, report: CycleReport, *, full: bool) -> None:
        with self.engine.connect() as connection:
            state = state_of(connection, self.source.name)
            states = read_stream_states(connection, self.source.name)
        now = report.started_at
        complete_at = state.get("complete_at")
        if complete_at is not None and lies_ahead(complete_at, now):
            complete_at = None  # nobody knows when it was
        if quota_exhausted(state.get("quota_exhausted_until"), now):
            report.quota_exhausted_until, report.trouble = state["quota_exhausted_until"], USED_UP
            report.complete_at = complete_at
            return
        try:
            self._follow(report, state, states, now, full=full)
        except DailyLimitError as error:
            report.quota_exhausted_until, report.trouble = error.resume_at, error.message
        except StoppedError:
            raise  # no trouble of the source's
        except RosSyncError as error:
            report.trouble = str(error)
        stuck = [each.trouble for each in report.streams.values() if each.trouble]
        stuck += [unlinked.in_words(report.unlinked)] if report.unlinked else []
        report.trouble = report.trouble or (stuck[0] if stuck else None)
        report.complete_at = complete_at if report.trouble else now
        if report.trouble:
            log.warning("source_in_trouble", source=self.source.name, trouble=report.trouble)
        with writing(self.engine, self.source.name) as connection:
            save_state(
                connection,
                self.source.name,
                now,
                complete_at=report.complete_at,
                quota_exhausted_until=report.quota_exhausted_until,
                trouble=report.trouble,
            )

    def _follow(
        self, report: CycleReport, state: dict[str, Any], states: dict[str, Any], now: datetime, *, full: bool
    ) -> None:
        every = "describe_again_seconds" if state.get("problems") else "describe_seconds"
        if self.source.outdated or self._due(state, "described_at", every):
            maintenance.describe(self._work, now)
        full = full or (state.get("complete_at") is not None and self._due(state, "reconciled_at", "reconcile_seconds"))
        unknown = {name for name, state in states.items() if state.cursor is None}
        unknown |= {stream.name for stream in self.source.streams} - states.keys()
        confirmed.delete_confirmed(self._work)
        looking = DeletionScan(self._work, now)
        looking.before_back_fill(unknown)
        before = state.get("reconciled_at") is not None
        if full:
            looking.before_listing()
        listed = Listing(self._work, states, listed_before=before).run(now, full=full)
        Polling(self._work, states, listed).run()
        looking.run(listed & unknown)
        maintenance.reread(self._work, now, listed=listed)
        with self.engine.connect() as connection:
            state = state_of(connection, self.source.name)  # a whole listing has read links too
        relinking.catch_up_links(self._work)
        if self._due(state, "linked_at", "links_seconds"):
            maintenance.refresh_links(self._work, now)
        self._meet_unknown_owners(report, now)
        maintenance.derive(self._work, now)

    def _due(self, state: dict[str, Any], name: str, every: str) -> bool:
        return due(state.get(name), self._now(), getattr(self._policy, every))

    def _meet_unknown_owners(self, report: CycleReport, now: datetime) -> None:
        """Look at the account once more where records name owners that nobody here knows: they may be new."""
        found = {name for each in report.streams.values() for name in each.unknown.get("owner", ())}
        if not found <= self._unknown_owners:
            self._unknown_owners |= found
            if not report.described:
                maintenance.describe(self._work, now)

    # ---- change events

    def process_change_events(self) -> CycleReport | None:
        """Read what the change events that wait are about; None where none waits. Raises what prevents it."""
        with self.engine.connect() as connection:
            if not event_inbox.waiting(connection, self.source.name):
                return None
        report = CycleReport(self.source.name, self._now())
        with alone(self.engine, self.source.name, CHANGE_EVENTS) as mine:
            if not mine:
                return None
            self._work.from_event = True
            try:
                with self._counted(report):
                    return change_events.work_off(self._work)
            finally:
                self._work.from_event = False

    # ---- writing back

    def write(self, request: WriteBackRequest, directory: Directory) -> Outcome:
        """Keep a write-back request and carry it out at once; PermanentError where it may not be."""
        with writing(self.engine, self.source.name) as connection:
            number = write_back.ask(connection, self.source, request, directory, self._now())
        with alone(self.engine, self.source.name, WRITES) as mine:
            if not mine:  # whoever is at it takes this one too, now or at the next turn
                return write_back.outcome_of(self.following, number)
            return self._execute(lambda: write_back.execute(self.following, number))

    def execute_writes(self) -> list[Outcome]:
        """Carry out what was asked for and is still open."""
        with alone(self.engine, self.source.name, WRITES) as mine:
            return self._execute(lambda: write_back.execute_open(self.following)) if mine else []

    def _execute(self, what: Callable[[], Done]) -> Done:
        with self._counted(CycleReport(self.source.name, self._now())):
            return what()

    # ---- records by id

    def read_again(self, stream: Stream, ids: Iterable[str], *, gone: bool = True) -> CycleReport:
        """Read these records as they are now and write what they say.

        With `gone`, those unknown to the CRM end here.
        """
        report = CycleReport(self.source.name, self._now())
        with self._counted(report):
            record_reading.read_again(self._work, stream, ids, gone=gone)
            maintenance.derive(self._work, report.started_at)
        return report

    def relink(self, stream: Stream, ids: Sequence[str]) -> CycleReport:
        """Read the links of these records again."""
        report = CycleReport(self.source.name, self._now())
        with self._counted(report):
            relinking.relink(self._work, stream, ids)
            maintenance.derive(self._work, report.started_at)
        return report
