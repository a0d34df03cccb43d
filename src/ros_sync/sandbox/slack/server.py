"""The sandbox's Slack as a running server: in a thread, for tests, the demo and `ros-sync sandbox`."""

from __future__ import annotations

from ros_sync.sandbox.serving import SandboxServer
from ros_sync.sandbox.slack.app import create_app
from ros_sync.sandbox.slack.workspace import SlackWorkspace


class SlackServer(SandboxServer):
    """Serves a workspace on loopback while the context is open."""

    def __init__(self, workspace: SlackWorkspace | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.workspace = workspace or SlackWorkspace()
        super().__init__(
            lambda connections: create_app(self.workspace, connections), name="slack-sandbox", host=host, port=port
        )

    @property
    def api_url(self) -> str:
        """The `base_url` for a Slack client."""
        return f"{self.url}/api/"
