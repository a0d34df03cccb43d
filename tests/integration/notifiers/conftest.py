"""A clock moved by hand, and a Slack on the same clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from ros_sync.notifiers.delivery import DeliveryCounts, deliver_all, deliver_due
from ros_sync.notifiers.outcomes import Patience
from ros_sync.notifiers.slack.client import SlackClient
from ros_sync.notifiers.slack.notifier import SlackNotifier
from ros_sync.outbox import store
from ros_sync.outbox.document import Document, Item, ItemReason
from ros_sync.outbox.store import Addressee
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.sandbox.slack import SlackServer, SlackWorkspace
from ros_sync.sandbox.slack.workspace import Message

PATIENCE = Patience(settle=60, lease=300, first_retry=10, longest_retry=100, second_look=86_400)
ANN = Addressee("ann@loom.example", "Ann Bo", "ann@loom.example")
DEAL = Item("Acme renewal", "EUR 20,000", (ItemReason("No next step"),), link="https://crm.example/deals/1")
DOCUMENT = Document("1 deal needs attention", "1 deal needs attention", items=(DEAL,))


@dataclass
class HandClock:
    """Time that passes when a test says so."""

    now: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    """Give a clock that stands at a Monday morning."""
    return HandClock()


@pytest.fixture
def workspace(clock: HandClock) -> SlackWorkspace:
    """Give a Slack workspace with a person in it, on the same clock."""
    workspace = SlackWorkspace(now=clock)
    workspace.add_user("Ann Bo", "ann@loom.example", "Europe/Berlin")
    return workspace


@pytest.fixture
def slack(workspace: SlackWorkspace) -> Iterator[SlackServer]:
    """Serve the workspace on loopback."""
    with SlackServer(workspace) as server:
        yield server


class Desk:
    """Everything a test needs to write to the outbox, deliver, and read what arrived."""

    def __init__(self, engine: Engine, server: SlackServer, clock: HandClock) -> None:
        self.engine, self.clock, self.workspace = engine, clock, server.workspace
        self.client = SlackClient(self.workspace.token, api_url=server.api_url, timeout_seconds=2)
        self.notifier = SlackNotifier(self.client, engine)

    def put(self, document: Document = DOCUMENT, addressee: Addressee = ANN, key: str = "digest") -> None:
        """Write one message in a transaction of its own."""
        with Session(self.engine) as session:
            store.put(session, key, addressee, document, self.clock(), kind="digest")
            session.commit()

    def deliver(self) -> DeliveryCounts:
        """Run one round."""
        return deliver_due(self.engine, [self.notifier], self.clock, patience=PATIENCE)

    def sweep_a_day(self) -> None:
        """Let the clock pass what an undeliverable message waits."""
        self.clock.forward(PATIENCE.second_look)

    def settle(self) -> DeliveryCounts:
        """Run rounds, and let the clock pass what waiting there is, for ten minutes of the clock."""
        return deliver_all(
            self.engine, [self.notifier], self.clock, self.clock.forward, patience=PATIENCE, within_seconds=600
        )

    def row(self, key: str = "digest") -> OutboxMessage:
        """Read one message of the outbox."""
        with Session(self.engine) as session:
            return session.exec(select(OutboxMessage).where(OutboxMessage.key == key)).one()

    def arrived(self, email: str = "ann@loom.example") -> list[Message]:
        """What a person sees in their direct message."""
        user = self.workspace.user_by_email(email)
        assert user is not None
        return self.workspace.messages(self.workspace.dm_with(user))

    def calls(self, method: str) -> list[dict[str, Any]]:
        """The arguments of each call of a method."""
        return [call.args for call in self.workspace.calls_of(method)]


@pytest.fixture
def desk(engine: Engine, slack: SlackServer, clock: HandClock) -> Desk:
    """Give an outbox, a Slack and a way from one to the other."""
    return Desk(engine, slack, clock)
