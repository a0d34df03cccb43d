"""Failures on order: what goes wrong with the next calls of a method, so that a test can watch a client survive it."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock


class FaultKind(StrEnum):
    """What can go wrong. *After* means that the work was done before the caller was told that it failed."""

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    INTERNAL_ERROR_BEFORE = "internal_error_before"
    INTERNAL_ERROR_AFTER = "internal_error_after"
    FATAL_ERROR_AFTER = "fatal_error_after"
    RATELIMITED = "ratelimited"
    SERVER_ERROR = "server_error"
    BROKEN_JSON = "broken_json"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure; `seconds` is how late a slow answer comes, or the Retry-After of a rate limit."""

    kind: FaultKind
    seconds: float = 1.0


class Faults:
    """The failures waiting for each method's next calls, taken in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._lock = Lock()

    def next(self, method: str, kind: FaultKind | str, times: int = 1, seconds: float = 1.0) -> None:
        """Let the next `times` calls of `method` (such as `chat.postMessage`) fail so; ValueError for another kind."""
        fault = Fault(FaultKind(kind), seconds)
        with self._lock:
            self._waiting[method].extend([fault] * times)

    def take(self, method: str) -> Fault | None:
        """The failure due for this call of `method`, which is used up by it."""
        with self._lock:
            waiting = self._waiting.get(method)
            return waiting.popleft() if waiting else None

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()
