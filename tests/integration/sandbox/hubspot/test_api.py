"""The sandbox's HubSpot, asked by the official client with its typed models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import hubspot
import pytest
from hubspot.crm.deals import PublicObjectSearchRequest

from ros_sync.sandbox.clock import SandboxClock
from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer, Limits
from ros_sync.sandbox.hubspot.faults import Fault, Faults
from ros_sync.sandbox.hubspot.tokens import CLIENT_ID, CLIENT_SECRET

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OPEN, WON = {"isClosed": "false", "probability": "0.2"}, {"isClosed": "true", "probability": "1.0"}


class Sandbox:
    """An account, its server and the official client."""

    def __init__(self, account: HubSpotAccount, clock: SandboxClock, faults: Faults, server: HubSpotServer) -> None:
        self.account, self.clock, self.faults, self.url = account, clock, faults, server.url
        self.api = hubspot.HubSpot(access_token=account.token, host=server.url)

    def deals(self, number: int, **properties: str) -> list[str]:
        given = {"dealname": "Looms", "pipeline": "default", "dealstage": "discovery"} | properties
        return [self.account.create("deals", given) for _ in range(number)]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    clock, faults = SandboxClock(NOW), Faults()
    account = HubSpotAccount(now=clock)
    account.add_pipeline("deals", "default", "Sales", [("discovery", "Discovery", 0, OPEN), ("won", "Won", 1, WON)])
    account.add_owner("7", "ada@loom.example", "Ada", "Weaver", [("1", "DACH")])
    with HubSpotServer(account, faults=faults) as server:
        yield Sandbox(account, clock, faults, server)


def refused(status: int, body: str, call: object, *args: object, **more: object) -> None:
    """The call is refused with that status, and the body names why."""
    with pytest.raises(Exception, match=body) as caught:
        call(*args, **more)  # type: ignore[operator]  # a method of the client
    assert getattr(caught.value, "status", None) == status


def test_lists_page_by_id_with_associations_and_history(sandbox: Sandbox) -> None:
    """An associated id comes once for each label; histories come newest first, fifty records a page at most."""
    first, *_ = sandbox.deals(120)
    company = sandbox.account.create("companies", {"name": "Mill"})
    sandbox.account.associate("deals", first, "companies", company, label="Primary")
    sandbox.clock.advance(60)
    sandbox.account.update("deals", first, {"dealstage": "won"})
    get = sandbox.api.crm.deals.basic_api.get_page
    page = get(limit=50, properties=["dealname"], properties_with_history=["dealstage"], associations=["companies"])
    linked = [(each.id, each.type) for each in page.results[0].associations["companies"].results]
    assert linked == [(company, "deal_to_company_unlabeled"), (company, "deal_to_company")]
    assert [each.value for each in page.results[0].properties_with_history["dealstage"]] == ["won", "discovery"]
    assert len(sandbox.api.crm.deals.get_all()) == 120
    refused(400, "limit must be", get, limit=100, properties_with_history=["dealstage"])


def test_search_ends_at_ten_thousand_and_leaves_archived_ones_out(sandbox: Sandbox) -> None:
    """A query's results cannot be paged past 10,000; a page holds 200."""
    archived, *_ = sandbox.deals(3)
    sandbox.account.archive("deals", archived)
    search = sandbox.api.crm.deals.search_api.do_search
    assert search(PublicObjectSearchRequest(limit=200)).total == 2
    refused(400, "10000", search, PublicObjectSearchRequest(limit=200, after="9900"))
    refused(400, "limit must be", search, PublicObjectSearchRequest(limit=201))


def test_search_lags_behind(sandbox: Sandbox) -> None:
    """For a while search tells the old state of a record, and knows nothing of a new one."""
    (old,) = sandbox.deals(1, amount="1")
    sandbox.account.search_lag_seconds = 30
    sandbox.account.update("deals", old, {"amount": "2"}, at=NOW)
    sandbox.deals(1)
    search = sandbox.api.crm.deals.search_api.do_search
    asked = PublicObjectSearchRequest(limit=10, properties=["amount"])
    sandbox.clock.advance(31)
    assert [each.properties["amount"] for each in search(asked).results] == ["2", None]


def test_merging_makes_a_new_record_that_both_lead_to(sandbox: Sandbox) -> None:
    """Reading either of the merged ones gives the new one, which names them."""
    one, two = sandbox.deals(2)
    new = sandbox.account.merge("deals", one, two)
    read = sandbox.api.crm.deals.basic_api.get_by_id(one, properties=["hs_merged_object_ids"])
    assert (read.id, read.properties["hs_merged_object_ids"]) == (new, f"{one};{two}")


def test_archiving_moves_no_modified_date(sandbox: Sandbox) -> None:
    """An archived record is listed among the archived ones for ninety days, with the date that it had."""
    (one,) = sandbox.deals(1)
    sandbox.clock.advance(60)
    sandbox.api.crm.deals.basic_api.archive(one)
    archived = sandbox.api.crm.deals.basic_api.get_page(archived=True).results
    assert [(each.id, each.updated_at, each.archived_at > each.updated_at) for each in archived] == [(one, NOW, True)]
    sandbox.clock.advance(91 * 86_400)
    assert sandbox.api.crm.deals.basic_api.get_page(archived=True).results == []


def test_a_day_s_calls(sandbox: Sandbox) -> None:
    """The call after the last one of the day is refused with the policy's name, until the account's midnight."""
    sandbox.account.meter.limits = Limits(daily=2)
    get = sandbox.api.crm.deals.basic_api.get_page
    get()
    get()
    refused(429, "DAILY", get)
    sandbox.clock.advance(86_400)
    assert get().results == []


def test_seconds_and_ten_seconds_have_limits_of_their_own(sandbox: Sandbox) -> None:
    """Searches and other calls are counted apart, each refusal names its policy, and the headers tell what is left."""
    sandbox.account.meter.limits = Limits(calls_per_ten_seconds=3, search_per_second=2)
    get, search = sandbox.api.crm.deals.basic_api.get_page, sandbox.api.crm.deals.search_api.do_search
    for _ in range(3):
        get()
    refused(429, "TEN_SECONDLY_ROLLING", get)
    for _ in range(2):
        search(PublicObjectSearchRequest(limit=1))
    refused(429, "SECONDLY", search, PublicObjectSearchRequest(limit=1))


def test_owners_pipelines_properties(sandbox: Sandbox) -> None:
    """What describes the account comes typed."""
    owner = sandbox.api.crm.owners.owners_api.get_page().results[0]
    assert (owner.first_name, owner.teams[0].name) == ("Ada", "DACH")
    pipeline = sandbox.api.crm.pipelines.pipelines_api.get_all("deals").results[0]
    assert [(each.label, each.metadata["isClosed"]) for each in pipeline.stages] == [
        ("Discovery", "false"),
        ("Won", "true"),
    ]
    sandbox.account.hide_property("deals", "amount")
    names = {each.name for each in sandbox.api.crm.properties.core_api.get_all("deals").results}
    assert ("dealname" in names, "amount" in names) == (True, False)


def test_an_access_token_is_renewed_with_the_refresh_token(sandbox: Sandbox) -> None:
    """An OAuth token ends after half an hour with its own category; the refresh grant gives another."""
    answer = sandbox.api.oauth.tokens_api.create(
        grant_type="refresh_token", client_id=CLIENT_ID, client_secret=CLIENT_SECRET,
        refresh_token=sandbox.account.tokens.refresh_token,
    )  # fmt: skip
    short = hubspot.HubSpot(access_token=answer.access_token, host=sandbox.url)
    assert short.crm.deals.basic_api.get_page().results == []
    sandbox.clock.advance(1_801)
    refused(401, "EXPIRED_AUTHENTICATION", short.crm.deals.basic_api.get_page)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_dropped_write_was_carried_out_or_not(sandbox: Sandbox, kind: str) -> None:
    """The caller cannot tell whether the connection went before the work or after it; the record can."""
    (one,) = sandbox.deals(1, amount="1")
    sandbox.faults.next("write", Fault(kind), times=4)
    with pytest.raises(Exception, match="Connection"):
        sandbox.api.crm.deals.basic_api.update(one, {"properties": {"amount": "2"}})
    assert sandbox.account.snapshot("deals")[one]["amount"] == ("1" if kind == "drop_before" else "2")


def test_unknown_properties_are_refused_in_a_write(sandbox: Sandbox) -> None:
    """A read leaves them out silently, a write says which."""
    (one,) = sandbox.deals(1)
    assert "nosuch" not in sandbox.api.crm.deals.basic_api.get_by_id(one, properties=["nosuch"]).properties
    refused(400, "nosuch", sandbox.api.crm.deals.basic_api.update, one, {"properties": {"nosuch": "1"}})
