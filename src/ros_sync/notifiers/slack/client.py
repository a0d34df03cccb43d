"""Slack's Web API for delivery: the official client, with its failures named by what they mean for a message.

What decides is whether the request had been sent: before that nothing can have happened, after that a post may have
been made although no answer came. The official client's own retries are switched off, as they post again blindly.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from ros_sync.errors import (
    AmbiguousError,
    AuthExpiredError,
    PermanentError,
    RateLimitedError,
    RosSyncError,
    TransientError,
)
from ros_sync.notifiers.notifier import MessageGoneError
from ros_sync.notifiers.slack import limits

API_URL = "https://slack.com/api/"

# The errors below are those that the Web API's method references list.
_CREDENTIALS = {
    "invalid_auth": "Slack rejected the token",
    "not_authed": "no token was sent to Slack",
    "account_inactive": "the token belongs to an app or user that was removed from the workspace",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "no_permission": "the token isn't allowed to do this",
    "not_allowed_token_type": "this type of token isn't allowed to do this",
    "org_login_required": "the workspace is being moved to another organisation",
    "team_access_not_granted": "the app isn't approved for this workspace",
    "access_denied": "the token isn't allowed to do this",
    "ekm_access_denied": "the workspace's administrators have suspended access",
}
_REFUSALS = {
    "users_not_found": "no Slack user has this e-mail address",
    "user_not_found": "no such user in Slack",
    "user_not_visible": "the app can't see this user",
    "user_disabled": "the user's Slack account is deactivated",
    "cannot_dm_bot": "the recipient is a bot",
    "channel_not_found": "no such channel in Slack, or the app can't see it",
    "is_archived": "the channel is archived",
    "not_in_channel": "the app is not in the channel; invite it there",
    "restricted_action": "the workspace restricts who can post there",
    "invalid_blocks": "Slack rejected the message's blocks",
    "msg_too_long": "the message is too long for Slack",
    "msg_blocks_too_long": "the message is too long for Slack",
    "cant_update_message": "the message belongs to someone else and cannot be edited",
    "edit_window_closed": "the workspace's time limit for editing messages has passed",
}
_PASSING = {"ratelimited", "rate_limited", "request_timeout", "team_added_to_org"}
_MAYBE_DONE = {"internal_error", "fatal_error", "service_unavailable"}
_CODE = re.compile(r"[a-z][a-z_]*")
_AS_IT_STANDS = {"parse": "none", "link_names": False}  # make no links or mentions of words that look like them
_HTTP_TOO_MANY = 429
_HTTP_SERVER_ERRORS = 500

# The official client logs what it sends; we log what came of it, and never a message's text.
_SILENT = logging.getLogger("ros_sync.notifiers.slack.sdk")
_SILENT.setLevel(logging.CRITICAL)


class MissingScopeError(AuthExpiredError):
    """The Slack app lacks a scope that this method needs."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A message as Slack knows it."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What Slack says of a token: its scopes (None where it does not tell), and the time of its answer."""

    scopes: frozenset[str] | None
    date: str | None


class SlackClient:
    """The few methods that delivery needs. `token` is a bot's (`xoxb-`); `timeout_seconds` is for each call.

    Every method may raise TransientError (not carried out), RateLimitedError, AuthExpiredError, PermanentError; a post
    or edit AmbiguousError too.
    """

    def __init__(self, token: str, *, api_url: str = API_URL, timeout_seconds: int = 20) -> None:
        self.api_url = api_url if api_url.endswith("/") else f"{api_url}/"
        self._web = WebClient(token, base_url=self.api_url, timeout=timeout_seconds, retry_handlers=[], logger=_SILENT)
        if urlsplit(self.api_url).hostname in ("127.0.0.1", "localhost", "::1"):
            self._web.proxy = None  # the sandbox is on this machine, whatever proxy leads out of it

    def examine(self) -> Examined:
        """Ask who the token is (auth.test), and hear what it may do and what time Slack has."""
        headers: dict[str, str] = {}
        self._call("auth.test", {}, headers=headers)
        told = headers.get("x-oauth-scopes")
        scopes = None if told is None else frozenset(each.strip() for each in told.split(",") if each.strip())
        return Examined(scopes, headers.get("date"))

    def user_by_email(self, email: str) -> str:
        """Look up the user id of an e-mail address (users.lookupByEmail)."""
        user = self._call("users.lookupByEmail", {"email": email})["user"]
        if user.get("deleted"):
            raise PermanentError(_REFUSALS["user_disabled"])
        return str(user["id"])

    def open_dm(self, user_id: str) -> str:
        """Open the direct message with a user and give its channel id (conversations.open)."""
        return str(self._call("conversations.open", {"users": user_id})["channel"]["id"])

    def channel_by_name(self, name: str) -> str | None:
        """Look a channel's id up by its name without `#` (conversations.list)."""
        cursor = ""
        while True:
            page = self._call("conversations.list", {"exclude_archived": True, "limit": 1000, "cursor": cursor})
            for channel in page["channels"]:
                if channel.get("name") == name:
                    return str(channel["id"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None

    def post(self, channel: str, message: dict[str, Any]) -> Posted:
        """Post a message (chat.postMessage), without unfurling what it links to."""
        body = {"channel": channel, **message, **_AS_IT_STANDS, "unfurl_links": False, "unfurl_media": False}
        answer = self._call("chat.postMessage", body, says_something=True)
        return Posted(str(answer["channel"]), str(answer["ts"]))

    def edit(self, channel: str, ts: str, message: dict[str, Any]) -> Posted:
        """Edit a message where it stands (chat.update)."""
        answer = self._call(
            "chat.update", {"channel": channel, "ts": ts, **message, **_AS_IT_STANDS}, says_something=True
        )
        return Posted(str(answer["channel"]), str(answer["ts"]))

    def history(self, channel: str) -> list[dict[str, Any]]:
        """Read a channel's last messages with their metadata (conversations.history), newest first."""
        messages: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(limits.HISTORY_PAGES):
            query = {"channel": channel, "limit": limits.HISTORY_PAGE, "include_all_metadata": True, "cursor": cursor}
            page = self._call("conversations.history", query)
            messages += page["messages"]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return messages

    def _call(
        self,
        method: str,
        arguments: dict[str, Any],
        *,
        says_something: bool = False,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """One call; the headers of the answer, in small letters, are put into `headers`."""
        lost = AmbiguousError if says_something else TransientError
        try:
            if says_something:
                answer = self._web.api_call(method, json=arguments)
            else:
                answer = self._web.api_call(
                    method, params={key: value for key, value in arguments.items() if value != ""}
                )
        except SlackApiError as error:
            raise failure(method, error.response, says_something=says_something) from None
        except URLError as error:
            # urllib wraps what fails up to the request being sent, and nothing after it.
            raise TransientError(f"can't reach Slack: {error.reason}") from error
        except (OSError, HTTPException, SlackClientError, ValueError) as error:
            raise lost(f"the connection to Slack was lost during {method}: {type(error).__name__}") from error
        if headers is not None:
            headers.update({name.lower(): str(value) for name, value in answer.headers.items()})
        body = answer.data
        if not isinstance(body, dict):
            raise lost(f"Slack's response to {method} can't be read")
        return body


def failure(method: str, response: SlackResponse, *, says_something: bool) -> RosSyncError:
    """Name what an answer other than ok means: a kind of ros_sync.errors with words for a person."""
    data = response.data if isinstance(response.data, dict) else {}
    code = str(data.get("error", ""))
    if response.status_code == _HTTP_TOO_MANY or code in ("ratelimited", "rate_limited"):
        return RateLimitedError(f"Slack rate-limited {method}", retry_after_seconds=_retry_after(response))
    if response.status_code >= _HTTP_SERVER_ERRORS or code in _MAYBE_DONE or not _CODE.fullmatch(code):
        what = code if _CODE.fullmatch(code) else f"an unreadable response (HTTP {response.status_code})"
        kind = AmbiguousError if says_something else TransientError
        return kind(f"Slack answered {method} with {what}")
    if code == "missing_scope":
        return MissingScopeError(
            f"the Slack app can't call {method}: the scope {data.get('needed') or '(not named)'} is missing",
            hint="add it to the app (deploy/slack-app-manifest.yaml) and reinstall the app",
        )
    if code in _CREDENTIALS:
        return AuthExpiredError(f"{_CREDENTIALS[code]} ({code})", hint="check slack.token in the settings")
    return TransientError(f"Slack answered {method} with {code}") if code in _PASSING else _refusal(method, code, data)


def _refusal(method: str, code: str, data: dict[str, Any]) -> PermanentError:
    if code == "message_not_found":
        return MessageGoneError("the message was deleted in Slack")
    places = (data.get("response_metadata") or {}).get("messages") or []
    words = _REFUSALS.get(code, f"Slack refused {method}")
    return PermanentError(f"{words} ({'; '.join([code, *map(str, places)])})")


def _retry_after(response: SlackResponse) -> float:
    value = {name.lower(): value for name, value in response.headers.items()}.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return limits.DEFAULT_RETRY_AFTER_SECONDS
