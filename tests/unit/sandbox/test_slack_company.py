"""The company's people in a Slack workspace."""

from __future__ import annotations

from datetime import timedelta

from ros_sync.sandbox.slack import SlackWorkspace
from ros_sync.sandbox.slack.company import provision
from ros_sync.sandbox.world import World


def test_who_has_left_the_company_is_deactivated_and_nobody_is_there_twice() -> None:
    """On the day after somebody's last, all of the same people are members, and that one is deactivated."""
    world, slack = World(scale=0.05), SlackWorkspace()
    left, leaver = max((person.left, person.email) for person in world.people() if person.left and person.in_slack)
    members = []
    for today in (left - timedelta(days=1), left):
        provision(slack, world, today)
        members.append({user.email: not user.deleted for user in slack.users.values() if user.email})
    before, after = members
    assert before | {leaver: False} == after
    assert (True, len(after)) == (before[leaver], len([user for user in slack.users.values() if user.email]))
