"""Clients under a pace, for the tests of limits and tokens."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from tests.integration.sync.conftest import Followed

from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.connectors.hubspot.tokens import PrivateAppToken, Tokens
from ros_sync.connectors.pace import MemoryPace, Pace, RateLimits


def client_of(hubspot: Followed, pace: Pace, *, tokens: Tokens | None = None, **more: Any) -> HubSpotClient:
    return HubSpotClient(
        tokens or PrivateAppToken(hubspot.account.token), pace, now=hubspot.clock, api_url=hubspot.url,
        **({"sleep": hubspot.clock.advance} | more),
    )  # fmt: skip


def virtual_pace(hubspot: Followed, limits: RateLimits = MappingProxyType({})) -> MemoryPace:
    """A pace that lives on the sandbox's clock, which moves while somebody waits."""
    return MemoryPace(
        limits,
        monotonic=lambda: hubspot.clock().timestamp(),
        sleep=hubspot.clock.advance,
    )
