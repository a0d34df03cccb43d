from __future__ import annotations

import os
import signal
import threading

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
    with StopRequest() as stop:
        stop.request("first")
        stop.request("second")
        assert stop.wait() == "first"


def test_request_of_another_thread() -> None:
    """Another thread's request ends the wait."""
    with StopRequest() as stop:
        threading.Thread(target=stop.request, args=["the web ended"]).start()
        assert stop.wait() == "the web ended"


def test_signal_while_waiting() -> None:
    """A signal that comes while the main thread waits, or just before, ends the wait."""
    for _ in range(50):
        with StopRequest() as stop:
            threading.Thread(target=os.kill, args=[os.getpid(), signal.SIGTERM]).start()
            assert stop.wait() == "SIGTERM"


def test_request_after_the_end_is_harmless() -> None:
    """A request that comes too late does nothing."""
    with StopRequest() as stop:
        stop.request("first")
    stop.request("late")
    assert stop.reason == "first"
