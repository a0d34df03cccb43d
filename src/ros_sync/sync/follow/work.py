"""What the parts of a cycle share: the source, the mirror, the books of the run, and reading records by id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, func, select

from ros_sync import clock
from ros_sync.connectors.source import HistoryStream, Page, Source, Stream
from ros_sync.errors import DailyLimitError, RosSyncError, StoppedError
from ros_sync.mirror import redirects
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.erasure import PERSONS
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.store import Upsert
from ros_sync.sync.follow import guises, unlinked
from ros_sync.sync.follow.event_inbox import announced_since
from ros_sync.sync.follow.unlinked import links_of, readable
from ros_sync.sync.ingest.applied import Applied
from ros_sync.sync.ingest.applier import Applier
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.deletions import DeletionLedger, DeletionLimit, doubt_problem, held_among, held_problem
from ros_sync.sync.ingest.mirror_columns import prepared
from ros_sync.sync.ingest.pages import joined, without
from ros_sync.sync.ingest.reports import CycleReport, Progress, StreamReport
from ros_sync.sync.ingest.run_log import close_run, open_run
from ros_sync.sync.one_writer import writing
from ros_sync.sync.policy import SyncPolicy

log = structlog.get_logger(__name__)

MODIFIED = "modified_at"
COMPARED_ROWS = 5_000  # rows compared with the mirror at a time
TOUCHED_AT_ONCE = 4_000  # of more records than these, derived values are worked out for all, which is quicker then


class Work:
    """One source, one mirror, and what is done to them now. Not for several threads at once.

    `touched` are the (stream, id) that were written since derived values were last worked out; None stands for all of
    them, as it does for a process that has just begun: the one before may have been killed in between. `hinted`: what
    is read now is read because a webhook told of it, so that nothing is fresher.
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
        self.hinted = False
        self.put_off: dict[str, datetime] = {}  # streams whose change events wait, and until when
        self._progress = progress
        self._stopping = stopping
        self._run_id: int | None = None
        self._told: Counter[str] = Counter()

    # ---- the books

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
            told = f"{stream.name} could not be read: {type(error).__name__}; the log has the details"
            log.error("stream_failed_unexpectedly", source=self.source.name, stream=stream.name, exc_info=error)
        self.report.of(stream.name).trouble = told
        return None

    def tell(self, stream: Stream, phase: str, pages: Sequence[Page]) -> None:
        """Tell how far the stream has been read."""
        self._told[stream.name] += sum(len(page.ids) for page in pages)
        expected = pages[-1].expected if pages else None
        self._progress(Progress(stream.name, phase, self._told[stream.name], expected))

    # ---- writing pages

    def apply(
        self,
        applier: Applier,
        stream: Stream,
        page: Page,
        *,
        empty: bool = False,
        way: str = "poll",
        explicit: Collection[str] = (),
        gone: bool = False,
        erase: bool = True,
    ) -> Applied:
        """Write a page that was completed, less what is known better by now, and less deletions that wait for a person.

        Between reading and writing a webhook may have told of a record, and somebody else have read it since: an erased
        person or a merged record does not come back, and links and deletions that were read before are left alone.
        `way` says what told of deletions, `explicit` are persons whose erasure the CRM told of. With `gone`, records
        that it does not know end here; without `erase` they are marked as deleted, also where they are persons.
        """
        if not empty or redirects.any_of(applier.connection, self.source.name, stream.objects[0]):
            page = without(page, self._ended(applier.connection, stream, page.ids))
        if not self.hinted and (page.links or page.deleted):
            fresher = self.announced_meanwhile(applier.connection, stream, [*page.links, *page.deleted])
            page.links = {each: links for each, links in page.links.items() if each not in fresher}
            page.deleted = {each: at for each, at in page.deleted.items() if each not in fresher}
        page = self.ending(applier.connection, stream, page, way, explicit)
        staying = guises.staying(self, applier.connection, page)
        if not erase:
            page = replace(page, deleted={**page.deleted, **dict.fromkeys(page.gone)}, gone=[])
        self._put_off(applier.connection, stream, list(page.links), page.unread)
        counted = self.report.of(stream.name)
        applied = applier.apply(readable(stream, page.unread), page, counted, empty=empty, staying=staying)
        self.touch(stream, applied)
        if any(each.parent == stream.name for each in self.source.history_streams):
            self.touch(stream, applier.merge_history(stream, page.ids))  # entries that were newer than their rows
        if gone:
            applier.endings.gone(stream, page.gone, counted)
        return applied

    def ending(
        self, connection: Connection, stream: Stream, page: Page, way: str, explicit: Collection[str] = ()
    ) -> Page:
        """The page without the deletions that are held; somebody is told of those."""
        ledger = self.ledger(connection, stream)
        ledger.void(page.ids)
        if not (page.deleted or page.merged or page.gone):
            return page
        there = self.alive(connection, stream, [*page.deleted, *page.merged, *page.gone])
        if set(stream.objects) & set(PERSONS):  # who is marked as deleted loses what is known of them
            there |= self._here(connection, stream, page.gone)
        judged = ledger.judge(page, way, there=there, explicit=explicit)
        if judged.wave is not None:
            self.report.remarks.append(held_problem(stream.name, judged.held, judged.wave))
        return judged.page

    def ledger(self, connection: Connection, stream: Stream) -> DeletionLedger:
        """The book of a stream's deletions."""
        limit = DeletionLimit(self.policy.deletion_share, self.policy.deletion_at_least)
        known = partial(self._known, connection, stream)
        return DeletionLedger(connection, self.source.name, stream.name, self.now(), limit, known)

    def end(self, stream: Stream, ends: Page, way: str, *, explicit: Collection[str] = (), erase: bool = True) -> None:
        """Carry out what a page says of records that have ended, all of it as one."""
        if ends.deleted or ends.merged or ends.gone:
            with self.writing() as (_, applier):
                self.apply(applier, stream, ends, way=way, explicit=explicit, gone=True, erase=erase)

    def announced_meanwhile(self, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Those of these records of which a webhook has told since this work began."""
        return announced_since(connection, self.source.name, stream.name, ids, self.report.started_at)

    def _ended(self, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Those of these records that were merged into others, or erased."""
        found: set[str] = set()
        for name in stream.objects:
            found |= redirects.resolve(connection, self.source.name, name, ids).keys()
        return found

    def touch(self, stream: Stream, applied: Applied | Iterable[str]) -> None:
        """Remember what was written, until derived values are worked out."""
        if self.touched is None:
            return
        changed = applied if isinstance(applied, Applied) else Applied(set(applied))
        self.touched |= {(stream.name, each) for each in changed.rows} | changed.ends
        if len(self.touched) > TOUCHED_AT_ONCE:
            self.touched = None

    # ---- records by id

    def read_again(
        self,
        stream: Stream,
        ids: Iterable[str],
        *,
        way: str = "unreadable",
        gone: bool = True,
        linked: Collection[str] = (),
        moved: Collection[str] = (),
        explicit: Collection[str] = (),
        ends: Page | None = None,
    ) -> None:
        """Read these records as they are now and write what they say; with `gone`, those unknown to the CRM end here.

        Links are read of those that are new or were thought deleted, and of `linked`, histories of new and changed
        ones, and of `moved`. `ends` takes what is said of records that have ended, for the caller to carry out with
        others as one.
        """
        unique = list(dict.fromkeys(ids))
        if not unique:
            return
        self.go_on()
        page = self.agreed(stream, self.source.read(stream, unique), asked=unique)
        with self.engine.connect() as connection:
            back = self._doubtful(connection, stream, page.ids)
        page = self.with_needs(stream, page, confirmed=back | set(page.ids).intersection(linked), moved=moved)
        if ends is not None:
            ends.deleted |= page.deleted
            ends.merged |= page.merged
            ends.gone += page.gone if gone else []
            page = replace(page, deleted={}, merged={}, gone=[])
        with self.writing() as (_, applier):
            self.apply(applier, stream, page, way=way, explicit=explicit, gone=gone)
            self.touch(stream, applier.endings.revive(stream, page.ids, self.report.of(stream.name)))

    def agreed(self, stream: Stream, page: Page, asked: Collection[str] = ()) -> Page:
        """The page without merges that the CRM contradicts, by whichever of its answers.

        A record names those that went into it. Those among them that are not known to be there are read by their id
        (`asked` ones were): one that comes under its own id went into none.
        """
        if page.doubted:
            self._doubt(stream, len(page.doubted))
        claimed = [each for each in page.merged if each not in asked]
        if claimed:
            with self.engine.connect() as connection:
                there = self.alive(connection, stream, claimed) | set(page.ids).intersection(claimed)
                known = redirects.resolve(connection, self.source.name, stream.objects[0], claimed)
            led = {each for each in claimed if known.get(each) in (page.merged[each], redirects.ERASED)}
            unsure = [each for each in claimed if each in there or each not in led]
            told = self.source.read(stream, unsure) if unsure else Page(stream.name)
            denied = set(told.ids).intersection(unsure)
            merged = {each: into for each, into in page.merged.items() if each not in denied}
            page.merged = merged | {each: told.merged[each] for each in unsure if each in told.merged}
            if denied:
                self._doubt(stream, len(denied))
        return page

    def _doubt(self, stream: Stream, number: int) -> None:
        log.warning("answers_contradict", source=self.source.name, stream=stream.name, records=number)
        self.report.remarks.append(doubt_problem(stream.name, number))

    def alive(self, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Those of these records that the mirror holds and does not think deleted."""
        upsert = self._rows(connection, stream.objects[0])
        return {each for each, row in _stored(upsert, ids) if row[1] is None}

    def _here(self, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Those of these records that the mirror holds in any state, under any of the stream's objects."""
        return {each for name in stream.objects for each, _ in _stored(self._rows(connection, name), ids)}

    def _rows(self, connection: Connection, name: str) -> Upsert:
        return Upsert(connection, objects()[name], self.source.name, ("id", "deleted_at"), run_id=None)

    def _known(self, connection: Connection, stream: Stream) -> int:
        """How many of the stream's records are alive here."""
        table = objects()[stream.objects[0]].table
        query = select(func.count()).select_from(table)
        query = query.where(table.c.source == self.source.name, table.c.deleted_at.is_(None))
        return int(connection.execute(of_stream(self.source, stream, table, query)).scalar_one())

    def relink(self, stream: Stream, ids: Sequence[str]) -> None:
        """Read the links of these records again."""
        if ids and stream.links:
            found, unread = links_of(self.source, stream, list(dict.fromkeys(ids)))
            guises.look_for_ends(self, readable(stream, unread), found)
            with self.writing() as (connection, applier):
                self._put_off(connection, stream, list(found), unread)
                if not self.hinted:
                    fresher = self.announced_meanwhile(connection, stream, list(found))
                    found = {each: links for each, links in found.items() if each not in fresher}
                self.touch(stream, applier.link(readable(stream, unread), found))

    def _put_off(self, connection: Connection, stream: Stream, ids: Sequence[str], unread: Mapping[str, str]) -> None:
        """Note which associations of these records could be read, and which are still to be."""
        if unread:
            self.report.unlinked |= {(stream.name, to): reason for to, reason in unread.items()}
            unlinked.put_off(connection, self.source.name, stream.name, ids, unread, self.now())

    def catch_up_links(self) -> None:
        """Read the associations that could not be read before."""
        with self.engine.connect() as connection:
            waiting = unlinked.waiting(connection, self.source.name)
        streams = {stream.name: stream for stream in self.source.streams}
        for (name, to), ids in waiting.items():
            stream = streams.get(name)
            if stream is not None and to in stream.links and (name, to) not in self.report.unlinked:
                self.relink(replace(stream, links=(to,)), ids)
            if (name, to) not in self.report.unlinked:
                with writing(self.engine, self.source.name) as connection:
                    unlinked.done(connection, self.source.name, name, ids, [to])

    def completed(
        self, stream: Stream, page: Page, *, with_links: bool = False, with_histories: bool = False
    ) -> tuple[Page, set[str]]:
        """The page with what it lacks, and the ids among its records that were thought deleted and are there again.

        Search may tell of a record that was archived, merged or erased meanwhile; those are asked for by id. Histories
        and links are asked for where the mirror needs them; `with_links`, `with_histories`: those of every record.
        """
        with self.engine.connect() as connection:
            doubtful = self._doubtful(connection, stream, page.ids)
        confirmed: set[str] = set()
        if doubtful:
            found = self.agreed(stream, self.source.read(stream, sorted(doubtful)), asked=doubtful)
            confirmed = set(found.ids)
            page = joined([without(page, doubtful), found])
            page.histories, page.links = {}, {}
        page = self.agreed(stream, page, asked=doubtful)
        page = self.with_needs(
            stream, page, confirmed=set(page.ids) if with_links else confirmed, moved=page.ids if with_histories else ()
        )
        return page, confirmed

    def with_needs(self, stream: Stream, page: Page, *, confirmed: set[str], moved: Collection[str] = ()) -> Page:
        """The page with the histories of records that are new or moved, and the links of new and `confirmed` ones."""
        with self.engine.connect() as connection:
            new, changed = self._in_need(connection, stream, page)
        told = new | changed | set(page.ids).intersection(moved)
        if stream.tracked and told:
            page.histories = self.source.histories(stream, sorted(told, key=_number))
        if stream.links and new | confirmed:
            page.links, page.unread = links_of(self.source, stream, sorted(new | confirmed, key=_number))
        return page

    def _doubtful(self, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Those of these records that are deleted, merged or erased here, or whose deletion waits for a person."""
        found: set[str] = set()
        for name in stream.objects:
            found |= redirects.resolve(connection, self.source.name, name, ids).keys()
            found |= {each for each, row in _stored(self._rows(connection, name), ids) if row[1] is not None}
        return found | held_among(connection, self.source.name, stream.name, ids).keys()

    def _in_need(self, connection: Connection, stream: Stream, page: Page) -> tuple[set[str], set[str]]:
        """The ids of records that are new here, and of those in which a tracked column changed, or may have.

        A record that was modified and says what it said may have been changed there and back: a few of those are asked
        about, so that a bulk edit of properties that are not mirrored costs nothing; `upkeep.look_back` asks about all
        of them.
        """
        if not page.batches or not page.batches[0].columns["id"] or not (stream.tracked or stream.links):
            return set(), set()
        batch = page.batches[0]
        mirrored = objects()[batch.object]
        columns = prepared(connection, self.source.name, mirrored, batch, self.context, StreamReport(stream.name))
        upsert = Upsert(
            connection, mirrored, self.source.name, tuple(columns), run_id=None, custom_names=batch.custom_names
        )
        rows = list(zip(*columns.values(), strict=True))
        tracked = {mirrored.columns[name] for name in stream.tracked}
        new, moved, touched = set(), set(), set()
        for start in range(0, len(rows), COMPARED_ROWS):
            for record_id, changed in upsert.compare(rows[start : start + COMPARED_ROWS]).items():
                if changed is None:
                    new.add(record_id)
                elif tracked.intersection(changed):
                    moved.add(record_id)
                elif changed == (MODIFIED,):
                    touched.add(record_id)
        return new, moved | touched if len(touched) <= self.source.facts.histories_a_call else moved


def _stored(upsert: Upsert, ids: Sequence[str]) -> Iterator[tuple[str, Sequence[Any]]]:
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


def _number(record_id: str) -> tuple[int, str]:
    return (len(record_id), record_id)
