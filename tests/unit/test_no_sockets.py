"""The suite's own promise: a unit test cannot reach anything."""

from __future__ import annotations

import socket

import pytest
from pytest_socket import SocketBlockedError


def test_a_unit_test_cannot_open_a_socket() -> None:
    """Even to this machine."""
    # The refusal warns before it raises, and warnings are errors here.
    with pytest.raises((SocketBlockedError, UserWarning), match="tried to use socket"):
        socket.socket(socket.AF_INET)
