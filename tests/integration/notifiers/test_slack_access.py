"""Slack is asked now and then whether it accepts the token, over real HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from ros_sync.errors import AuthExpiredError, RosSyncError, TransientError
from ros_sync.notifiers.slack.access import (
    ASKED_AGAIN_SECONDS,
    ASKED_SECONDS,
    SCOPES,
    UNREACHED_IN_A_ROW,
    VITAL_SCOPES,
    SlackAccess,
)
from ros_sync.notifiers.slack.client import MissingScopeError, SlackClient
from ros_sync.sandbox.slack import SlackServer, SlackWorkspace

if TYPE_CHECKING:
    from tests.integration.notifiers.conftest import HandClock

# No database has a part in it.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Asking:
    """The check on a clock that is moved by hand."""

    def __init__(self, server: SlackServer, clock: HandClock, token: str | None = None) -> None:
        self.workspace, self.clock = server.workspace, clock
        client = SlackClient(token or self.workspace.token, api_url=server.api_url, timeout_seconds=2)
        start = clock.now
        self.access = SlackAccess(client, monotonic=lambda: (clock.now - start) / timedelta(seconds=1))

    def check(self, after: float = 0.0) -> type[RosSyncError] | None:
        """Let seconds pass and check: what is raised."""
        self.clock.forward(after)
        try:
            self.access.check()
        except RosSyncError as error:
            return type(error)
        return None

    @property
    def asked(self) -> int:
        """How often Slack was asked."""
        return len(self.workspace.calls_of("auth.test"))


@pytest.fixture
def asking(slack: SlackServer, clock: HandClock, engine: Engine) -> Asking:
    """Give a check of the workspace's own token."""
    assert engine is not None
    return Asking(slack, clock)


def test_an_accepted_token_is_asked_about_once_an_hour(asking: Asking) -> None:
    """At the start, and then an hour later; not in between."""
    told = [asking.check(), asking.check(1), asking.check(ASKED_SECONDS - 2), asking.check(1)]
    assert (told, asking.asked) == ([None] * 4, 2)


def test_a_token_that_is_taken_back_is_noticed_and_its_return_too(asking: Asking) -> None:
    """The refusal stands between the questions, which come each minute, and ends when Slack accepts the token again."""
    workspace = asking.workspace
    assert asking.check() is None
    app = workspace.apps.pop(workspace.token)
    told = [asking.check(ASKED_SECONDS), asking.check(1), asking.check(ASKED_AGAIN_SECONDS)]
    workspace.apps[app.token] = app
    told += [asking.check(1), asking.check(ASKED_AGAIN_SECONDS)]
    assert told == [AuthExpiredError] * 4 + [None]


def test_a_refusal_that_a_message_met_stands_until_slack_is_asked(asking: Asking) -> None:
    """Between a message that was refused and the next question nothing looks well."""
    assert asking.check() is None
    asking.access.refused(AuthExpiredError("the token was revoked (token_revoked)"))
    told = [asking.check(), asking.check(ASKED_AGAIN_SECONDS - 1), asking.check(1)]
    assert (told, asking.asked) == ([AuthExpiredError, AuthExpiredError, None], 2)


@pytest.mark.parametrize("missing", sorted(SCOPES))
def test_a_scope_without_which_nothing_is_sent_is_noticed(
    slack: SlackServer, clock: HandClock, engine: Engine, missing: str
) -> None:
    """One that every message needs is a failure; without another one messages still go out."""
    assert engine is not None
    app = slack.workspace.add_app("bare", SCOPES.keys() - {missing})
    found = Asking(slack, clock, app.token).check()
    assert found is (MissingScopeError if missing in VITAL_SCOPES else None)


def test_one_question_without_an_answer_is_nothing(asking: Asking, slack: SlackServer) -> None:
    """Several in a row are told; a good answer ends it."""
    assert isinstance(slack.workspace, SlackWorkspace)
    slack.workspace.faults.next("auth.test", "drop_before", times=UNREACHED_IN_A_ROW)
    told = [asking.check(ASKED_AGAIN_SECONDS) for _ in range(UNREACHED_IN_A_ROW + 1)]
    assert told == [None] * (UNREACHED_IN_A_ROW - 1) + [TransientError, None]


def test_being_asked_to_slow_down_says_nothing_about_the_token(asking: Asking, slack: SlackServer) -> None:
    """However often."""
    times = 2 * UNREACHED_IN_A_ROW
    slack.workspace.faults.next("auth.test", "ratelimited", times=times)
    assert [asking.check(ASKED_AGAIN_SECONDS) for _ in range(times)] == [None] * times
