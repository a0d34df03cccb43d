"""The back-fill: every record of a stream, up to a bound that is fixed first, going on after a kill at any page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ros_sync import clock
from ros_sync.connectors.source import Page, Stream, Window
from ros_sync.errors import DailyLimitError, RosSyncError
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.links import has_links
from ros_sync.mirror.store import is_empty
from ros_sync.sync.follow import page_writing, record_reading
from ros_sync.sync.follow.fetching import Fetching, Reading
from ros_sync.sync.follow.work import Work, of_stream
from ros_sync.sync.ingest.pages import joined
from ros_sync.sync.ingest.seen import SeenIds
from ros_sync.sync.one_writer import writing
from ros_sync.sync.stream_state import StreamState, save_state, save_stream_state


class Listing:
    """Lists the streams that have to be listed, all at once, and writes what comes."""

    def __init__(self, work: Work, states: dict[str, StreamState], *, listed_before: bool = True) -> None:
        self._work = work
        self._states = states
        self._listed_before = listed_before  # everything, once at least
        self._written_at: dict[str, float] = {}

    def run(self, now: datetime, *, full: bool) -> frozenset[str]:
        """List what has not been listed, what was cut off, what is to be read otherwise now; with `full` everything.

        Gives the names of the streams that were listed to their end.
        """
        work, begun_at = self._work, clock.to_micros(self._work.source.present)
        wanted = self._wanted(begun_at, full=full)
        if not wanted:
            return frozenset()
        begun = {each.name: self._position(each) is None for each in wanted}
        fresh = {each.name for each in wanted if begun[each.name] and self._is_unknown(each)}
        readings = [
            [Reading(each, partial(work.source.listed, each, position=self._position(each)))] for each in wanted
        ]
        held: dict[str, list[Page]] = {each.name: [] for each in wanted}
        rows: Counter[str] = Counter()  # of the pages that are held
        failure: DailyLimitError | None = None
        with SeenIds() as seen, Fetching(readings) as fetching:
            for fetched in fetching:
                work.go_on()
                stream, pages = fetched.part, held[fetched.part.name]
                is_fresh = stream.name in fresh  # nothing of it can have vanished
                if fetched.page is not None:
                    pages.append(fetched.page)
                    ids = fetched.page.ids
                    if not is_fresh:
                        seen.add([f"{stream.name}/{each}" for each in ids], stream.name, [0] * len(ids))
                    rows[stream.name] += len(ids)
                    if rows[stream.name] < work.policy.backfill_rows and not self._is_time(stream):
                        continue
                last = fetched.page is None and fetched.error is None
                complete = last and begun[stream.name] and not is_fresh
                error = self._written(
                    stream, pages, begun_at, empty=is_fresh, last=last, seen=seen if complete else None
                )
                for each in filter(None, (fetched.error, error)):
                    failure = work.note(stream, each) or failure
                    fetching.abandon(stream)
                pages.clear()
                rows[stream.name] = 0
        if failure is not None:
            raise failure
        through = {each.name for each in wanted if self._states[each.name].backfill is None}
        through -= {each.name for each in fetching.abandoned}
        # What cannot be listed at all (a scope is missing) is tried with each cycle, and keeps no other from being
        # done.
        stuck = {
            each.name for each in fetching.abandoned if self._states[each.name].backfill and not self._position(each)
        }
        if through and self._is_whole(through | stuck, begun):
            anew = {"linked_at": now} if all(begun.values()) else {}
            with writing(work.engine, work.source.name) as connection:
                save_state(connection, work.source.name, now, reconciled_at=now, **anew)
        return frozenset(through)

    def _is_whole(self, through: Collection[str], begun: Mapping[str, bool]) -> bool:
        """Whether everything has been listed anew: in one go, or for the first time, by however many processes."""
        if len(through) == len(self._work.source.streams):
            return all(begun.values()) or not self._listed_before
        there = [self._states.get(stream.name) for stream in self._work.source.streams]
        return not self._listed_before and all(each and each.backfill is None and each.cursor for each in there)

    def _is_time(self, stream: Stream) -> bool:
        """Whether what is held of a stream has been waiting for long enough: a kill costs reading it again."""
        now = time.monotonic()
        return now - self._written_at.setdefault(stream.name, now) >= self._work.policy.backfill_seconds

    def _is_unknown(self, stream: Stream) -> bool:
        """Whether the mirror holds nothing of the stream: no record of its objects, and no link that others told of."""
        source = self._work.source.name
        with self._work.engine.connect() as connection:
            empty = all(is_empty(connection, objects()[name], source) for name in stream.objects)
            return empty and not has_links(connection, source, stream.name)

    def _position(self, stream: Stream) -> str | None:
        window = self._states[stream.name].backfill
        return window.position if window else None

    def _wanted(self, until: int, *, full: bool) -> list[Stream]:
        """The streams whose listing is to begin, with its upper bound fixed now, or to go on."""
        wanted = []
        for stream in self._work.source.streams:
            state = self._states.setdefault(stream.name, StreamState())
            try:
                schema = self._work.source.schema(stream)
            except RosSyncError as error:  # what its records are read by cannot be told: the other streams go on
                failure = self._work.note(stream, error)
                if failure is not None:
                    raise failure from error
                continue
            known = schema.fingerprint != ""
            otherwise = known and (state.fingerprint != schema.fingerprint or not schema.properties <= state.properties)
            due = full or state.cursor is None
            if otherwise or (due and state.backfill is None):
                state.backfill = Window(0, until)
            if known:
                state.fingerprint, state.properties = schema.fingerprint, schema.properties
            if state.backfill is not None:
                wanted.append(stream)
        return wanted

    def _written(
        self, stream: Stream, pages: Sequence[Page], begun_at: int, *, empty: bool, last: bool, seen: SeenIds | None
    ) -> Exception | None:
        """Write what was read, and look for what has vanished where the whole listing was `seen`.

        What went wrong with it.
        """
        try:
            if pages or last:
                self._write(stream, pages, begun_at, empty=empty, last=last)
            if seen is not None:
                self._find_vanished(stream, seen)
        except Exception as error:  # noqa: BLE001  # it is told, and the other streams go on
            return error
        return None

    def _write(self, stream: Stream, pages: Sequence[Page], begun_at: int, *, empty: bool, last: bool) -> None:
        """Write what was read; `empty`: as what the mirror knows nothing of, as long as that is so."""
        work, state, counted = self._work, self._states[stream.name], self._work.report.of(stream.name)
        self._written_at[stream.name] = time.monotonic()
        kept = deepcopy((state, counted))
        try:
            try:
                self._write_as(stream, pages, begun_at, empty=empty, last=last)
            except IntegrityError:
                if not empty:
                    raise
                # A webhook told of the other side of a link meanwhile, or the list told of a record twice.
                self._states[stream.name], work.report.streams[stream.name] = deepcopy(kept)
                self._write_as(stream, pages, begun_at, empty=False, last=last)
        except Exception:
            self._states[stream.name], work.report.streams[stream.name] = kept
            raise

    def _write_as(self, stream: Stream, pages: Sequence[Page], begun_at: int, *, empty: bool, last: bool) -> None:
        work, state = self._work, self._states[stream.name]
        counted, window = work.report.of(stream.name), state.backfill
        assert window is not None
        page = record_reading.agreed(work, stream, joined(pages)) if pages else Page(stream.name)
        with work.writing() as (connection, applier):
            if pages:
                page_writing.apply(work, applier, stream, page, empty=empty, way="list")
                if not empty:
                    # What was archived after that was so after its page was read, perhaps.
                    work.touch(stream, applier.endings.revive(stream, page.ids, counted, before=begun_at))
                state.backfill = Window(window.since, window.until, page.position)
            if last:
                state.backfill = None
                until = clock.from_micros(window.until)
                state.cursor = max(filter(None, (state.cursor, until)))
                state.watermark = max(filter(None, (state.watermark, until)))
            save_stream_state(connection, work.source.name, stream.name, state, work.report.started_at)
        work.tell(stream, "back-fill", pages)

    def _find_vanished(self, stream: Stream, seen: SeenIds) -> None:
        """Records of the mirror that a whole listing did not hold: archived, merged or erased meanwhile."""
        work = self._work
        held = ids_of(work, stream)
        missing = [each for each in held if not seen.add([f"{stream.name}/{each}"], "", [0])]
        if not missing:
            return
        page = record_reading.agreed(work, stream, work.source.read(stream, missing), asked=missing)
        page = record_reading.with_needs(work, stream, page, confirmed=set(page.ids))
        with work.writing() as (_, applier):
            page_writing.apply(work, applier, stream, page, way="list", gone=True)


def ids_of(work: Work, stream: Stream) -> list[str]:
    """The ids of the stream's records that the mirror holds and does not think deleted."""
    table = objects()[stream.objects[0]].table
    query = select(table.c.id).where(table.c.source == work.source.name, table.c.deleted_at.is_(None))
    with work.engine.connect() as connection:
        return [str(each) for each in connection.execute(of_stream(work.source, stream, table, query)).scalars()]
