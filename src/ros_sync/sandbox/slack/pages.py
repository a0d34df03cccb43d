"""The pages: which channels and direct messages there are, and each as a person would see it in Slack."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Response
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ros_sync import clock
from ros_sync.sandbox.slack import drawing, mrkdwn
from ros_sync.sandbox.slack.emoji import drawn
from ros_sync.sandbox.slack.workspace import Channel, Message, SlackWorkspace, User

HERE = Path(__file__).parent
AVATAR_COLOURS = 8  # the classes .avatar.c0 and on of slack.css
SNIPPET_CHARS = 140
HTTP_NOT_FOUND = 404
# Where one word ends and the next begins in the drawn message, though no space stands there.
_BREAKS = (Markup("<br>"), Markup("</p>"), Markup("</li>"), Markup("</blockquote>"), Markup("</div>"))
# The pages load their own style sheet and nothing else, whatever a message contains.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list of channels: where it leads, how many messages, and the last of them."""

    id: str
    title: str
    is_dm: bool
    avatar: Avatar
    count: int
    last_text: str
    last_time: str


@dataclass(frozen=True, slots=True)
class Avatar:
    """Initials on a colour."""

    initials: str
    colour: int


@dataclass(frozen=True, slots=True)
class Line:
    """A message as drawn; `new_day` is the day's name where a new day begins above it."""

    anchor: str
    author: str
    is_app: bool
    avatar: Avatar
    time: str
    moment: str
    new_day: str
    body: Markup
    is_edited: bool
    reactions: list[tuple[str, int]]
    replies: list[Line]


def add_to(app: FastAPI, workspace: SlackWorkspace) -> None:
    """Add the routes `/`, `/c/<channel id>` and `/static/slack.css`."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
        text = environment.get_template(template).render(workspace=workspace.name, **values)
        return HTMLResponse(text, status, headers=HEADERS)

    @app.get("/", response_class=HTMLResponse)
    def index() -> Response:
        return page("index.html", entries=entries(workspace), here="")

    @app.get("/c/{channel_id}", response_class=HTMLResponse)
    def channel(channel_id: str, tz: Annotated[str | None, Query()] = None) -> Response:
        found = workspace.channels.get(channel_id)
        if found is None:
            return page("missing.html", HTTP_NOT_FOUND, wanted=channel_id)
        try:
            zone = clock.zone(tz or _zone_of(workspace, found)).key
        except ValueError:
            zone = "UTC"
        return page(
            "channel.html",
            entries=entries(workspace),
            here=found.id,
            title=title(workspace, found),
            is_dm=found.kind == "im",
            is_archived=found.is_archived,
            zone=zone,
            lines=lines(workspace, found, zone),
        )

    @app.get("/static/slack.css")
    def style() -> Response:
        return FileResponse(HERE / "static" / "slack.css", media_type="text/css")


def title(workspace: SlackWorkspace, channel: Channel) -> str:
    """A channel's name, or the name of the person in a direct message."""
    if channel.with_user is not None:
        return workspace.users[channel.with_user].name
    return channel.name


def entries(workspace: SlackWorkspace) -> list[Entry]:
    """Every channel and then every direct message, by name."""
    with workspace.lock:
        channels = sorted(
            workspace.channels.values(), key=lambda it: (it.kind == "im", title(workspace, it).lower(), it.id)
        )
        return [_entry(workspace, channel) for channel in channels]


def _entry(workspace: SlackWorkspace, channel: Channel) -> Entry:
    messages = workspace.messages(channel)
    last = messages[-1] if messages else None
    moment = last.posted_at.astimezone(clock.zone(_zone_of(workspace, channel))) if last else None
    return Entry(
        channel.id,
        title(workspace, channel),
        channel.kind == "im",
        _avatar(workspace.users[channel.with_user]) if channel.with_user else Avatar("#", 0),
        len(messages),
        _snippet(workspace, last) if last else "",
        f"{moment:%d %b %H:%M}" if moment else "",
    )


def lines(workspace: SlackWorkspace, channel: Channel, zone: str) -> list[Line]:
    """A channel's messages in order, replies below the message they answer, times in `zone`."""
    messages = workspace.messages(channel)
    replies: dict[str, list[Message]] = {}
    for message in messages:
        if message.is_reply and message.thread_ts:
            replies.setdefault(message.thread_ts, []).append(message)
    known = {message.ts for message in messages}
    out: list[Line] = []
    day = ""
    for message in messages:
        # A reply stands below its thread's first message; where that is deleted it stands by itself.
        if message.is_reply and message.thread_ts in known:
            continue
        local = message.posted_at.astimezone(clock.zone(zone))
        name = f"{local:%A}, {local.day} {local:%B %Y}"
        below = [_line(workspace, reply, zone) for reply in replies.get(message.ts, [])]
        line = _line(workspace, message, zone)
        out.append(replace(line, new_day=name if name != day else "", replies=below))
        day = name
    return out


def _line(workspace: SlackWorkspace, message: Message, zone: str) -> Line:
    """A message by itself; a reply says its day too, since it may stand below another one."""
    author = workspace.users[message.user]
    local: datetime = message.posted_at.astimezone(clock.zone(zone))
    name_of = _namer(workspace)
    body = drawing.blocks(message.blocks, name_of) if message.blocks else mrkdwn.html(message.text, name_of)
    return Line(
        anchor=message.ts,
        author=author.name,
        is_app=message.bot_id is not None,
        avatar=_avatar(author),
        time=f"{local:%d %b %H:%M}" if message.is_reply else f"{local:%H:%M}",
        moment=f"{local:%Y-%m-%d %H:%M:%S %Z}",
        new_day="",
        body=body,
        is_edited=message.edited_ts is not None,
        reactions=[(drawn(name), len(users)) for name, users in message.reactions.items()],
        replies=[],
    )


def _namer(workspace: SlackWorkspace) -> mrkdwn.Namer:
    def name_of(some_id: str) -> str:
        user, channel = workspace.users.get(some_id), workspace.channels.get(some_id)
        return user.name if user else channel.name if channel else some_id

    return name_of


def _snippet(workspace: SlackWorkspace, message: Message) -> str:
    """The beginning of what a notification would show: the message's text, else that of its blocks."""
    name_of = _namer(workspace)
    full = mrkdwn.html(message.text, name_of) if message.text else drawing.blocks(message.blocks, name_of)
    for closing in _BREAKS:
        full = full.replace(closing, Markup(" ") + closing)
    words = " ".join(full.striptags().split())
    return words if len(words) <= SNIPPET_CHARS else words[: SNIPPET_CHARS - 1] + "…"


def _zone_of(workspace: SlackWorkspace, channel: Channel) -> str:
    """The zone of the person in a direct message; channels are shown in UTC."""
    return workspace.users[channel.with_user].tz if channel.with_user else "UTC"


def _avatar(user: User) -> Avatar:
    return Avatar(user.initials, zlib.crc32(user.id.encode()) % AVATAR_COLOURS)
