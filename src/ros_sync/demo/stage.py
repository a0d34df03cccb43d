"""Where the demo over HubSpot plays: an invented company, its HubSpot and its Slack on loopback, by one clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from ros_sync.demo.telling import workspace
from ros_sync.sandbox.clock import SandboxClock
from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer, Limits
from ros_sync.sandbox.hubspot.company import CONNECTOR, Story
from ros_sync.sandbox.hubspot.control import Control
from ros_sync.sandbox.hubspot.faults import Faults
from ros_sync.sandbox.hubspot.tokens import CLIENT_SECRET
from ros_sync.sandbox.slack import SlackServer, SlackWorkspace
from ros_sync.sandbox.slack.company import provision
from ros_sync.sandbox.world import COMPANY, STORY_MONDAY, World
from ros_sync.settings import HubSpotSettings, Settings, SlackSettings

SEARCH_LAG_SECONDS = 5.0
CONNECTOR_FILE = "hubspot.yaml"


class DemoStage:
    """The sandbox of the demo. HubSpot's real rate limits hold, by the story's clock: who waits moves it on."""

    def __init__(self) -> None:
        self.clock = SandboxClock(STORY_MONDAY, runs=True)
        self.world = World()
        self.account = HubSpotAccount(
            now=self.clock, limits=Limits.like_hubspot(), search_lag_seconds=SEARCH_LAG_SECONDS
        )
        self.account.meter.clock = self.seconds
        self.slack = SlackWorkspace(COMPANY, now=self.clock)
        self._story = Story(self.account, self.world)
        faults = Faults()
        control = Control(self.account, faults, self.clock, self._story, moved=self._provision_slack)
        self.hubspot_server = HubSpotServer(self.account, faults=faults, extend=control.add_to)
        self.slack_server = SlackServer(self.slack)
        self._control = control

    def seconds(self) -> float:
        """The story's time so far."""
        return (self.clock() - STORY_MONDAY).total_seconds()

    def wait(self, seconds: float) -> None:
        """Let time pass at once."""
        self.clock.advance(seconds)

    def live_until(self, at: datetime) -> int:
        """Let the company work up to an instant; the number of things that happened."""
        self.clock.move_to(at)
        happened = self._story.advance_to(at)
        self._provision_slack()
        return happened

    @contextmanager
    def open(self) -> Iterator[None]:
        """Both servers, while the context is open."""
        with ExitStack() as stack:
            stack.enter_context(self.hubspot_server)
            stack.enter_context(self.slack_server)
            stack.callback(self._control.send_webhooks, {})
            yield

    def workspace(self, root: Path) -> Settings:
        """A fresh workspace that follows this HubSpot and tells this Slack; the servers are open."""
        slack = SlackSettings(token=SecretStr(self.slack.token), api_url=self.slack_server.api_url)
        hubspot = HubSpotSettings(
            token=SecretStr(self.account.token),
            api_url=self.hubspot_server.url,
            client_secret=SecretStr(CLIENT_SECRET),
        )
        variables = {
            "ROS_SYNC_HUBSPOT__TOKEN": self.account.token,
            "ROS_SYNC_HUBSPOT__API_URL": self.hubspot_server.url,
            "ROS_SYNC_HUBSPOT__CLIENT_SECRET": CLIENT_SECRET,
            "ROS_SYNC_SLACK__TOKEN": self.slack.token,
            "ROS_SYNC_SLACK__API_URL": self.slack_server.api_url,
        }
        settings = workspace(root, self.world, variables, hubspot=hubspot, slack=slack)
        (settings.connectors_folder / CONNECTOR_FILE).write_bytes(CONNECTOR.read_bytes())  # this company has more
        return settings

    def _provision_slack(self) -> None:
        provision(self.slack, self.world, self.clock().date())
