"""A Slack on loopback: the Web API as the official client speaks it, its limits and lies, and pages to look at it."""

from ros_sync.sandbox.slack.app import create_app
from ros_sync.sandbox.slack.faults import FaultKind
from ros_sync.sandbox.slack.limits import Limits
from ros_sync.sandbox.slack.server import SlackServer
from ros_sync.sandbox.slack.workspace import SlackWorkspace

__all__ = ["FaultKind", "Limits", "SlackServer", "SlackWorkspace", "create_app"]
