"""Being told to stop: SIGTERM, SIGINT, or a part of the process that has ended."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Turns the first SIGTERM or SIGINT into a request that can be waited for; a second one ends the process at once.

    Enter it in the main thread, which alone may set handlers; the former ones are put back on leaving.
    """

    def __init__(self) -> None:
        self._requested = threading.Event()
        self._former: dict[signal.Signals, Any] = {}
        self.reason: str | None = None

    def __enter__(self) -> Self:
        self._former = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def request(self, reason: str) -> None:
        """Ask to stop; the first reason given is kept."""
        self.reason = self.reason or reason
        self._requested.set()

    def wait(self) -> str:
        """Wait until somebody asks; the reason."""
        self._requested.wait()
        return self.reason or ""

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self.request(signal.Signals(number).name)
