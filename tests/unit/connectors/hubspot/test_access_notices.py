"""What people should know of their access to HubSpot though nothing is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ros_sync.connectors.hubspot.access_notices import Credentials, notices
from ros_sync.connectors.hubspot.mapping_file import load_hubspot
from ros_sync.connectors.hubspot.versions import Api, Versions
from ros_sync.mirror.catalogue import objects

OBJECTS = {name: each.settable for name, each in objects().items()}
TODAY = date(2026, 11, 30)
APP = Credentials(uses_oauth=False, tells_scopes=True)
KEY = Credentials(uses_oauth=False, tells_scopes=False)
OAUTH = Credentials(uses_oauth=True, tells_scopes=False)
FILE = """\
version: 1
crm: hubspot
source: hubspot
objects:
  - stream: deals
    object: deal
    fields: {name: dealname}
"""
LINKED = FILE + "    links: [companies]\n"
RELEASED = Versions(dict.fromkeys(Api, "2026-09"))


def told(
    path: Path, credentials: Credentials, versions: Versions | None = None, *, file: str = LINKED, today: date = TODAY
) -> list[str]:
    """The notices, without what to do."""
    (path / "hubspot.yaml").write_text(file)
    mapping = load_hubspot(path / "hubspot.yaml", OBJECTS)
    found = list(notices(mapping, versions or Versions(), credentials, today))
    assert [each.what for each in found if not each.notice or each.fatal or not each.todo] == []
    return [each.what for each in found]


def test_the_ends_of_what_is_used_are_told_with_their_dates(tmp_path: Path) -> None:
    """Associations in March 2027, everything else in September; renewals are not among what a service key needs."""
    unknown, *ends = told(tmp_path, KEY)
    assert unknown.startswith("can't check scopes")
    assert ends == [
        "version v4 of HubSpot's API will be unsupported from 30 March 2027; this workspace uses it for associations",
        (
            "version v3 of HubSpot's API will be unsupported from September 2027; this workspace uses it for "
            "reads and writes "
            "of records, searches, owners, pipelines, properties and account details"
        ),
    ]


@pytest.mark.parametrize(
    "credentials, versions, file, words, absent",
    [
        (KEY, Versions(), FILE, ["version v3"], ["v4", "legacy", "2026-03", "v1"]),
        (KEY, RELEASED, LINKED, ["version 2026-09", "March 2028"], ["v3", "v4", "2027", "legacy"]),
        (OAUTH, Versions(), LINKED, ["v3", "v4", "version 2026-03", "renewals"], ["v1 ", "legacy"]),
        (OAUTH, Versions({Api.TOKEN: "v1"}), LINKED, ["version v1", "16 February 2027"], ["2026-03"]),
        (APP, Versions({Api.TOKEN: "v1"}), LINKED, ["legacy private apps"], ["v1 ", "can't check scopes"]),
        (APP, Versions({Api.ASSOCIATIONS: "2026-09"}), LINKED, ["version v3", "March 2028"], ["v4", "30 March"]),
    ],
)  # fmt: skip
def test_only_ends_that_the_workspace_meets_are_told(
    tmp_path: Path, credentials: Credentials, versions: Versions, file: str, words: list[str], absent: list[str]
) -> None:
    """Neither those of calls that it does not make, nor those of versions that it does not use."""
    text = "\n".join(told(tmp_path, credentials, versions, file=file))
    assert ([word for word in words if word not in text], [word for word in absent if word in text]) == ([], [])


def test_an_end_that_is_over_is_told_as_such(tmp_path: Path) -> None:
    """From the day itself on; the day before, it is to come."""
    before, after = (told(tmp_path, KEY, today=day)[1] for day in (date(2027, 3, 29), date(2027, 3, 30)))
    assert ("will be unsupported from 30 March" in before, "has been unsupported since 30 March" in after) == (
        True,
        True,
    )


@pytest.mark.parametrize("credentials, whose", [(KEY, "a service key"), (OAUTH, "OAuth token")])
def test_scopes_that_cannot_be_known_are_said_to_be_unknown(
    tmp_path: Path, credentials: Credentials, whose: str
) -> None:
    """Nothing is said to be missing, and whose scopes they are is named."""
    unknown, *_ = told(tmp_path, credentials)
    assert (whose in unknown, "lack" in unknown) == (True, False)
