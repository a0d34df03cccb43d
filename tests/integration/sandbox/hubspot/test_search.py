"""Search of the sandbox's HubSpot: its limits, and how it lags behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hubspot.crm.deals import PublicObjectSearchRequest
from tests.integration.sandbox.hubspot.conftest import NOW, Sandbox

Refused = Callable[..., Any]


def found(sandbox: Sandbox, *filters: dict[str, Any], **more: Any) -> list[str]:
    """The ids that a search for deals gives."""
    asked = {"limit": 200, "filterGroups": [{"filters": list(filters)}] if filters else [], **more}
    return [each.id for each in sandbox.api.crm.deals.search_api.do_search(asked).results]


def test_search_ends_at_ten_thousand_and_leaves_archived_ones_out(sandbox: Sandbox, refused: Refused) -> None:
    """A query's results cannot be paged past 10,000; a page holds 200."""
    archived, *_ = sandbox.deals(3)
    sandbox.account.archive("deals", archived)
    search = sandbox.api.crm.deals.search_api.do_search
    assert search(PublicObjectSearchRequest(limit=200)).total == 2
    refused(400, "10000", search, PublicObjectSearchRequest(limit=200, after="9900"))
    refused(400, "limit must be", search, PublicObjectSearchRequest(limit=201))


def test_filters_have_limits(sandbox: Sandbox, refused: Refused) -> None:
    """Five groups, six filters in one, eighteen in all, and no property that cannot be seen."""
    search = sandbox.api.crm.deals.search_api.do_search
    one = {"propertyName": "amount", "operator": "HAS_PROPERTY"}
    for groups in ([[one]] * 6, [[one] * 7], [[one] * 5] * 4):
        refused(400, "at most", search, {"filterGroups": [{"filters": group} for group in groups]})
    sandbox.account.hide_property("deals", "amount")
    refused(400, "amount does not exist", search, {"filterGroups": [{"filters": [one]}]})
    refused(400, "nosuch does not exist", search, {"sorts": [{"propertyName": "nosuch"}]})


def test_ten_thousand_on_one_millisecond_are_paged_by_id(sandbox: Sandbox) -> None:
    """A bulk edit gives every record one and the same modified millisecond; the id is what tells them apart."""
    ids = sandbox.deals(450)
    sandbox.account.move_bulk("deals", ids, {"amount": "1"}, at=NOW + timedelta(seconds=5))
    sandbox.clock.advance(10)
    at = {"propertyName": "hs_lastmodifieddate", "operator": "EQ", "value": "1772442005000"}
    read: list[str] = []
    for _ in range(3):
        last = {"propertyName": "hs_object_id", "operator": "GT", "value": read[-1] if read else "0"}
        read += found(sandbox, at, last, sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}])
    assert read == ids


@pytest.mark.parametrize(
    "operator, more, expected",
    [
        ("GTE", {"value": "20"}, ["20", "30"]),
        ("BETWEEN", {"value": "10", "highValue": "20"}, ["10", "20"]),
        ("IN", {"values": ["10", "30"]}, ["10", "30"]),
        ("NOT_IN", {"values": ["10"]}, ["20", "30"]),
        ("NEQ", {"value": "10"}, ["20", "30", None]),
        ("HAS_PROPERTY", {}, ["10", "20", "30"]),
        ("NOT_HAS_PROPERTY", {}, [None]),
    ],
)
def test_operators(sandbox: Sandbox, operator: str, more: dict[str, Any], expected: list[str | None]) -> None:
    """Numbers are compared as numbers, and a missing value is found by its absence alone."""
    for amount in ("10", "20", "30"):
        sandbox.deals(1, amount=amount)
    sandbox.deals(1)
    asked = {
        "filterGroups": [{"filters": [{"propertyName": "amount", "operator": operator, **more}]}],
        "properties": ["amount"],
    }
    answer = sandbox.api.crm.deals.search_api.do_search(asked)
    assert [each.properties["amount"] for each in answer.results] == expected


def test_words_and_orders(sandbox: Sandbox) -> None:
    """A query looks into every property; results come in the order that is asked for."""
    first, second = sandbox.deals(1, dealname="Blue mill", amount="5") + sandbox.deals(
        1, dealname="Red mill", amount="30"
    )
    sandbox.deals(1, dealname="Loom")
    ordered = found(sandbox, query="mill", sorts=[{"propertyName": "amount", "direction": "DESCENDING"}])
    assert ordered == [second, first]


def test_a_changed_record_is_told_as_it_was(sandbox: Sandbox) -> None:
    """For a while search tells the old state of a record, and finds it by its old values."""
    (old,) = sandbox.deals(1, amount="1")
    sandbox.account.search_lag_seconds = 30
    sandbox.clock.advance(60)
    sandbox.account.update("deals", old, {"amount": "2"})
    was, now = ({"propertyName": "amount", "operator": "EQ", "value": value} for value in ("1", "2"))
    assert (found(sandbox, was), found(sandbox, now)) == ([old], [])
    sandbox.clock.advance(31)
    assert (found(sandbox, was), found(sandbox, now)) == ([], [old])


def test_search_learns_late_of_everything(sandbox: Sandbox) -> None:
    """Created, archived, restored, merged and erased records are found as they were until search has learnt of it."""
    archived, restored, one, two, erased = sandbox.deals(5)
    sandbox.account.archive("deals", restored)
    sandbox.clock.advance(60)
    sandbox.account.search_lag_seconds = 30
    (created,) = sandbox.deals(1)
    sandbox.account.archive("deals", archived)
    sandbox.account.restore("deals", restored)
    merged = sandbox.account.merge("deals", one, two)
    sandbox.account.erase("deals", erased)
    assert found(sandbox) == [archived, one, two, erased]
    sandbox.clock.advance(31)
    assert found(sandbox) == [restored, created, merged]


def test_twenty_thousand_records_stay_quick(sandbox: Sandbox) -> None:
    """A poll after a thousand changes looks at what changed, with the lag of a real account as without it."""
    account = sandbox.account
    for number in range(20_000):
        account.create("deals", {"amount": str(number)}, at=NOW - timedelta(minutes=20_000 - number))
    account.search_lag_seconds = 1
    ids = list(account.records["deals"])[:1_000]
    sandbox.clock.advance(600)
    account.move_bulk("deals", ids, {"amount": "-1"}, at=sandbox.clock())
    sandbox.clock.advance(2)
    since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "2026-03-02T09:05:00Z"}
    found(sandbox, since)
    index = account.indexes["deals"]
    low = 1_772_442_300_000
    assert len(list(index.modified_between(low, low + 3_600_000))) == 1_000
    assert found(sandbox, since) == ids[:200]
