"""Associations of the sandbox's HubSpot through the official client's v4 API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.sandbox.hubspot.conftest import Sandbox

Refused = Callable[..., Any]


@pytest.fixture
def crowd(sandbox: Sandbox) -> tuple[str, list[str]]:
    """A deal with 250 contacts."""
    (deal,) = sandbox.deals(1)
    contacts = [sandbox.account.create("contacts", {"firstname": f"Jo {number}"}) for number in range(250)]
    for each in contacts:
        sandbox.account.associate("deals", deal, "contacts", each)
    return deal, contacts


def test_each_record_goes_on_at_its_own_after(sandbox: Sandbox, crowd: tuple[str, list[str]]) -> None:
    """A batch tells a hundred associations of each record; those without any are errors of it."""
    deal, contacts = crowd
    (alone,) = sandbox.deals(1)
    read = sandbox.api.crm.associations.v4.batch_api.get_page
    answer = read("deals", "contacts", {"inputs": [{"id": deal}, {"id": alone}]})
    told = [str(each.to_object_id) for each in answer.results[0].to]
    assert (told, [error.sub_category for error in answer.errors]) == (
        contacts[:100],
        ["crm.associations.NO_ASSOCIATIONS_FOUND"],
    )
    while answer.results[0].paging:
        answer = read("deals", "contacts", {"inputs": [{"id": deal, "after": answer.results[0].paging.next.after}]})
        told += [str(each.to_object_id) for each in answer.results[0].to]
    assert told == contacts


def test_pages_of_one_record(sandbox: Sandbox, crowd: tuple[str, list[str]], refused: Refused) -> None:
    """One record's associations are paged by a token; one that is no token is refused."""
    deal, contacts = crowd
    get = sandbox.api.crm.associations.v4.basic_api.get_page
    first = get("deals", deal, "contacts", limit=200)
    second = get("deals", deal, "contacts", limit=200, after=first.paging.next.after)
    assert [str(each.to_object_id) for each in first.results + second.results] == contacts
    refused(400, "paging token", get, "deals", deal, "contacts", after="17")


def test_inputs_are_limited(sandbox: Sandbox, refused: Refused) -> None:
    """A batch reads a thousand records at most."""
    read = sandbox.api.crm.associations.v4.batch_api.get_page
    refused(400, "is 1000", read, "deals", "contacts", {"inputs": [{"id": str(n)} for n in range(1_001)]})


def test_one_company_is_the_primary_one(sandbox: Sandbox) -> None:
    """Labels come beside the unlabelled association, and making a company the primary one ends another's being it."""
    (deal,) = sandbox.deals(1)
    one, two = (sandbox.account.create("companies", {"name": name}) for name in ("Mill", "Dye works"))
    api = sandbox.api.crm.associations.v4.basic_api
    primary = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]
    for company in (one, two):
        made = api.create("deals", deal, "companies", company, primary)
        assert (made.to_object_id, made.labels) == (company, ["Primary"])
    told = {str(each.to_object_id): [kind.type_id for kind in each.association_types]
            for each in api.get_page("deals", deal, "companies").results}  # fmt: skip
    assert told == {one: [341], two: [341, 5]}
    back = api.get_page("companies", two, "deals").results[0]
    assert [(kind.type_id, kind.label) for kind in back.association_types] == [(342, None), (6, "Primary")]


def test_batches_make_and_end_associations(sandbox: Sandbox) -> None:
    """Default ones, ones with types, their labels and they themselves can be made and ended in batches."""
    deals = sandbox.deals(2)
    company = sandbox.account.create("companies", {"name": "Mill"})
    api = sandbox.api.crm.associations.v4.batch_api
    ends = [{"from": {"id": deal}, "to": {"id": company}} for deal in deals]
    assert len(api.create_default("deals", "companies", {"inputs": ends}).results) == 4
    typed = [{**each, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]} for each in ends]
    assert [each.labels for each in api.create("deals", "companies", {"inputs": typed}).results] == [["Primary"]] * 2
    lost = [{**typed[0], "to": {"id": "99"}}]
    assert [error.context["ids"] for error in api.create("deals", "companies", {"inputs": lost}).errors] == [
        [deals[0], "99"]
    ]
    api.archive_labels("deals", "companies", {"inputs": typed[:1]})
    labels = [sandbox.account.records["deals"][deal].links["companies"][company] for deal in deals]
    assert labels == [{""}, {"", "Primary"}]
    api.archive("deals", "companies", {"inputs": [{"from": {"id": deals[0]}, "to": [{"id": company}]}]})
    assert [sandbox.account.associations_of("deals", deal, "companies") for deal in deals] == [[], [company]]


def test_archived_records_are_not_told(sandbox: Sandbox) -> None:
    """An archived record is left out of others' associations, and comes back to them when it is restored."""
    (deal,) = sandbox.deals(1)
    company = sandbox.account.create("companies", {"name": "Mill"})
    sandbox.account.associate("deals", deal, "companies", company)
    sandbox.account.archive("companies", company)
    assert sandbox.account.associations_of("deals", deal, "companies") == []
    sandbox.account.restore("companies", company)
    assert sandbox.account.associations_of("deals", deal, "companies") == [company]


def test_a_merge_takes_the_associations_over(sandbox: Sandbox) -> None:
    """The new record has those of both, also where the two were associated with each other."""
    one, two = (sandbox.account.create("companies", {"name": name}) for name in ("Mill", "Mill Ltd"))
    deals = sandbox.deals(2)
    sandbox.account.associate("companies", one, "companies", two)
    for deal, company in zip(deals, (one, two), strict=True):
        sandbox.account.associate("deals", deal, "companies", company)
    new = sandbox.account.merge("companies", one, two)
    assert sandbox.account.associations_of("companies", new, "deals") == deals
    assert sandbox.account.associations_of("deals", deals[1], "companies") == [new]
