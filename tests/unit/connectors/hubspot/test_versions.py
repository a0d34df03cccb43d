from __future__ import annotations

from datetime import date

import pytest

from ros_sync.connectors.hubspot.versions import DETAILS_PATH, SCOPES_PATH, Api, Versions

DATED = Versions(dict.fromkeys(Api, "2026-09"))
# What the official client 12.0.0 asks for, and where it leads by default and with dated versions.
PATHS = [
    ("/crm/v3/objects/deals?limit=100", "/crm/v3/objects/deals?limit=100", "/crm/objects/2026-09/deals?limit=100"),
    ("/crm/v3/objects/deals/7", "/crm/v3/objects/deals/7", "/crm/objects/2026-09/deals/7"),
    ("/crm/v3/objects/notes", "/crm/v3/objects/notes", "/crm/objects/2026-09/notes"),
    ("/crm/v3/objects/0-3/batch/read?archived=true", "/crm/v3/objects/0-3/batch/read?archived=true",
     "/crm/objects/2026-09/0-3/batch/read?archived=true"),
    ("/crm/v3/objects/deals/search", "/crm/v3/objects/deals/search", "/crm/objects/2026-09/deals/search"),
    ("/crm/v4/associations/deals/contacts/batch/read", "/crm/v4/associations/deals/contacts/batch/read",
     "/crm/associations/2026-09/deals/contacts/batch/read"),
    ("/crm/v3/owners/?limit=500&after=x/y", "/crm/v3/owners/?limit=500&after=x/y",
     "/crm/owners/2026-09?limit=500&after=x/y"),
    ("/crm/v3/owners/", "/crm/v3/owners/", "/crm/owners/2026-09"),
    ("/crm/v3/pipelines/deals", "/crm/v3/pipelines/deals", "/crm/pipelines/2026-09/deals"),
    ("/crm/v3/properties/deals", "/crm/v3/properties/deals", "/crm/properties/2026-09/deals"),
    (DETAILS_PATH, "/account-info/v3/details", "/account-info/2026-09/details"),
    ("/oauth/v1/token", "/oauth/2026-03/token", "/oauth/2026-09/token"),
    (SCOPES_PATH, SCOPES_PATH, SCOPES_PATH),
    ("/crm/v3/objectsets/x", "/crm/v3/objectsets/x", "/crm/v3/objectsets/x"),
    ("/control/faults", "/control/faults", "/control/faults"),
]  # fmt: skip


@pytest.mark.parametrize("asked, numbered, dated", PATHS)
def test_each_call_leads_to_the_version_that_is_set(asked: str, numbered: str, dated: str) -> None:
    """By default where the client leads, but for renewals of tokens; with a release, to its dated path."""
    assert (Versions().path(asked), DATED.path(asked)) == (numbered, dated)


def test_each_part_has_a_version_of_its_own() -> None:
    """A search is set apart from other reads of records, though its path is theirs."""
    versions = Versions({Api.SEARCH: "2026-09", Api.TOKEN: "v1"})
    paths = ("/crm/v3/objects/deals/search", "/crm/v3/objects/deals/batch/read", "/oauth/v1/token")
    assert [versions.path(path) for path in paths] == [
        "/crm/objects/2026-09/deals/search", "/crm/v3/objects/deals/batch/read", "/oauth/v1/token",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "version, since, when",
    [
        ("v3", date(2027, 9, 1), "September 2027"),
        ("v4", date(2027, 3, 30), "30 March 2027"),
        ("2026-03", date(2027, 9, 1), "September 2027"),
        ("2026-09", date(2028, 3, 1), "March 2028"),
        ("2027-03", date(2028, 9, 1), "September 2028"),
    ],
)
def test_each_version_has_an_end(version: str, since: date, when: str) -> None:
    """Numbered ones as HubSpot announced, dated ones eighteen months after their release."""
    (end,) = Versions({Api.ASSOCIATIONS: version}).retirements({Api.ASSOCIATIONS})
    assert (end.since, end.when, end.version) == (since, when, version)


def test_renewals_at_the_numbered_path_end_first() -> None:
    """The nearest end is told first, and parts with one end together."""
    ends = Versions({Api.TOKEN: "v1"}).retirements(set(Api))
    told = [(end.version, end.when, len(end.apis)) for end in ends]
    assert told == [("v1", "16 February 2027", 1), ("v4", "30 March 2027", 1), ("v3", "September 2027", 6)]


def test_what_is_not_called_has_no_end() -> None:
    """A workspace meets the ends of what it uses alone."""
    ends = Versions().retirements({Api.OWNERS, Api.OBJECTS})
    assert [(end.version, end.apis) for end in ends] == [("v3", (Api.OBJECTS, Api.OWNERS))]
