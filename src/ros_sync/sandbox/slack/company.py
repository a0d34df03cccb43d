"""The sandbox's little company as members of a Slack workspace."""

from __future__ import annotations

from datetime import date

from ros_sync.sandbox.slack.workspace import SlackWorkspace
from ros_sync.sandbox.world import World


def provision(slack: SlackWorkspace, world: World, today: date) -> None:
    """Let everybody who is in Slack be there, and those who have left the company be deactivated."""
    for person in world.people():
        if person.in_slack:
            user = slack.user_by_email(person.email) or slack.add_user(person.name, person.email, person.tz)
            user.deleted = not person.works_on(today)
