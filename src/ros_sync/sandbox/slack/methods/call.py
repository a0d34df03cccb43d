"""One call of a Web API method: who calls, with what arguments, and how Slack says no."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from ros_sync.sandbox.slack.workspace import App, Channel, Message, SlackWorkspace, User

Answer = dict[str, Any]
Item = TypeVar("Item")
_TRUE = ("1", "true", "True")
_FALSE = ("", "0", "false", "False")


class SlackError(Exception):
    """Slack's `ok: false`: `code` is its error code, `extra` what stands beside it in the answer."""

    def __init__(self, code: str, **extra: Any) -> None:
        self.code = code
        self.extra = extra
        super().__init__(code)


def refuse_arguments(*messages: str, code: str = "invalid_arguments") -> NoReturn:
    """Refuse with messages that say where, in the shape in which Slack gives them."""
    raise SlackError(code, response_metadata={"messages": [f"[ERROR] {message}" for message in messages]})


@dataclass(frozen=True, slots=True)
class Call:
    """A call: the workspace, the app whose token it carries, and its arguments (text from a form, any JSON value)."""

    workspace: SlackWorkspace
    app: App
    args: Mapping[str, Any]

    def text(self, name: str) -> str:
        """An argument as text, empty where it is not given."""
        value = self.args.get(name)
        if value is None:
            return ""
        if isinstance(value, bool | dict | list):
            refuse_arguments(f"must be a string [json-pointer:/{name}]")
        return str(value)

    def required(self, name: str) -> str:
        """An argument that must be given."""
        value = self.text(name)
        if not value:
            refuse_arguments(f"missing required field: {name}")
        return value

    def flag(self, name: str) -> bool:
        """A boolean: JSON's own, or 1, 0, true, false as text."""
        value = self.args.get(name, "")
        if isinstance(value, bool):
            return value
        if str(value) not in _TRUE + _FALSE:
            refuse_arguments(f"must be a boolean [json-pointer:/{name}]")
        return str(value) in _TRUE

    def limit(self, default: int, most: int) -> int:
        """The page size; more than `most` is cut to it, less than 1 is refused."""
        raw = self.text("limit")
        if not raw:
            return default
        if not raw.isascii() or not raw.isdigit() or int(raw) < 1:
            raise SlackError("invalid_limit")
        return min(int(raw), most)

    def json(self, name: str, code: str) -> Any:
        """A structured argument, as JSON text (in a form) or as itself; None where it is not given."""
        value = self.args.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise SlackError(code) from None

    def page(self, items: Sequence[Item], limit: int) -> tuple[Sequence[Item], str]:
        """The page that the argument `cursor` asks for, and the cursor of the next one (empty on the last)."""
        start = 0
        if cursor := self.text("cursor"):
            try:
                start = int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
            except (ValueError, binascii.Error):
                raise SlackError("invalid_cursor") from None
            if not 0 <= start <= len(items):
                raise SlackError("invalid_cursor")
        end = start + limit
        following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
        return items[start:end], following

    def channel(self, name: str = "channel") -> Channel:
        """The conversation with that id, of those that the app can see; otherwise channel_not_found."""
        channel = self.workspace.channels.get(self.required(name))
        if channel is None or (channel.kind != "public" and self.app.user_id not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def user(self, user_id: str) -> User:
        """The person or bot with that id; otherwise user_not_found."""
        user = self.workspace.users.get(user_id)
        if user is None:
            raise SlackError("user_not_found")
        return user

    def message(self, channel: Channel, name: str) -> Message:
        """The message whose ts the argument holds; otherwise message_not_found."""
        message = self.workspace.message(channel.id, self.required(name))
        if message is None:
            raise SlackError("message_not_found")
        return message

    def need_scope(self, *scopes: str) -> None:
        """Refuse a token that holds none of `scopes`, with what is needed and what is provided."""
        if scopes and not self.app.scopes.intersection(scopes):
            raise SlackError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.app.scopes)))


def shown(message: Message, *, with_metadata: bool = False) -> Answer:
    """A message as the Web API gives it."""
    out: Answer = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    if message.bot_id:
        out |= {"bot_id": message.bot_id, "app_id": message.app_id}
    if message.blocks:
        out["blocks"] = message.blocks
    if message.thread_ts:
        out["thread_ts"] = message.thread_ts
    if message.is_broadcast:
        out["subtype"] = "thread_broadcast"
    if message.edited_ts:
        out["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.reactions:
        out["reactions"] = [
            {"name": name, "users": list(users), "count": len(users)} for name, users in message.reactions.items()
        ]
    if with_metadata and message.metadata:
        out["metadata"] = message.metadata
    return out
