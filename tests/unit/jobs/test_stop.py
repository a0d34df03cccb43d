from __future__ import annotations

import signal

import pytest

from ros_sync.jobs.stop import StopRequest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_is_a_request(number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the wait, and their name is the reason."""
    with StopRequest() as stop:
        signal.raise_signal(number)
        assert number.name == stop.wait()


def test_second_signal_is_not_caught() -> None:
    """After the first signal the system's own handling is back, so that a second one ends the process."""
    with StopRequest():
        signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_handlers_are_put_back() -> None:
    """Leaving puts back the handlers that were there."""
    former = signal.getsignal(signal.SIGINT)
    with StopRequest():
        signal.raise_signal(signal.SIGINT)
    assert former == signal.getsignal(signal.SIGINT)


def test_first_reason_is_kept() -> None:
    """The first reason given is the one that counts."""
    stop = StopRequest()
    stop.request("first")
    stop.request("second")
    assert stop.wait() == "first"
