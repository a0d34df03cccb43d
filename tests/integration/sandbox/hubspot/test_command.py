"""`ros-sync sandbox` as a process: what it prints, that HubSpot and Slack are one world, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hubspot
import pytest
import urllib3

COMMAND = (str(Path(sys.executable).parent / "ros-sync"), "sandbox")
FREE = ("--port", "0", "--slack-port", "0")


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process, and the line of JSON that it prints once it answers calls."""
    with subprocess.Popen([*COMMAND, *FREE, "--json", *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture(scope="module")
def empty() -> Iterator[dict[str, Any]]:
    """An account without a company."""
    with running("--scale", "0") as (_, told):
        yield told


def test_one_company_in_hubspot_and_slack() -> None:
    """The company's deals are in HubSpot, its people in Slack; its clock is one, and a week of its life can pass."""
    with running("--scale", "0.05", "--limits", "none") as (process, told):
        client = hubspot.HubSpot(access_token=told["token"], host=told["hubspot"])
        before = len(client.crm.deals.get_all())
        order = {"story_to": "2026-03-09T09:00:00Z"}
        moved = urllib3.request("POST", told["control"] + "/clock", json=order).json()
        assert (before > 0, moved["now"][:16]) == (True, "2026-03-09T09:00")
        owners = {owner.email for owner in client.crm.owners.get_all()}
        authorised = {"Authorization": f"Bearer {told['env']['ROS_SYNC_SLACK__TOKEN']}"}
        posted = urllib3.request(
            "GET", told["env"]["ROS_SYNC_SLACK__API_URL"] + "users.list", headers=authorised
        ).json()
        people = {user["profile"].get("email") for user in posted["members"] if not user["deleted"]}
        assert len(owners & people) > 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_an_empty_account_has_the_company_s_furniture(empty: dict[str, Any]) -> None:
    """With scale 0 there are properties and pipelines, and no records; the story cannot go on."""
    account = urllib3.request("GET", empty["control"] + "/account").json()
    client = hubspot.HubSpot(access_token=empty["token"], host=empty["hubspot"])
    pipelines = [each.label for each in client.crm.pipelines.pipelines_api.get_all("deals").results]
    refused = urllib3.request("POST", empty["control"] + "/clock", json={"story_to": "2026-03-09T09:00:00Z"})
    assert (sum(account["records"].values()), len(pipelines), refused.status) == (0, 2, 400)


@pytest.mark.parametrize("option", ["--port", "--slack-port"])
def test_a_taken_port_is_named(empty: dict[str, Any], option: str) -> None:
    """A port that cannot be had ends the command with its number and what to do."""
    taken = empty["hubspot"].rpartition(":")[2]
    call = [*COMMAND, *FREE, "--scale", "0", option, taken]
    ended = subprocess.run(call, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, f"port {taken}" in ended.stderr, f"another {option}" in ended.stderr) == (1, True, True)
