"""What people should know of their access to HubSpot though nothing is wrong today.

`doctor` tells it, with the dates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ros_sync.connectors.hubspot.doctor import scopes_for
from ros_sync.connectors.hubspot.mapping import HubSpotMapping
from ros_sync.connectors.hubspot.tokens import SERVICE_KEYS
from ros_sync.connectors.hubspot.versions import SUGGESTED, Api, Retirement, Versions
from ros_sync.connectors.source import Problem

LEGACY_APPS_END = date(2027, 9, 1)  # HubSpot changelog, "Legacy APIs and Apps": September 2027, no day is named
_WORDS = {
    Api.OBJECTS: "reads and writes of records",
    Api.SEARCH: "searches",
    Api.ASSOCIATIONS: "associations",
    Api.OWNERS: "owners",
    Api.PIPELINES: "pipelines",
    Api.PROPERTIES: "properties",
    Api.ACCOUNT: "account details",
    Api.TOKEN: "renewals of the access token",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is known of the token: whether it is one of OAuth's, and whether HubSpot told its scopes."""

    uses_oauth: bool
    tells_scopes: bool


def notices(mapping: HubSpotMapping, versions: Versions, credentials: Credentials, today: date) -> Iterator[Problem]:
    """Scopes that cannot be known, and what HubSpot retires of what this workspace uses, the nearest end first."""
    if not credentials.tells_scopes:
        yield _unknown_scopes(mapping, credentials)
    for retirement in versions.retirements(used_apis(mapping, credentials)):
        yield _retired(retirement, today)
    if credentials.tells_scopes:
        yield _legacy_app(today)


def used_apis(mapping: HubSpotMapping, credentials: Credentials) -> set[Api]:
    """The parts of the API that are called for this connector file, by these credentials."""
    unused = set()
    if not any(stream.links for stream in mapping.streams):
        unused.add(Api.ASSOCIATIONS)
    if not credentials.uses_oauth:
        unused.add(Api.TOKEN)
    return set(Api) - unused


def _unknown_scopes(mapping: HubSpotMapping, credentials: Credentials) -> Problem:
    whose = "of an OAuth token" if credentials.uses_oauth else "of this token, as may be so for a service key"
    return Problem(
        f"can't check scopes: HubSpot doesn't report them for {whose}",
        "nothing, as long as everything is read: a call that lacks a scope names it. The connector file needs "
        + ", ".join(scopes_for(mapping)),
        notice=True,
    )


def _retired(retirement: Retirement, today: date) -> Problem:
    over = today >= retirement.since
    words = "has been unsupported since" if over else "will be unsupported from"
    users = _listed([_WORDS[api] for api in retirement.apis])
    if retirement.version.startswith("v") or retirement.version < SUGGESTED:
        key, *others = [f"hubspot.api_version_{api}" for api in retirement.apis]
        todo = f'set {key} = "{SUGGESTED}"'
        if others:
            todo = (
                f'set hubspot.api_version = "{SUGGESTED}", which is for all calls, or part by part: '
                f"{_listed([key, *others])}"
            )
    else:
        todo = "set a later release in `[hubspot]` when HubSpot has released one"
    return Problem(
        f"version {retirement.version} of HubSpot's API {words} {retirement.when}; this workspace uses it for {users}",
        todo,
        notice=True,  # also afterwards: unsupported calls may go on for long, and what fails is told by itself
    )


def _legacy_app(today: date) -> Problem:
    """HubSpot tells the scopes of an app's token, and not whether the app is a legacy one: only people know that."""
    words = "have been unsupported since" if today >= LEGACY_APPS_END else "will be unsupported from"
    return Problem(
        f"legacy private apps {words} {LEGACY_APPS_END:%B %Y}; this workspace uses the token of an app",
        f"if it was not made as a project, create a service key in HubSpot ({SERVICE_KEYS}), or a project app "
        "where you want "
        "webhooks, and set hubspot.token to its token",
        notice=True,
    )


def _listed(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
