"""The sandbox's dated paths, asked by HubSpot's newer SDK (`hubspot-sdk`), whose models check every answer strictly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import hubspot_sdk
import pytest
from hubspot_sdk.types.auth.access_token_response import AccessTokenResponse
from hubspot_sdk.types.crm.filter_group_param import FilterGroupParam
from tests.integration.sandbox.hubspot.conftest import Sandbox

from ros_sync.sandbox.hubspot.tokens import CLIENT_ID, CLIENT_SECRET

SORTS = ["hs_object_id"]


class _WithoutNulls(httpx.HTTPTransport):
    """Leaves out what is null among `properties`.

    The models say that each is a text, and HubSpot gives null for an empty one.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.read()
        if not response.content:
            return response
        body = json.loads(response.content, object_hook=_filled)
        return httpx.Response(response.status_code, json=body, request=request)


def _filled(value: dict[str, Any]) -> dict[str, Any]:
    properties = value.get("properties")
    if isinstance(properties, dict):
        value["properties"] = {name: each for name, each in properties.items() if each is not None}
    return value


@pytest.fixture
def sdk(sandbox: Sandbox) -> Iterator[hubspot_sdk.HubSpot]:
    """The SDK, which refuses an answer that does not fit its models, and tries nothing again."""
    with httpx.Client(transport=_WithoutNulls()) as http:
        yield hubspot_sdk.HubSpot(
            access_token=sandbox.account.token, base_url=sandbox.url, max_retries=0, http_client=http,
            _strict_response_validation=True,
        )  # fmt: skip


def linked(sandbox: Sandbox) -> tuple[str, str]:
    """A deal with a history, and a company that it belongs to."""
    (deal,) = sandbox.deals(1, amount="1000")
    company = sandbox.account.create("companies", {"name": "Mill"})
    sandbox.account.associate("deals", deal, "companies", company, label="Primary")
    sandbox.clock.advance(60)
    sandbox.account.update("deals", deal, {"dealstage": "won"})
    return deal, company


def test_lists_fit_the_dated_schema(sandbox: Sandbox, sdk: hubspot_sdk.HubSpot) -> None:
    """Records with associations and histories, live ones and archived ones, page by page."""
    deal, company = linked(sandbox)
    (other,) = sandbox.deals(1)
    page = sdk.crm.objects.custom.list(
        "deals", limit=1, properties=["dealname"], associations=["companies"], properties_with_history=["dealstage"]
    )
    (record,) = page.results
    assert record.associations is not None
    assert [each.id for each in record.associations["companies"].results] == [company, company]
    assert record.properties_with_history is not None
    assert [each.value for each in record.properties_with_history["dealstage"]] == ["won", "discovery"]
    assert [each.id for each in page.get_next_page().results] == [other]
    sdk.crm.objects.custom.delete(deal, object_type="deals")
    (archived,) = sdk.crm.objects.custom.list("deals", archived=True).results
    assert (archived.id, archived.archived, archived.archived_at is not None) == (deal, True, True)


def test_reads_and_searches_fit_the_dated_schema(sandbox: Sandbox, sdk: hubspot_sdk.HubSpot) -> None:
    """One record, a batch with histories, and a page of a search."""
    deal, _ = linked(sandbox)
    one = sdk.crm.objects.custom.get(deal, object_type="deals", properties=["amount"])
    batch = sdk.crm.objects.custom.batch.get(
        "deals", inputs=[{"id": deal}], properties=["amount"], properties_with_history=["dealstage"]
    )
    asked: list[FilterGroupParam] = [{"filters": [{"property_name": "amount", "operator": "EQ", "value": "1000"}]}]
    sandbox.clock.advance(3_600)
    found = sdk.crm.objects.custom.search(
        "deals", after="0", filter_groups=asked, limit=10, properties=["amount"], sorts=SORTS
    )
    amounts = [one.properties["amount"], *(each.properties["amount"] for each in (*batch.results, *found.results))]
    assert (amounts, found.total, batch.status) == (["1000"] * 3, 1, "COMPLETE")


def test_writes_fit_the_dated_schema(sandbox: Sandbox, sdk: hubspot_sdk.HubSpot) -> None:
    """A new record and a changed one, as they are afterwards."""
    made = sdk.crm.objects.custom.create("deals", properties={"dealname": "Looms"}, associations=[])
    changed = sdk.crm.objects.custom.update(made.id, object_type="deals", properties={"dealname": "Big looms"})
    assert (changed.id, changed.properties["dealname"]) == (made.id, "Big looms")
    assert sandbox.account.snapshot("deals")[made.id]["dealname"] == "Big looms"


def test_associations_fit_the_dated_schema(sandbox: Sandbox, sdk: hubspot_sdk.HubSpot) -> None:
    """A batch of them, with types and labels; and those of one record."""
    deal, company = linked(sandbox)
    batch = sdk.crm.associations.batch.get("companies", from_object_type="deals", inputs=[{"id": deal}])
    ((result,),) = [batch.results]
    labels = [kind.label for each in result.to for kind in each.association_types]
    assert ([each.to_object_id for each in result.to], labels) == ([company], [None, "Primary"])
    listed = sdk.crm.associations.list("companies", object_type="deals", object_id=deal)
    assert [each.to_object_id for each in listed.results] == [company]


def test_definitions_fit_the_dated_schema(sandbox: Sandbox, sdk: hubspot_sdk.HubSpot) -> None:
    """Properties, a new one, pipelines with their stages, owners, and the account itself."""
    sdk.crm.properties.create(
        "deals", name="own", label="Own", type="string", field_type="text", group_name="dealinformation"
    )
    names = [each.name for each in sdk.crm.properties.list("deals").results]
    (pipeline,) = sdk.crm.pipelines.list("deals").results
    (owner,) = sdk.crm.owners.list(limit=500).results
    assert ("own" in names, [stage.id for stage in pipeline.stages], owner.email) == (
        True, ["discovery", "won"], "ada@loom.example",
    )  # fmt: skip
    assert sdk.account.get().time_zone == sandbox.account.time_zone


def renewed(sandbox: Sandbox, sdk: hubspot_sdk.HubSpot, **given: str) -> AccessTokenResponse:
    """The answer to a renewal; as a form, as HubSpot's documents say: the SDK's own method sends JSON."""
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "refresh_token": sandbox.account.tokens.refresh_token} | given  # fmt: skip
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return sdk.post(
        "/oauth/2026-03/token",
        cast_to=AccessTokenResponse,
        content=urlencode(form).encode(),
        options={"headers": headers},
    )


def test_a_renewed_token_fits_the_dated_schema(sandbox: Sandbox, sdk: hubspot_sdk.HubSpot) -> None:
    """The token that comes of it opens the account."""
    answer = renewed(sandbox, sdk)
    assert (answer.token_use, answer.expires_in) == ("access_token", 1_800)
    assert sandbox.ask("GET", "/account-info/2026-03/details", token=answer.access_token).status == 200


def test_a_refused_renewal_speaks_oauth_and_hubspot_s_own_words(sandbox: Sandbox, sdk: hubspot_sdk.HubSpot) -> None:
    """`error` and `error_description` beside `status` and `message`, for those who know either."""
    with pytest.raises(hubspot_sdk.BadRequestError) as caught:
        renewed(sandbox, sdk, refresh_token="of-nobody")  # it opens nothing
    told = caught.value.response.json()
    assert {name: told[name] for name in ("error", "error_description", "status", "message")} == {
        "error": "invalid_grant", "error_description": "refresh token is invalid, expired or revoked",
        "status": "BAD_REFRESH_TOKEN", "message": "refresh token is invalid, expired or revoked",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/crm/v3/objects/deals", "/crm/objects/2026-03/deals", "/crm/objects/2026-09/deals"])
def test_numbered_and_dated_paths_answer_alike(sandbox: Sandbox, path: str) -> None:
    """The sandbox serves both, so that a workspace can move from one to the other."""
    deal, _ = linked(sandbox)
    assert [each["id"] for each in sandbox.ask("GET", path).json()["results"]] == [deal]


def test_the_scopes_of_a_service_key_are_not_told(sandbox: Sandbox) -> None:
    """It may call what its scopes allow, and the endpoint of private apps does not know it."""
    key = sandbox.account.tokens.service_key
    sandbox.account.tokens.limit_scopes(("crm.objects.deals.read",))
    path = "/oauth/v2/private-apps/get/access-token-info"
    told = [sandbox.ask("POST", path, {"tokenKey": token}).status for token in (sandbox.account.token, key)]
    read = [sandbox.ask("GET", f"/crm/v3/objects/{name}", token=key).status for name in ("deals", "companies")]
    assert (told, read) == ([200, 403], [200, 403])
