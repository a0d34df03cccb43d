"""The sandbox's HubSpot as a running server: in a thread, for tests, the demo and `ros-sync sandbox`."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.app import FaultOrders, create_app
from ros_sync.sandbox.serving import Connections, SandboxServer


class HubSpotServer(SandboxServer):
    """Serves an account on loopback while the context is open; `extend` adds pages to its application."""

    def __init__(
        self,
        account: HubSpotAccount,
        *,
        faults: FaultOrders | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        extend: Callable[[FastAPI], None] = lambda _app: None,
    ) -> None:
        self.account = account

        def make(connections: Connections) -> FastAPI:
            app = create_app(account, connections, faults)
            extend(app)
            return app

        super().__init__(make, name="hubspot-sandbox", host=host, port=port)
