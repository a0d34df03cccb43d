"""Writing into the outbox, and asking what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, update
from sqlmodel import Session, col, select

from ros_sync.outbox import store
from ros_sync.outbox.document import Document, Item, ItemReason
from ros_sync.outbox.store import Addressee, OutboxCounts
from ros_sync.outbox.tables import MessageState, OutboxMessage

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KEY = "digest:ann@loom.example:2026-03-02"
ANN = Addressee("ann@loom.example", "Ann Bo", "Ann@Loom.example")
DOCUMENT = Document(
    "1 deal needs attention", "1 deal needs attention", items=(Item("Acme", "EUR 1", (ItemReason("No next step"),)),)
)
OTHER = replace(DOCUMENT, title="2 deals need attention")


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """Give a session on an empty outbox."""
    with Session(engine) as session:
        yield session


def put(
    session: Session, document: Document = DOCUMENT, addressee: Addressee = ANN, at: datetime = NOW
) -> OutboxMessage:
    message = store.put(session, KEY, addressee, document, at, kind="digest")
    session.commit()
    return message


def stand(session: Session, state: MessageState, delivered_revision: int | None = None) -> None:
    """Bring the message into a state, as delivery would."""
    session.execute(
        update(OutboxMessage).values(
            state=state,
            delivered_revision=delivered_revision,
            reason="why" if state is MessageState.UNDELIVERABLE else None,
            not_before=NOW + timedelta(days=1),
        )
    )
    session.commit()


def test_a_message_waits_from_when_it_is_put(session: Session) -> None:
    """A fresh message is due at once, addressed as the writer said, under an id that says nothing."""
    message = put(session)
    assert (MessageState.WAITING, 1, NOW, "ann@loom.example", 32) == (
        message.state,
        message.revision,
        message.not_before,
        message.recipient_email,
        len(message.opaque_id),
    )


def test_putting_the_same_again_writes_nothing(engine: Engine, session: Session) -> None:
    """A tick in which nothing changed sends no INSERT or UPDATE."""
    put(session)
    written: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: written.append(call[2].split()[0]))
    put(session, at=LATER)
    assert ["SELECT"] == written


def test_another_document_is_a_new_revision(session: Session) -> None:
    """A message that was delivered is due again, as an edit of the one that stands there."""
    put(session)
    stand(session, MessageState.DELIVERED, 1)
    message = put(session, OTHER, at=LATER)
    assert (MessageState.WAITING, 2, 1, LATER) == (
        message.state,
        message.revision,
        message.delivered_revision,
        message.not_before,
    )


def test_a_message_not_yet_delivered_is_replaced(session: Session) -> None:
    """There is one row for a key, and it holds the newest document."""
    put(session)
    put(session, OTHER)
    assert [OTHER.to_dict()] == [message.document for message in store.due(session, NOW, 10)]


def test_a_new_document_does_not_excuse_an_unconfirmed_message_from_being_looked_for(session: Session) -> None:
    """A message that may have been posted stays unconfirmed until delivery knows."""
    put(session)
    stand(session, MessageState.UNCONFIRMED)
    message = put(session, OTHER)
    assert (MessageState.UNCONFIRMED, 2) == (message.state, message.revision)


@pytest.mark.parametrize(
    "document, addressee, state",
    [
        (DOCUMENT, ANN, MessageState.UNDELIVERABLE),
        (OTHER, ANN, MessageState.WAITING),
        (DOCUMENT, replace(ANN, email="ann.bo@loom.example"), MessageState.WAITING),
        (DOCUMENT, replace(ANN, slack_user="U1"), MessageState.WAITING),
    ],
    ids=["same", "new document", "new e-mail", "Slack user known"],
)
def test_when_an_undeliverable_message_is_tried_again(
    session: Session, document: Document, addressee: Addressee, state: MessageState
) -> None:
    """A new document or a new address is a reason to try at once; the same thing again is none."""
    put(session)
    stand(session, MessageState.UNDELIVERABLE)
    assert state == put(session, document, addressee).state


def test_a_message_is_held_back_until_it_is_wanted(session: Session) -> None:
    """`not_before` keeps a message from being due."""
    store.put(session, KEY, ANN, DOCUMENT, NOW, not_before=LATER)
    assert ([], 1) == (list(store.due(session, NOW, 10)), len(store.due(session, LATER, 10)))


def test_due_messages_come_longest_waiting_first(session: Session) -> None:
    """The order is that of `not_before`, and the limit holds."""
    for name, minutes in (("c", 2), ("a", 0), ("b", 1), ("d", 3)):
        store.put(session, name, ANN, DOCUMENT, NOW + timedelta(minutes=minutes))
    assert ["a", "b", "c"] == [message.key for message in store.due(session, LATER, 3)]


def test_only_messages_of_the_transports_at_hand_are_due(session: Session) -> None:
    """A message for Slack waits while there is only a terminal."""
    put(session)
    assert [] == list(store.due(session, NOW, 10, transports=["console"]))


@pytest.mark.parametrize(
    "state, delivered_revision, taken_back",
    [
        (MessageState.WAITING, None, True),
        (MessageState.UNDELIVERABLE, None, True),
        (MessageState.UNCONFIRMED, None, False),
        (MessageState.DELIVERED, 1, False),
        (MessageState.WAITING, 1, False),
        (MessageState.WITHDRAWN, None, True),
    ],
)
def test_what_can_be_taken_back(
    session: Session, state: MessageState, delivered_revision: int | None, taken_back: bool
) -> None:
    """Only what has certainly reached nobody can be withdrawn."""
    put(session)
    stand(session, state, delivered_revision)
    assert taken_back == store.withdraw(session, KEY)


def test_what_is_taken_back_says_no_more_than_it_would_say_now(session: Session) -> None:
    """The document that is given takes the place of the one that was not sent."""
    put(session)
    store.withdraw(session, KEY, OTHER)
    (message,) = session.exec(select(OutboxMessage)).all()
    assert (MessageState.WITHDRAWN, OTHER) == (message.state, Document.from_dict(message.document))


def test_a_withdrawn_message_can_be_put_again(session: Session) -> None:
    """The same document under the same key waits again after it was withdrawn."""
    put(session)
    store.withdraw(session, KEY)
    assert MessageState.WAITING == put(session, at=LATER).state


def test_the_outbox_is_counted(session: Session) -> None:
    """Messages are counted by state, and the undeliverable ones by reason."""
    for name, state, reason in (
        ("a", MessageState.WAITING, None),
        ("b", MessageState.UNDELIVERABLE, "nobody has this address"),
        ("c", MessageState.UNDELIVERABLE, "nobody has this address"),
        ("d", MessageState.UNDELIVERABLE, "the channel is archived"),
        ("e", MessageState.UNCONFIRMED, None),
        ("f", MessageState.DELIVERED, None),
    ):
        store.put(session, name, ANN, DOCUMENT, NOW)
        session.execute(update(OutboxMessage).where(col(OutboxMessage.key) == name).values(state=state, reason=reason))
    expected = OutboxCounts(
        waiting=1,
        delivered=1,
        unconfirmed=1,
        undeliverable=3,
        undeliverable_by_reason={"nobody has this address": 2, "the channel is archived": 1},
    )
    assert expected == store.counts(session)


def test_what_is_put_is_as_it_stands_in_the_database(session: Session) -> None:
    """The message that is given back has its number, and its state after the decision, before any commit."""
    first = store.put(session, KEY, ANN, DOCUMENT, NOW).id
    stand(session, MessageState.DELIVERED, 1)
    message = store.put(session, KEY, ANN, OTHER, LATER)
    assert (1, first, MessageState.WAITING, LATER) == (first, message.id, message.state, message.not_before)


@pytest.mark.parametrize(
    "state, delivered_revision, transport",
    [
        (MessageState.WAITING, None, "slack"),
        (MessageState.UNCONFIRMED, None, "console"),
        (MessageState.DELIVERED, 1, "console"),
    ],
)
def test_the_transport_that_carried_a_message_is_kept(
    session: Session, state: MessageState, delivered_revision: int | None, transport: str
) -> None:
    """A message moves to another transport as long as it has certainly not been carried by the first one."""
    put(session, addressee=replace(ANN, transport="console"))
    stand(session, state, delivered_revision)
    assert transport == put(session, OTHER).transport


def test_an_empty_outbox_is_counted(session: Session) -> None:
    """Nothing is counted where nothing is."""
    assert OutboxCounts() == store.counts(session)


def test_another_document_may_be_of_another_kind(session: Session) -> None:
    """A message is of the kind of what it says now."""
    put(session)
    assert "message" == store.put(session, KEY, ANN, OTHER, LATER).kind


@pytest.mark.parametrize("address, number", [("ann@loom.example", 1), ("U1", 1), ("#revops", 1), ("U2", 0)])
def test_messages_to_an_address_can_be_tried_again(session: Session, address: str, number: int) -> None:
    """Once an address is known to work, what could not be delivered to it is due at once, and nothing else is."""
    for addressee in (
        Addressee("ann", email="ann@loom.example", slack_user="U1"),
        Addressee("#revops"),
        Addressee("bo", email="bo@loom.example"),
    ):
        store.put(session, addressee.key, addressee, DOCUMENT, NOW)
    stand(session, MessageState.UNDELIVERABLE)
    assert (number, number) == (store.try_again(session, address, NOW), len(store.due(session, NOW, 10)))


def test_what_is_due_already_is_not_tried_again(session: Session) -> None:
    """A message whose time has come is not made due once more: it is counted for nobody."""
    put(session)
    stand(session, MessageState.UNDELIVERABLE)
    moment = NOW + timedelta(days=1)
    assert (0, 1) == (
        store.try_again(session, ANN.key, moment),
        store.try_again(session, ANN.key, moment - timedelta(microseconds=1)),
    )
