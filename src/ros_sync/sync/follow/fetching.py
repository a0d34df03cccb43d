"""Reading several streams at once, a little ahead of the one thread that writes."""

from __future__ import annotations

import contextvars
import gc
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from ros_sync.connectors.source import Page

AHEAD = 32  # pages that wait to be written: what may be read at full pace while a group of them is being written
LOOK_SECONDS = 0.2  # how often a thread that waits for room looks whether it is to stop
GARBAGE_OBJECTS = 100_000  # what is read are trees without cycles, and many: looking for cycles every 700 costs a sixth
END_SECONDS = 90.0  # for a call under way; one that waits for its turn is a daemon's, and ends with the process
LEFT_SECONDS = 2.0  # for the same where something went wrong, or somebody wants to stop: nothing waits for its answer

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Fetched(Generic[Part]):
    """One page of a part; or its end, where `page` and `error` are None; or why it ended early."""

    part: Part
    page: Page | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Reading(Generic[Part]):
    """One part of a stream's work and how its pages are had.

    Called, and its pages taken, in the stream's own thread.
    """

    part: Part
    pages: Callable[[], Iterator[Page]]


class _SeldomGarbage:
    """Whether Python looks for garbage more seldom.

    While at least one is reading, in whatever thread and order they end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._thresholds = gc.get_threshold()

    def begin(self) -> None:
        with self._lock:
            if not self._readers:
                self._thresholds = gc.get_threshold()
                gc.set_threshold(GARBAGE_OBJECTS, *self._thresholds[1:])
            self._readers += 1

    def end(self) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                gc.set_threshold(*self._thresholds)


_seldom_garbage = _SeldomGarbage()


class Fetching(Generic[Part]):
    """A context in which each stream's readings are read one after the other, all streams at the same time.

    Iterating gives what was fetched. A reading that fails ends its stream: what would have followed is not read.
    Leaving the block stops the threads. A call under way is waited for. Inside, Python looks for garbage more seldom.
    """

    def __init__(self, streams: Sequence[Sequence[Reading[Part]]]) -> None:
        self._streams = [readings for readings in streams if readings]
        self._queue: queue.Queue[Fetched[Part] | None] = queue.Queue(AHEAD)
        self._stop = threading.Event()
        self._left = threading.Event()  # nobody takes anything from the queue any more
        self._threads: list[threading.Thread] = []
        self.abandoned: list[Part] = []

    def __enter__(self) -> Self:
        """Start reading."""
        _seldom_garbage.begin()
        for number, readings in enumerate(self._streams):
            context = contextvars.copy_context()
            thread = threading.Thread(
                target=context.run, args=(self._read, readings), name=f"sync-fetch-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading."""
        _seldom_garbage.end()
        self.stop()
        self._left.set()
        ends_at = time.monotonic() + (END_SECONDS if kind is None else LEFT_SECONDS)
        for thread in self._threads:
            thread.join(max(0.0, ends_at - time.monotonic()))

    def stop(self) -> None:
        """Begin no further call; what was fetched already may still be taken."""
        self._stop.set()

    def abandon(self, part: Part) -> None:
        """Read no more of a part, and give nothing more of it."""
        self.abandoned.append(part)

    def __iter__(self) -> Iterator[Fetched[Part]]:
        """What was fetched, in the order in which it came."""
        running = len(self._threads)
        while running:
            fetched = self._queue.get()
            if fetched is None:
                running -= 1
            elif fetched.part not in self.abandoned:
                yield fetched

    def _read(self, readings: Sequence[Reading[Part]]) -> None:
        try:
            for reading in readings:
                if not self._read_one(reading):
                    return
        finally:
            self._hand_over(None)

    def _read_one(self, reading: Reading[Part]) -> bool:
        """Whether the reading came to its end."""
        try:
            for page in reading.pages():
                if not self._hand_over(Fetched(reading.part, page)):
                    return False
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told in the thread that writes
            self._hand_over(Fetched(reading.part, error=error))
            return False
        return self._hand_over(Fetched(reading.part))

    def _hand_over(self, fetched: Fetched[Part] | None) -> bool:
        """Wait for room; False when everything is to stop. That a thread ends (None) is told even then."""
        while fetched is None or not (self._stop.is_set() or fetched.part in self.abandoned):
            try:
                self._queue.put(fetched, timeout=LOOK_SECONDS)
            except queue.Full:
                if self._left.is_set():
                    return False
            else:
                return True
        return False
