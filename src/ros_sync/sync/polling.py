"""Polls: what was modified since the last one, the overlap again, and the pass that moves the durable watermark."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import fields
from datetime import timedelta

from ros_sync import clock
from ros_sync.connectors.source import Page, Stream
from ros_sync.sync.cadence import floored, lies_ahead
from ros_sync.sync.pages import joined
from ros_sync.sync.places import Place, Window, save_place
from ros_sync.sync.work import Work
from ros_sync.sync.writing import writing

POLL, PASS = "poll", "settled"
ASKED_AGAIN = timedelta(days=1)  # what is read again where a watermark was noted by a clock that was ahead


class Polling:
    """Polls every stream but those that were `listed` to their end in this very cycle."""

    def __init__(self, work: Work, places: dict[str, Place], listed: Collection[str]) -> None:
        self._work = work
        self._places = places
        self._listed = listed

    def run(self) -> None:
        """Read each stream up to the present."""
        work, until = self._work, floored(clock.to_micros(self._work.source.present))
        for stream in work.source.streams:
            place, counted = self._places[stream.name], work.report.of(stream.name)
            if place.backfill is None and place.polled_until is not None and not counted.trouble:
                try:
                    self._stream(stream, place, until)
                except Exception as error:  # it is told, and the other streams go on
                    failure = work.note(stream, error)
                    if failure is not None:
                        raise failure from error
            counted.polled_until, counted.complete_until = place.polled_until, place.complete_until

    def _stream(self, stream: Stream, place: Place, until: int) -> None:
        assert place.polled_until is not None
        cadence = self._work.cadence
        polled = clock.to_micros(place.polled_until)
        if place.poll is None and stream.name in self._listed:
            return
        if place.complete_until is not None and lies_ahead(place.complete_until, clock.from_micros(until)):
            place.complete_until = clock.from_micros(until) - ASKED_AGAIN
        if polled > until:  # a clock was put back: where polls really got to is not known any more
            polled = min(until, clock.to_micros(place.complete_until or place.polled_until))
            place.polled_until = clock.from_micros(polled)
        resumed = place.poll is not None
        window = place.poll or Window(min(polled, until) - cadence.overlap_seconds * 1_000_000, until)
        self._read(stream, place, window, POLL)
        settled = window.until - cadence.settled_seconds * 1_000_000
        since = clock.to_micros(place.complete_until or place.polled_until)
        if place.settled is None and since < settled and window.since <= since and not resumed:
            # After a pause the poll itself has read what lies so long ago that search has come to know it.
            place.complete_until = clock.from_micros(settled)
            self._save(stream, place)
        elif place.settled or settled - since >= cadence.pass_seconds * 1_000_000:
            self._read(stream, place, place.settled or Window(since, settled), PASS)

    def _read(self, stream: Stream, place: Place, window: Window, name: str) -> None:
        """Read one stretch of modified instants; what is in it is written group by group."""
        work = self._work
        pages: list[Page] = []
        for page in work.source.changed(stream, window.since, window.until, position=window.position):
            work.go_on()
            pages.append(page)
            if sum(len(each.ids) for each in pages) >= work.cadence.group_rows and page.position:
                self._write(stream, place, Window(window.since, window.until, page.position), name, pages)
                pages = []
        self._write(stream, place, window, name, pages, last=True)

    def _write(
        self, stream: Stream, place: Place, window: Window, name: str, pages: Sequence[Page], *, last: bool = False
    ) -> None:
        kept = deepcopy(place)
        try:
            self._write_as(stream, place, window, name, pages, last=last)
        except Exception:
            for each in fields(kept):
                setattr(place, each.name, getattr(kept, each.name))
            raise

    def _write_as(
        self, stream: Stream, place: Place, window: Window, name: str, pages: Sequence[Page], *, last: bool
    ) -> None:
        work = self._work
        page, confirmed = None, set[str]()
        if any(each.ids for each in pages):
            page, confirmed = work.completed(stream, joined(pages), with_links=name == PASS)
        setattr(place, name, None if last else window)
        if last and name == POLL:
            place.polled_until = max(filter(None, (place.polled_until, clock.from_micros(window.until))))
        elif last:
            place.complete_until = max(filter(None, (place.complete_until, clock.from_micros(window.until))))
        if page is None:
            self._save(stream, place)
        else:
            with work.writing() as (connection, applier):
                work.apply(applier, stream, page)
                work.touch(stream, applier.revive(stream, sorted(confirmed), work.report.of(stream.name)))
                save_place(connection, work.source.name, stream.name, place, work.report.started_at)
        work.tell(stream, name, pages)

    def _save(self, stream: Stream, place: Place) -> None:
        """Keep the place alone: nothing was read, so there is no run to speak of."""
        work = self._work
        with writing(work.engine, work.source.name) as connection:
            save_place(connection, work.source.name, stream.name, place, work.report.started_at)
