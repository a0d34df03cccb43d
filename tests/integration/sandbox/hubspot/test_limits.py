"""Rate limits of the sandbox's HubSpot, as the official client meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hubspot.crm.deals import PublicObjectSearchRequest
from tests.integration.sandbox.hubspot.conftest import Sandbox

from ros_sync.sandbox.hubspot import Limits
from ros_sync.sandbox.hubspot.tokens import CLIENT_ID, CLIENT_SECRET

Refused = Callable[..., Any]


def test_a_day_s_calls(sandbox: Sandbox, refused: Refused) -> None:
    """The call after the last one of the day is refused with the policy's name, until the account's midnight."""
    sandbox.account.meter.limits = Limits(daily=2)
    get = sandbox.api.crm.deals.basic_api.get_page
    get()
    get()
    told = json.loads(refused(429, "DAILY", get).body)
    assert (told["errorType"], told["policyName"], "category" in told) == ("RATE_LIMIT", "DAILY", False)
    sandbox.clock.advance(13 * 3_600)  # 22:00 UTC, 23:00 in Berlin
    refused(429, "DAILY", get)
    sandbox.clock.advance(3_600)
    assert get().results == []


def test_the_day_ends_in_the_account_s_zone(sandbox: Sandbox, refused: Refused) -> None:
    """In another zone the same moment is another day."""
    sandbox.account.set_time_zone("America/New_York")
    sandbox.account.meter.limits = Limits(daily=1)
    get = sandbox.api.crm.deals.basic_api.get_page
    get()
    sandbox.clock.advance(15 * 3_600)
    refused(429, "DAILY", get)
    sandbox.clock.advance(5 * 3_600)
    assert get().results == []
    sandbox.account.meter.limits = Limits()
    details = sandbox.ask("GET", "/account-info/v3/details").json()
    assert (details["timeZone"], details["utcOffsetMilliseconds"]) == ("America/New_York", -18_000_000)


def test_seconds_and_ten_seconds_have_limits_of_their_own(sandbox: Sandbox, refused: Refused) -> None:
    """Searches and other calls are counted apart, each refusal names its policy, and a window's end frees it."""
    meter, passed = sandbox.account.meter, [0.0]
    meter.limits, meter.clock = Limits(calls_per_ten_seconds=3, search_per_second=2), lambda: passed[0]
    get, search = sandbox.api.crm.deals.basic_api.get_page, sandbox.api.crm.deals.search_api.do_search
    for _ in range(3):
        get()
    refused(429, "TEN_SECONDLY_ROLLING", get)
    for _ in range(2):
        search(PublicObjectSearchRequest(limit=1))
    refused(429, "SECONDLY", search, PublicObjectSearchRequest(limit=1))
    passed[0] = 1.0
    assert search(PublicObjectSearchRequest(limit=1)).total == 0
    refused(429, "TEN_SECONDLY_ROLLING", get)
    passed[0] = 10.0
    assert get().results == []


def test_retry_after_is_sometimes_missing(sandbox: Sandbox, refused: Refused) -> None:
    """Every other refusal says how long to wait."""
    sandbox.account.meter.limits = Limits(calls_per_ten_seconds=1)
    get = sandbox.api.crm.deals.basic_api.get_page
    get()
    waits = [refused(429, "TEN_SECONDLY_ROLLING", get).headers.get("Retry-After") for _ in range(4)]
    assert waits == ["10", None, "10", None]


def test_headers_tell_what_is_left(sandbox: Sandbox) -> None:
    """Of the window and the day; searches tell nothing, OAuth apps are told nothing of the day."""
    sandbox.account.meter.limits = Limits(calls_per_ten_seconds=190, search_per_second=5, daily=1_000)
    prefix = "X-HubSpot-RateLimit-"
    told = sandbox.ask("GET", "/crm/v3/objects/deals").headers
    assert [told[prefix + name] for name in ("Max", "Remaining", "Daily", "Daily-Remaining")] == [
        "190",
        "189",
        "1000",
        "999",
    ]
    searched = sandbox.ask("POST", "/crm/v3/objects/deals/search", {}).headers
    assert [name for name in searched if name.lower().startswith(prefix.lower())] == []
    access = sandbox.api.oauth.tokens_api.create(
        grant_type="refresh_token", client_id=CLIENT_ID, client_secret=CLIENT_SECRET,
        refresh_token=sandbox.account.tokens.refresh_token,
    ).access_token  # fmt: skip
    oauth = sandbox.ask("GET", "/crm/v3/objects/deals", token=access).headers
    assert (oauth[prefix + "Remaining"], prefix + "Daily" in oauth) == ("188", False)
