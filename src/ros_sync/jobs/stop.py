"""Being told to stop: SIGTERM, SIGINT, or a part of the process that has ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from io import FileIO
from types import FrameType, TracebackType
from typing import Any, Self

from ros_sync.errors import StoppedError

SLICE_SECONDS = 0.1
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Turns the first SIGTERM or SIGINT into a request that can be waited for; a second one ends the process at once.

    Enter it in the main thread, which alone may set handlers; the former ones are put back on leaving.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._former: dict[signal.Signals, Any] = {}
        self._former_wakeup = -1
        self._reader: FileIO | None = None
        self._writer: FileIO | None = None

    def __enter__(self) -> Self:
        # A pipe, and no lock or event: a signal that comes just before a thread blocks on a lock does not wake it, and
        # a handler must not take a lock that the code it interrupts may hold. The system's handler writes to the pipe.
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        self._reader, self._writer = FileIO(reader, "rb"), FileIO(writer, "wb")
        self._former_wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._former = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._former_wakeup)
        for end in (self._reader, self._writer):
            if end is not None:
                end.close()

    def request(self, reason: str) -> None:
        """Ask to stop, from any thread; the first reason given is kept."""
        self.reason = self.reason or reason
        # A full pipe wakes the waiting thread as well as one byte more; a closed one has nobody waiting.
        with contextlib.suppress(OSError, ValueError):
            if self._writer is not None:
                self._writer.write(b"!")

    def wait(self) -> str:
        """Wait until somebody asks; the reason. To be called while entered."""
        assert self._reader is not None
        while self.reason is None:
            self._reader.read(1)
        return self.reason

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self.request(signal.Signals(number).name)


class Interruptible:
    """Lets work that reads and waits in several threads end soon after Ctrl-C or SIGTERM; a second one ends it at once.

    The main thread gets a KeyboardInterrupt; threads that wait with `pause` get StoppedError within `SLICE_SECONDS`.
    """

    def __init__(self) -> None:
        self._stopped = False
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._former = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def is_set(self) -> bool:
        """Whether somebody asked to stop."""
        return self._stopped

    def pause(self, seconds: float) -> None:
        """Wait; StoppedError as soon as somebody asks to stop."""
        ends_at = time.monotonic() + seconds
        while not self._stopped and (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_SECONDS))
        if self._stopped:
            raise StoppedError

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopped = True  # no lock or event: the code that this interrupts may hold theirs
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt
