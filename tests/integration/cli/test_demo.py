"""The demo, as a person runs it: the real command, in a process of its own."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROS_SYNC = Path(sys.executable).parent / "ros-sync"
FIVE = ("stalled", "missing-next-step", "push-count", "not-advanced", "handoff-overdue", "mql-response-timeout")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that the demo is put into."""
    return tmp_path_factory.mktemp("demo") / "workspace"


@pytest.fixture(scope="module")
def played(folder: Path) -> dict[str, Any]:
    """Play the demo once, in an environment that points to a Slack and a database it must not touch."""
    elsewhere = {
        "ROS_SYNC_SLACK__TOKEN": "xoxb-a-real-one",
        "ROS_SYNC_SLACK__API_URL": "https://slack.invalid/api/",
        "ROS_SYNC_DATABASE__URL": "postgresql://nobody@database.invalid/real",
    }
    command = [str(ROS_SYNC), "demo", "--folder", str(folder), "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **elsewhere}
    )
    assert 0 == done.returncode, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("rule", FIVE)
def test_every_rule_fires_and_some_of_it_is_mended_within_the_week(played: dict[str, Any], rule: str) -> None:
    """On the first Monday each rule finds something; a week later some of that is mended and some is new."""
    first, second = (week["rules"][rule] for week in played["weeks"])
    assert (True, True, True) == (first["open"] > 0, second["mended"] > 0, second["new"] > 0)


def test_messages_were_sent_and_edited_in_place(played: dict[str, Any]) -> None:
    """Each week somebody is told something, and the second one mends messages of the first."""
    sent = [week["messages"]["sent"] > 0 for week in played["weeks"]]
    assert ([True, True], True) == (sent, played["weeks"][1]["messages"]["edited"] > 0)


def test_who_is_not_in_slack_is_counted_and_kept(played: dict[str, Any]) -> None:
    """The one seller who never joined Slack is named by the reason, and her messages are still there."""
    assert ["users_not_found" in reason for reason in played["undeliverable"]] == [True]
    assert sum(played["undeliverable"].values()) > 0


def test_nothing_is_left_waiting(played: dict[str, Any]) -> None:
    """Every message and every edit has reached its place, but for those that reach nobody."""
    assert 0 == played["waiting"]


def test_nothing_was_set_aside(played: dict[str, Any]) -> None:
    """The shipped mapping reads everything that the world writes, awkward names included."""
    assert [0, 0] == [week["set_aside"] for week in played["weeks"]]


def test_its_database_is_its_own(played: dict[str, Any], folder: Path) -> None:
    """Whatever the environment says, the mirror is a file of the demo's folder."""
    with sqlite3.connect(folder / "ros-sync.db") as connection:
        (deals,) = connection.execute("SELECT count(*) FROM deal").fetchone()
    assert deals > 2_000
