"""HubSpot's rate limits by name, as they are kept before an account's answers have said what it may do."""

from __future__ import annotations

from ros_sync.connectors.buckets import Allowance

CALLS, SEARCH = "calls", "search"
CALLS_PER_TEN_SECONDS = 100  # HubSpot, "API usage guidelines": for the smallest accounts, 190 above
SEARCH_PER_SECOND = 5  # HubSpot, "Search the CRM": for an account


def limits_of(
    calls_per_ten_seconds: int | None = CALLS_PER_TEN_SECONDS, search_per_second: int | None = SEARCH_PER_SECOND
) -> dict[str, Allowance]:
    """What each limit allows; one that is None is not paced."""
    found = {}
    if calls_per_ten_seconds:
        found[CALLS] = Allowance(calls_per_ten_seconds, 10.0)
    if search_per_second:
        found[SEARCH] = Allowance(search_per_second, 1.0)
    return found
