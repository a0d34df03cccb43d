"""Delivering to Slack over real HTTP, against the sandbox and its lies."""

from __future__ import annotations

import io
import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import structlog
from sqlalchemy import Engine
from sqlmodel import Session, select

from ros_sync.errors import AuthExpiredError
from ros_sync.notifiers.delivery import DeliveryCounts, deliver_due
from ros_sync.notifiers.slack.client import SlackClient
from ros_sync.notifiers.slack.notifier import SlackNotifier
from ros_sync.outbox import store
from ros_sync.outbox.document import Button, Document, Item, ItemReason
from ros_sync.outbox.store import Addressee
from ros_sync.outbox.tables import MessageState, RateState
from ros_sync.sandbox.slack import SlackServer

if TYPE_CHECKING:
    from tests.integration.notifiers.conftest import Desk, HandClock

# What Slack does to a message has nothing to do with the kind of database; test_delivery.py runs on both.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

DEAL = Item("Acme renewal", "EUR 20,000", (ItemReason("No next step"),), link="https://crm.example/deals/1")
DOCUMENT = Document("1 deal needs attention", "1 deal needs attention", items=(DEAL,))
DONE = replace(DOCUMENT, items=(replace(DEAL, done=True),))


def test_a_digest_arrives_in_the_persons_direct_message(desk: Desk) -> None:
    """The person is found by e-mail and gets one message, with the notification's text in it."""
    desk.put()
    desk.deliver()
    assert ["1 deal needs attention"] == [message.text for message in desk.arrived()]


def test_the_metadata_is_an_opaque_id_alone(desk: Desk) -> None:
    """Every app may read it, so that it says nothing but the id."""
    desk.put()
    desk.deliver()
    expected = {"event_type": "ros_sync_message", "event_payload": {"outbox_id": desk.row().opaque_id}}
    assert [expected] == [message.metadata for message in desk.arrived()]


def test_links_are_not_unfurled(desk: Desk) -> None:
    """A message with links brings no previews."""
    desk.put()
    desk.deliver()
    call = desk.calls("chat.postMessage")[0]
    assert (False, False) == (call["unfurl_links"], call["unfurl_media"])


def test_an_edit_changes_the_message_in_place(desk: Desk) -> None:
    """A mended deal turns the message into a tick, where it stands, without a second one."""
    desk.put()
    desk.deliver()
    desk.put(DONE)
    counts = desk.settle()
    assert (["✅ All done: 1 deal needs attention"], 1) == ([message.text for message in desk.arrived()], counts.edited)


@pytest.mark.parametrize(
    "fault",
    [
        "drop_before",
        "drop_after",
        "internal_error_before",
        "internal_error_after",
        "fatal_error_after",
        "server_error",
        "broken_json",
    ],
)
def test_whatever_happens_to_the_answer_a_message_is_posted_once(desk: Desk, fault: str) -> None:
    """Dropped, broken or refused inside Slack, before or after the work: one message arrives."""
    desk.workspace.faults.next("chat.postMessage", fault)
    desk.put()
    desk.settle()
    assert (1, MessageState.DELIVERED) == (len(desk.arrived()), desk.row().state)


def test_an_answer_that_comes_too_late_does_not_make_a_second_message(desk: Desk) -> None:
    """A read timeout says nothing about the work: it is looked for."""
    desk.client = SlackClient(desk.workspace.token, api_url=desk.client.api_url, timeout_seconds=1)
    desk.notifier = SlackNotifier(desk.client, desk.engine)
    desk.workspace.faults.next("chat.postMessage", "slow", seconds=1.5)
    desk.put()
    desk.deliver()
    state = desk.row().state
    desk.settle()
    assert (MessageState.UNCONFIRMED, 1) == (state, len(desk.arrived()))


def test_a_history_that_lags_does_not_make_a_second_message(desk: Desk) -> None:
    """A message that the first look misses is found by the second."""
    desk.workspace.history_lag = timedelta(seconds=30)
    desk.workspace.faults.next("chat.postMessage", "drop_after")
    desk.put()
    counts = desk.settle()
    assert (1, 1, 2) == (len(desk.arrived()), counts.found, len(desk.calls("conversations.history")))


def test_a_dropped_edit_is_made_again(desk: Desk) -> None:
    """An edit may be repeated, and no history is read for it."""
    desk.put()
    desk.deliver()
    desk.put(DONE)
    desk.workspace.faults.next("chat.update", "drop_after")
    desk.settle()
    assert (2, 0, MessageState.DELIVERED) == (
        len(desk.calls("chat.update")),
        len(desk.calls("conversations.history")),
        desk.row().state,
    )


def test_a_rate_limit_is_kept_to(desk: Desk) -> None:
    """Retry-After closes the channel's rate key in the database for as long as Slack said."""
    desk.workspace.faults.next("chat.postMessage", "ratelimited", seconds=7)
    desk.put()
    desk.deliver()
    with Session(desk.engine) as session:
        rate_keys = session.exec(select(RateState)).all()
    assert {f"chat.postMessage:{desk.row().channel}": 7.0} == {
        rate_key.key: (rate_key.not_before - desk.clock()).total_seconds() for rate_key in rate_keys
    }


def test_a_rate_limited_message_arrives_when_its_time_has_come(desk: Desk) -> None:
    """After the wait the message is posted, once."""
    desk.workspace.faults.next("chat.postMessage", "ratelimited", seconds=7)
    desk.put()
    started_at = desk.clock()
    desk.settle()
    assert (1, 7.0) == (len(desk.arrived()), (desk.clock() - started_at).total_seconds())


@pytest.mark.parametrize("name", ["gone", "old"])
def test_a_channel_that_cannot_be_posted_to_is_a_reason(desk: Desk, name: str) -> None:
    """A channel that is not there or is archived makes its message undeliverable, and no other."""
    desk.workspace.add_channel("old").is_archived = True
    desk.put(addressee=Addressee(f"#{name}"), key="channel")
    desk.put()
    desk.deliver()
    assert (MessageState.UNDELIVERABLE, MessageState.DELIVERED) == (desk.row("channel").state, desk.row().state)


def test_a_token_that_is_refused_stops_the_run(desk: Desk, slack: SlackServer) -> None:
    """The error says what to check, and the message stays waiting."""
    desk.notifier = SlackNotifier(SlackClient("xoxb-wrong", api_url=slack.api_url), desk.engine)
    desk.put()
    with pytest.raises(AuthExpiredError, match=r"rejected the token \(invalid_auth\).*slack\.token"):
        desk.deliver()
    assert MessageState.WAITING == desk.row().state


def test_nothing_is_posted_blindly_without_the_scope_to_look(desk: Desk) -> None:
    """An unconfirmed message that may not be looked for stays unconfirmed, and says which scope is missing."""
    app = desk.workspace.add_app("Without history", scopes=["chat:write", "im:write", "users:read", "users:read.email"])
    desk.notifier = SlackNotifier(SlackClient(app.token, api_url=desk.client.api_url), desk.engine)
    desk.workspace.faults.next("chat.postMessage", "drop_after")
    desk.put()
    desk.settle()
    assert (MessageState.UNCONFIRMED, True, 1) == (
        desk.row().state,
        "im:history" in (desk.row().reason or ""),
        len(desk.calls("chat.postMessage")),
    )


def test_slack_being_away_costs_time_alone(engine: Engine, clock: HandClock) -> None:
    """Nobody listening is a failure that passes: nothing was sent, so nothing is unconfirmed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    notifier = SlackNotifier(SlackClient("xoxb-x", api_url=f"http://127.0.0.1:{port}/api/"), engine)
    with Session(engine) as session:
        store.put(session, "digest", Addressee("ann", slack_user="U1"), DOCUMENT, clock())
        session.commit()
    assert DeliveryCounts(failed=1) == deliver_due(engine, [notifier], clock)


def test_hostile_text_mentions_nobody(desk: Desk) -> None:
    """A deal named like a command arrives as its letters, in the notification and in the message."""
    hostile = "<!channel> *free* <http://x|y>"
    desk.put(
        Document(
            hostile, hostile, hostile, (Item(hostile, hostile, (ItemReason(hostile),), ((hostile, hostile),)),), hostile
        )
    )
    desk.deliver()
    sent = desk.calls("chat.postMessage")[0]
    assert ("&lt;!channel&gt; *free* &lt;http://x|y&gt;", "none", False) == (
        sent["text"],
        sent["parse"],
        '"mrkdwn"' in json.dumps(desk.arrived()[0].blocks),
    )


def test_two_digests_of_500_items_arrive(desk: Desk) -> None:
    """Slack accepts them, cut, one message each."""
    items = tuple(
        Item(
            f"Deal {number} " + "x" * 300,
            "EUR 20,000",
            (ItemReason("No buyer activity for 21 days", "y" * 400),) * 12,
            link="https://crm.example/" + "z" * 300,
            actions=(Button("snooze", "Snooze", "v" * 1500), Button("why", "Why me?", "v")),
        )
        for number in range(500)
    )
    desk.workspace.add_user("Bo Li", "bo@loom.example", "UTC")
    desk.put(replace(DOCUMENT, items=items))
    desk.put(replace(DOCUMENT, items=items), Addressee("bo", email="bo@loom.example"), key="other")
    desk.settle()
    assert (1, 1) == (len(desk.arrived()), len(desk.arrived("bo@loom.example")))


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Collect all that is logged, by us and by the libraries below, down to the last detail."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(stream), cache_logger_on_first_use=False)
    yield stream
    structlog.reset_defaults()
    root.setLevel(level)
    root.removeHandler(handler)


def test_neither_token_nor_text_is_logged(logged: io.StringIO, desk: Desk) -> None:
    """Even with every logger at its most talkative, a delivery says what happened and not what was said."""
    desk.workspace.faults.next("chat.postMessage", "internal_error_after")
    desk.put()
    desk.settle()
    text = logged.getvalue()
    assert (True, False, False, False) == (
        "delivery_round" in text,
        desk.workspace.token in text,
        "Acme" in text,
        "1 deal needs attention" in text,
    )
