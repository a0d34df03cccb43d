"""What strangers can cost the web server: bounded, for a time, and never what HubSpot is owed."""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from ros_sync.connectors.hubspot.signatures import MAX_BODY_BYTES
from ros_sync.sandbox.hubspot.signing import signed
from ros_sync.web.webhooks import path_of

PATH = path_of("hubspot")
SECRET = "a-secret-of-the-app"
EVENTS = json.dumps([{"eventId": 1, "subscriptionType": "deal.deletion", "objectId": 123}] * 100).encode()
CROWD = 200
LIMITS = {
    "connections": 100,
    "held_bytes": 8 * MAX_BODY_BYTES,
    "header_seconds": 2,
    "body_seconds": 2,
    "idle_seconds": 2,
}
MEGABYTE = 1_048_576


@dataclass
class Receiver:
    """A server in a process of its own."""

    url: str
    pid: int

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname is not None and parts.port is not None  # noqa: PT018
        return parts.hostname, parts.port

    def memory_mb(self) -> float:
        """What it has in memory now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * 4096 / MEGABYTE

    def connections(self) -> int:
        """The sockets that it has open, the one that it listens on included."""
        links = (each for each in Path(f"/proc/{self.pid}/fd").iterdir())
        return sum(1 for each in links if _target(each).startswith("socket:"))

    def honest(self) -> int:
        """Send a webhook of HubSpot's as it does: the status of the answer."""
        headers = signed(SECRET, "POST", self.url + PATH, EVENTS, int(datetime.now(UTC).timestamp() * 1000))
        with urllib3.PoolManager(retries=False, timeout=20) as pool:
            return pool.request("POST", self.url + PATH, body=EVENTS, headers=headers).status


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Give a server that has answered once."""
    command = [sys.executable, str(Path(__file__).with_name("receiving.py")), SECRET]
    command += [f"{name}={value}" for name, value in LIMITS.items()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None  # noqa: PT018
        found = Receiver(process.stdout.readline().strip(), process.pid)
        found.honest()
        yield found
        process.stdin.close()
        process.wait(20)


@contextmanager
def crowd(receiver: Receiver, request: bytes, number: int = CROWD) -> Iterator[list[socket.socket]]:
    """So many connections that each send as much of this as is taken, and then nothing more."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection(receiver.address, timeout=20)) for _ in range(number)]
        with selectors.DefaultSelector() as selector:
            for each in sockets:
                each.setblocking(False)
                selector.register(each, selectors.EVENT_WRITE, [0])
            while selector.get_map() and (ready := selector.select(timeout=0.5)):
                for key, _ in ready:
                    push(selector, key, request)
        yield sockets


def push(selector: selectors.BaseSelector, key: selectors.SelectorKey, request: bytes) -> None:
    """Send some more of the request on one connection."""
    connection = key.fileobj
    assert isinstance(connection, socket.socket)
    try:
        key.data[0] += connection.send(request[key.data[0] : key.data[0] + 65_536])
    except OSError:
        selector.unregister(connection)
        return
    if key.data[0] >= len(request):
        selector.unregister(connection)


def until(condition: object, seconds: float = 30) -> bool:
    """Wait until this holds, for so long at most."""
    assert callable(condition)
    ends_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends_at:
            return False
        time.sleep(0.05)
    return True


def head(*more: str, version: str | None = "v3", timestamp: int | None = None) -> bytes:
    """The headers of a webhook with a signature that nobody made, as far as their last line."""
    at = int(datetime.now(UTC).timestamp() * 1000) if timestamp is None else timestamp
    lines = [f"POST {PATH} HTTP/1.1", "Host: ros.example", *more]
    if version == "v3":
        lines += [f"X-HubSpot-Request-Timestamp: {at}", f"X-HubSpot-Signature-v3: {'A' * 44}"]
    elif version is not None:
        lines += [f"X-HubSpot-Signature: {'0' * 64}", f"X-HubSpot-Signature-Version: {version}"]
    return ("\r\n".join(lines) + "\r\n").encode()


HALF = b"x" * (MAX_BODY_BYTES - 100_000)
DECLARED = f"Content-Length: {MAX_BODY_BYTES}"
CHUNK = b"%x\r\n%s\r\n" % (len(HALF), HALF)
WAYS = {
    "half a body": head(DECLARED) + b"\r\n" + HALF,
    "half a body, older signature": head(DECLARED, version="v1") + b"\r\n" + HALF,
    "half a body, unsigned": head(DECLARED, version=None) + b"\r\n" + HALF,
    "half a body in chunks": head("Transfer-Encoding: chunked") + b"\r\n" + CHUNK,
    "a length beyond all bounds": head("Content-Length: 999999999999") + b"\r\n" + HALF,
    "half a body for another page": f"POST /healthz HTTP/1.1\r\nHost: x\r\n{DECLARED}\r\n\r\n".encode() + HALF,
    "half the headers": head("X-Padding: " + "x" * 12_000),
    "headers without an end": b"GET / HTTP/1.1\r\n" + b"X: " + HALF,
    "nothing at all": b"",
    "one request, then nothing": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "many requests in one": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 3,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_crowd_that_sends_half_of_it_is_bounded_and_holds_up_nobody(receiver: Receiver, way: str) -> None:
    """However they begin and stop.

    Memory stays small, HubSpot is answered meanwhile, and the connections end by themselves.
    """
    before = receiver.memory_mb()
    peak = before
    with crowd(receiver, WAYS[way]):
        honest = []
        for _ in range(10):
            honest.append(receiver.honest())
            peak = max(peak, receiver.memory_mb())
        gone = until(lambda: receiver.connections() < 10)
    assert ([204] * 10, True) == (honest, gone)
    assert peak - before < 48
    assert until(lambda: receiver.memory_mb() - before < 12)


DRIPS = {
    "headers": (b"", b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 4_000),
    "a body": (head(DECLARED) + b"\r\n", b"x" * 4_000),
    "a body in chunks": (head("Transfer-Encoding: chunked") + b"\r\n", b"1\r\nx\r\n" * 1_000),
    "a body that nobody wants": (f"POST /healthz HTTP/1.1\r\nHost: x\r\n{DECLARED}\r\n\r\n".encode(), b"x" * 4_000),
    "a second request": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /" + b"x" * 4_000),
}


@pytest.mark.parametrize("way", DRIPS)
def test_who_sends_byte_after_byte_is_closed_all_the_same(receiver: Receiver, way: str) -> None:
    """The time for headers and for a body is counted from their beginning, however steadily they come."""
    at_once, slowly = DRIPS[way]
    began = time.monotonic()
    with socket.create_connection(receiver.address, timeout=20) as connection:
        connection.sendall(at_once)
        connection.settimeout(0.1)
        for byte in slowly:
            if not _is_open(connection):
                break
            connection.send(bytes([byte]))
    assert time.monotonic() - began < 10


def _is_open(connection: socket.socket) -> bool:
    """Whether the other side has not closed it; waits a moment for that."""
    try:
        return connection.recv(65_536) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


def test_a_slow_but_honest_webhook_is_taken(receiver: Receiver) -> None:
    """A body that comes in parts, with pauses within the time that it has, is stored like any other."""
    headers = signed(SECRET, "POST", receiver.url + PATH, EVENTS, int(datetime.now(UTC).timestamp() * 1000))

    def parts() -> Iterator[bytes]:
        for start in range(0, len(EVENTS), 2_000):
            time.sleep(0.05)
            yield EVENTS[start : start + 2_000]

    with urllib3.PoolManager(retries=False, timeout=20) as pool:
        assert 204 == pool.request("POST", receiver.url + PATH, body=parts(), headers=headers, chunked=True).status


def test_one_connection_serves_many_webhooks_and_pauses_between_them(receiver: Receiver) -> None:
    """A sender that keeps its connection is not cut off while it comes again within the time between requests."""
    with urllib3.PoolManager(1, retries=False, timeout=20) as pool:
        for _ in range(20):
            headers = signed(SECRET, "POST", receiver.url + PATH, EVENTS, int(datetime.now(UTC).timestamp() * 1000))
            assert 204 == pool.request("POST", receiver.url + PATH, body=EVENTS, headers=headers).status
        (kept,) = (pool.connection_from_url(receiver.url),)
        assert 1 == kept.num_connections


@pytest.mark.parametrize(
    "request_head",
    [
        head(DECLARED, version=None),
        head(DECLARED, version="v9"),
        head(DECLARED, timestamp=0),
        head(DECLARED, timestamp=9_999_999_999_999_999),
    ],
)
def test_a_stranger_is_refused_before_the_body_comes(receiver: Receiver, request_head: bytes) -> None:
    """Without a signature of a known version and a timestamp of now, the answer comes after the headers."""
    assert b"401" == answer_to(receiver, request_head)


def test_a_body_that_is_said_to_be_too_large_is_not_waited_for(receiver: Receiver) -> None:
    """413 comes after the headers."""
    assert b"413" == answer_to(receiver, head(f"Content-Length: {MAX_BODY_BYTES + 1}"))


def answer_to(receiver: Receiver, request_head: bytes) -> bytes:
    """The status that is answered to these headers without any of the body."""
    with socket.create_connection(receiver.address, timeout=20) as connection:
        connection.sendall(request_head + b"\r\n")
        return connection.recv(12).split()[1]
