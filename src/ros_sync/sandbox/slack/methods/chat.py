"""The chat methods."""

from __future__ import annotations

import json
from typing import Any

from ros_sync.sandbox.slack import blocks as block_kit
from ros_sync.sandbox.slack.methods.call import Answer, Call, SlackError, shown
from ros_sync.sandbox.slack.mrkdwn import kept
from ros_sync.sandbox.slack.workspace import Channel, Message

MAX_TEXT_CHARS = 40_000  # chat.postMessage reference, "Truncating content"; the sandbox refuses instead of cutting
MAX_METADATA_BYTES = 16_384  # the reference names the error, not the size: a guess on the generous side


def post_message(call: Call) -> Answer:
    """Post to a channel (id or name) or to a person (user id: into the app's DM with them)."""
    channel = _writable(call, _addressed(call))
    body = _body(call)
    thread_ts = call.text("thread_ts") or None
    parent = call.workspace.message(channel.id, thread_ts) if thread_ts else None
    if thread_ts and parent is None:
        raise SlackError("thread_not_found")
    wait_seconds = call.workspace.meter.wait_for_message(channel.id, call.workspace.now())
    if wait_seconds:
        raise SlackError("ratelimited", retry_after=wait_seconds)
    message = Message(
        call.workspace.new_ts(),
        channel.id,
        call.app.user_id,
        body["text"],
        call.workspace.now(),
        bot_id=call.app.bot_id,
        app_id=call.app.app_id,
        blocks=body["blocks"] or [],
        metadata=body["metadata"] or None,
        thread_ts=(parent.thread_ts or parent.ts) if parent else None,
        is_broadcast=parent is not None and call.flag("reply_broadcast"),
    )
    if parent is not None:
        # Slack marks the first message of a thread with its own ts.
        parent.thread_ts = parent.thread_ts or parent.ts
    call.workspace.put(message)
    return {"channel": channel.id, "ts": message.ts, "message": shown(message, with_metadata=True)}


def post_ephemeral(call: Call) -> Answer:
    """Show a message to one member of a channel; it is in no history."""
    channel = _writable(call, call.channel())
    user_id = call.required("user")
    if user_id not in call.workspace.users or user_id not in channel.members:
        raise SlackError("user_not_in_channel")
    body = _body(call)
    message = Message(
        call.workspace.new_ts(),
        channel.id,
        call.app.user_id,
        body["text"],
        call.workspace.now(),
        bot_id=call.app.bot_id,
        app_id=call.app.app_id,
        blocks=body["blocks"] or [],
    )
    call.workspace.ephemerals.append((user_id, message))
    return {"message_ts": message.ts}


def update(call: Call) -> Answer:
    """Change a message of the app's own; blocks and metadata that are not given stay as they are."""
    channel = call.channel()
    message = call.message(channel, "ts")
    if message.user != call.app.user_id:
        raise SlackError("cant_update_message")
    if channel.is_archived:
        raise SlackError("is_archived")
    body = _body(call, has_blocks=bool(message.blocks))
    if call.args.get("text") is not None:
        message.text = body["text"]
    if body["blocks"] is not None:
        message.blocks = body["blocks"]
    if body["metadata"] is not None:
        message.metadata = body["metadata"] or None
    message.edited_ts = call.workspace.new_ts()
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": shown(message, with_metadata=True),
    }


def delete(call: Call) -> Answer:
    """Delete a message of the app's own."""
    channel = call.channel()
    message = call.message(channel, "ts")
    if message.user != call.app.user_id:
        raise SlackError("cant_delete_message")
    call.workspace.remove(channel.id, message.ts)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(call: Call) -> Answer:
    """A link to a message."""
    channel = call.channel()
    message = call.message(channel, "message_ts")
    link = f"https://sandbox.slack.test/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def _addressed(call: Call) -> Channel:
    """Where a message goes: a conversation's id, a channel's name, or a person's id."""
    target = call.required("channel")
    person = call.workspace.users.get(target)
    if person is not None:
        if person.deleted or person.is_bot:
            raise SlackError("channel_not_found")
        return call.workspace.dm_with(person, call.app)
    if target not in call.workspace.channels:
        try:
            target = call.workspace.channel(target).id
        except KeyError:
            raise SlackError("channel_not_found") from None
    return Call(call.workspace, call.app, {"channel": target}).channel()


def _writable(call: Call, channel: Channel) -> Channel:
    if channel.is_archived:
        raise SlackError("is_archived")
    if call.app.user_id not in channel.members and "chat:write.public" not in call.app.scopes:
        raise SlackError("not_in_channel")
    return channel


def _body(call: Call, *, has_blocks: bool = False) -> dict[str, Any]:
    """The checked text, blocks and metadata of a message; None where blocks or metadata are not given."""
    text = call.text("text")
    blocks = call.json("blocks", "invalid_blocks_format")
    if not text and not blocks and not (has_blocks and blocks is None):
        raise SlackError("no_text")
    if len(text) > MAX_TEXT_CHARS:
        raise SlackError("msg_too_long")
    if blocks is not None:
        messages = block_kit.problems(blocks)
        if messages:
            raise SlackError(
                "invalid_blocks",
                errors=[message.removeprefix("[ERROR] ") for message in messages],
                response_metadata={"messages": messages},
            )
        if block_kit.total_chars(blocks) > block_kit.MAX_TOTAL_CHARS:
            raise SlackError("msg_blocks_too_long")
        blocks = [_block_kept(call, block) for block in blocks]
    return {"text": kept(text), "blocks": blocks, "metadata": _metadata(call)}


def _metadata(call: Call) -> dict[str, Any] | None:
    """The metadata, None where it is not given; an empty object takes away what there was."""
    metadata = call.json("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return metadata if isinstance(metadata, dict) else None
    if (
        not isinstance(metadata, dict)
        or not isinstance(metadata.get("event_type"), str)
        or not metadata["event_type"]
        or not isinstance(metadata.get("event_payload"), dict)
    ):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > MAX_METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}


def _block_kept(call: Call, block: dict[str, Any]) -> dict[str, Any]:
    """A block as Slack keeps it: with an id, its mrkdwn escaped where it is not a control sequence."""
    out: dict[str, Any] = _texts_kept(block)
    return out if out.get("block_id") else {**out, "block_id": call.workspace.new_block_id()}


def _texts_kept(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts_kept(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {key: _texts_kept(item) for key, item in value.items()}
    if value.get("type") == "mrkdwn" and isinstance(value.get("text"), str):
        out |= {"text": kept(value["text"], links=not value.get("verbatim")), "verbatim": bool(value.get("verbatim"))}
    return out
