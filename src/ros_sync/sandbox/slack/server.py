"""The sandbox's Slack as a running server: in a thread, for tests and the demo, or as a process of its own."""

from __future__ import annotations

import socket
from threading import Event, Thread
from types import TracebackType
from typing import Self

import uvicorn

from ros_sync.sandbox.slack.app import create_app
from ros_sync.sandbox.slack.connections import Connections
from ros_sync.sandbox.slack.workspace import SlackWorkspace

START_TIMEOUT_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 10.0


def _configured(workspace: SlackWorkspace) -> uvicorn.Config:
    connections = Connections()
    return uvicorn.Config(
        create_app(workspace, connections),
        http=connections.protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )


class _ToldServer(uvicorn.Server):
    """Says when it is ready, and leaves signals to the main program."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class SlackServer:
    """Serves a workspace on loopback, on a port that the system chooses (or `port`), while the context is open.

    OSError where the port is taken; TimeoutError where the server does not come up.
    """

    def __init__(self, workspace: SlackWorkspace | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.workspace = workspace or SlackWorkspace()
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._server: _ToldServer | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Where the pages are, without a slash at the end."""
        assert self._socket is not None, "the server is not running"
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    @property
    def api_url(self) -> str:
        """The `base_url` for a Slack client."""
        return f"{self.url}/api/"

    def start(self) -> Self:
        """Start serving; returns once calls are answered."""
        self._socket = socket.create_server(self._address)
        self._server = _ToldServer(_configured(self.workspace))
        self._thread = Thread(target=self._server.run, args=([self._socket],), name="slack-sandbox", daemon=True)
        self._thread.start()
        if not self._server.ready.wait(START_TIMEOUT_SECONDS):
            self.stop()
            raise TimeoutError("the sandbox's Slack did not come up")
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


def run(workspace: SlackWorkspace, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Serve a workspace until the process is told to stop (SIGINT or SIGTERM)."""
    config = _configured(workspace)
    config.host, config.port = host, port
    uvicorn.Server(config).run()
