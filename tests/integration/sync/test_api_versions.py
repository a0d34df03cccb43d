"""Which version of HubSpot's API each call uses, seen by the account that is called."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.integration.sync.conftest import Followed

from ros_sync.connectors.hubspot.call_limits import limits_of
from ros_sync.connectors.hubspot.client import HubSpotClient
from ros_sync.connectors.hubspot.renewal import refresh
from ros_sync.connectors.hubspot.tokens import PrivateAppToken
from ros_sync.connectors.hubspot.versions import Api, Versions
from ros_sync.connectors.pace import MemoryPace
from ros_sync.errors import AuthExpiredError
from ros_sync.sandbox.hubspot.tokens import CLIENT_ID, CLIENT_SECRET

NUMBERED = {
    "list": "/crm/v3/objects/deals", "read": "/crm/v3/objects/deals/{id}",
    "batch_read": "/crm/v3/objects/deals/batch/read",
    "write": "/crm/v3/objects/deals/{id}", "create": "/crm/v3/objects/deals", "search": "/crm/v3/objects/deals/search",
    "associations": "/crm/v4/associations/deals/companies/batch/read", "owners": "/crm/v3/owners/",
    "pipelines": "/crm/v3/pipelines/deals", "properties": "/crm/v3/properties/deals",
    "define": "/crm/v3/properties/deals", "account": "/account-info/v3/details", "token": "/oauth/2026-03/token",
}  # fmt: skip
DATED = {
    "list": "/crm/objects/2026-09/deals", "read": "/crm/objects/2026-09/deals/{id}",
    "batch_read": "/crm/objects/2026-09/deals/batch/read", "write": "/crm/objects/2026-09/deals/{id}",
    "create": "/crm/objects/2026-09/deals", "search": "/crm/objects/2026-09/deals/search",
    "associations": "/crm/associations/2026-09/deals/companies/batch/read", "owners": "/crm/owners/2026-09",
    "pipelines": "/crm/pipelines/2026-09/deals", "properties": "/crm/properties/2026-09/deals",
    "define": "/crm/properties/2026-09/deals", "account": "/account-info/2026-09/details",
    "token": "/oauth/2026-09/token",
}  # fmt: skip
# The calls of each part, where its name is not the only one's.
PARTS = {Api.OBJECTS: ("list", "read", "batch_read", "write", "create"), Api.PROPERTIES: ("properties", "define")}


def client_of(hubspot: Followed, versions: Versions, token: str = "") -> HubSpotClient:
    """A client of the account, without limits."""
    return HubSpotClient(
        PrivateAppToken(token or hubspot.account.token),
        MemoryPace(limits_of(None, None), monotonic=hubspot.monotonic, sleep=hubspot.sleep),
        now=hubspot.clock, sleep=hubspot.sleep, api_url=hubspot.url, versions=versions,
    )  # fmt: skip


def called(hubspot: Followed, versions: Versions) -> dict[str, str]:
    """The path of each call that the connector makes; every one has to succeed."""
    client = client_of(hubspot, versions)
    deal = hubspot.account.create("deals", {"dealname": "Looms", "pipeline": "default", "dealstage": "discovery"})
    company = hubspot.account.create("companies", {"name": "Mill"})
    hubspot.account.associate("deals", deal, "companies", company)
    query = {"filterGroups": [], "sorts": ["hs_object_id"], "properties": ["dealname"], "limit": 10}
    renewed = hubspot.account.tokens.refresh_token
    acts: dict[str, Callable[[], object]] = {
        "list": lambda: client.list_page("deals", limit=10, properties=["dealname"]),
        "read": lambda: client.read_one("deals", deal, ["dealname"]),
        "batch_read": lambda: client.batch_read("deals", [deal], ["dealname"]),
        "write": lambda: client.update("deals", deal, {"dealname": "Big looms"}),
        "create": lambda: client.create("deals", {"properties": {"dealname": "More looms"}}),
        "search": lambda: client.search("deals", query),
        "associations": lambda: client.associations("deals", "companies", [{"id": deal}]),
        "owners": lambda: client.owners(archived=False),
        "pipelines": lambda: client.pipelines("deals"),
        "properties": lambda: client.properties("deals"),
        "define": lambda: client.create_property("deals", {
            "name": f"own_{deal}", "label": "Own", "type": "string", "fieldType": "text",
            "groupName": "dealinformation"}),
        "account": client.details,
        "token": lambda: refresh(hubspot.url, CLIENT_ID, CLIENT_SECRET, renewed, versions=versions),
    }  # fmt: skip
    paths = {}
    for name, act in acts.items():
        hubspot.account.calls.clear()
        act()
        (call,) = hubspot.account.calls
        assert (call.status < 300, name) == (True, name)
        paths[name] = call.path.replace(deal, "{id}")
    return paths


def test_by_default_the_client_s_versions_are_used(hubspot: Followed) -> None:
    """Version 4 for associations, 3 for everything else, but for renewals, whose numbered path ends first."""
    assert called(hubspot, Versions()) == NUMBERED


def test_every_call_can_use_a_release(hubspot: Followed) -> None:
    """With one release for all, none is left at a numbered path."""
    assert called(hubspot, Versions(dict.fromkeys(Api, "2026-09"))) == DATED


@pytest.mark.parametrize("api", [Api.SEARCH, Api.ASSOCIATIONS, Api.OBJECTS, Api.PROPERTIES])
def test_each_part_can_use_a_release_by_itself(hubspot: Followed, api: Api) -> None:
    """Its calls go to the dated paths, and all others stay."""
    names = PARTS.get(api, (str(api),))
    assert called(hubspot, Versions({api: "2026-09"})) == NUMBERED | {name: DATED[name] for name in names}


@pytest.mark.parametrize("version", ["v1", "2026-03"])
@pytest.mark.parametrize(
    "client_id, secret, token, words",
    [
        (
            CLIENT_ID,
            CLIENT_SECRET,
            "refresh-of-nobody",
            "refresh token: “refresh token is invalid, expired or revoked”",
        ),
        (CLIENT_ID, "a-wrong-secret", None, "client ID and secret: “missing or invalid client secret”"),
        ("another-client", CLIENT_SECRET, None, "client ID and secret: “missing or unknown client id”"),
    ],
)
def test_a_refused_renewal_is_told_by_its_reason(
    hubspot: Followed, version: str, client_id: str, secret: str, token: str | None, words: str
) -> None:
    """At both paths alike: which of the credentials is refused, and none of them is in the error."""
    given = token or hubspot.account.tokens.refresh_token
    with pytest.raises(AuthExpiredError) as caught:
        refresh(hubspot.url, client_id, secret, given, versions=Versions({Api.TOKEN: version}))
    told = f"{caught.value} {caught.value.hint}"
    assert (words in told, secret in told, given in told) == (True, False, False)


@pytest.mark.parametrize("token", ['"pat-quoted"', "Bearer pat-na1", "pat,na1"])
def test_a_token_of_the_wrong_format_costs_one_call(hubspot: Followed, token: str) -> None:
    """530 is not tried again, and says what is wrong with the token without saying the token."""
    client = client_of(hubspot, Versions(), token)
    with pytest.raises(AuthExpiredError, match="this isn't a valid token format") as caught:
        client.details()
    assert ([call.status for call in hubspot.account.calls], token in str(caught.value)) == ([530], False)
