"""A HubSpot on loopback: the vendor's API, limits and lies, over records in memory."""

from __future__ import annotations

from ros_sync.sandbox.hubspot.account import ApiCall, Happening, HubSpotAccount
from ros_sync.sandbox.hubspot.limits import Limits
from ros_sync.sandbox.hubspot.server import HubSpotServer

__all__ = ["ApiCall", "Happening", "HubSpotAccount", "HubSpotServer", "Limits"]
