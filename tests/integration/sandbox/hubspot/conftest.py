"""A small account of the sandbox's HubSpot behind real HTTP, and the official client that asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import hubspot
import pytest
import urllib3

from ros_sync.sandbox.clock import SandboxClock
from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer
from ros_sync.sandbox.hubspot.control import Control
from ros_sync.sandbox.hubspot.faults import Faults

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OPEN, WON = {"isClosed": "false", "probability": "0.2"}, {"isClosed": "true", "probability": "1.0"}


class Sandbox:
    """An account, its server and the official client, which is told not to try again by itself."""

    def __init__(self, account: HubSpotAccount, clock: SandboxClock, faults: Faults, server: HubSpotServer) -> None:
        self.account, self.clock, self.faults, self.url = account, clock, faults, server.url
        self.api = self.client(account.token)

    def client(self, token: str) -> hubspot.HubSpot:
        return hubspot.HubSpot(access_token=token, host=self.url, retry=False)

    def ask(self, method: str, path: str, body: Any = None, *, token: str = "") -> urllib3.BaseHTTPResponse:
        """Make a call that the client has no method for."""
        headers = {"Authorization": f"Bearer {token or self.account.token}"}
        return urllib3.request(method, self.url + path, json=body, headers=headers, retries=False)

    def order(self, name: str, body: Any) -> Any:
        """Give an order to the control, as a test in another process would."""
        return urllib3.request("POST", f"{self.url}/control/{name}", json=body).json()

    def deals(self, number: int, **properties: str) -> list[str]:
        given = {"dealname": "Looms", "pipeline": "default", "dealstage": "discovery"} | properties
        return [self.account.create("deals", given) for _ in range(number)]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    clock, faults = SandboxClock(NOW), Faults()
    account = HubSpotAccount(now=clock)
    account.add_pipeline("deals", "default", "Sales", [("discovery", "Discovery", 0, OPEN), ("won", "Won", 1, WON)])
    account.add_owner("7", "ada@loom.example", "Ada", "Weaver", [("1", "DACH")])
    control = Control(account, faults, clock)
    with HubSpotServer(account, faults=faults, extend=control.add_to) as server:
        yield Sandbox(account, clock, faults, server)
    control.send_webhooks({})


@pytest.fixture
def refused() -> Callable[..., Any]:
    """Make a call that must be refused, with a status and a body that matches; gives the error."""

    def make(status: int, body: str, call: Callable[..., Any], *args: object, **more: object) -> Any:
        with pytest.raises(Exception, match=body) as caught:
            call(*args, **more)
        assert getattr(caught.value, "status", None) == status
        return caught.value

    return make
