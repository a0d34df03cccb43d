"""What the commands say of a source that was not read completely for a while."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session
from tests.integration.mirror_reader import alter, mirror_of, put

from ros_sync import clock
from ros_sync.alerts.tables import Alert
from ros_sync.jobs.health import Health
from ros_sync.status.degradation import stale_in
from ros_sync.web.app import create_app
from ros_sync.web.server import WebServer

RULES = """
version: 1
rules:
  - id: no-step
    title: No next step
    applies_to: deal
    when: [is_open, next_step is missing]
    message: "{name}: no next step"
"""
WORDS = "hubspot was last fully read 3 h ago ("
TROUBLE = "HubSpot answers 503"


@pytest.fixture
def present() -> datetime:
    """The moment at which the test begins."""
    return clock.now()


@pytest.fixture
def workspace(engine: Engine, tmp_path: Path, present: datetime) -> None:
    """A rule, a deal of HubSpot's with an alert, one without, and HubSpot last read three hours ago."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "deals.yaml").write_text(RULES)
    for number in ("1", "2"):
        put(
            engine, "deal", source="hubspot", id=number, valid_from=present, name=f"Deal {number}", stage_kind="open"
        )  # fmt: skip
    complete_at = present - timedelta(hours=3, seconds=30)
    put(engine, "source_state", source="hubspot", complete_at=complete_at, trouble=TROUBLE, updated_at=present)
    with Session(engine) as session:
        session.add(
            Alert(
                rule_id="no-step",
                object="deal",
                source="hubspot",
                record_id="1",
                episode=1,
                state="open",
                severity="warn",
                since_at=present,
                opened_at=present,
                headline="Deal 1",
                text="Deal 1: no next step",
                seen=[],
            )
        )
        session.commit()


def read_now(engine: Engine, present: datetime) -> None:
    alter(engine, "source_state", complete_at=present, trouble=None)


def alerts(engine: Engine) -> int:
    return len([alert for alert in mirror_of(engine).alerts() if alert.state != "resolved"])


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("arguments", [("tick",), ("alerts", "list"), ("alerts", "why", "1")])
def test_a_stale_source_is_told_with_since_when_and_why(
    command: Callable[..., str], arguments: tuple[str, ...]
) -> None:
    """Each command that shows alerts says so."""
    printed = command(*arguments)
    assert (True, True) == (WORDS in printed, TROUBLE in printed)


@pytest.mark.usefixtures("workspace")
def test_status_has_a_section_on_sources(command: Callable[..., str]) -> None:
    """For people, and as JSON with lag, trouble and staleness."""
    printed = " ".join(command("status").split())
    (found,) = json.loads(command("status", "--json"))["sources"]
    assert (True, True) == ("stale: its alerts keep their last state" in printed, f"hubspot: {TROUBLE}" in printed)
    assert (True, TROUBLE, None, 3) == (
        found["stale"], found["trouble"], found["quota_exhausted_until"], int(found["lag_seconds"] // 3600),
    )  # fmt: skip


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    "arguments,place",
    [
        (("tick", "--json"), lambda data: data["stale"][0]),
        (("alerts", "list", "--json"), lambda data: data["stale"][0]),
        (("alerts", "why", "1", "--json"), lambda data: data["stale"]),
    ],
)
def test_the_data_name_the_stale_source(
    command: Callable[..., str], arguments: tuple[str, ...], place: Callable[[Any], dict[str, Any]]
) -> None:
    """As JSON: which one, and why."""
    data, _ = json.JSONDecoder().raw_decode(command(*arguments))  # what follows is the log
    found = place(data)
    assert ("hubspot", True) == (found["source"], found["why"].startswith(WORDS))


@pytest.mark.usefixtures("workspace")
def test_a_fresh_source_is_not_mentioned(command: Callable[..., str], engine: Engine, present: datetime) -> None:
    """Once it is read, the tick opens what it did not, and nobody speaks of it."""
    read_now(engine, present)
    ticked, listed = command("tick"), command("alerts", "list")
    assert (False, False, 2) == ("last read" in ticked, "last read" in listed, alerts(engine))


@pytest.mark.usefixtures("workspace")
def test_a_tick_ahead_of_the_clock_says_why_nothing_fired(
    command: Callable[..., str], engine: Engine, present: datetime
) -> None:
    """The source is fresh at present and cannot be at that moment: nothing opens, and the reason is the moment."""
    read_now(engine, present)
    ahead = f"{present + timedelta(days=60, hours=1):%Y-%m-%dT%H:%M}"
    printed = command("tick", "--now", ahead)
    assert (True, True, 1) == (
        "60 days before the moment of this tick, which is in the future" in printed,
        "No alerts opened or resolved: 1 alert unchanged." in printed,
        alerts(engine),
    )


@pytest.mark.usefixtures("workspace")
def test_the_threshold_is_a_setting(command: Callable[..., str], tmp_path: Path, engine: Engine) -> None:
    """With four hours allowed, three are fresh."""
    (tmp_path / "ros-sync.toml").write_text("[sync]\nstale_seconds = 14400\n")
    assert ("last read" in command("tick"), 2) == (False, alerts(engine))


@pytest.mark.usefixtures("workspace")
def test_the_readiness_page_asks_the_database(engine: Engine, present: datetime) -> None:
    """What `serve` puts behind /readyz finds the stale source, and the page stays ready."""
    app = create_app(Health({}), now=lambda: present, stale_at=stale_in(engine, 900))
    with WebServer(app, "127.0.0.1", 0) as server:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{server.url}/readyz", timeout=10) as answer:
            body = json.load(answer)
    assert (True, ["hubspot"]) == (body["ready"], [each["source"] for each in body["stale"]])
    assert TROUBLE not in json.dumps(body)
