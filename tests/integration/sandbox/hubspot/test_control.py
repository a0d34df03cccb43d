"""The control of the sandbox's HubSpot over HTTP: an account can be built, spoilt and moved from another process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from tests.integration.sandbox.hubspot.conftest import Sandbox

Refused = Callable[..., Any]


def test_an_account_is_built_from_outside(sandbox: Sandbox) -> None:
    """Properties, owners, pipelines, stages, records and associations can be ordered."""
    sandbox.order(
        "properties", {"do": "define", "object": "deals", "name": "size", "type": "enumeration", "options": ["s"]}
    )
    sandbox.order("owners", {"do": "add", "id": "9", "email": "cy@loom.example", "first_name": "Cy",
                             "last_name": "Dyer",
                             "teams": [["2", "Nordics"]]})  # fmt: skip
    stages = [{"id": "r1", "label": "Open"}, {"id": "r2", "label": "Renewed", "closed": True, "probability": 1.0}]
    sandbox.order("pipelines", {"do": "add", "id": "renewals", "label": "Renewals", "stages": stages})
    sandbox.order("pipelines", {"do": "rename", "id": "renewals", "stage": "r1", "label": "Due"})
    company = sandbox.order("records", {"do": "create", "object": "companies", "properties": {"name": "Mill"}})["id"]
    orders = [
        {"do": "create", "object": "deals", "id": "5001", "properties": {"dealname": "Looms", "pipeline": "renewals",
         "dealstage": "r1", "size": "s", "hubspot_owner_id": "9"}, "at": "2026-01-05T09:00:00Z"},
        {"do": "associate", "object": "deals", "id": "5001", "to": "companies", "to_id": company, "label": "Primary"},
    ]  # fmt: skip
    assert sandbox.order("records", {"all": orders})["results"] == [{"id": "5001"}, {}]
    read = sandbox.api.crm.deals.basic_api.get_by_id("5001", properties=["size"], associations=["companies"])
    assert (read.properties["size"], read.created_at.isoformat()) == ("s", "2026-01-05T09:00:00+00:00")
    assert [each.id for each in read.associations["companies"].results] == [company, company]
    pipeline = sandbox.api.crm.pipelines.pipelines_api.get_by_id("deals", "renewals")
    assert [(each.id, each.label, each.metadata["isClosed"]) for each in pipeline.stages] == [
        ("r1", "Due", "false"),
        ("r2", "Renewed", "true"),
    ]
    assert [each.id for each in sandbox.api.crm.owners.get_all()] == ["7", "9"]


def test_an_account_is_changed_from_outside(sandbox: Sandbox, refused: Refused) -> None:
    """Properties hide and vanish, owners leave, stages go, limits, lag, zone and scopes are set."""
    sandbox.order("properties", {"do": "hide", "object": "deals", "name": "amount"})
    sandbox.order("properties", {"do": "remove", "object": "deals", "name": "closedate"})
    names = {each.name for each in sandbox.api.crm.properties.core_api.get_all("deals").results}
    assert names & {"amount", "closedate"} == set()
    sandbox.order("properties", {"do": "show", "object": "deals", "name": "amount"})
    sandbox.order("owners", {"do": "archive", "id": "7"})
    assert sandbox.api.crm.owners.get_all() == []
    assert sandbox.order("pipelines", {"do": "remove", "id": "default", "stage": "won"}) == {"default": ["discovery"]}
    told = sandbox.order("settings", {"search_lag_seconds": 30, "time_zone": "Asia/Tokyo", "history_versions": 20,
                                      "limits": {"daily": 1}, "scopes": ["crm.objects.deals.read"]})  # fmt: skip
    assert (told["search_lag_seconds"], told["time_zone"]) == (30.0, "Asia/Tokyo")
    sandbox.account.meter.used_today = 0
    refused(403, "MISSING_SCOPES", sandbox.api.crm.contacts.basic_api.get_page)
    refused(429, "DAILY", sandbox.api.crm.deals.basic_api.get_page)
    sandbox.order("settings", {"limits": "none", "scopes": "all"})
    assert sandbox.api.crm.contacts.basic_api.get_page().results == []


def test_records_change_and_are_read_from_outside(sandbox: Sandbox) -> None:
    """Edits, bulk edits, archives, restores, merges and erasures; `read` gives what a mirror is compared with."""
    one, two, three, four = sandbox.deals(4)
    orders: list[dict[str, Any]] = [
        {"do": "update", "id": one, "properties": {"amount": "5"}},
        {"do": "bulk", "ids": [two, three], "properties": {"amount": "6"}, "at": "2026-03-02T09:30:00Z"},
        {"do": "archive", "id": four}, {"do": "restore", "id": four}, {"do": "erase", "id": four},
        {"do": "merge", "id": one, "other": two},
    ]  # fmt: skip
    new = sandbox.order("records", {"all": [{"object": "deals", **each} for each in orders]})["results"][-1]["id"]
    read = sandbox.order("records", {"do": "read", "object": "deals"})
    assert ({name: each["properties"]["amount"] for name, each in read["records"].items()}, read["merged"]) == (
        {three: "6", new: "5"},
        {one: new, two: new},
    )
    assert [value for _, value in read["records"][three]["history"]["amount"]] == ["6"]


def test_the_clock_and_tokens_are_moved_from_outside(sandbox: Sandbox, refused: Refused) -> None:
    """Time passes on order; OAuth access tokens end with it, or at once."""
    account = urllib3.request("GET", f"{sandbox.url}/control/account").json()
    grant = {
        "grant_type": "refresh_token",
        "client_id": account["client_id"],
        "client_secret": account["client_secret"],
    }
    create = sandbox.api.oauth.tokens_api.create
    token = create(**grant, refresh_token=account["refresh_token"]).access_token
    assert sandbox.order("clock", {"advance_seconds": 1_700})["now"] == "2026-03-02T09:28:20+00:00"
    assert sandbox.client(token).crm.deals.basic_api.get_page().results == []
    sandbox.order("tokens", {"rotate_refresh_tokens": True, "expire": True})
    refused(401, "EXPIRED_AUTHENTICATION", sandbox.client(token).crm.deals.basic_api.get_page)
    renewed = create(**grant, refresh_token=account["refresh_token"])
    assert renewed.refresh_token != account["refresh_token"]
    assert sandbox.order("clock", {"now": "2026-03-09T09:00:00Z"})["now"] == "2026-03-09T09:00:00+00:00"


@pytest.mark.parametrize(
    "kind, status, words",
    [
        ("status", 502, "ordered by the test"),
        ("expired_token", 401, "EXPIRED_AUTHENTICATION"),
        ("daily_limit", 429, '"DAILY"'),
        ("rate_limit_secondly", 429, '"SECONDLY"'),
        ("rate_limit_ten_secondly", 429, '"TEN_SECONDLY_ROLLING"'),
    ],
)
def test_calls_are_refused_on_order(sandbox: Sandbox, refused: Refused, kind: str, status: int, words: str) -> None:
    """The next call of the kind that is named is refused in the way that is ordered, others are not."""
    sandbox.order("faults", {"call": "list", "kind": kind, "status": 502})
    api = sandbox.api.crm.deals
    assert api.search_api.do_search({}).total == 0
    refused(status, words, api.basic_api.get_page)
    assert api.basic_api.get_page().results == []


@pytest.mark.parametrize(
    "kind, done", [("drop_before", False), ("drop_after", True), ("broken_json", True), ("slow", True)]
)
def test_calls_are_spoilt_on_order(sandbox: Sandbox, kind: str, *, done: bool) -> None:
    """A connection is dropped before or after the work, an answer comes broken or late."""
    (deal,) = sandbox.deals(1, amount="1")
    sandbox.order("faults", {"call": "write", "kind": kind, "seconds": 0.05})
    path, body = f"/crm/v3/objects/deals/{deal}", {"properties": {"amount": "2"}}
    try:
        answer = sandbox.ask("PATCH", path, body).json()
    except (urllib3.exceptions.HTTPError, ValueError):
        answer = None
    assert (answer is not None, sandbox.account.snapshot("deals")[deal]["amount"] == "2") == (kind == "slow", done)
    assert sandbox.order("faults", {}) == {"happened": {kind: 1}}


def test_calls_are_counted(sandbox: Sandbox) -> None:
    """Calls are told by kind, object and status, also those that failed at random, until they are counted anew."""
    sandbox.order("random-faults", {"rate": 1.0, "seed": 3, "kinds": ["status"], "status": 500, "calls": ["search"]})
    sandbox.ask("GET", "/crm/v3/objects/deals")
    sandbox.ask("POST", "/crm/v3/objects/deals/search", {})
    told = urllib3.request("GET", f"{sandbox.url}/control/calls").json()
    assert (told["total"], told["by_kind"]) == (2, {"list deals 200": 1, "search deals 500": 1})
    sandbox.order("reset-calls", {})
    assert urllib3.request("GET", f"{sandbox.url}/control/calls").json()["total"] == 0


def test_a_wrong_order_says_what_a_right_one_looks_like(sandbox: Sandbox) -> None:
    """An unknown order names those that there are, an incomplete one shows its JSON."""
    assert "webhooks" in sandbox.order("nosuch", {})["error"]
    assert '"advance_seconds"' in sandbox.order("clock", {"now": "yesterday"})["error"]
    assert sandbox.order("records", {"do": "archive", "object": "deals"})["error"].startswith("KeyError('id')")
