"""`ros-sync sandbox` as a process: what it prints, that HubSpot and Slack are one world, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hubspot
import pytest
import urllib3
from tests.integration.sandbox.hubspot.conftest import Sandbox

from ros_sync import clock
from ros_sync.cli.invocation import Invocation
from ros_sync.cli.run_sandbox import run
from ros_sync.errors import RosSyncError

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


def test_a_living_company_is_at_the_present() -> None:
    """With --live the clock is this machine's, and the company has worked up to it."""
    with running("--scale", "0.05", "--limits", "none", "--search-lag", "0", "--live") as (_, told):
        client = hubspot.HubSpot(access_token=told["token"], host=told["hubspot"])
        newest = {"limit": 1, "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "DESCENDING"}]}
        (deal,) = client.crm.deals.search_api.do_search(newest).results
        behind = clock.now() - datetime.fromisoformat(told["now"])
        assert (behind < timedelta(minutes=1), clock.now() - deal.updated_at < timedelta(days=14)) == (True, True)


@pytest.mark.parametrize(
    "lag, words", [("5", "after 5 seconds, because HubSpot's search lags):"), ("0", "for `ros-sync sync` to pick up:")]
)
def test_what_is_to_be_tried_says_that_search_lags(lag: str, words: str) -> None:
    """Who runs `sync` right after the change would find nothing, and is told so where that is the case."""
    command = [*COMMAND, *FREE, "--scale", "0.05", "--search-lag", lag, "--live"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if line.startswith("Change a deal"))
        finally:
            process.kill()
    assert line.rstrip().endswith(words)


def test_an_empty_account_has_the_company_s_furniture() -> None:
    """With scale 0 there are properties and pipelines, and no records; the story cannot go on."""
    with running("--scale", "0") as (_, told):
        account = urllib3.request("GET", told["control"] + "/account").json()
        client = hubspot.HubSpot(access_token=told["token"], host=told["hubspot"])
        pipelines = [each.label for each in client.crm.pipelines.pipelines_api.get_all("deals").results]
        refused = urllib3.request("POST", told["control"] + "/clock", json={"story_to": "2026-03-09T09:00:00Z"})
        assert (sum(account["records"].values()), len(pipelines), refused.status) == (0, 2, 400)


@pytest.mark.parametrize("option", ["--port", "--slack-port"])
def test_a_taken_port_is_named(sandbox: Sandbox, option: str) -> None:
    """A port that cannot be had ends the command with its number and what to do."""
    taken = int(sandbox.url.rpartition(":")[2])
    ports = (taken, 0) if option == "--port" else (0, taken)
    with pytest.raises(RosSyncError, match=f"port {taken}: Address already in use") as caught:
        run(Invocation(), ports=ports, seed=7, scale=0, at=None, real_limits=True, search_lag=0, as_json=True)
    assert caught.value.hint == f"choose another {option}, or 0 for any free port"
