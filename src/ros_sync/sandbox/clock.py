"""A clock for a sandbox that can be moved: it stands, or runs on from where it was put."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock
from time import monotonic


class SandboxClock:
    """Shows an instant. With `runs`, real time passes on it; without, it stands until it is moved."""

    def __init__(self, at: datetime, *, runs: bool = False) -> None:
        self._at = at
        self._runs = runs
        self._since = monotonic()
        self._lock = Lock()

    def __call__(self) -> datetime:
        """The present instant."""
        with self._lock:
            return self._now()

    def move_to(self, at: datetime) -> None:
        """Go on to a later instant; an earlier one changes nothing, as time does not go back."""
        with self._lock:
            now = self._now()
            self._at, self._since = max(now, at), monotonic()

    def advance(self, seconds: float) -> None:
        """Let so much time pass at once."""
        with self._lock:
            self._at, self._since = self._now() + timedelta(seconds=seconds), monotonic()

    def _now(self) -> datetime:
        return self._at + timedelta(seconds=monotonic() - self._since) if self._runs else self._at
