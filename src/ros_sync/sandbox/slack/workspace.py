"""A Slack workspace in memory: people, channels, messages, the apps' tokens, and a log of what was called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, Literal

from ros_sync import clock
from ros_sync.sandbox.slack.faults import Faults
from ros_sync.sandbox.slack.limits import Limits, Meter

TS_STEP_MICROS = 100  # Slack's ts ends in two zeros: its sequence counts hundreds of microseconds
ALL_SCOPES = frozenset(
    {
        "channels:history",
        "channels:read",
        "chat:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "reactions:write",
        "users:read",
        "users:read.email",
    }
)

Kind = Literal["public", "private", "im"]


@dataclass(slots=True)
class User:
    """A person or a bot. `tz` is an IANA zone; `email` is empty for bots."""

    id: str
    name: str
    email: str
    tz: str
    is_bot: bool = False
    deleted: bool = False

    @property
    def initials(self) -> str:
        """Up to two letters for the avatar."""
        words = [word for word in self.name.split() if word[:1].isalnum()]
        return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"


@dataclass(slots=True)
class App:
    """An installed app: its bot user, token and scopes. An inactive one answers account_inactive."""

    token: str
    user_id: str
    bot_id: str
    app_id: str
    scopes: frozenset[str]
    active: bool = True


@dataclass(slots=True)
class Channel:
    """A channel (`C…`) or a direct message (`D…`), whose `with_user` is the person in it."""

    id: str
    name: str
    kind: Kind
    created: datetime
    members: set[str] = field(default_factory=set)
    is_archived: bool = False
    with_user: str | None = None


@dataclass(slots=True)
class Message:
    """A message as kept; `ts` is unique and grows. `posted_at` decides when a lagging history shows it."""

    ts: str
    channel: str
    user: str
    text: str
    posted_at: datetime
    bot_id: str | None = None
    app_id: str | None = None
    blocks: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    is_broadcast: bool = False
    edited_ts: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread below another message."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of the Web API: what was asked (never the token) and what came out.

    `outcome` is `ok`, Slack's error code, or `not carried out` where a fault came instead of the work. What the caller
    was told can differ: `fault` is what spoiled the answer.
    """

    at: datetime
    method: str
    args: dict[str, Any]
    outcome: str
    fault: str | None = None


class SlackWorkspace:
    """Everything there is in a workspace, without HTTP.

    `now` gives the present instant, so that a test can move time. `history_lag` is how long a posted message stays
    out of conversations.history and conversations.replies. `limits` are off unless set. All methods may be called
    from any thread; `lock` holds the workspace still over several of them.
    """

    def __init__(
        self,
        name: str = "Sandbox",
        *,
        bot_name: str = "ROS Sync",
        now: Callable[[], datetime] = clock.now,
        history_lag: timedelta = timedelta(0),
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self.team_id = "T000000001"
        self.now = now
        self.history_lag = history_lag
        self.faults = Faults()
        self.meter = Meter(limits or Limits())
        self.lock = RLock()
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.apps: dict[str, App] = {}
        self.calls: list[ApiCall] = []
        self.ephemerals: list[tuple[str, Message]] = []
        self._messages: dict[str, dict[str, Message]] = {}
        self._last_ts_micros = 0
        self._counter = 0
        # Every real workspace has it, and it is no bot by its own account.
        self.users["USLACKBOT"] = User("USLACKBOT", "Slackbot", "", "UTC")
        self.app = self.add_app(bot_name)

    @property
    def token(self) -> str:
        """The bot token of the first app."""
        return self.app.token

    @property
    def limits(self) -> Limits:
        """The rate limits in force."""
        return self.meter.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        with self.lock:
            self.meter = Meter(limits)

    def _new_id(self, letter: str) -> str:
        self._counter += 1
        return f"{letter}{self._counter:09d}"

    def new_ts(self) -> str:
        """A timestamp id such as `1700000000.000100`, greater than every one before."""
        with self.lock:
            micros = clock.to_micros(self.now()) // TS_STEP_MICROS * TS_STEP_MICROS
            self._last_ts_micros = max(micros, self._last_ts_micros + TS_STEP_MICROS)
            seconds, rest = divmod(self._last_ts_micros, 1_000_000)
            return f"{seconds}.{rest:06d}"

    def new_block_id(self) -> str:
        """An id for a block that was sent without one."""
        with self.lock:
            return self._new_id("b")

    def add_app(self, bot_name: str, scopes: Iterable[str] = ALL_SCOPES) -> App:
        """Install an app with its bot user; its `token` is what the Web API is called with."""
        with self.lock:
            bot = self.add_user(bot_name, "", "UTC", is_bot=True)
            bot_id, app_id = self._new_id("B"), self._new_id("A")
            app = App(f"xoxb-sandbox-{app_id}", bot.id, bot_id, app_id, frozenset(scopes))
            self.apps[app.token] = app
            return app

    def add_user(self, name: str, email: str, tz: str = "UTC", *, is_bot: bool = False, deleted: bool = False) -> User:
        """Add a person; ValueError where the e-mail address or the zone cannot be."""
        clock.zone(tz)
        with self.lock:
            if email and self.user_by_email(email) is not None:
                raise ValueError(f"{email} is in the workspace already")
            user = User(self._new_id("U"), name, email, tz, is_bot, deleted)
            self.users[user.id] = user
            return user

    def user_by_email(self, email: str) -> User | None:
        """The person with that address, in whatever case it is written."""
        with self.lock:
            return next(
                (user for user in self.users.values() if user.email and user.email.lower() == email.lower()), None
            )

    def add_channel(
        self, name: str, *, is_private: bool = False, with_bot: bool = True, members: Iterable[User] = ()
    ) -> Channel:
        """Add a channel; `with_bot` puts the first app's bot into it. ValueError where the name is taken."""
        with self.lock:
            if any(channel.name == name for channel in self.channels.values() if channel.kind != "im"):
                raise ValueError(f"there is a channel #{name} already")
            ids = {user.id for user in members} | ({self.app.user_id} if with_bot else set())
            channel = Channel(self._new_id("C"), name, "private" if is_private else "public", self.now(), ids)
            self.channels[channel.id] = channel
            return channel

    def dm_with(self, user: User | str, app: App | None = None) -> Channel:
        """The direct message between an app's bot (default: the first app) and a person, opened where it is not yet.

        `user` is a User, an id or an e-mail address; KeyError where there is no such person.
        """
        with self.lock:
            bot_id = (app or self.app).user_id
            person = self._person(user)
            for channel in self.channels.values():
                if channel.kind == "im" and channel.members == {bot_id, person.id}:
                    return channel
            channel = Channel(self._new_id("D"), "", "im", self.now(), {bot_id, person.id}, with_user=person.id)
            self.channels[channel.id] = channel
            return channel

    def _person(self, user: User | str) -> User:
        if isinstance(user, User):
            return user
        found = self.users.get(user) or self.user_by_email(user)
        if found is None:
            raise KeyError(user)
        return found

    def channel(self, channel: Channel | str) -> Channel:
        """The channel of that id or name (with or without `#`); KeyError where there is none."""
        if isinstance(channel, Channel):
            return channel
        with self.lock:
            if channel in self.channels:
                return self.channels[channel]
            name = channel.removeprefix("#")
            for candidate in self.channels.values():
                if candidate.kind != "im" and candidate.name == name:
                    return candidate
        raise KeyError(channel)

    def put(self, message: Message) -> None:
        """Keep a message."""
        with self.lock:
            self._messages.setdefault(message.channel, {})[message.ts] = message

    def say(self, user: User | str, channel: Channel | str, text: str, *, thread_ts: str | None = None) -> Message:
        """Let a person write into a channel or DM, as they would in Slack."""
        with self.lock:
            place, person = self.channel(channel), self._person(user)
            message = Message(self.new_ts(), place.id, person.id, text, self.now(), thread_ts=thread_ts)
            place.members.add(person.id)
            self.put(message)
            return deepcopy(message)

    def message(self, channel_id: str, ts: str) -> Message | None:
        """The message itself, not a copy: whoever changes it holds `lock`."""
        with self.lock:
            return self._messages.get(channel_id, {}).get(ts)

    def remove(self, channel_id: str, ts: str) -> None:
        """Forget a message; nothing happens where there is none."""
        with self.lock:
            self._messages.get(channel_id, {}).pop(ts, None)

    def messages(self, channel: Channel | str) -> list[Message]:
        """All messages of a channel, oldest first, thread replies included, whether or not history shows them yet."""
        with self.lock:
            return deepcopy(sorted(self._messages.get(self.channel(channel).id, {}).values(), key=lambda it: it.ts))

    def visible(self, channel_id: str) -> list[Message]:
        """What history shows now, oldest first: messages older than `history_lag`."""
        until = self.now() - self.history_lag
        with self.lock:
            return [message for message in self.messages(channel_id) if message.posted_at <= until]

    def record(self, call: ApiCall) -> None:
        """Note a call of the Web API."""
        with self.lock:
            self.calls.append(call)

    def calls_of(self, method: str) -> list[ApiCall]:
        """The calls of one method so far, in order."""
        with self.lock:
            return [call for call in self.calls if call.method == method]
