"""HubSpot: its records over its API, by a connector file."""

from __future__ import annotations
