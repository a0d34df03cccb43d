"""The ways out of a workspace: Slack where there is a token, and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ros_sync.settings import Settings

# Loaded by those alone that tell somebody something.
if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Engine

    from ros_sync.notifiers.notifier import Notifier
    from ros_sync.notifiers.slack.client import SlackClient


def notifiers_of(settings: Settings, engine: Engine, console: Console) -> list[Notifier]:
    """The ways out, the one for new messages first: Slack where there is a token, and always the terminal."""
    from ros_sync.notifiers.console import ConsoleNotifier  # noqa: PLC0415  # see above

    terminal = ConsoleNotifier(console)
    client = slack_client(settings)
    if client is None:
        return [terminal]
    from ros_sync.notifiers.slack.notifier import SlackNotifier  # noqa: PLC0415  # see above

    return [SlackNotifier(client, engine), terminal]


def slack_client(settings: Settings) -> SlackClient | None:
    """Slack's Web API with the workspace's token; None where no token is set."""
    token = settings.slack.token
    if token is None:
        return None
    from ros_sync.notifiers.slack.client import SlackClient  # noqa: PLC0415  # see above

    return SlackClient(token.get_secret_value(), api_url=settings.slack.api_url)
