"""Of large requests a few are read at a time, so that a flood of them keeps no honest webhook waiting."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
import urllib3
from tests.integration.web.test_strangers import DECLARED, HALF, SECRET, Receiver, crowd, head

from ros_sync.connectors.hubspot.signatures import HubSpotVerifier
from ros_sync.connectors.webhooks import ChangeEvents, WebhookReceiver
from ros_sync.jobs.health import Health
from ros_sync.sandbox.hubspot.signing import signed
from ros_sync.web.app import create_app
from ros_sync.web.connection_limits import READ_BYTES, Limits
from ros_sync.web.server import WebServer
from ros_sync.web.webhooks import add_webhooks, path_of

PATH = path_of("hubspot")
PATIENCE_SECONDS = 60.0
LIMITS = Limits(large=2, body_seconds=PATIENCE_SECONDS, held_bytes=64 * 1_048_576)
READ_AHEAD = LIMITS.small_bytes + 2 * READ_BYTES  # what is in the middle of being read when it is found to be too much


def read(body: bytes) -> ChangeEvents:
    return ChangeEvents({}, len(json.loads(body)))


@pytest.fixture
def server() -> Iterator[WebServer]:
    """Serve webhooks; two large requests are read at a time."""
    app = create_app(Health({}))
    add_webhooks(app, "hubspot", WebhookReceiver(HubSpotVerifier(SECRET), read, len))
    with WebServer(app, "127.0.0.1", 0, limits=LIMITS) as found:
        yield found


def until(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def held(server: WebServer) -> list[int]:
    """What is held of each request that is under way, the most first."""
    return sorted((each.held for each in list(server.crowd.members) if each.held), reverse=True)


def honest(server: WebServer, events: int) -> int:
    """Send a webhook of so many events as HubSpot does: the status of the answer."""
    body = json.dumps([{"eventId": 1, "subscriptionType": "deal.propertyChange", "objectId": 12345}] * events).encode()
    headers = signed(SECRET, "POST", server.url + PATH, body, int(datetime.now(UTC).timestamp() * 1000))
    with urllib3.PoolManager(retries=False, timeout=PATIENCE_SECONDS) as pool:
        return pool.request("POST", server.url + PATH, body=body, headers=headers).status


def test_a_few_large_requests_are_read_at_a_time(server: WebServer) -> None:
    """Of the others a little, and a small one is answered meanwhile."""
    flood = Receiver(server.url, 0)
    with crowd(flood, head(DECLARED) + b"\r\n" + HALF, 6):
        until(lambda: [each > READ_AHEAD for each in held(server)] == [True] * LIMITS.large + [False] * 4)
        until(lambda: held(server)[-1] > LIMITS.small_bytes)
        assert honest(server, 100) == 204
        until(lambda: [each > READ_AHEAD for each in held(server)] == [True] * LIMITS.large + [False] * 4)


def test_who_ends_lets_the_next_large_one_be_read(server: WebServer) -> None:
    """An honest large one waits for those that are at it, and is taken then."""
    request = head(DECLARED) + b"\r\n" + HALF[:200_000]
    with ExitStack() as stack:
        for _ in range(LIMITS.large):
            half = stack.enter_context(socket.create_connection((server.host, server.port)))
            half.sendall(request)
        until(lambda: [each > READ_AHEAD for each in held(server)] == [True] * LIMITS.large)
        stack.close()
    assert honest(server, 5_000) == 204
