"""Every kind of record of the sandbox's HubSpot, through the official client's typed API of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.sandbox.hubspot.conftest import NOW, Sandbox

Refused = Callable[..., Any]
# The kind of records, and a property of it that can be written.
KINDS = [
    ("deals", "dealname"), ("contacts", "firstname"), ("companies", "name"), ("calls", "hs_call_title"),
    ("emails", "hs_email_subject"), ("meetings", "hs_meeting_title"), ("notes", "hs_note_body"),
    ("tasks", "hs_task_subject"),
]  # fmt: skip
ENGAGEMENTS = ("calls", "emails", "meetings", "notes", "tasks")


def typed(sandbox: Sandbox, kind: str) -> Any:
    """The client's API of one kind of record."""
    return getattr(sandbox.api.crm.objects if kind in ENGAGEMENTS else sandbox.api.crm, kind)


@pytest.mark.parametrize("kind, name", KINDS)
def test_create_read_update_search_list_archive(sandbox: Sandbox, kind: str, name: str) -> None:
    """A record lives the same life whatever it is."""
    api = typed(sandbox, kind)
    given = {name: "First", **({"hs_timestamp": "2026-03-02T08:00:00Z"} if kind in ENGAGEMENTS else {})}
    made = api.basic_api.create({"properties": given})
    assert (made.properties[name], made.created_at, made.archived) == ("First", NOW, False)
    sandbox.clock.advance(60)
    assert api.basic_api.update(made.id, {"properties": {name: "Second"}}).properties[name] == "Second"
    asked = {"query": "second", "properties": [name]}
    assert [each.properties[name] for each in api.search_api.do_search(asked).results] == ["Second"]
    assert [each.id for each in api.basic_api.get_page(limit=100).results] == [made.id]
    api.basic_api.archive(made.id)
    assert [each.id for each in api.basic_api.get_page(archived=True).results] == [made.id]


@pytest.mark.parametrize("kind, name", KINDS)
def test_batches(sandbox: Sandbox, kind: str, name: str) -> None:
    """Batches create, change, read with history, and archive; what is not there is told in a 207."""
    api = typed(sandbox, kind).batch_api
    stamp = {"hs_timestamp": "2026-03-02T08:00:00Z"} if kind in ENGAGEMENTS else {}
    inputs = [{"properties": {name: f"Number {number}", **stamp}, "associations": []} for number in range(3)]
    ids = [each.id for each in api.create({"inputs": inputs}).results]
    sandbox.clock.advance(60)
    api.update({"inputs": [{"id": each, "properties": {name: "Changed"}} for each in ids[:2]]})
    asked = {"inputs": [{"id": each} for each in [*ids, "99"]], "properties": [name], "propertiesWithHistory": [name]}
    read = api.read(asked)
    assert [each.properties[name] for each in read.results] == ["Changed", "Changed", "Number 2"]
    assert [each.value for each in read.results[0].properties_with_history[name]] == ["Changed", "Number 0"]
    assert [error.context["ids"] for error in read.errors] == [["99"]]
    api.archive({"inputs": [{"id": each} for each in ids]})
    assert api.read({"inputs": [{"id": ids[0]}], "properties": [], "propertiesWithHistory": []}).results == []


def test_batches_have_limits(sandbox: Sandbox, refused: Refused) -> None:
    """A hundred inputs, fifty with history, none of them twice in a write; a wrong one leaves all as they were."""
    ids = sandbox.deals(101, amount="1")
    api = sandbox.api.crm.deals.batch_api
    many = [{"id": each} for each in ids]
    refused(400, "is 100", api.read, {"inputs": many, "properties": [], "propertiesWithHistory": []})
    refused(400, "property histories is 50", api.read,
            {"inputs": many[:51], "properties": [], "propertiesWithHistory": ["amount"]})  # fmt: skip
    twice = [{"id": ids[0], "properties": {"amount": value}} for value in ("2", "3")]
    refused(400, "Duplicate IDs", api.update, {"inputs": twice})
    one_wrong = [{"id": ids[0], "properties": {"amount": "2"}}, {"id": ids[1], "properties": {"amount": "much"}}]
    refused(400, "not a valid number", api.update, {"inputs": one_wrong})
    assert {each["amount"] for each in sandbox.account.snapshot("deals").values()} == {"1"}


def test_merged_ids_in_a_batch_give_the_new_record_once(sandbox: Sandbox) -> None:
    """Merging through the API makes a new id; both old ones lead there, one merge after the other."""
    one, two, three = sandbox.deals(3)
    api = sandbox.api.crm.deals
    new = api.basic_api.merge({"primaryObjectId": one, "objectIdToMerge": two}).id
    newest = api.basic_api.merge({"primaryObjectId": new, "objectIdToMerge": three}).id
    asked = {"inputs": [{"id": each} for each in (one, two, three, new)], "properties": ["hs_merged_object_ids"]}
    read = api.batch_api.read({**asked, "propertiesWithHistory": []}).results
    assert [(each.id, each.properties["hs_merged_object_ids"]) for each in read] == [
        (newest, f"{one};{two};{three};{new}")
    ]
    assert [each.id for each in api.get_all()] == [newest]


def test_get_all_pages_through_everything(sandbox: Sandbox) -> None:
    """The client's own helper reads each record once, with and without history."""
    ids = sandbox.deals(230)
    sandbox.account.archive("deals", ids.pop(7))
    deals = sandbox.api.crm.deals
    assert [each.id for each in deals.get_all()] == ids
    assert [each.id for each in deals.get_all(properties_with_history=["dealstage"])] == ids
    assert [each.id for each in sandbox.api.crm.owners.get_all()] == ["7"]


def test_contacts_are_known_by_their_address(sandbox: Sandbox, refused: Refused) -> None:
    """An address can be asked for instead of an id, upserts go by it, and no two contacts have it."""
    api = sandbox.api.crm.contacts
    made = api.basic_api.create({"properties": {"email": "jo@mill.example"}}).id
    assert api.basic_api.get_by_id("JO@mill.example", id_property="email").id == made
    refused(409, f"Existing ID: {made}", api.basic_api.create, {"properties": {"email": "jo@mill.example"}})
    inputs = [
        {"id": address, "idProperty": "email", "properties": {"firstname": "Jo"}}
        for address in ("jo@mill.example", "al@mill.example")
    ]
    upserted = api.batch_api.upsert({"inputs": inputs}).results
    assert [(each.id == made, each.new) for each in upserted] == [(True, False), (False, True)]


def test_a_note_is_created_with_its_associations(sandbox: Sandbox, refused: Refused) -> None:
    """The number of an association type says what the other record is; an activity needs its moment."""
    (deal,) = sandbox.deals(1)
    to = [{"to": {"id": deal}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 214}]}]
    create = sandbox.api.crm.objects.notes.basic_api.create
    note = create(
        {"properties": {"hs_note_body": "Asked for", "hs_timestamp": "2026-03-02T08:00:00Z"}, "associations": to}
    )
    assert sandbox.account.associations_of("deals", deal, "notes") == [note.id]
    refused(400, "required properties", create, {"properties": {"hs_note_body": "When?"}})
