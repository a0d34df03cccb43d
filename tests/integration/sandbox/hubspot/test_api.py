"""The sandbox's HubSpot, asked by the official client with its typed models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.sandbox.hubspot.conftest import NOW, Sandbox

from ros_sync.sandbox.hubspot.faults import Fault
from ros_sync.sandbox.hubspot.tokens import CLIENT_ID, CLIENT_SECRET

Refused = Callable[..., Any]


def test_lists_page_by_id_with_associations_and_history(sandbox: Sandbox, refused: Refused) -> None:
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


def test_an_access_token_is_renewed_with_the_refresh_token(sandbox: Sandbox, refused: Refused) -> None:
    """An OAuth token ends after half an hour with its own category; the refresh grant gives another."""
    answer = sandbox.api.oauth.tokens_api.create(
        grant_type="refresh_token", client_id=CLIENT_ID, client_secret=CLIENT_SECRET,
        refresh_token=sandbox.account.tokens.refresh_token,
    )  # fmt: skip
    short = sandbox.client(answer.access_token)
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


def test_unknown_properties_are_refused_in_a_write(sandbox: Sandbox, refused: Refused) -> None:
    """A read leaves them out silently, a write says which."""
    (one,) = sandbox.deals(1)
    assert "nosuch" not in sandbox.api.crm.deals.basic_api.get_by_id(one, properties=["nosuch"]).properties
    refused(400, "nosuch", sandbox.api.crm.deals.basic_api.update, one, {"properties": {"nosuch": "1"}})


def test_what_is_cleared_is_empty_or_null(sandbox: Sandbox) -> None:
    """A property that was never set is null, a cleared one as the writer left it; its history ends with a void."""
    (one,) = sandbox.deals(1, amount="1")
    sandbox.api.crm.deals.basic_api.update(one, {"properties": {"amount": ""}})
    read = sandbox.api.crm.deals.basic_api.get_by_id(
        one, properties=["amount", "closedate"], properties_with_history=["amount"]
    )
    assert (read.properties["amount"], read.properties["closedate"]) == ("", None)
    assert [each.value for each in read.properties_with_history["amount"]] == ["", "1"]


def test_the_newest_versions_of_a_history_are_told(sandbox: Sandbox) -> None:
    """An account that tells so many versions leaves the oldest ones out."""
    (one,) = sandbox.deals(1, amount="0")
    for amount in range(1, 30):
        sandbox.clock.advance(60)
        sandbox.account.update("deals", one, {"amount": str(amount)})
    sandbox.account.history_versions = 20
    read = sandbox.api.crm.deals.basic_api.get_by_id(one, properties_with_history=["amount"])
    assert [each.value for each in read.properties_with_history["amount"]] == [str(n) for n in range(29, 9, -1)]


def test_values_are_checked_by_their_type(sandbox: Sandbox, refused: Refused) -> None:
    """A write with a wrong value changes nothing and names each property that is wrong."""
    (one,) = sandbox.deals(1, amount="1")
    sandbox.account.define_property("deals", "signed_on", "date")
    wrong = {"amount": "much", "dealstage": "nowhere", "signed_on": "1772442000000", "hs_object_id": "5"}
    error = refused(400, "VALIDATION_ERROR", sandbox.api.crm.deals.basic_api.update, one, {"properties": wrong})
    named = [name for name in wrong if f'\\"name\\":\\"{name}\\"' in error.body]
    assert (named, sandbox.account.snapshot("deals")[one]["amount"]) == (list(wrong), "1")
    sandbox.api.crm.deals.basic_api.update(one, {"properties": {"signed_on": "1772409600000"}})
    assert sandbox.account.snapshot("deals")[one]["signed_on"] == "2026-03-02"


def test_long_urls_are_refused(sandbox: Sandbox, refused: Refused) -> None:
    """A list of very many properties does not fit into a GET."""
    names = [f"a_property_with_a_long_name_{number}" for number in range(600)]
    refused(414, "URI Too Long", sandbox.api.crm.deals.basic_api.get_page, properties=names)


def test_the_last_writer_wins(sandbox: Sandbox) -> None:
    """A write says nothing of what it read before, so nobody learns that another one was between."""
    (one,) = sandbox.deals(1, amount="1")
    write = sandbox.api.crm.deals.basic_api.update
    write(one, {"properties": {"amount": "2"}})
    write(one, {"properties": {"amount": "3"}})
    assert [each.value for each in sandbox.account.history_of("deals", one, "amount")] == ["1", "2", "3"]


def test_dated_paths_lead_to_the_same(sandbox: Sandbox) -> None:
    """The version may be a date, which then stands after the name of the API."""
    (one,) = sandbox.deals(1)
    paths = ("/crm/v3/objects/deals", "/crm/objects/2026-03/deals", "/crm/objects/2026-03/0-3")
    answers = [sandbox.ask("GET", path).json() for path in paths]
    assert [[each["id"] for each in answer["results"]] for answer in answers] == [[one]] * 3


def test_what_follows_from_a_write(sandbox: Sandbox) -> None:
    """HubSpot itself dates lifecycle stages, assignments of owners and the closing of deals."""
    (deal,) = sandbox.deals(1, closedate="2026-06-30T00:00:00Z")
    contact = sandbox.account.create("contacts", {"email": "jo@mill.example", "lifecyclestage": "lead"})
    sandbox.clock.advance(3_600)
    sandbox.api.crm.deals.basic_api.update(deal, {"properties": {"dealstage": "won", "hubspot_owner_id": "7"}})
    sandbox.api.crm.contacts.basic_api.update(contact, {"properties": {"lifecyclestage": "marketingqualifiedlead"}})
    won, lead = sandbox.account.snapshot("deals")[deal], sandbox.account.snapshot("contacts")[contact]
    assert (won["closedate"], won["hubspot_owner_assigneddate"]) == ("2026-03-02T10:00:00.000Z",) * 2
    dates = (lead["hs_lifecyclestage_lead_date"], lead["hs_lifecyclestage_marketingqualifiedlead_date"])
    assert dates == ("2026-03-02T09:00:00.000Z", "2026-03-02T10:00:00.000Z")


def test_contacts_keep_their_modified_date_under_another_name(sandbox: Sandbox) -> None:
    """`lastmodifieddate` of contacts, `hs_lastmodifieddate` of everything else; associations move neither."""
    (deal,) = sandbox.deals(1)
    contact = sandbox.account.create("contacts", {"email": "jo@mill.example"})
    sandbox.clock.advance(60)
    sandbox.api.crm.associations.v4.basic_api.create_default("contacts", contact, "deals", deal)
    read = [
        sandbox.api.crm.deals.basic_api.get_by_id(deal).properties["hs_lastmodifieddate"],
        sandbox.api.crm.contacts.basic_api.get_by_id(contact).properties["lastmodifieddate"],
    ]
    assert read == ["2026-03-02T09:00:00.000Z"] * 2


def test_an_erased_contact_is_nowhere(sandbox: Sandbox, refused: Refused) -> None:
    """A privacy deletion leaves neither the record nor one in the recycling bin."""
    contact = sandbox.account.create("contacts", {"email": "jo@mill.example"})
    sandbox.ask("POST", "/crm/v3/objects/contacts/gdpr-delete", {"objectId": "jo@mill.example", "idProperty": "email"})
    get = sandbox.api.crm.contacts.basic_api
    refused(404, "OBJECT_NOT_FOUND", get.get_by_id, contact)
    assert get.get_page(archived=True).results == []


def test_refresh_tokens_may_rotate(sandbox: Sandbox, refused: Refused) -> None:
    """With rotation a refresh token works once, and the one that came with the answer works next."""
    sandbox.account.tokens.rotate_refresh_tokens = True
    create = sandbox.api.oauth.tokens_api.create
    grant = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    first = sandbox.account.tokens.refresh_token
    second = create(**grant, refresh_token=first).refresh_token
    refused(400, "BAD_REFRESH_TOKEN", create, **grant, refresh_token=first)
    assert create(**grant, refresh_token=second).expires_in == 1_800


def test_scopes_that_are_missing_are_named(sandbox: Sandbox, refused: Refused) -> None:
    """A call beyond the app's scopes is refused with those that would do."""
    sandbox.account.tokens.limit_scopes(("crm.objects.deals.read",))
    assert sandbox.api.crm.deals.basic_api.get_page().results == []
    refused(403, "crm.objects.contacts.read", sandbox.api.crm.contacts.basic_api.get_page)
    refused(403, "crm.objects.owners.read", sandbox.api.crm.owners.owners_api.get_page)
    refused(403, "crm.objects.deals.write", sandbox.api.crm.deals.basic_api.create, {"properties": {}})


def test_tokens_tell_what_they_are_for(sandbox: Sandbox) -> None:
    """A token's account, app, scopes and remaining seconds can be asked for."""
    answer = sandbox.api.oauth.tokens_api.create(
        grant_type="refresh_token", client_id=CLIENT_ID, client_secret=CLIENT_SECRET,
        refresh_token=sandbox.account.tokens.refresh_token,
    )  # fmt: skip
    sandbox.clock.advance(600)
    told = sandbox.api.oauth.access_tokens_api.get(answer.access_token)
    assert (told.hub_id, told.expires_in, "crm.objects.deals.read" in told.scopes) == (62515001, 1_200, True)
    path = "/oauth/v2/private-apps/get/access-token-info"
    private = sandbox.ask("POST", path, {"tokenKey": sandbox.account.token}).json()
    assert (private["hubId"], private["scopes"]) == (62515001, told.scopes)


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/crm/properties/2026-03/deals", 200), ("GET", "/crm/pipelines/2026-03/deals", 200),
        ("GET", "/crm/owners/2026-03", 200), ("GET", "/account-info/2026-03/details", 200),
        ("POST", "/crm/associations/2026-03/deals/contacts/batch/read", 200),
        ("POST", "/crm/objects/2026-03/deals/search", 200),
        ("PUT", "/crm/v3/objects/deals", 405), ("GET", "/crm/v3/objects/unicorns", 404),
        ("GET", "/crm/v9/objects/deals", 404),
        ("POST", "/crm/v3/objects/deals/batch/read", 200), ("POST", "/crm/v3/objects/deals", 400),
    ],
)  # fmt: skip
def test_paths_and_methods(sandbox: Sandbox, method: str, path: str, status: int) -> None:
    """Every API has numbered and dated paths; a wrong method or an unknown kind of record is refused as such."""
    assert sandbox.ask(method, path, {"inputs": []} if method != "GET" else None).status == status
