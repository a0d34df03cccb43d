"""Which version of HubSpot's API each call uses, where it then leads, and until when HubSpot supports it.

The official client (hubspot-api-client 12.0.0) knows the numbered versions alone. A path of a numbered version is
turned into a dated one on its way out (`Versions.path`): `/crm/v3/objects/deals` becomes `/crm/objects/2026-03/deals`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Api(StrEnum):
    """A part of HubSpot's API that has a version of its own; the settings call it so."""

    OBJECTS = "objects"
    SEARCH = "search"
    ASSOCIATIONS = "associations"
    OWNERS = "owners"
    PIPELINES = "pipelines"
    PROPERTIES = "properties"
    ACCOUNT = "account"
    TOKEN = "token"  # noqa: S105  # a word of the settings


# The versions by default: those of the official client. Access tokens are renewed at the dated path, as the numbered
# one ends first (HubSpot changelog, "v1 OAuth API Deprecation").
DEFAULTS: Mapping[Api, str] = {
    **dict.fromkeys(Api, "v3"),
    Api.ASSOCIATIONS: "v4",
    Api.TOKEN: "2026-03",
}
# Paths that the official client has no method for.
DETAILS_PATH = "/account-info/v3/details"
# No dated path asks what a private app's token may do; the answer is done without where it does not come.
SCOPES_PATH = "/oauth/v2/private-apps/get/access-token-info"

SUGGESTED = "2026-09"  # the release to go to: HubSpot, "Legacy API migration guide"
SUPPORTED_MONTHS = 18  # HubSpot, "API versioning": each dated version, from its release in March or September
_OAUTH_V1_ENDS = date(2027, 2, 16)  # HubSpot changelog, "v1 OAuth API Deprecation"
_V4_ENDS = date(2027, 3, 30)  # HubSpot changelog, "Deprecating support for HubSpot v4 APIs"
_NUMBERED_END = date(
    2027, 9, 1
)  # HubSpot changelog, "Legacy APIs and Apps": v1 to v3 in September 2027, no day is named
_IN_CRM = frozenset((Api.OBJECTS, Api.ASSOCIATIONS, Api.OWNERS, Api.PIPELINES, Api.PROPERTIES))
_CRM_PATH = re.compile(rf"/crm/v\d+/({'|'.join(sorted(_IN_CRM))})(?=[/?]|$)(.*)")
_ACCOUNT_PATH = re.compile(r"/account-info/v\d+/(.*)")
_TOKEN_PATH = re.compile(r"/oauth/v1/token(.*)")
_MONTHS_IN_YEAR = 12


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of what some calls of a workspace use.

    `since` is the first day of it, `exact` whether that day is known.
    """

    version: str
    apis: tuple[Api, ...]
    since: date
    exact: bool

    @property
    def when(self) -> str:
        """The moment in words: a day, or a month where HubSpot names no day."""
        month = f"{self.since:%B %Y}"
        return f"{self.since.day} {month}" if self.exact else month


@dataclass(frozen=True, slots=True)
class Versions:
    """The version of each part of the API; `chosen` are those that the settings name."""

    chosen: Mapping[Api, str] = field(default_factory=dict)

    def of(self, api: Api) -> str:
        """The version that the calls of this part use."""
        return self.chosen.get(api) or DEFAULTS[api]

    def path(self, path: str) -> str:
        """Where a call leads that the official client, or one of the paths above, would send to `path`."""
        if found := _CRM_PATH.fullmatch(path):
            part, rest = found.groups()
            is_search = part == Api.OBJECTS and rest.partition("?")[0].endswith("/search")
            version = self.of(Api.SEARCH if is_search else Api(part))
            if _is_numbered(version):
                return f"/crm/{version}/{part}{rest}"
            # `/crm/v3/owners/?…` has a slash at its end, the dated paths have none.
            return f"/crm/{part}/{version}{re.sub(r'^/(?=[?]|$)', '', rest)}"
        if found := _ACCOUNT_PATH.fullmatch(path):
            return f"/account-info/{self.of(Api.ACCOUNT)}/{found[1]}"
        if found := _TOKEN_PATH.fullmatch(path):
            return f"/oauth/{self.of(Api.TOKEN)}/token{found[1]}"
        return path

    def retirements(self, used: Collection[Api]) -> list[Retirement]:
        """Each end that the calls of these parts will meet, the nearest first."""
        by_version: dict[tuple[date, bool, str], list[Api]] = {}
        for api in Api:
            if api in used:
                version = self.of(api)
                by_version.setdefault((*_end_of(api, version), version), []).append(api)
        return [
            Retirement(version, tuple(apis), since, exact)
            for (since, exact, version), apis in sorted(by_version.items())
        ]


def _end_of(api: Api, version: str) -> tuple[date, bool]:
    """The first day without support, and whether HubSpot named it to the day."""
    if api is Api.TOKEN and _is_numbered(version):
        return _OAUTH_V1_ENDS, True
    if version == "v4":
        return _V4_ENDS, True
    if _is_numbered(version):
        return _NUMBERED_END, False
    year, month = map(int, version.split("-"))
    years, months = divmod(month - 1 + SUPPORTED_MONTHS, _MONTHS_IN_YEAR)
    return date(year + years, months + 1, 1), False


def _is_numbered(version: str) -> bool:
    return version.startswith("v")
