"""Serving a sandbox's pages and APIs from a thread, and cutting its connections on order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self, cast

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

START_TIMEOUT_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 10.0
Peer = tuple[str, int]


class Connections:
    """The open connections of a server by the address of the other side, so that one can be cut off during a call."""

    def __init__(self) -> None:
        self._transports: dict[Peer, asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """Give uvicorn's HTTP protocol, which notes each connection here."""
        transports = self._transports

        class NotedProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
                self.peer = _peer(transport.get_extra_info("peername"))
                transports[self.peer] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self.peer, None)
                super().connection_lost(exc)

        return NotedProtocol

    def cut(self, peer: Any) -> None:
        """Drop the connection from that address at once, without an answer."""
        transport = self._transports.get(_peer(peer))
        if transport is not None:
            transport.abort()


def _peer(address: Any) -> Peer:
    return cast("Peer", tuple(address)[:2])


class _ToldServer(uvicorn.Server):
    """Says when it is ready, and leaves signals to the main program."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class SandboxServer:
    """Serves an application on loopback, on a port that the system chooses (or `port`), while the context is open.

    OSError where the port is taken; TimeoutError where the server does not come up.
    """

    def __init__(
        self, make_app: Callable[[Connections], FastAPI], *, name: str, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._make_app = make_app
        self._name = name
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._server: _ToldServer | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        assert self._socket is not None, "the server is not running"
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def start(self) -> Self:
        """Start serving; returns once calls are answered."""
        self._socket = socket.create_server(self._address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each kept-alive answer waits 40 ms
        connections = Connections()
        config = uvicorn.Config(
            self._make_app(connections),
            http=connections.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,  # an application whose clock is not the machine's tells its own
            timeout_graceful_shutdown=1,
        )
        self._server = _ToldServer(config)
        self._thread = Thread(target=self._server.run, args=([self._socket],), name=self._name, daemon=True)
        self._thread.start()
        if not self._server.ready.wait(START_TIMEOUT_SECONDS):
            self.stop()
            raise TimeoutError(f"the {self._name} did not come up")
        return self

    def stop(self) -> None:
        """Stop serving and close the port; calling it again does nothing."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_TIMEOUT_SECONDS)
        if self._socket is not None:
            self._socket.close()
        self._server = self._thread = self._socket = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
