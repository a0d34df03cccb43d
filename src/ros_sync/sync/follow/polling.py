"""Polls: what was modified since the last one, the overlap again, and the sweep that moves the durable watermark."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields
from datetime import timedelta

from ros_sync import clock
from ros_sync.connectors.source import HistoryStream, Page, Stream, Window
from ros_sync.errors import PermanentError
from ros_sync.sync.follow import page_writing, record_reading
from ros_sync.sync.follow.work import Work
from ros_sync.sync.ingest.pages import joined
from ros_sync.sync.one_writer import writing
from ros_sync.sync.policy import floored, lies_ahead
from ros_sync.sync.stream_state import StreamState, save_stream_state

POLL, SWEEP = "poll", "sweep"
ASKED_AGAIN = timedelta(days=1)  # what is read again where a watermark was noted by a clock that was ahead


class Polling:
    """Polls every stream but those that were `listed` to their end in this very cycle, all of them at once."""

    def __init__(self, work: Work, states: dict[str, StreamState], listed: Collection[str]) -> None:
        self._work = work
        self._states = states
        self._listed = listed
        self._streams: dict[str, Stream | HistoryStream] = {each.name: each for each in work.source.streams}
        self._streams |= {each.name: each for each in work.source.history_streams}

    def run(self) -> None:
        """Read each stream up to the present."""
        until = floored(clock.to_micros(self._work.source.present))
        ready = {name: self._states.setdefault(name, StreamState()) for name in self._streams if self._is_ready(name)}
        resumed = {name for name, state in ready.items() if state.poll is not None}
        polls = {name: self._poll(state, until) for name, state in ready.items()}
        self._read(polls, POLL)
        sweeps: dict[str, Window] = {}
        for name, poll in polls.items():
            if not self._work.report.of(name).trouble:
                window = self._sweep(name, poll, resumed=name in resumed)
                sweeps |= {} if window is None else {name: window}
        self._read(sweeps, SWEEP)
        for name in self._streams:
            counted, state = self._work.report.of(name), self._states.get(name, StreamState())
            counted.cursor, counted.watermark = state.cursor, state.watermark

    def _is_ready(self, name: str) -> bool:
        """Whether a stream has been listed to its end, and is to be polled.

        A history stream's is that of its parent.
        """
        stream = self._streams[name]
        listed = stream.parent if isinstance(stream, HistoryStream) else name
        state = self._states.get(listed)
        if state is None or state.backfill is not None or state.cursor is None:
            return False
        if self._work.report.of(listed).trouble or self._work.report.of(name).trouble:
            return False
        return isinstance(stream, HistoryStream) or state.poll is not None or name not in self._listed

    def _poll(self, state: StreamState, until: int) -> Window:
        """What the next poll of a stream is to read; a poll that broke off goes on.

        A history stream begins at the beginning.
        """
        if state.watermark is not None and lies_ahead(state.watermark, clock.from_micros(until)):
            state.watermark = clock.from_micros(until) - ASKED_AGAIN
        if state.cursor is None:
            return state.poll or Window(0, until)
        polled = clock.to_micros(state.cursor)
        if polled > until:  # a clock was put back: where polls really got to is not known any more
            polled = min(until, clock.to_micros(state.watermark or state.cursor))
            state.cursor = clock.from_micros(polled)
        overlap = self._work.source.facts.overlap_seconds * 1_000_000
        return state.poll or Window(min(polled, until) - overlap, until)

    def _sweep(self, name: str, poll: Window, *, resumed: bool) -> Window | None:
        """What the sweep is to read after a poll, if it is time for one."""
        state = self._states[name]
        assert state.cursor is not None
        settled = poll.until - self._work.source.facts.settled_seconds * 1_000_000
        since = clock.to_micros(state.watermark or state.cursor)
        if state.sweep is None and since < settled and poll.since <= since and not resumed:
            # After a pause the poll itself has read what lies so long ago that search has come to know it.
            state.watermark = clock.from_micros(settled)
            self._save(name, state)
            return None
        if state.sweep or settled - since >= self._work.policy.sweep_seconds * 1_000_000:
            return state.sweep or Window(since, settled)
        return None

    def _read(self, windows: Mapping[str, Window], phase: str) -> None:
        """Read the windows of some streams; what is in them is written group by group.

        Where what was read of one stream cannot be written, the others are asked for once more, each from where it was
        written to: the vendor would go on with the stream that failed.
        """
        left = dict(windows)
        while left:
            try:
                self._read_once(left, phase)
            except Exception as error:  # it ends all of them, and is told of each
                for name in left:
                    failure = self._work.note(self._streams[name], error)
                    if failure is not None:
                        raise failure from error
                return

    def _read_once(self, left: dict[str, Window], phase: str) -> None:
        """Read until everything has been read, or one stream fails before its end.

        `left` says what is still to be read.
        """
        held: dict[str, list[Page]] = {name: [] for name in left}
        pages = self._work.source.changed(dict(left))
        for page in pages:
            self._work.go_on()
            name = page.stream
            if name not in left:
                continue
            is_last = page.position is None
            error = page.error or self._take(name, left, page, held[name], phase)
            if error is not None:
                failure = self._work.note(self._streams[name], error)
                if failure is not None:
                    raise failure from error
            if is_last or error is not None:
                del left[name]
            if error is not None and page.error is None and not is_last:
                _close(pages)
                return
        if left:
            raise PermanentError(f"{self._work.source.name} stopped before the end of {', '.join(left)}")

    def _take(self, name: str, left: dict[str, Window], page: Page, held: list[Page], phase: str) -> Exception | None:
        """Write what is held of a stream once it is enough; what went wrong with it."""
        held.append(page)
        is_last = page.position is None
        rows = sum(len(each.ids) + len(each.entries) for each in held)
        if not is_last and rows < self._work.policy.group_rows:
            return None
        window = Window(left[name].since, left[name].until, page.position)
        try:
            self._write(name, window, phase, held, last=is_last)
        except Exception as error:  # noqa: BLE001  # it is told, and the other streams go on
            return error
        left[name] = window
        held.clear()
        return None

    def _write(self, name: str, window: Window, phase: str, pages: Sequence[Page], *, last: bool) -> None:
        state = self._states[name]
        kept = deepcopy(state)
        try:
            setattr(state, phase, None if last else window)
            reached = clock.from_micros(window.until)
            if last and phase == POLL:
                state.cursor = max(filter(None, (state.cursor, reached)))
            elif last:
                state.watermark = max(filter(None, (state.watermark, reached)))
            stream = self._streams[name]
            if isinstance(stream, HistoryStream):
                self._write_entries(stream, state, pages)
            else:
                self._write_rows(stream, state, phase, pages)
        except Exception:
            for each in fields(kept):
                setattr(state, each.name, getattr(kept, each.name))
            raise

    def _write_rows(self, stream: Stream, state: StreamState, phase: str, pages: Sequence[Page]) -> None:
        work = self._work
        if any(each.ids for each in pages):
            page, confirmed = record_reading.completed(work, stream, joined(pages), with_links=phase == SWEEP)
            with work.writing() as (connection, applier):
                page_writing.apply(work, applier, stream, page)
                work.touch(stream, applier.endings.revive(stream, sorted(confirmed), work.report.of(stream.name)))
                save_stream_state(connection, work.source.name, stream.name, state, work.report.started_at)
        else:
            self._save(stream.name, state)
        work.tell(stream, phase, pages)

    def _write_entries(self, stream: HistoryStream, state: StreamState, pages: Sequence[Page]) -> None:
        """Keep the entries of a history stream, and take in those whose records are as new as they are."""
        work, entries = self._work, [entry for page in pages for entry in page.entries]
        parent = next(each for each in work.source.streams if each.name == stream.parent)
        if entries:
            with work.writing() as (connection, applier):
                work.report.of(stream.name).read += len(entries)
                work.touch(parent, applier.add_to_history(parent, entries))
                save_stream_state(connection, work.source.name, stream.name, state, work.report.started_at)
        else:
            self._save(stream.name, state)

    def _save(self, name: str, state: StreamState) -> None:
        """Keep the place alone: nothing was read, so there is no run to speak of."""
        work = self._work
        with writing(work.engine, work.source.name) as connection:
            save_stream_state(connection, work.source.name, name, state, work.report.started_at)


def _close(pages: Iterator[Page]) -> None:
    """End what a source was asked for, where it can be ended."""
    close = getattr(pages, "close", None)
    if close is not None:
        close()
