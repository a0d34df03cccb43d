"""The workspace without HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ros_sync.sandbox.slack.workspace import Message, SlackWorkspace

NOON = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)


def _workspace() -> SlackWorkspace:
    return SlackWorkspace(now=lambda: NOON)


def test_timestamps_grow_while_the_clock_stands() -> None:
    """Each ts is greater than the one before, in Slack's form."""
    workspace = _workspace()
    assert [workspace.new_ts() for _ in range(2)] == ["1773662400.000000", "1773662400.000100"]


def test_a_direct_message_is_opened_once() -> None:
    """The same person has the same D… channel, by id, e-mail address or object."""
    workspace = _workspace()
    ann = workspace.add_user("Ann Lee", "ann@example.com")
    opened = {workspace.dm_with(who).id for who in (ann, ann.id, "ANN@example.com")}
    assert [identity[0] for identity in opened] == ["D"]


def test_nobody_has_no_direct_message() -> None:
    """An unknown person is a KeyError."""
    with pytest.raises(KeyError):
        _workspace().dm_with("nobody@example.com")


def test_an_address_belongs_to_one_person() -> None:
    """The same e-mail address twice is refused."""
    workspace = _workspace()
    workspace.add_user("Ann Lee", "ann@example.com")
    with pytest.raises(ValueError, match="is in the workspace already"):
        workspace.add_user("Other", "Ann@example.com")


def test_a_zone_must_exist() -> None:
    """A person's time zone is checked when they are added."""
    with pytest.raises(ValueError, match="no time zone"):
        _workspace().add_user("Ann Lee", "ann@example.com", "Mars/Olympus")


def test_history_lags() -> None:
    """A message is visible once it is as old as the lag."""
    now = [NOON]
    workspace = SlackWorkspace(now=lambda: now[0], history_lag=timedelta(seconds=5))
    channel = workspace.add_channel("revops")
    workspace.put(Message(workspace.new_ts(), channel.id, workspace.app.user_id, "hello", now[0]))
    seen_at_once = len(workspace.visible(channel.id))
    now[0] += timedelta(seconds=5)
    assert (seen_at_once, len(workspace.visible(channel.id))) == (0, 1)


def test_messages_are_copies() -> None:
    """Changing what `messages` gave changes nothing in the workspace."""
    workspace = _workspace()
    channel = workspace.add_channel("revops")
    workspace.say(workspace.add_user("Ann", "ann@example.com"), channel, "hello")
    workspace.messages("#revops")[0].text = "changed"
    assert [message.text for message in workspace.messages(channel)] == ["hello"]
