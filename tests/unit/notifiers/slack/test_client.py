"""What Slack's answers mean."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
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
from ros_sync.notifiers.slack.client import failure


def answer(code: str, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> SlackResponse:
    return SlackResponse(
        client=WebClient(),
        http_verb="POST",
        api_url="http://127.0.0.1/api/chat.postMessage",
        req_args={},
        data={"ok": False, "error": code, **more},
        headers=headers or {},
        status_code=status,
    )


@pytest.mark.parametrize(
    "response, kind",
    [
        (answer("users_not_found"), PermanentError),
        (answer("is_archived"), PermanentError),
        (answer("something_new"), PermanentError),
        (answer("message_not_found"), MessageGoneError),
        (answer("invalid_auth"), AuthExpiredError),
        (answer("token_revoked"), AuthExpiredError),
        (answer("missing_scope", needed="chat:write"), AuthExpiredError),
        (answer("ratelimited", 429, {"Retry-After": "7"}), RateLimitedError),
        (answer("request_timeout"), TransientError),
        (answer("internal_error"), AmbiguousError),
        (answer("fatal_error"), AmbiguousError),
        (answer("internal_error", 500), AmbiguousError),
        (answer("", 503), AmbiguousError),
        (answer("Received a response in a non-JSON format: <html>"), AmbiguousError),
    ],
)
def test_what_an_answer_to_a_post_means(response: SlackResponse, kind: type[RosSyncError]) -> None:
    """Slack's error codes and broken answers have one kind each; unknown codes are refusals."""
    assert kind is type(failure("chat.postMessage", response, says_something=True)) or (
        kind is AuthExpiredError and isinstance(failure("chat.postMessage", response, says_something=True), kind)
    )


def test_a_question_is_never_ambiguous() -> None:
    """Asking again does no harm, so that an internal error of a look-up is merely transient."""
    assert TransientError is type(failure("users.lookupByEmail", answer("internal_error"), says_something=False))


@pytest.mark.parametrize("headers, seconds", [({"retry-after": "7"}, 7.0), ({}, 30.0), ({"Retry-After": "soon"}, 30.0)])
def test_how_long_slack_wants_us_to_wait(headers: dict[str, str], seconds: float) -> None:
    """Retry-After is taken whatever its case; without a number the wait is a careful guess."""
    error = failure("chat.postMessage", answer("ratelimited", 429, headers), says_something=True)
    assert isinstance(error, RateLimitedError)
    assert seconds == error.retry_after_seconds


def test_a_refusal_of_blocks_says_where() -> None:
    """What Slack says about a block reaches the person who has to mend it."""
    response = answer("invalid_blocks", response_metadata={"messages": ["must be shorter [json-pointer:/blocks/0]"]})
    error = failure("chat.postMessage", response, says_something=True)
    assert (
        "Slack rejected the message's blocks (invalid_blocks; must be shorter [json-pointer:/blocks/0])"
        == error.message
    )


def test_a_missing_scope_says_which_and_what_to_do() -> None:
    """The scope and the file that lists the scopes are named."""
    error = failure("chat.postMessage", answer("missing_scope", needed="chat:write"), says_something=True)
    assert (
        "the Slack app can't call chat.postMessage: the scope chat:write is missing "
        "(add it to the app (deploy/slack-app-manifest.yaml) and reinstall the app)"
    ) == str(error)
