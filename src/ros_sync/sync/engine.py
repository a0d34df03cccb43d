"""Following a source: one cycle brings the mirror up to the present, whatever state it finds.

A stream is listed once (the back-fill, up to a bound that is fixed first), then polled for what was modified since. A poll
reads a little of the past again, since search lags behind writes; a pass over what lies longer ago moves the durable
watermark. Rows, histories, links and the place reached are written in one transaction, so a process killed anywhere goes
on where the last one ended. Doing it again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, insert, select, update

from ros_sync import clock
from ros_sync.connectors.base import Batch
from ros_sync.connectors.source import Page, Problem, Source, Stream
from ros_sync.errors import DailyLimitError, RosSyncError
from ros_sync.mirror import redirects
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Upsert, is_empty
from ros_sync.mirror.tables import SyncRun
from ros_sync.sync.applying import Applied, Applier
from ros_sync.sync.cadence import Cadence, due, floored
from ros_sync.sync.deals import DealContext
from ros_sync.sync.derived import roll_up
from ros_sync.sync.fetching import Fetching, Reading
from ros_sync.sync.pages import joined, without
from ros_sync.sync.places import Place, Window, cursor, read_places, save_cursor, save_place, save_state, state_of
from ros_sync.sync.preparing import prepared
from ros_sync.sync.reports import CycleReport, Progress, StreamReport
from ros_sync.sync.seen import SeenIds
from ros_sync.sync.writing import one_cycle, writing

log = structlog.get_logger(__name__)

DERIVED = "(derived)"  # the name under which it is kept when derived values were last worked out
_RUN = SyncRun.metadata.tables["sync_run"]


class Syncer:
    """Follows one source. `now` gives the present; `progress` is told how far a stream has been read."""

    def __init__(
        self,
        engine: Engine,
        source: Source,
        context: DealContext,
        *,
        now: Callable[[], datetime],
        cadence: Cadence | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.engine = engine
        self.source = source
        self.context = context
        self._now = now
        self._cadence = cadence or Cadence()
        self._progress = progress or (lambda _progress: None)
        self._run_id: int | None = None
        self._read: Counter[str] = Counter()
        self._changed = False

    # ---- a cycle

    def cycle(self, *, full: bool = False) -> CycleReport:
        """Bring the mirror up to the present; with `full`, list everything again and look for what has vanished.

        What keeps a stream from being read is told in the report and in `source_state`; it stops no other stream.
        """
        report = CycleReport(self.source.name, self._now())
        before = Counter(getattr(self.source, "counts", {}))
        with one_cycle(self.engine, self.source.name) as mine:
            report.busy = not mine
            if mine:
                self._run_id, self._changed = None, False
                self._read.clear()
                self._turn(report, full=full)
        report.calls = dict(Counter(getattr(self.source, "counts", {})) - before)
        report.finished_at = self._now()
        if mine:
            self._close(report)
        return report

    def _turn(self, report: CycleReport, *, full: bool) -> None:
        with self.engine.connect() as connection:
            state = state_of(connection, self.source.name)
            places = read_places(connection, self.source.name)
        now = report.started_at
        parked = state.get("parked_until")
        if parked is not None and parked > now:
            report.parked_until = parked
            report.trouble = "the calls that the CRM allows in a day are used up"
            report.complete_at = state.get("complete_at")
            return
        try:
            self._describe(report, state, now)
            full = full or (
                state.get("complete_at") is not None and self._due(state, "reconciled_at", "reconcile_seconds")
            )
            self._backfill(report, places, now, full=full)
            self._poll_all(report, places, now)
            if self._due(state, "archived_listed_at", "archived_seconds"):
                self._look_for_archived(report, now)
            if self._due(state, "linked_at", "links_seconds"):
                self._refresh_links(report, now)
            self._derive(report, now)
        except DailyLimitError as error:
            report.parked_until, report.trouble = error.resume_at, error.message
        except RosSyncError as error:
            report.trouble = str(error)
        stuck = [each.trouble for each in report.streams.values() if each.trouble]
        report.trouble = report.trouble or (stuck[0] if stuck else None)
        report.complete_at = state.get("complete_at") if report.trouble else now
        with writing(self.engine, self.source.name) as connection:
            save_state(
                connection,
                self.source.name,
                now,
                complete_at=report.complete_at,
                parked_until=report.parked_until,
                trouble=report.trouble,
            )

    def _due(self, state: dict[str, Any], name: str, every: str) -> bool:
        return due(state.get(name), self._now(), getattr(self._cadence, every))

    def _describe(self, report: CycleReport, state: dict[str, Any], now: datetime) -> None:
        """Look at the account: owners, stages, and what is wanting."""
        every = "describe_again_seconds" if state.get("problems") else "describe_seconds"
        if not self._due(state, "described_at", every):
            return
        described = self.source.describe()
        report.described, report.problems = True, described.problems
        with self._run(now) as (connection, run_id):
            applier = self._applier(connection, run_id)
            for batch in (described.owners, described.stages):
                self._write_plain(applier, connection, batch, report)
            problems = [_as_data(each) for each in described.problems]
            save_state(connection, self.source.name, now, described_at=now, problems=problems)

    def _write_plain(self, applier: Applier, connection: Connection, batch: Batch, report: CycleReport) -> None:
        """Owners and stages: all of them come each time; those that come no more are deleted."""
        mirrored = objects()[batch.object]
        stream = Stream(batch.object, (batch.object,))
        counted = StreamReport(batch.object)
        applied = applier.apply(stream, Page(batch.object, batches=[batch]), counted)
        known = connection.execute(
            select(mirrored.table.c.id).where(
                mirrored.table.c.source == self.source.name, mirrored.table.c.deleted_at.is_(None)
            )
        ).scalars()
        gone = set(known) - set(map(str, batch.columns["id"]))
        now = clock.to_micros(self._now())
        applier.delete(stream, dict.fromkeys(gone, now), counted)
        applier.delete(stream, dict.fromkeys(map(str, batch.columns["id"])), counted)
        self._changed |= bool(applied) or bool(counted.deleted) or bool(counted.restored)
        if counted.created or counted.updated or counted.deleted:
            report.streams[batch.object] = counted

    # ---- back-fill

    def _backfill(self, report: CycleReport, places: dict[str, Place], now: datetime, *, full: bool) -> None:
        """List the streams that have not been listed, all at once; write what comes."""
        until = clock.to_micros(now)
        wanted = self._to_be_listed(places, until, full=full)
        if not wanted:
            return
        with self.engine.connect() as connection:
            empty = {name: is_empty(connection, objects()[name], self.source.name) for name in objects()}
        begun = {each.name: _position(places[each.name]) is None for each in wanted}
        fresh = {each.name for each in wanted if begun[each.name] and all(empty[name] for name in each.objects)}
        readings = [
            [Reading(each, partial(self.source.listed, each, position=_position(places[each.name])))] for each in wanted
        ]
        held: dict[str, list[Page]] = {each.name: [] for each in wanted}
        failure: DailyLimitError | None = None
        with SeenIds() as seen, Fetching(readings) as fetching:
            for fetched in fetching:
                stream, pages = fetched.part, held[fetched.part.name]
                if fetched.error is not None:
                    failure = self._note(report, stream, fetched.error) or failure
                    continue
                if fetched.page is not None:
                    pages.append(fetched.page)
                    ids = fetched.page.ids
                    seen.add([f"{stream.name}/{each}" for each in ids], stream.name, [0] * len(ids))
                    if sum(len(page.ids) for page in pages) < self._cadence.backfill_rows:
                        continue
                last = fetched.page is None
                is_fresh = stream.name in fresh
                self._write_listed(report, stream, pages, places[stream.name], empty=is_fresh, last=last)
                pages.clear()
                if last and begun[stream.name] and not is_fresh:
                    self._find_vanished(report, stream, seen)
        if failure is not None:
            raise failure
        if all(places[each.name].backfill is None for each in wanted) and all(begun.values()):
            with writing(self.engine, self.source.name) as connection:
                save_state(connection, self.source.name, now, reconciled_at=now, linked_at=now)

    def _to_be_listed(self, places: dict[str, Place], until: int, *, full: bool) -> list[Stream]:
        """The streams whose listing is to begin, with its upper bound fixed now, or to go on."""
        wanted = []
        for stream in self.source.streams:
            place = places.setdefault(stream.name, Place())
            if place.backfill is None and (full or place.polled_until is None):
                place.backfill = Window(0, until)
            if place.backfill is not None:
                wanted.append(stream)
        return wanted

    def _write_listed(
        self,
        report: CycleReport,
        stream: Stream,
        pages: Sequence[Page],
        place: Place,
        *,
        empty: bool,
        last: bool = False,
    ) -> None:
        counted = report.of(stream.name)
        window = place.backfill
        assert window is not None
        with self._run(report.started_at) as (connection, run_id):
            if pages:
                page = joined(pages)
                applier = self._applier(connection, run_id)
                applied = applier.apply(stream, page, counted, empty=empty)
                applier.delete(stream, dict.fromkeys(page.ids), counted)
                self._note_change(applied, counted)
                place.backfill = Window(window.since, window.until, page.position)
            if last:
                place.backfill = None
                until = clock.from_micros(window.until)
                place.polled_until = max(filter(None, (place.polled_until, until)))
                place.complete_until = max(filter(None, (place.complete_until, until)))
            save_place(connection, self.source.name, stream.name, place, report.started_at)
        self._tell(stream, "back-fill", pages)

    def _find_vanished(self, report: CycleReport, stream: Stream, seen: SeenIds) -> None:
        """Records of the mirror that a whole listing did not hold: archived, merged or erased meanwhile."""
        table = objects()[stream.objects[0]].table
        link_free = self._ids_of(stream, table)
        missing = [each for each in link_free if not seen.add([f"{stream.name}/{each}"], "", [0])]
        if missing:
            self.read_again(stream, missing, report=report, gone=True)

    def _ids_of(self, stream: Stream, table: Any) -> list[str]:
        """The ids that the mirror holds of a stream; several streams may feed one object."""
        with self.engine.connect() as connection:
            query = select(table.c.id).where(table.c.source == self.source.name, table.c.deleted_at.is_(None))
            kinds = [each.name for each in self.source.streams if stream.objects[0] in each.objects]
            if len(kinds) > 1:
                query = query.where(table.c.activity_kind == self._kind_of(stream))
            return [str(each) for each in connection.execute(query).scalars()]

    def _kind_of(self, stream: Stream) -> str:
        """What the activities of a stream are called here: the stream's name in the singular."""
        return stream.name.removesuffix("s")

    # ---- polling

    def _poll_all(self, report: CycleReport, places: dict[str, Place], now: datetime) -> None:
        until = floored(clock.to_micros(now))
        overlap = self._cadence.overlap_seconds * 1_000_000
        for stream in self.source.streams:
            place = places[stream.name]
            if place.backfill is not None or place.polled_until is None or report.of(stream.name).trouble:
                continue
            if clock.to_micros(place.polled_until) >= until and place.poll is None:
                continue  # it was listed in this very cycle
            window = place.poll or Window(min(clock.to_micros(place.polled_until), until) - overlap, until)
            try:
                self._poll(report, stream, place, window, "poll")
                settled = until - self._cadence.settled_seconds * 1_000_000
                since = clock.to_micros(place.complete_until or place.polled_until)
                if place.settled or settled - since >= self._cadence.pass_seconds * 1_000_000:
                    self._poll(report, stream, place, place.settled or Window(since, settled), "settled")
            except RosSyncError as error:
                failure = self._note(report, stream, error)
                if failure is not None:
                    raise failure from error
            counted = report.of(stream.name)
            counted.polled_until, counted.complete_until = place.polled_until, place.complete_until

    def _poll(self, report: CycleReport, stream: Stream, place: Place, window: Window, name: str) -> None:
        """Read one stretch of modified instants; what is in it is written group by group."""
        pages: list[Page] = []
        for page in self.source.changed(stream, window.since, window.until, position=window.position):
            pages.append(page)
            if sum(len(each.ids) for each in pages) >= self._cadence.group_rows and page.position:
                self._write_group(report, stream, place, Window(window.since, window.until, page.position), name, pages)
                pages = []
        self._write_group(report, stream, place, window, name, pages, last=True)
        self._tell(stream, name, pages)

    def _write_group(
        self,
        report: CycleReport,
        stream: Stream,
        place: Place,
        window: Window,
        name: str,
        pages: Sequence[Page],
        *,
        last: bool = False,
    ) -> None:
        page = self._completed(stream, joined(pages), report) if any(each.ids for each in pages) else None
        if last:
            setattr(place, name, None)
            until = clock.from_micros(window.until)
            if name == "poll":
                place.polled_until = max(filter(None, (place.polled_until, until)))
            else:
                place.complete_until = max(filter(None, (place.complete_until, until)))
        else:
            setattr(place, name, window)
        if page is None:
            with writing(self.engine, self.source.name) as connection:
                save_place(connection, self.source.name, stream.name, place, report.started_at)
            return
        with self._run(report.started_at) as (connection, run_id):
            self._apply(connection, run_id, stream, page, report)
            save_place(connection, self.source.name, stream.name, place, report.started_at)

    def _apply(self, connection: Connection, run_id: int, stream: Stream, page: Page, report: CycleReport) -> Applied:
        """Write a page that was completed; records that were thought deleted and came are there again."""
        counted = report.of(stream.name)
        applier = self._applier(connection, run_id)
        applied = applier.apply(stream, page, counted)
        applier.delete(stream, dict.fromkeys(page.ids), counted)
        self._note_change(applied, counted)
        return applied

    def _completed(self, stream: Stream, page: Page, report: CycleReport) -> Page:
        """The page with what it lacks: histories and links of those that need them, and only records that are there.

        Search may tell of a record that was archived, merged or erased meanwhile; those are asked for by id.
        """
        with self.engine.connect() as connection:
            doubtful = self._doubtful(connection, stream, page.ids)
        if doubtful:
            confirmed = self.source.read(stream, sorted(doubtful))
            page = joined([without(page, doubtful), confirmed]) if page.batches else confirmed
            page.histories, page.links = {}, {}
        with self.engine.connect() as connection:
            new, moved = self._in_need(connection, stream, page, report)
        if stream.tracked and new | moved:
            page.histories = self.source.histories(stream, sorted(new | moved, key=_number))
        if stream.links and new:
            page.links = self.source.links(stream, sorted(new, key=_number))
        return page

    def _doubtful(self, connection: Connection, stream: Stream, ids: Sequence[str]) -> set[str]:
        """Those of these records that the mirror holds as deleted, merged or erased."""
        found: set[str] = set()
        for name in stream.objects:
            found |= redirects.resolve(connection, self.source.name, name, ids).keys()
            upsert = Upsert(connection, objects()[name], self.source.name, ("id", "deleted_at"), run_id=None)
            for start in range(0, len(ids), 400):
                stored = upsert.stored(ids[start : start + 400])
                found |= {each for each, row in stored.items() if row[1] is not None}
        return found

    def _in_need(
        self, connection: Connection, stream: Stream, page: Page, report: CycleReport
    ) -> tuple[set[str], set[str]]:
        """The ids of records that are new here, and of those in which a tracked column changed."""
        if not page.batches or not (stream.tracked or stream.links):
            return set(), set()
        batch = page.batches[0]
        if not batch.columns["id"]:
            return set(), set()
        mirrored = objects()[batch.object]
        notes = StreamReport(stream.name)
        columns = prepared(connection, self.source.name, mirrored, batch, self.context, notes)
        upsert = Upsert(connection, mirrored, self.source.name, tuple(columns), run_id=None)
        rows = list(zip(*columns.values(), strict=True))
        tracked = {mirrored.columns[name] for name in stream.tracked}
        new, moved = set(), set()
        for start in range(0, len(rows), 5_000):
            for record_id, changed in upsert.compare(rows[start : start + 5_000]).items():
                if changed is None:
                    new.add(record_id)
                elif tracked.intersection(changed):
                    moved.add(record_id)
        del report
        return new, moved

    # ---- on their own schedule

    def _look_for_archived(self, report: CycleReport, now: datetime) -> None:
        """List what was archived; what is not listed any more, and was, may have been restored."""
        since = now - timedelta(days=self._cadence.archived_days)
        for stream in self.source.streams:
            listed: set[str] = set()
            for page in self.source.listed(stream, archived=True):
                listed |= page.deleted.keys()
                with self._run(now) as (connection, run_id):
                    changed = self._applier(connection, run_id).delete(stream, page.deleted, report.of(stream.name))
                    self._changed |= bool(changed)
            table = objects()[stream.objects[0]].table
            with self.engine.connect() as connection:
                query = select(table.c.id).where(table.c.source == self.source.name, table.c.deleted_at >= since)
                held = set(connection.execute(query).scalars()) - listed
                held -= redirects.resolve(connection, self.source.name, stream.objects[0], sorted(held)).keys()
                if len([each for each in self.source.streams if stream.objects[0] in each.objects]) > 1:
                    kind = self._kind_of(stream)
                    query = select(table.c.id).where(table.c.source == self.source.name, table.c.activity_kind == kind)
                    held &= set(connection.execute(query).scalars())
            if held:
                self.read_again(stream, sorted(held), report=report)
        with writing(self.engine, self.source.name) as connection:
            save_state(connection, self.source.name, now, archived_listed_at=now)

    def _refresh_links(self, report: CycleReport, now: datetime) -> None:
        """Read the links of open deals again: a changed association does not touch a record's modified date."""
        deal = objects()["deal"].table
        for stream in self.source.streams:
            if "deal" in stream.objects and stream.links:
                with self.engine.connect() as connection:
                    query = select(deal.c.id).where(
                        deal.c.source == self.source.name, deal.c.deleted_at.is_(None), deal.c.stage_kind == "open"
                    )
                    ids = [str(each) for each in connection.execute(query).scalars()]
                self.relink(stream, ids, report=report)
        with writing(self.engine, self.source.name) as connection:
            save_state(connection, self.source.name, now, linked_at=now)

    def _derive(self, report: CycleReport, now: datetime) -> None:
        """Work out what follows from activities, where something changed or time has made planned ones happen."""
        with self.engine.connect() as connection:
            last = cursor(connection, self.source.name, DERIVED)
        if not self._changed and last and not due(last["updated_at"], now, self._cadence.planned_seconds):
            return
        self._derive_now(report.started_at)

    def _derive_now(self, now: datetime) -> None:
        with self._run(now) as (connection, run_id):
            roll_up(connection, self.source, run_id, clock.to_micros(now))
            save_cursor(connection, self.source.name, DERIVED, now)

    # ---- by id

    def read_again(
        self, stream: Stream, ids: Iterable[str], *, report: CycleReport | None = None, gone: bool = False
    ) -> CycleReport:
        """Read these records as they are now and write what they say; with `gone`, those unknown to the CRM end here."""
        report = report or CycleReport(self.source.name, self._now())
        page = self.source.read(stream, list(dict.fromkeys(ids)))
        page = self._with_needs(stream, page, report)
        with self._run(report.started_at) as (connection, run_id):
            self._apply(connection, run_id, stream, page, report)
            if gone:
                self._applier(connection, run_id).gone(stream, page.gone, report.of(stream.name))
                self._changed |= bool(page.gone)
        return report

    def _with_needs(self, stream: Stream, page: Page, report: CycleReport) -> Page:
        with self.engine.connect() as connection:
            new, moved = self._in_need(connection, stream, page, report)
            again = self._doubtful(connection, stream, page.ids) & set(page.ids)
        if stream.tracked and new | moved:
            page.histories = self.source.histories(stream, sorted(new | moved, key=_number))
        if stream.links and new | again:
            page.links = self.source.links(stream, sorted(new | again, key=_number))
        return page

    def relink(self, stream: Stream, ids: Sequence[str], *, report: CycleReport | None = None) -> CycleReport:
        """Read the links of these records again."""
        report = report or CycleReport(self.source.name, self._now())
        if ids and stream.links:
            found = self.source.links(stream, list(dict.fromkeys(ids)))
            with self._run(report.started_at) as (connection, run_id):
                changed = self._applier(connection, run_id).link(stream, found)
                self._changed |= bool(changed)
        return report

    # ---- inside

    def _applier(self, connection: Connection, run_id: int) -> Applier:
        return Applier(connection, self.source, self.context, run_id=run_id, now=clock.to_micros(self._now()))

    @contextmanager
    def _run(self, now: datetime) -> Iterator[tuple[Connection, int]]:
        """A transaction that writes records, with the number of this cycle's run."""
        with writing(self.engine, self.source.name) as connection:
            if self._run_id is None:
                values = {"source": self.source.name, "kind": "sync", "what": "", "as_of": now, "started_at": now}
                zero = dict.fromkeys(("rows_read", "created", "updated", "unchanged", "older", "set_aside"), 0)
                result = connection.execute(insert(_RUN).values(**values, **zero))
                assert result.inserted_primary_key is not None
                made = int(result.inserted_primary_key[0])
            else:
                made = self._run_id
            yield connection, made
        self._run_id = made

    def _close(self, report: CycleReport) -> None:
        """Write down what the run did."""
        if self._run_id is None:
            return
        names = ("created", "updated", "unchanged", "older", "set_aside")
        read = [name for name, counted in report.streams.items() if counted.read or counted.changes]
        with writing(self.engine, self.source.name) as connection:
            connection.execute(
                update(_RUN)
                .where(_RUN.c.id == self._run_id)
                .values(
                    what=", ".join(read) or "account",
                    rows_read=report.total("read"),
                    finished_at=report.finished_at,
                    error=report.trouble,
                    **{name: report.total(name) for name in names},
                )
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

    def _note(self, report: CycleReport, stream: Stream, error: Exception) -> DailyLimitError | None:
        """Keep what went wrong with a stream; the day's limit ends the cycle, and a mistake of ours is no trouble of theirs."""
        if isinstance(error, DailyLimitError):
            return error
        if not isinstance(error, RosSyncError):
            raise error
        report.of(stream.name).trouble = str(error)
        log.warning("stream_failed", source=self.source.name, stream=stream.name, error=str(error))
        return None

    def _note_change(self, applied: Applied, counted: StreamReport) -> None:
        self._changed |= bool(applied) or bool(counted.deleted or counted.restored or counted.merged)

    def _tell(self, stream: Stream, phase: str, pages: Sequence[Page]) -> None:
        self._read[stream.name] += sum(len(page.ids) for page in pages)
        expected = pages[-1].expected if pages else None
        self._progress(Progress(stream.name, phase, self._read[stream.name], expected))


def _as_data(problem: Problem) -> dict[str, Any]:
    return {
        "what": problem.what,
        "todo": problem.todo,
        "stream": problem.stream,
        "property": problem.property,
        "fatal": problem.fatal,
    }


def _position(place: Place) -> str | None:
    return place.backfill.position if place.backfill else None


def _number(record_id: str) -> tuple[int, str]:
    return (len(record_id), record_id)
