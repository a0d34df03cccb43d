"""Whether Slack lets ros-sync in.

Asked now and then, so that a refused token is known before a message has to go out.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ros_sync.errors import AuthExpiredError, RateLimitedError, RosSyncError
from ros_sync.notifiers.slack.client import MissingScopeError, SlackClient

# What the app's manifest asks for (deploy/slack-app-manifest.yaml), and what does not work without it.
SCOPES = {
    "chat:write": "messages can't be sent",
    "im:write": "direct messages can't be sent",
    "users:read": "people can't be found",
    "users:read.email": "people can't be found by e-mail address",
    "im:history": "after an unclear answer, it can't check whether a message was sent",
    "channels:read": "after an unclear answer, it can't check #channels",
    "channels:history": "after an unclear answer, it can't check #channels",
}
VITAL_SCOPES = frozenset({"chat:write", "im:write", "users:read", "users:read.email"})
ADD_SCOPE = "add it to the app (deploy/slack-app-manifest.yaml) and reinstall the app"

ASKED_SECONDS = 3_600.0  # from one good answer to the next question
ASKED_AGAIN_SECONDS = 60.0  # after any other answer
UNREACHED_IN_A_ROW = 3  # so many questions without an answer, and it is no hiccup


class SlackAccess:
    """Asks Slack (auth.test) whether it accepts the token, once an hour, and once a minute while it does not."""

    def __init__(self, client: SlackClient, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._due = monotonic()
        self._unreached = 0
        self._failure: RosSyncError | None = None

    def refused(self, error: AuthExpiredError) -> None:
        """Note that a call met a refusal: it stands until Slack, asked a minute later, says otherwise."""
        self._failure = error
        self._due = self._monotonic() + ASKED_AGAIN_SECONDS

    def check(self) -> None:
        """Ask, where the last answer is old enough, and raise while Slack does not let ros-sync in.

        AuthExpiredError where the token is refused, MissingScopeError where it may not do what every message needs,
        TransientError where Slack did not answer several times in a row.
        """
        if self._monotonic() >= self._due:
            self._ask()
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def _ask(self) -> None:
        self._due = self._monotonic() + ASKED_AGAIN_SECONDS
        try:
            scopes = self._client.examine().scopes
        except RateLimitedError:
            return  # it says nothing about the token
        except AuthExpiredError as error:
            self._failure = error
            return
        except RosSyncError as error:
            self._unreached += 1
            if self._unreached >= UNREACHED_IN_A_ROW:
                self._failure = error
            return
        self._unreached = 0
        self._failure = _lacking(scopes)
        if self._failure is None:
            self._due = self._monotonic() + ASKED_SECONDS


def _lacking(scopes: frozenset[str] | None) -> MissingScopeError | None:
    """What is wrong where a scope is missing without which no message goes out."""
    missing = [name for name in SCOPES if name in VITAL_SCOPES and scopes is not None and name not in scopes]
    if not missing:
        return None
    return MissingScopeError(f"the Slack app is missing the scope {missing[0]}: {SCOPES[missing[0]]}", hint=ADD_SCOPE)
