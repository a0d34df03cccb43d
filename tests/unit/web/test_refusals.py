"""What the log says of webhooks that are refused: something, and not a line for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from ros_sync.connectors.webhooks import SignatureCheck
from ros_sync.web.webhooks import TOLD_SECONDS, Refusals

FORGED = SignatureCheck(ok=False, reason="the signature is another one", version="v3")
UNSIGNED = SignatureCheck(ok=False, reason="there is no signature")


class Minutes:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def later(self, seconds: float, tell: Callable[[], None]) -> None:
        assert seconds == TOLD_SECONDS
        self.waiting.append(tell)

    def one_sweeps(self) -> None:
        """Call what was to be called."""
        due, self.waiting = self.waiting, []
        for tell in due:
            tell()


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    """Give the lines of the log."""
    with capture_logs() as lines:
        yield lines


def told(logged: list[EventDict]) -> list[tuple[str, int | None]]:
    """The reasons, and how many more there were; the lines are taken out of the log."""
    found = [(each["reason"], each.get("more")) for each in logged if each["event"] == "webhook_refused"]
    logged.clear()
    return found


def test_a_flood_is_two_lines_a_minute(logged: list[EventDict]) -> None:
    """The first of each kind at once, then each minute how many more; nothing more is said once nothing more comes."""
    minutes = Minutes()
    refusals = Refusals(minutes.later)
    answers = {refusals.note(verdict).status_code for verdict in [FORGED] * 1_000 + [UNSIGNED]}
    assert (answers, told(logged)) == ({401}, [(FORGED.reason, None), (UNSIGNED.reason, None)])
    minutes.one_sweeps()
    assert told(logged) == [(FORGED.reason, 999)]
    for _ in range(500):
        refusals.note(FORGED)
    minutes.one_sweeps()
    assert told(logged) == [(FORGED.reason, 500)]
    minutes.one_sweeps()
    assert (told(logged), minutes.waiting) == ([], [])
    refusals.note(FORGED)
    assert told(logged) == [(FORGED.reason, None)]


def test_single_ones_far_apart_are_each_told(logged: list[EventDict]) -> None:
    """A wrong secret shows with each request that HubSpot sends."""
    minutes = Minutes()
    refusals = Refusals(minutes.later)
    for _ in range(3):
        refusals.note(FORGED)
        minutes.one_sweeps()
    assert told(logged) == [(FORGED.reason, None)] * 3
