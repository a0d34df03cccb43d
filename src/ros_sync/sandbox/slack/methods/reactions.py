"""reactions.add."""

from __future__ import annotations

import re

from ros_sync.sandbox.slack.methods.call import Answer, Call, SlackError

_NAME = re.compile(r"[a-z0-9_+\-]+(?:::skin-tone-[2-6])?")


def add(call: Call) -> Answer:
    """Put an emoji on a message."""
    name = call.required("name").strip(":")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name")
    if not call.text("channel") or not call.text("timestamp"):
        raise SlackError("no_item_specified")
    channel = call.channel()
    if channel.is_archived:
        raise SlackError("is_archived")
    message = call.message(channel, "timestamp")
    users = message.reactions.setdefault(name, [])
    if call.app.user_id in users:
        raise SlackError("already_reacted")
    users.append(call.app.user_id)
    return {}
