"""Who is who in Slack: asked once, remembered, and what cannot be found is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session

from ros_sync.outbox import store
from ros_sync.outbox.store import Addressee
from ros_sync.outbox.tables import MessageState

if TYPE_CHECKING:
    from tests.integration.notifiers.conftest import Desk


def test_a_person_is_looked_up_once(desk: Desk) -> None:
    """A second message to the same person asks Slack for nothing that is known."""
    desk.put()
    desk.put(key="alert")
    desk.settle()
    assert (1, 1, 2) == tuple(
        len(desk.calls(method)) for method in ("users.lookupByEmail", "conversations.open", "chat.postMessage")
    )


def test_a_known_slack_user_is_not_looked_up(desk: Desk) -> None:
    """A Slack user that the organisation file names is taken as it is."""
    user = desk.workspace.user_by_email("ann@loom.example")
    assert user is not None
    desk.put(addressee=Addressee("ann", slack_user=user.id))
    desk.deliver()
    assert (0, 1) == (len(desk.calls("users.lookupByEmail")), len(desk.arrived()))


def test_a_channel_is_addressed_by_its_name(desk: Desk) -> None:
    """`#revops` gets the message, and its id is kept for edits."""
    channel = desk.workspace.add_channel("revops")
    desk.put(addressee=Addressee("#revops"))
    desk.deliver()
    assert (1, channel.id) == (len(desk.workspace.messages(channel)), desk.row().channel)


def test_a_rate_limit_on_looking_people_up_is_kept_too(desk: Desk) -> None:
    """While Slack wants no look-ups, no further message makes one."""
    desk.workspace.faults.next("users.lookupByEmail", "ratelimited", seconds=20)
    desk.put()
    desk.put(addressee=Addressee("bo", email="bo@loom.example"), key="other")
    desk.deliver()
    assert 1 == len(desk.calls("users.lookupByEmail"))


def test_somebody_unknown_to_slack_is_kept_and_counted(desk: Desk) -> None:
    """The message is undeliverable for a reason in words, and nothing is lost."""
    desk.put(addressee=Addressee("new", "New Hire", "new@loom.example"))
    desk.deliver()
    with Session(desk.engine) as session:
        reasons = store.counts(session).undeliverable_by_reason
    assert {"no Slack user has this e-mail address (users_not_found)": 1} == reasons


def test_a_message_arrives_once_its_person_has_joined_slack(desk: Desk) -> None:
    """After a day the address is tried again."""
    desk.put(addressee=Addressee("new", "New Hire", "new@loom.example"))
    desk.deliver()
    desk.workspace.add_user("New Hire", "new@loom.example", "UTC")
    desk.sweep_a_day()
    desk.deliver()
    assert (1, MessageState.DELIVERED) == (len(desk.arrived("new@loom.example")), desk.row().state)


def test_one_message_that_gets_through_brings_the_others_along(desk: Desk) -> None:
    """A new message to somebody who has joined since frees what was undeliverable to them."""
    new = Addressee("new", "New Hire", "new@loom.example")
    desk.put(addressee=new)
    desk.deliver()
    desk.workspace.add_user("New Hire", "new@loom.example", "UTC")
    desk.clock.forward(7200)
    desk.put(addressee=new, key="second")
    desk.settle()
    assert 2 == len(desk.arrived("new@loom.example"))


def test_many_messages_to_somebody_unknown_are_one_question(desk: Desk) -> None:
    """Slack is asked once for an address it does not know, not once a message."""
    for number in range(5):
        desk.put(addressee=Addressee("new", email="new@loom.example"), key=str(number))
    counts = desk.deliver()
    assert (1, 5) == (len(desk.calls("users.lookupByEmail")), counts.undeliverable)


def test_a_person_without_an_address_is_a_reason(desk: Desk) -> None:
    """With neither e-mail nor Slack user, the message is undeliverable in words."""
    desk.put(addressee=Addressee("crm:7", "Nobody"))
    desk.deliver()
    assert "this person has no e-mail address and no Slack user" == desk.row().reason
