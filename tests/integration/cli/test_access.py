"""What `doctor` and `sync` say of the access to HubSpot: kinds of tokens, scopes, and versions of the API that end."""

from __future__ import annotations

import json

import pytest
from tests.integration.cli.conftest import Followed
from tests.integration.databases import ON_SQLITE

from ros_sync.sandbox.hubspot.faults import Fault

READS = tuple(f"crm.objects.{name}.read" for name in ("contacts", "companies", "owners"))


def of_hubspot(followed: Followed) -> list[dict[str, object]]:
    """What doctor says of the CRM, without the rest of the installation."""
    return list(json.loads(followed.run("doctor", "--json")[1])["hubspot"])


@ON_SQLITE
@pytest.mark.parametrize(
    "answer", [None, Fault("nothing"), *(Fault("status", status=status) for status in (400, 401, 404))]
)
def test_a_service_key_lacks_nothing_that_cannot_be_known(
    connected: Followed, monkeypatch: pytest.MonkeyPatch, answer: Fault | None
) -> None:
    """However the question for its scopes is refused.

    Doctor says that it cannot know them, and finds nothing to fix.
    """
    monkeypatch.setenv("ROS_SYNC_HUBSPOT__TOKEN", connected.account.tokens.service_key)
    if answer is not None:
        connected.faults.always("access-token-info", answer)
    told = of_hubspot(connected)
    assert [each["what"] for each in told if not each["notice"]] == []
    assert str(told[0]["what"]).startswith("can't check scopes")
    assert "crm.objects.deals.read" in str(told[0]["todo"])


@ON_SQLITE
def test_what_a_call_answers_decides_for_a_service_key(connected: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream whose scope it lacks is refused with the scope's name; the others are read."""
    monkeypatch.setenv("ROS_SYNC_HUBSPOT__TOKEN", connected.account.tokens.service_key)
    connected.account.tokens.limit_scopes((*READS, "crm.schemas.deals.read"))
    _, out, err = connected.run("sync")
    assert ("crm.objects.deals.read" in out + err, "service key or app" in out + err) == (True, True)


@ON_SQLITE
def test_doctor_lists_each_end_that_the_workspace_meets(connected: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its date, and as nothing to fix.

    A part that uses a release does not meet the end of the numbered version.
    """
    code, out, _ = connected.run("doctor")
    wanted = (
        "hubspot: nothing to fix\n",
        "30 March 2027",
        "from September 2027",
        'api_version_associations = "2026-09"',
    )
    assert (code, [words for words in wanted if words not in out], "2026-03" in out) == (0, [], False)
    monkeypatch.setenv("ROS_SYNC_HUBSPOT__API_VERSION", "2026-09")
    told = " ".join(str(each["what"]) for each in of_hubspot(connected))
    assert ("30 March" in told, "version v" in told, "version 2026-09" in told, "March 2028" in told) == (
        False, False, True, True,
    )  # fmt: skip


@ON_SQLITE
def test_a_workspace_works_by_a_release_alone(connected: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync and an audit as by the numbered versions; no call but the one for scopes goes to a numbered path."""
    monkeypatch.setenv("ROS_SYNC_HUBSPOT__API_VERSION", "2026-09")
    connected.account.calls.clear()
    codes = [connected.run(*command)[0] for command in (("sync",), ("sync", "audit"))]
    numbered = {call.path for call in connected.account.calls if "/2026-09" not in call.path}
    assert (codes, numbered, len(connected.account.calls) > 5) == (
        [0, 0], {"/oauth/v2/private-apps/get/access-token-info"}, True,
    )  # fmt: skip


@ON_SQLITE
@pytest.mark.parametrize("token", ['"pat-na1-0815"', "Bearer pat-na1-0815", "pat\N{EN DASH}na1-0815", "pat-na1 0815"])
def test_what_was_copied_along_with_a_token_is_told(
    connected: Followed, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """Before any call, with the setting, and without the token."""
    monkeypatch.setenv("ROS_SYNC_HUBSPOT__TOKEN", token)
    connected.account.calls.clear()
    code, out, err = connected.run("sync")
    told = out + err
    assert (code > 0, "hubspot.token" in told, "quotation marks" in told, "0815" in told) == (True, True, True, False)
    assert list(connected.account.calls) == []
