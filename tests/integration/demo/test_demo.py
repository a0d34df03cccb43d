"""The demo, as a person runs it: the real command, in a process of its own, over HubSpot and over export files."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.integration.mirror_reader import mirror_of

from ros_sync.sandbox.world import WEEK_LATER, World

ROS_SYNC = Path(sys.executable).parent / "ros-sync"
RULES = ("stalled", "missing-next-step", "push-count", "not-advanced", "handoff-overdue", "mql-response-timeout")
# What the demo must not touch: nothing answers there, so a single call would fail it.
ELSEWHERE = {
    "ROS_SYNC_HUBSPOT__TOKEN": "pat-na1-a-real-one",
    "ROS_SYNC_HUBSPOT__API_URL": "https://hubspot.invalid",
    "ROS_SYNC_HUBSPOT__CLIENT_SECRET": "a-real-secret",
    "ROS_SYNC_SLACK__TOKEN": "xoxb-a-real-one",
    "ROS_SYNC_SLACK__API_URL": "https://slack.invalid/api/",
    "ROS_SYNC_DATABASE__URL": "postgresql://nobody@database.invalid/real",
    "ROS_SYNC_WEB__PUBLIC_URL": "https://web.invalid",
}


def play(folder: Path, *options: str) -> dict[str, Any]:
    """Play the demo once, in an environment that points to what it must not touch."""
    command = [str(ROS_SYNC), "demo", "--folder", str(folder), "--json", *options]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **ELSEWHERE}
    )
    assert 0 == done.returncode, done.stderr
    return dict(json.loads(done.stdout))


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """The demo makes a workspace of its own, and writes over nobody's."""
    (tmp_path / ".env").write_text("ROS_SYNC_SLACK__TOKEN=xoxb-mine")
    done = subprocess.run(
        [str(ROS_SYNC), "demo", "--folder", str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, "this folder isn't empty" in done.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


# ---- over HubSpot


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that the demo is put into."""
    return tmp_path_factory.mktemp("demo") / "workspace"


@pytest.fixture(scope="module")
def played(folder: Path) -> dict[str, Any]:
    """Play the demo over HubSpot."""
    return play(folder)


def test_the_whole_hubspot_is_read_first(played: dict[str, Any]) -> None:
    """The back-fill brings every stream, at a few calls for a thousand records."""
    backfill, streams = played["backfill"], played["streams"]
    assert (None, True) == (backfill["trouble"], backfill["calls_per_1000_records"] < 15)
    assert backfill["records"] == sum(stream["backfilled"] for stream in streams.values()) > 20_000


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_fires_and_some_of_it_is_mended_within_the_week(played: dict[str, Any], rule: str) -> None:
    """On the first Monday each rule finds something; by the second some of that is mended and some is new."""
    week = played["rules"][rule]
    assert (True, True, True) == (week["open_before"] > 0, week["fixed"] > 0, week["new"] > 0)
    forgotten = rule == "mql-response-timeout"  # one of its alerts ended with the person whom it was about
    assert week["open_after"] == week["open_before"] - week["fixed"] + week["new"] - forgotten


def test_webhooks_arrive_each_day_and_each_counts_once(played: dict[str, Any]) -> None:
    """Every request is signed and taken; what comes twice is kept once, and all of it is read."""
    webhooks = played["webhooks"]
    assert {"204": webhooks["requests"]} == webhooks["answers"]
    assert (True, 0) == (0 < webhooks["kept"] < webhooks["events"], webhooks["unread"])
    assert [False, *[True] * 5] == [day["webhooks"]["new"] > 0 for day in played["days"]]


def test_the_week_wears_the_account_and_the_mirror_follows(played: dict[str, Any]) -> None:
    """Deals are archived and merged, and a person is erased, beside what is created and changed."""
    deals, contacts = played["streams"]["deals"], played["streams"]["contacts"]
    assert (True, True) == (deals["deleted"] > 0, deals["merged"] > 0)
    assert (True, 1) == (deals["updated"] > 0 and deals["created"] > 0, contacts["erased"])


def test_what_is_typed_is_in_hubspot_and_ticked_in_slack(played: dict[str, Any]) -> None:
    """A next step by the deal's owner is written, seen at once, ends its alert, and mends the message."""
    step = played["next_step"]
    seen = ("written", "in_hubspot", "in_mirror", "alert_ended", "ticked_in_slack")
    assert [True] * 5 == [step[name] for name in seen]


def test_who_asked_to_be_forgotten_is_nowhere(played: dict[str, Any], folder: Path) -> None:
    """The demo finds the lead named nowhere, and neither does a look at every text of the database file."""
    forgotten = played["forgotten"]
    born = next(event for event in World().events(until=WEEK_LATER) if event.id == forgotten["lead"])
    with closing(sqlite3.connect(folder / "ros-sync.db")) as connection, connection:
        dump = "\n".join(connection.iterdump())
    words = [str(born.changes[name]) for name in ("name", "email")]
    assert (0, [False, False]) == (forgotten["mentions"], [word in dump for word in words])


def test_the_audit_finds_no_difference(played: dict[str, Any]) -> None:
    """After the week, mirror and HubSpot say the same of every record."""
    audit = played["audit"]
    assert (True, 0, None) == (audit["agrees"], audit["differences"], audit["trouble"])
    assert audit["compared"] > played["backfill"]["records"]


def test_everybody_is_told_and_nothing_is_left_waiting(played: dict[str, Any]) -> None:
    """Messages go out and are edited each day; only those wait whom Slack does not know."""
    days = [day["messages"] for day in played["days"]]
    assert ([True] * 6, [True] * 6) == ([day["sent"] > 0 for day in days], [day["edited"] > 0 for day in days])
    assert ([True], 0) == (["users_not_found" in reason for reason in played["undeliverable"]], played["waiting"])


def test_its_database_is_its_own(played: dict[str, Any], folder: Path) -> None:
    """Whatever the environment says, the mirror is a file of the demo's folder."""
    alive = mirror_of(folder / "ros-sync.db").count("deal", source="hubspot", deleted=False)
    assert alive > played["streams"]["deals"]["backfilled"]


def test_nothing_was_quarantined(played: dict[str, Any]) -> None:
    """The shipped connector file reads everything that the company has, awkward names included."""
    assert [0] * 6 == [day["quarantined"] for day in played["days"]]


# ---- over export files


@pytest.fixture(scope="module")
def exports_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that the demo over export files is put into."""
    return tmp_path_factory.mktemp("demo-exports") / "workspace"


@pytest.fixture(scope="module")
def imported(exports_folder: Path) -> dict[str, Any]:
    """Play the demo over export files."""
    return play(exports_folder, "--exports")


@pytest.mark.parametrize("rule", RULES)
def test_over_exports_every_rule_fires_and_some_of_it_is_mended(imported: dict[str, Any], rule: str) -> None:
    """On the first Monday each rule finds something; a week later some of that is mended and some is new."""
    first, second = (week["rules"][rule] for week in imported["weeks"])
    assert (True, True, True) == (first["open"] > 0, second["fixed"] > 0, second["new"] > 0)


def test_over_exports_messages_were_sent_and_edited_in_place(imported: dict[str, Any]) -> None:
    """Each week somebody is told something, and the second one mends messages of the first."""
    sent = [week["messages"]["sent"] > 0 for week in imported["weeks"]]
    assert ([True, True], True) == (sent, imported["weeks"][1]["messages"]["edited"] > 0)


def test_over_exports_who_is_not_in_slack_is_counted_and_kept(imported: dict[str, Any]) -> None:
    """The one seller who never joined Slack is named by the reason, and her messages are still there."""
    assert ["users_not_found" in reason for reason in imported["undeliverable"]] == [True]
    assert sum(imported["undeliverable"].values()) > 0


def test_over_exports_nothing_is_left_waiting_or_quarantined(imported: dict[str, Any]) -> None:
    """Every message has reached its place, and the shipped mapping reads everything that the world writes."""
    assert (0, [0, 0]) == (imported["waiting"], [week["quarantined"] for week in imported["weeks"]])


def test_over_exports_its_database_is_its_own(imported: dict[str, Any], exports_folder: Path) -> None:
    """Whatever the environment says, the mirror is a file of the demo's folder."""
    assert len(imported["weeks"]) == 2
    sources = list(mirror_of(exports_folder / "ros-sync.db").values("deal", "source"))
    assert len(sources) - sources.count("hubspot") > 2_000
