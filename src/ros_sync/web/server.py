"""Serves the web application from a thread, beside the jobs of the same process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self, cast

import uvicorn
from fastapi import FastAPI

from ros_sync.errors import RosSyncError, Where
from ros_sync.web.connection_limits import BoundedConnection, Crowd, Limits

STOP_SECONDS = 5  # how long requests that are under way are given when the server stops


class WebServer:
    """Serves `app` while it is entered. Port 0 lets the system choose; `url` says which it became.

    `on_end` is called when the server's thread ends, asked to or not. Raises RosSyncError where the address cannot
    be had.
    """

    def __init__(
        self,
        app: FastAPI,
        host: str,
        port: int,
        *,
        on_end: Callable[[], None] = lambda: None,
        limits: Limits | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._on_end = on_end
        limits = limits or Limits()
        self.crowd = Crowd(limits)
        # No signal handlers (it runs beside the main thread), no log of its own: access lines would name people.
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=cast("type[asyncio.Protocol]", partial(BoundedConnection, crowd=self.crowd)),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=limits.idle_seconds,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """The address that a browser on this machine would use."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def __enter__(self) -> Self:
        self._socket = self._listen()
        self.port = int(self._socket.getsockname()[1])
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=STOP_SECONDS + 1)
        if self._socket is not None:
            self._socket.close()

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listening = socket.create_server((self.host, self.port), family=family)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise RosSyncError(
                f"can't start the web server: {reason}",
                where=Where(key=f"{self.host}:{self.port}"),
                hint="use another --host or --port, or set them in [web] in ros-sync.toml",
            ) from error
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each kept-alive answer waits 40 ms
        return listening

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket] if self._socket else None)
        finally:
            self._on_end()
