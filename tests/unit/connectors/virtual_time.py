"""A clock that several threads share and that moves only while all of them sleep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Condition, Thread


class VirtualTime:
    """Threads that are run by it sleep on it; it jumps to the earliest moment at which one of them wakes."""

    def __init__(self, overshoot: Callable[[], float] = lambda: 0.0) -> None:
        self._now = 1_000.0
        self._overshoot = overshoot
        self._changed = Condition()
        self._awake = 0
        self._wakings: list[float] = []
        self._errors: list[BaseException] = []

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        """Sleep so long, or a little longer."""
        with self._changed:
            at = self._now + seconds + self._overshoot()
            if not self._awake:  # nobody else is there: called outside `run`
                self._now = at
                return
            self._wakings.append(at)
            self._awake -= 1
            self._move()
            self._changed.wait_for(lambda: self._now >= at and at in self._wakings)
            self._wakings.remove(at)

    def run(self, workers: Sequence[Callable[[], None]]) -> None:
        """Run these until all have ended; what one raises is raised here."""
        self._awake = len(workers)
        threads = [Thread(target=self._work, args=(worker,)) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self._awake = 0
        if self._errors:
            raise self._errors[0]

    def _work(self, worker: Callable[[], None]) -> None:
        try:
            worker()
        except BaseException as error:  # noqa: BLE001  # told in the thread that runs the test
            self._errors.append(error)
        with self._changed:
            self._awake -= 1
            self._move()

    def _move(self) -> None:
        """Go on to the next waking, once everybody sleeps; whoever wakes is counted as awake from that moment."""
        if not self._awake and self._wakings:
            self._now = max(self._now, min(self._wakings))
            self._awake = sum(1 for each in self._wakings if each <= self._now)
            self._changed.notify_all()
