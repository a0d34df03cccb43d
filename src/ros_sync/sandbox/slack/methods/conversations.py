"""The conversations methods."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from ros_sync.sandbox.slack.methods.call import Answer, Call, SlackError, shown
from ros_sync.sandbox.slack.workspace import Channel, Kind, Message

DEFAULT_PAGE = 100
MAX_PAGE = 999  # conversations.history and conversations.replies reference, argument limit
_FAMILY = {"public": "channels", "private": "groups", "im": "im"}
_TYPES: dict[str, Kind] = {"public_channel": "public", "private_channel": "private", "im": "im"}


def open_(call: Call) -> Answer:
    """Open, or find, the direct message with one person (or the one named by its id)."""
    if call.text("channel"):
        channel = call.channel()
        return {"channel": _shown(channel) if call.flag("return_im") else {"id": channel.id}, "already_open": True}
    ids = [part.strip() for part in call.text("users").split(",") if part.strip()]
    if not ids:
        raise SlackError("users_list_not_supplied")
    people = [call.user(user_id) for user_id in ids]
    if len(people) > 1:
        call.need_scope("mpim:write")
        raise SlackError("method_not_supported_for_channel_type")
    person = people[0]
    if person.deleted:
        raise SlackError("user_disabled")
    if person.is_bot:
        raise SlackError("cannot_dm_bot")
    known = set(call.workspace.channels)
    channel = call.workspace.dm_with(person, call.app)
    extra = {"no_op": True, "already_open": True} if channel.id in known else {}
    return {"channel": _shown(channel) if call.flag("return_im") else {"id": channel.id}, **extra}


def list_(call: Call) -> Answer:
    """The conversations of the asked types that the app can see, by pages."""
    kinds = set()
    for name in (call.text("types") or "public_channel").split(","):
        if name.strip() not in {*_TYPES, "mpim"}:
            raise SlackError("invalid_types")
        if kind := _TYPES.get(name.strip()):
            call.need_scope(f"{_FAMILY[kind]}:read")
            kinds.add(kind)
    channels = [
        channel
        for channel in call.workspace.channels.values()
        if channel.kind in kinds
        and (channel.kind == "public" or call.app.user_id in channel.members)
        and not (channel.is_archived and call.flag("exclude_archived"))
    ]
    page, following = call.page(channels, call.limit(DEFAULT_PAGE, MAX_PAGE))
    return {
        "channels": [_shown(channel, is_member=call.app.user_id in channel.members) for channel in page],
        "response_metadata": {"next_cursor": following},
    }


def info(call: Call) -> Answer:
    """One conversation."""
    channel = call.channel()
    call.need_scope(f"{_FAMILY[channel.kind]}:read")
    out = _shown(channel, is_member=call.app.user_id in channel.members)
    if call.flag("include_num_members"):
        out["num_members"] = len(channel.members)
    return {"channel": out}


def history(call: Call) -> Answer:
    """Messages of a conversation, newest first, between `oldest` and `latest`; thread replies are left out."""
    channel = _readable(call)
    messages = [
        message
        for message in reversed(call.workspace.visible(channel.id))
        if (not message.is_reply or message.is_broadcast) and _in_range(call, message)
    ]
    page, following = call.page(messages, call.limit(DEFAULT_PAGE, MAX_PAGE))
    return _messages(call, page, following, pin_count=0)


def replies(call: Call) -> Answer:
    """A thread: its first message and the replies, oldest first."""
    channel = _readable(call)
    thread_ts = call.required("ts")
    thread = [it for it in call.workspace.visible(channel.id) if thread_ts in (it.ts, it.thread_ts)]
    if not thread:
        raise SlackError("thread_not_found")
    messages = [message for message in thread if message.ts == thread_ts or _in_range(call, message)]
    page, following = call.page(messages, call.limit(MAX_PAGE, MAX_PAGE))
    return _messages(call, page, following)


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.need_scope(f"{_FAMILY[channel.kind]}:history")
    if call.app.user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _bound(call: Call, name: str, code: str) -> Decimal | None:
    raw = call.text(name)
    if not raw:
        return None
    try:
        bound = Decimal(raw)
    except InvalidOperation:
        raise SlackError(code) from None
    if not bound.is_finite():
        raise SlackError(code)
    return bound


def _in_range(call: Call, message: Message) -> bool:
    """Between oldest and latest: outside of both unless `inclusive`."""
    ts = Decimal(message.ts)
    oldest, latest = _bound(call, "oldest", "invalid_ts_oldest"), _bound(call, "latest", "invalid_ts_latest")
    if call.flag("inclusive"):
        return (oldest is None or ts >= oldest) and (latest is None or ts <= latest)
    return (oldest is None or ts > oldest) and (latest is None or ts < latest)


def _messages(call: Call, page: Sequence[Message], following: str, **extra: int) -> Answer:
    with_metadata = call.flag("include_all_metadata")
    out: Answer = {
        "messages": [shown(message, with_metadata=with_metadata) for message in page],
        "has_more": bool(following),
        **extra,
    }
    if following:
        out["response_metadata"] = {"next_cursor": following}
    return out


def _shown(channel: Channel, *, is_member: bool = True) -> Answer:
    created = int(channel.created.timestamp())
    if channel.kind == "im":
        return {
            "id": channel.id,
            "is_im": True,
            "user": channel.with_user,
            "created": created,
            "is_user_deleted": False,
        }
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind == "public",
        "is_group": channel.kind == "private",
        "is_private": channel.kind == "private",
        "is_im": False,
        "is_mpim": False,
        "is_member": is_member,
        "is_archived": channel.is_archived,
        "created": created,
    }
