"""A process that follows the sandbox's HubSpot until it is killed.

Polls, events, webhooks, with the program's own parts. python -m tests.integration.chaos.follower CONFIG     for each
line on stdin, fork a child that follows, and print its number.

The parent has loaded everything and holds no thread and no connection, so that a new life begins within milliseconds.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import threading
import time
import traceback
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine

from ros_sync.connectors.hubspot.call_limits import limits_of
from ros_sync.connectors.hubspot.client import HubSpotClient, Persistence
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.hubspot.renewal import refresh
from ros_sync.connectors.hubspot.signatures import HubSpotVerifier
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.hubspot.tokens import OAuthTokens
from ros_sync.connectors.pace import MemoryPace
from ros_sync.connectors.webhooks import ChangeEvents, WebhookReceiver
from ros_sync.jobs.health import Health
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.database import open_engine
from ros_sync.sandbox.hubspot.company import CONNECTOR
from ros_sync.sandbox.hubspot.tokens import CLIENT_ID, CLIENT_SECRET
from ros_sync.sync.follow import event_inbox
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.web.app import create_app
from ros_sync.web.server import WebServer
from ros_sync.web.webhooks import add_webhooks

SPEED = 500.0  # seconds of waiting that pass in one
MICROS = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SharedClock:
    """A clock in a file that stands until it is moved; several processes look at it."""

    def __init__(self, file: Path, at: datetime | None = None) -> None:
        if at is not None:
            file.write_bytes(struct.pack("q", (at - EPOCH) // MICROS))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 8)

    def __call__(self) -> datetime:
        return EPOCH + self._micros() * MICROS

    def advance(self, seconds: float) -> None:
        self._map[:8] = struct.pack("q", self._micros() + int(seconds * 1_000_000))

    def _micros(self) -> int:
        return int(struct.unpack("q", self._map[:8])[0])


def first_of_quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


CONTEXT = DealContext("EUR", {"USD": Decimal("0.92")}, first_of_quarter)


def source_of(config: dict[str, Any], clock: SharedClock) -> HubSpotSource:
    """The source as the program makes it, with waits that pass quickly."""
    pace = MemoryPace(
        limits_of(None, None),
        monotonic=lambda: time.monotonic() * SPEED,
        sleep=lambda seconds: time.sleep(seconds / SPEED),
    )
    tokens = OAuthTokens(
        config["refresh_token"],
        partial(refresh, config["url"], CLIENT_ID, CLIENT_SECRET),
        Path(config["folder"]) / "oauth.json",
        clock,
    )
    client = HubSpotClient(
        tokens,
        pace,
        now=clock,
        sleep=lambda seconds: time.sleep(seconds / SPEED),
        api_url=config["url"],
        persistence=Persistence(attempts=4),
    )
    mapping = load_hubspot(CONNECTOR, {name: each.settable for name, each in objects().items()})
    return HubSpotSource(mapping, client, now=clock)


def syncer_of(engine: Engine, source: HubSpotSource, clock: SharedClock) -> Syncer:
    return Syncer(engine, source, CONTEXT, now=clock)


def follow(config: dict[str, Any]) -> None:
    """Follow until killed."""
    clock = SharedClock(Path(config["folder"]) / "clock")
    engine = open_engine(config["database"])
    source = source_of(config, clock)

    def read(body: bytes) -> ChangeEvents:
        found, others = source.change_events(body)
        return ChangeEvents({source.name: found}, others)

    def keep(events: ChangeEvents) -> int:
        return sum(event_inbox.keep(engine, name, found, clock()) for name, found in events.by_source.items())

    def work_off() -> None:
        syncer = syncer_of(engine, source, clock)
        while True:
            try:
                syncer.process_change_events()
            except Exception as error:  # noqa: BLE001  # as the schedule does: logged, and tried again
                say("change events", error)
            time.sleep(0.02)

    app = create_app(Health({}))
    add_webhooks(app, "hubspot", WebhookReceiver(HubSpotVerifier(CLIENT_SECRET), read, keep, now=clock))
    with WebServer(app, "127.0.0.1", config["port"]):
        threading.Thread(target=work_off, daemon=True).start()
        syncer = syncer_of(engine, source, clock)
        while True:
            try:
                syncer.cycle()
            except Exception as error:  # noqa: BLE001  # as above
                say("cycle", error)
            time.sleep(0.02)


def say(what: str, error: Exception) -> None:
    sys.stderr.write(f"{what}: {type(error).__name__}: {error}\n" + "".join(traceback.format_exception(error)[-4:]))
    sys.stderr.flush()


def answer(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> None:
    config = json.loads(sys.argv[1])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                follow(config)
            except BaseException as error:  # noqa: BLE001  # nothing of the parent's may run in the child
                say("life", Exception(repr(error)))
            os._exit(1)
        answer(str(child))
        os.waitpid(child, 0)
        answer("over")


if __name__ == "__main__":
    main()
