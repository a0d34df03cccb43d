from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import Request
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from ros_sync.alerts.freshness import SourceStanding
from ros_sync.errors import RosSyncError
from ros_sync.jobs.health import Health, JobState
from ros_sync.web.app import SECURITY_HEADERS, create_app
from ros_sync.web.server import WebServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Monotonic:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@pytest.fixture
def monotonic() -> Monotonic:
    """Give a monotonic clock."""
    return Monotonic()


@pytest.fixture
def health(monotonic: Monotonic) -> Health:
    """Give the health of a process whose vital job has not run."""
    return Health({"tick": JobState(timedelta(seconds=300), vital=True)}, monotonic=monotonic)


@pytest.fixture
def server(health: Health) -> Iterator[WebServer]:
    """Give the application served on a port that the system chose; its clock stands at noon."""
    with WebServer(create_app(health, now=lambda: NOON), "127.0.0.1", 0) as server:
        yield server


def get(server: WebServer, path: str) -> tuple[int, dict[str, str], bytes]:
    """Ask for a page: status, headers, body."""
    try:
        with OPENER.open(f"{server.url}{path}", timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_degraded(server: WebServer, health: Health) -> None:
    """/readyz answers 200 with the reason where something beside the ticks does not work: a restart would not help."""
    health.succeeded("tick", NOON)
    health.trouble("disk", "disk nearly full: 12 MB free")
    status, _, body = get(server, "/readyz")
    document = json.loads(body)
    expected = (200, True, "degraded", ["disk nearly full: 12 MB free"])
    assert expected == (status, document["ready"], document["state"], document["reasons"])


@pytest.mark.parametrize("sent", [b"", b"{", b"x" * 900])
def test_half_a_request_is_one_line_in_the_log(health: Health, sent: bytes) -> None:
    """Whoever hangs up in the middle of a body leaves one short line, and no traceback."""
    app = create_app(health)

    @app.post("/takes")
    async def takes(request: Request) -> None:
        await request.body()

    with capture_logs() as logged, WebServer(app, "127.0.0.1", 0) as server:
        with socket.create_connection((server.host, server.port)) as connection:
            head = b"POST /takes HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head + sent)
        until(lambda: logged)
    assert [{"event": "client_disconnected", "log_level": "info"}] == logged


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    ends_at = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.005)


def test_alive(server: WebServer) -> None:
    """/healthz answers 200, ready or not."""
    assert get(server, "/healthz")[0] == 200


def test_unready(server: WebServer) -> None:
    """/readyz answers 503 with the reasons before the first tick."""
    status, _, body = get(server, "/readyz")
    assert (status, json.loads(body)["reasons"]) == (503, ["tick has not run yet"])


def test_ready(server: WebServer, health: Health) -> None:
    """/readyz answers 200 after a good tick."""
    health.succeeded("tick", NOON)
    assert get(server, "/readyz")[0] == 200


def test_a_stale_source_is_told(health: Health) -> None:
    """/readyz names the stale source and answers 200: restarting this process would not mend the CRM."""
    health.succeeded("tick", NOON)
    app = create_app(
        health, now=lambda: NOON, stale_at=lambda now: [SourceStanding("hubspot", now - timedelta(hours=3))]
    )
    with WebServer(app, "127.0.0.1", 0) as server:
        status, _, body = get(server, "/readyz")
    assert (200, ["hubspot"]) == (status, [each["source"] for each in json.loads(body)["stale"]])


def test_a_database_that_does_not_answer_is_no_error_of_the_page(health: Health) -> None:
    """/readyz goes on saying how the jobs are; of the sources it knows nothing."""
    health.succeeded("tick", NOON)

    def stale_at(_now: datetime) -> list[SourceStanding]:
        raise OperationalError("SELECT", {}, Exception("the server is gone"))

    with WebServer(create_app(health, now=lambda: NOON, stale_at=stale_at), "127.0.0.1", 0) as server:
        status, _, body = get(server, "/readyz")
    assert (200, None) == (status, json.loads(body)["stale"])


def test_stale(server: WebServer, health: Health, monotonic: Monotonic) -> None:
    """/readyz answers 503 again when the last good tick is older than three intervals."""
    health.succeeded("tick", NOON)
    monotonic.forward(901)
    assert get(server, "/readyz")[0] == 503


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/nothing"])
def test_security_headers(server: WebServer, path: str) -> None:
    """Every answer has the headers that keep a browser from doing anything with it."""
    headers = {name.lower(): value for name, value in get(server, path)[1].items()}
    assert {name: headers.get(name.lower()) for name in SECURITY_HEADERS} == SECURITY_HEADERS


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/"])
def test_nothing_else_is_served(server: WebServer, path: str) -> None:
    """There is no page that describes the application."""
    assert get(server, path)[0] == 404


def test_server_does_not_name_itself(server: WebServer) -> None:
    """The answer does not say which server gave it."""
    assert "server" not in {name.lower() for name in get(server, "/healthz")[1]}


def test_port_is_free_after_leaving(health: Health) -> None:
    """After leaving, the same port can be listened on again."""
    with WebServer(create_app(health), "127.0.0.1", 0) as first:
        pass
    with WebServer(create_app(health), "127.0.0.1", first.port) as second:
        assert get(second, "/healthz")[0] == 200


def test_port_in_use(server: WebServer, health: Health) -> None:
    """A port that is taken is told with the address and what to do."""
    with pytest.raises(RosSyncError, match=rf"127\.0\.0\.1:{server.port}: .*Address already in use .*--port"):
        WebServer(create_app(health), "127.0.0.1", server.port).__enter__()


def test_address_of_another_machine(health: Health) -> None:
    """An address that this machine does not have is told."""
    with pytest.raises(RosSyncError, match=r"192\.0\.2\.1:0: can't start the web server"):
        WebServer(create_app(health), "192.0.2.1", 0).__enter__()


def test_end_is_reported(health: Health) -> None:
    """Whoever started the server is told when its thread ends."""
    ended = threading.Event()
    with WebServer(create_app(health), "127.0.0.1", 0, on_end=ended.set):
        pass
    assert ended.wait(10)
