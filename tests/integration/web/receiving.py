"""A server that takes HubSpot's webhooks, in a process of its own, so that its memory is its own.

Run by `test_strangers.py`.

`receiving.py SECRET LIMIT=VALUE …`: prints its address, serves until its standard input ends.
"""

from __future__ import annotations

import json
import sys

from ros_sync import logs
from ros_sync.connectors.hubspot.signatures import HubSpotVerifier
from ros_sync.connectors.webhooks import ChangeEvents, WebhookReceiver
from ros_sync.jobs.health import Health
from ros_sync.settings import LogSettings
from ros_sync.web.app import create_app
from ros_sync.web.connection_limits import Limits
from ros_sync.web.server import WebServer
from ros_sync.web.webhooks import add_webhooks


def read(body: bytes) -> ChangeEvents:
    return ChangeEvents({}, len(json.loads(body)))


if __name__ == "__main__":
    secret, *given = sys.argv[1:]
    pairs = (each.split("=") for each in given)
    limits = Limits(**{name: float(value) for name, value in pairs})  # type: ignore[arg-type]
    logs.configure(LogSettings(), at_least="error")  # what is printed is read for the address alone
    app = create_app(Health({}))
    add_webhooks(app, "hubspot", WebhookReceiver(HubSpotVerifier(secret), read, len))
    with WebServer(app, "127.0.0.1", 0, limits=limits) as server:
        print(server.url, flush=True)  # noqa: T201
        sys.stdin.read()
