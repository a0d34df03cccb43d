"""HubSpot's webhooks over real HTTP, as the sandbox signs and sends them, into both databases."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import urllib3
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from tests.integration.mirror_reader import mirror_of, put

from ros_sync.connectors.hubspot import events
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.hubspot.signatures import MAX_BODY_BYTES, HubSpotVerifier
from ros_sync.connectors.source import ChangeEvent
from ros_sync.connectors.webhooks import ChangeEvents, WebhookReceiver
from ros_sync.jobs.health import Health
from ros_sync.mirror.catalogue import objects
from ros_sync.sandbox.clock import SandboxClock
from ros_sync.sandbox.hubspot import HubSpotAccount
from ros_sync.sandbox.hubspot.company import CONNECTOR, define
from ros_sync.sandbox.hubspot.signing import signed
from ros_sync.sandbox.hubspot.webhooks import DeliveryPlan, WebhookSender
from ros_sync.sync.follow import event_inbox
from ros_sync.web.app import create_app
from ros_sync.web.server import WebServer
from ros_sync.web.webhooks import add_webhooks, path_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PATH = path_of("hubspot")
SECRET = "a-secret-of-the-app"
MAPPING = load_hubspot(CONNECTOR, {name: each.settable for name, each in objects().items()})
BODY = json.dumps([{"eventId": 1, "subscriptionType": "deal.deletion", "objectId": 123}]).encode()
FORGERIES = int(os.environ.get("ROS_SYNC_FORGERIES", "4000"))  # `make chaos` asks for 100,000


Keep = Callable[[Sequence[ChangeEvent]], int]


def application(keep: Keep, public_url: str | None = None) -> FastAPI:
    app = create_app(Health({}))

    def read(body: bytes) -> ChangeEvents:
        found, others = events.read_events(body, MAPPING)
        return ChangeEvents({"hubspot": found}, others)

    def keep_all(told: ChangeEvents) -> int:
        return sum(map(keep, told.by_source.values()))

    receiver = WebhookReceiver(HubSpotVerifier(SECRET), read, keep_all, public_url, now=lambda: NOW)
    add_webhooks(app, "hubspot", receiver)
    return app


def into(kept: list[ChangeEvent]) -> Keep:
    """Something that keeps change events in a list."""

    def keep(found: Sequence[ChangeEvent]) -> int:
        kept.extend(found)
        return len(found)

    return keep


@pytest.fixture
def server(engine: Engine) -> Iterator[WebServer]:
    def keep(found: Sequence[ChangeEvent]) -> int:
        return event_inbox.keep(engine, "hubspot", found, NOW)

    with WebServer(application(keep), "127.0.0.1", 0) as running:
        yield running


def stored(engine: Engine) -> int:
    return mirror_of(engine).count("change_event")


def post(server: WebServer, body: bytes, headers: dict[str, str], path: str = PATH) -> int:
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request("POST", server.url + path, body=body, headers=headers).status


def headers(
    server: WebServer, body: bytes = BODY, *, at: datetime = NOW, version: str = "v3", path: str = PATH
) -> dict[str, str]:
    return signed(SECRET, "POST", server.url + path, body, int(at.timestamp() * 1000), version)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_signed_event_is_stored_and_answered(server: WebServer, engine: Engine, version: str) -> None:
    """Each version of the signature is accepted; what was sent is in the database when the answer comes."""
    assert (post(server, BODY, headers(server, version=version)), stored(engine)) == (204, 1)


def test_the_query_is_signed_too(server: WebServer, engine: Engine) -> None:
    """The address is signed as HubSpot called it, its query and percent-encoding included."""
    path = f"{PATH}?app=a%20b&x=1"
    assert post(server, BODY, headers(server, path=path), path) == 204
    assert post(server, BODY, headers(server, path=path), f"{PATH}?app=a%20b&x=2") == 401


@pytest.mark.parametrize("seconds, status", [(299, 204), (301, 401), (-299, 204), (-301, 401)])
def test_stale_and_future_requests_are_refused(server: WebServer, engine: Engine, seconds: int, status: int) -> None:
    """Five minutes are allowed in both directions, no more."""
    assert post(server, BODY, headers(server, at=NOW - timedelta(seconds=seconds))) == status


def test_bodies_that_cannot_be_read(server: WebServer, engine: Engine) -> None:
    """A signed body that is not JSON is refused for good; one that is too large is not even read."""
    assert post(server, b"{", headers(server, b"{")) == 400
    large = b" " * (MAX_BODY_BYTES + 1)
    assert post(server, large, headers(server, large)) == 413
    assert stored(engine) == 0


@pytest.mark.parametrize(
    "odd",
    [{"eventId": "1\0"}, {"eventId": "".join(Random(3).choices("0123456789", k=500_000))}, {"propertyName": "x\0"},
     {"subscriptionType": "deal.del\0etion"}, {"objectId": "9" * 40}],
)  # fmt: skip
def test_an_event_that_no_database_takes_takes_no_other_with_it(
    server: WebServer, engine: Engine, odd: dict[str, object]
) -> None:
    """It is left out; what is good of the same request is stored, and HubSpot does not send it again and again."""
    good = json.loads(BODY)
    body = json.dumps([good[0] | odd, *good]).encode()
    assert (post(server, body, headers(server, body)), stored(engine)) == (204, 1)


def test_nothing_shows_the_secret() -> None:
    """What is printed of the receiver, in a log or an error's report, leaves it out."""
    assert SECRET not in repr(WebhookReceiver(HubSpotVerifier(SECRET), lambda _body: ChangeEvents({}), len))


def test_behind_a_proxy_the_public_address_counts() -> None:
    """Where HubSpot calls another address than the one that arrives here, the setting says which."""
    kept: list[ChangeEvent] = []
    app = application(into(kept), public_url="https://ros.example")
    given = signed(SECRET, "POST", f"https://ros.example{PATH}", BODY, int(NOW.timestamp() * 1000))
    with WebServer(app, "127.0.0.1", 0) as server:
        assert (post(server, BODY, given), len(kept)) == (204, 1)


def test_what_cannot_be_stored_is_sent_again() -> None:
    """While the database is busy HubSpot is asked to try later; nothing is said to be stored that is not."""

    def busy(_found: Sequence[ChangeEvent]) -> int:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    with WebServer(application(busy), "127.0.0.1", 0) as server:
        assert post(server, BODY, headers(server)) == 503


def test_the_sandbox_s_webhooks_arrive(server: WebServer, engine: Engine) -> None:
    """Late, twice and out of order, in batches, again after a failure: each event is stored once."""
    clock = SandboxClock(NOW)
    account = HubSpotAccount(now=clock)
    define(account)
    plan = DeliveryPlan(late_share=0.3, late_seconds=60, twice_share=0.3, shuffled=True)
    sender = WebhookSender(account, server.url + PATH, SECRET, plan=plan)
    for number in range(50):
        account.create("deals", {"dealname": f"Looms {number}", "dealstage": "discovery", "pipeline": "default"})
    for _ in range(30):
        sender.flush()
        clock.advance(10)
    sender.stop()
    assert (sender.waiting, sender.sent.dropped, stored(engine)) == (0, 0, 50)


def test_a_flood_does_not_hold_up_other_work(server: WebServer, engine: Engine) -> None:
    """Ten thousand events pour in while somebody else writes again and again: both get through."""
    clock = SandboxClock(NOW)
    account = HubSpotAccount(now=clock)
    for _ in range(500):
        account.create("deals", {"dealname": "Looms"})
    sender = WebhookSender(account, server.url + PATH, SECRET)
    flood = threading.Thread(target=sender.flood, args=(10_000,))
    flood.start()
    written_meanwhile = 0
    while flood.is_alive():
        with engine.begin() as connection:
            mirror_of(connection).count("change_event")
            told = {"kind": "x", "stream": "", "record_id": "1", "received_at": NOW}
            put(connection, "change_event", source="other", key=str(written_meanwhile), **told)
        written_meanwhile += 1
    flood.join()
    sender.stop()
    theirs = mirror_of(engine).count("change_event", source="hubspot")
    assert (theirs, sender.sent.statuses, written_meanwhile > 10) == (10_000, {204: 100}, True)


def test_forged_requests_are_refused_and_break_nothing() -> None:
    """However signature, timestamp, body, path or headers are spoiled: always 401, never stored, never a failure."""
    kept: list[ChangeEvent] = []
    app = application(into(kept))
    rng = Random(7)

    async def all_of_them() -> dict[int, int]:
        statuses: dict[int, int] = {}
        for number in range(FORGERIES):
            status = await call(app, *forged(rng, number % 6))
            statuses[status] = statuses.get(status, 0) + 1
        return statuses

    with ThreadPoolExecutor(1) as pool:  # the browser's tests leave a loop running in the thread of theirs
        good = pool.submit(asyncio.run, call(app, *request(BODY, PATH))).result()
        statuses = pool.submit(asyncio.run, all_of_them()).result()
    assert (good, statuses, len(kept)) == (204, {401: FORGERIES}, 1)


Raw = tuple[bytes, bytes, list[tuple[bytes, bytes]]]


def request(body: bytes, path: str) -> Raw:
    """Path, body and headers of a request that is right."""
    given = signed(SECRET, "POST", f"http://ros.example{PATH}", BODY, int(NOW.timestamp() * 1000))
    raw = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    return path.encode(), body, [(b"host", b"ros.example"), *raw]


def forged(rng: Random, way: int) -> Raw:
    path, body, raw = request(BODY, PATH)
    named = dict(raw)
    signature, timestamp = b"x-hubspot-signature-v3", b"x-hubspot-request-timestamp"
    if way == 0:
        named[signature] = spoiled(rng, named[signature])
    elif way == 1:
        named[timestamp] = spoiled(rng, named[timestamp])
    elif way == 2:
        body = spoiled(rng, body)
    elif way == 3:
        path += b"?x" + spoiled(rng, b"=1")
    elif way == 4:
        del named[rng.choice([signature, timestamp])]
        if rng.random() < 0.5:
            named[b"x-hubspot-signature"] = spoiled(rng, b"0" * 64)
            named[b"x-hubspot-signature-version"] = rng.choice([b"v1", b"v2", b"v3", b"", b"\xff"])
    else:
        named[b"host"] = spoiled(rng, named[b"host"])
    return path, body, list(named.items())


def spoiled(rng: Random, text: bytes) -> bytes:
    """Some bytes of it changed, left out or added; never what it was."""
    while True:
        place = rng.randrange(len(text))
        changed = rng.choice([
            text[:place] + bytes([rng.randrange(256)]) + text[place + 1 :],
            text[:place] + text[place + 1 :],
            text[:place] + rng.randbytes(rng.randint(1, 9)) + text[place:],
            b"", rng.randbytes(rng.randint(1, 90)), text + b"\xff\xfe", text.swapcase(),
        ])  # fmt: skip
        if changed != text:
            return changed


async def call(app: FastAPI, path: bytes, body: bytes, raw: list[tuple[bytes, bytes]]) -> int:
    """Ask the application itself: the status of its answer."""
    bare, _, query = path.partition(b"?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": bare.decode("latin-1"), "raw_path": bare, "query_string": query, "headers": raw,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "root_path": "",
    }  # fmt: skip
    statuses: list[int] = []
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, object]:
        return next(parts, {"type": "http.disconnect"})

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    await app(scope, receive, send)  # type: ignore[arg-type]  # ASGI's own types are looser
    return statuses[0]
