"""A HubSpot on loopback and what follows it, over real HTTP and both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ros_sync.connectors.hubspot.call_limits import limits_of
from ros_sync.connectors.hubspot.client import HubSpotClient, Persistence
from ros_sync.connectors.hubspot.mapping import HubSpotMapping
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.hubspot.source import HubSpotSource
from ros_sync.connectors.hubspot.tokens import PrivateAppToken
from ros_sync.connectors.pace import MemoryPace, Pace
from ros_sync.mirror.catalogue import objects
from ros_sync.sandbox.clock import SandboxClock
from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer
from ros_sync.sandbox.hubspot.company import CONNECTOR, define
from ros_sync.sandbox.hubspot.faults import Faults
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.policy import SyncPolicy

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def first_of_quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


CONTEXT = DealContext("EUR", {"USD": Decimal("0.92"), "SGD": Decimal("0.68")}, first_of_quarter)


@cache
def mapping_of(path: Path) -> HubSpotMapping:
    """A connector file, read once: that takes longer than most tests. Some tests put one of their own in CONNECTOR."""
    return load_hubspot(path, {name: each.settable for name, each in objects().items()})


def asked_nothing(connector: Path = CONNECTOR) -> HubSpotSource:
    """HubSpot by a connector file, for what is judged by the mirror alone: no call can be made."""
    client = HubSpotClient(PrivateAppToken("none"), MemoryPace(), now=lambda: NOW, sleep=lambda _: None)
    return HubSpotSource(mapping_of(connector), client, now=lambda: NOW)


@dataclass
class Followed:
    """An account of the sandbox, and a source and engine that follow it."""

    account: HubSpotAccount
    clock: SandboxClock
    faults: Faults
    url: str
    slept: list[float] = field(default_factory=list)
    passed: float = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass for whoever waits, at once."""
        self.slept.append(seconds)
        self.passed += seconds

    def monotonic(self) -> float:
        """The time that has passed for those who wait."""
        return self.passed

    def source(self, *, pace: Pace | None = None, persistence: Persistence | None = None) -> HubSpotSource:
        client = HubSpotClient(
            PrivateAppToken(self.account.token),
            pace or MemoryPace(limits_of(None, None), monotonic=self.monotonic, sleep=self.sleep),
            now=self.clock,
            sleep=self.sleep,
            api_url=self.url,
            persistence=persistence,
        )
        return HubSpotSource(mapping_of(CONNECTOR), client, now=self.clock)

    def syncer(
        self, engine: Engine, *, policy: SyncPolicy | None = None, source: HubSpotSource | None = None
    ) -> Syncer:
        return Syncer(engine, source or self.source(), CONTEXT, now=self.clock, policy=policy)

    def calls(self) -> Counter[str]:
        """Calls since the last look, by kind and object, those that describe the account left out."""
        found = Counter(f"{call.kind} {call.object_type}" for call in self.account.calls if call.kind != "describe")
        self.account.calls.clear()
        return Counter({name: number for name, number in found.items() if not name.startswith("token")})


@pytest.fixture
def hubspot() -> Iterator[Followed]:
    """An empty account with the sandbox company's properties and pipelines."""
    clock = SandboxClock(NOW)
    account = HubSpotAccount(now=clock)
    define(account)
    account.add_owner("7", "ada@loom.example", "Ada", "Weaver")
    account.add_owner("8", "bo@loom.example", "Bo", "Spinner")
    faults = Faults()
    with HubSpotServer(account, faults=faults) as server:
        yield Followed(account, clock, faults, server.url)


@pytest.fixture
def deal(hubspot: Followed) -> Callable[..., str]:
    """Create a deal with sensible properties and those given."""

    def make(**properties: str) -> str:
        given = {"dealname": "Looms", "pipeline": "default", "dealstage": "discovery", "amount": "1000",
                 "deal_currency_code": "EUR", "closedate": "2026-03-31T00:00:00Z", "hubspot_owner_id": "7"}  # fmt: skip
        return hubspot.account.create("deals", given | properties)

    return make


@pytest.fixture
def syncer(hubspot: Followed, engine: Engine) -> Syncer:
    """What follows the account into the mirror."""
    return hubspot.syncer(engine)
