"""What `doctor` and `status` say of an installation that does not work: nothing of it looks well."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session
from tests.integration.mirror_reader import put

from ros_sync import clock
from ros_sync.alerts.tables import RuleFailure
from ros_sync.jobs.health import JobState
from ros_sync.jobs.health_table import HealthTable
from ros_sync.jobs.run_failures import Failure
from ros_sync.mirror.database import open_engine
from ros_sync.notifiers.slack.client import SlackClient
from ros_sync.outbox import store
from ros_sync.outbox.document import Document
from ros_sync.outbox.store import Addressee
from ros_sync.sandbox.slack import SlackServer, SlackWorkspace
from ros_sync.status.degradation import degraded_in

Command = Callable[..., str]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
COMMAND = str(Path(sys.executable).with_name("ros-sync"))
PATIENCE_SECONDS = 60.0
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(params=["sqlite"])
def engine(sqlite_engine: Engine) -> Engine:
    """Give the workspace's database: what is looked at is the same in both."""
    return sqlite_engine


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    """Serve a Slack."""
    with SlackServer(SlackWorkspace(now=clock.now)) as server:
        yield server


def told(command: Command, name: str) -> list[tuple[str, bool]]:
    """The findings of `doctor` below a heading, and whether each keeps it from working."""
    return [(each["what"], each["fatal"]) for each in json.loads(command("doctor", "--json"))[name]]


def connect(monkeypatch: pytest.MonkeyPatch, slack: SlackServer, token: str) -> None:
    monkeypatch.setenv("ROS_SYNC_SLACK__TOKEN", token)
    monkeypatch.setenv("ROS_SYNC_SLACK__API_URL", slack.api_url)


def test_all_is_well(command: Command, slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is wrong, each thing that was looked at says so."""
    connect(monkeypatch, slack, slack.workspace.token)
    names = ["slack", "database", "jobs", "rules", "disk", "clock", "files"]
    assert {name: [] for name in names} == json.loads(command("doctor", "--json"))


def test_a_refused_token_is_named(command: Command, slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack is asked, and a token that it does not accept keeps messages from going out."""
    connect(monkeypatch, slack, "xoxb-wrong")
    assert [("Slack rejected the token (invalid_auth)", True)] == told(command, "slack")


def test_that_no_token_is_set_is_told(command: Command) -> None:
    """That is no reason to exit with 1, and it is not passed over: nobody gets a message in Slack."""
    (told_of,) = told(command, "slack")
    assert ("no Slack token is set" in told_of[0], "instead of going to Slack" in told_of[0], told_of[1]) == (
        True,
        True,
        False,
    )


def test_scopes_that_are_missing_are_named(
    command: Command, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each scope is told with what does not work without it."""
    app = slack.workspace.add_app("bare", ["chat:write", "im:write", "users:read", "channels:read", "channels:history"])
    connect(monkeypatch, slack, app.token)
    expected = [
        ("the Slack app lacks the scope users:read.email: people can't be found by e-mail address", True),
        (
            (
                "the Slack app lacks the scope im:history: after an unclear answer, it can't check whether a "
                "message was sent"
            ),
            False,
        ),
    ]
    assert expected == told(command, "slack")


def test_slack_that_is_away_is_named(command: Command, slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Slack that cannot be reached is a finding, and the rest is looked at all the same."""
    connect(monkeypatch, slack, "xoxb-any")
    monkeypatch.setenv("ROS_SYNC_SLACK__API_URL", "http://127.0.0.1:9/api/")
    assert ["can't reach Slack"] == [what.split(":")[0] for what, _ in told(command, "slack")]


def test_a_rule_file_that_cannot_be_used_is_named(command: Command, tmp_path: Path) -> None:
    """A broken rule file is told with its place and what to do."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "deals.yaml").write_text("version: 1\nrulse: []\n")
    found = json.loads(command("doctor", "--json"))["files"]

    place = f"{tmp_path / 'rules' / 'deals.yaml'}:2:1"
    told_of = [(each["what"].startswith(place), each["todo"], each["fatal"]) for each in found]
    assert (True, "did you mean 'rules'?", True) in told_of, found


def test_the_token_tells_its_scopes(slack: SlackServer) -> None:
    """Slack's answers carry the scopes, which the client hears."""
    scopes = SlackClient(slack.workspace.token, api_url=slack.api_url).examine().scopes
    assert scopes is not None
    assert "chat:write" in scopes


@pytest.mark.parametrize("minutes,found", [(-90, "behind"), (0, ""), (90, "ahead of")])
def test_a_clock_that_is_wrong_is_named(
    command: Command, slack: SlackServer, monkeypatch: pytest.MonkeyPatch, minutes: int, found: str
) -> None:
    """The clock is compared with that of the other side's answers."""
    connect(monkeypatch, slack, slack.workspace.token)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=minutes))
    words = "".join(what for what, _ in told(command, "clock"))
    assert (bool(found), True) == (bool(words), found in words)


def test_secrets_that_others_may_read_are_named(command: Command, engine: Engine, tmp_path: Path) -> None:
    """Each file with its mode, and how to close it; a database is one of them."""
    (tmp_path / ".env").write_text("ROS_SYNC_WEB__PORT=9000\n")
    (tmp_path / ".env").chmod(0o644)
    database = Path(str(engine.url.database))
    database.chmod(0o640)
    expected = [
        (f"{file} is readable by other users on this machine (mode {mode})", False)
        for file, mode in ((tmp_path / ".env", "644"), (database, "640"))
    ]
    assert expected == told(command, "files")


@pytest.mark.parametrize("key,found", [("signing_secret", True), ("api_url", False)])
def test_settings_that_hold_a_secret_are_a_secret_file(command: Command, tmp_path: Path, key: str, found: bool) -> None:
    """ros-sync.toml is laid out readable to everybody; where somebody writes a secret into it, that is named."""
    file = tmp_path / "ros-sync.toml"
    file.write_text(f'{file.read_text()}\n[slack]\n{key} = "https://slack.com/api/"\n')
    file.chmod(0o644)
    assert found is (f"{file} is readable by other users on this machine (mode 644)" in dict(told(command, "files")))


def test_files_that_are_not_read_for_their_names_are_named_by_whoever_looks(command: Command, tmp_path: Path) -> None:
    """`doctor`, `status` and `rules check` say so in one line each."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "organisation.yml").write_text("version: 1\n")
    (tmp_path / "rules" / "deals.yaml").write_text("version: 1\nrules: []\n")
    words = "rules/organisation.yml is ignored: rename it to organisation.yaml"
    assert [(words, False)] == told(command, "files")
    assert words in command("status").partition("Mirror")[0]
    assert [words] == [each["message"] for each in json.loads(command("rules", "check", "--json"))["warnings"]]


@pytest.mark.parametrize("days,words", [(-1, "has a modification time in the future"), (200, "are 200 days old")])
def test_ages_of_files_are_looked_at(command: Command, tmp_path: Path, days: int, words: str) -> None:
    """Secrets that nobody changed for half a year, and files that come from the future."""
    (tmp_path / ".env").touch(0o600)
    at = (clock.now() - timedelta(days=days)).timestamp()
    os.utime(tmp_path / ".env", (at, at))
    assert [True] == [words in what for what, _ in told(command, "files")]


def test_an_export_that_did_not_come_is_named(command: Command, engine: Engine) -> None:
    """Rules that go by an export of last month are no news to anybody; it is said."""
    past = clock.now() - timedelta(days=30)
    when = {"as_of": past, "started_at": past, "finished_at": past}
    put(engine, "run", source="crm", kind="import", what="deals.csv", **when)
    assert [("the newest export of crm is 30 days old, so rules are evaluated on outdated data", False)] == told(
        command, "database"
    )


def test_a_database_that_cannot_be_read_is_named(command: Command, engine: Engine) -> None:
    """A damaged file is a finding, and no traceback."""
    engine.dispose()
    Path(str(engine.url.database)).write_bytes(b"not a database " * 1000)
    assert [True] == [fatal for _, fatal in told(command, "database")]


def test_jobs_that_fail_are_named(command: Command, engine: Engine) -> None:
    """What the running process noted of its jobs is told here too."""
    failure = Failure("DiskFullError", "disk full: the database cannot be written", "disk full")
    HealthTable(engine).write(
        {"tick": JobState(timedelta(minutes=5), True, failures_in_a_row=2, failure=failure)}, clock.now()
    )
    expected = "tick has failed 2 times in a row: disk full: the database cannot be written"
    assert [(expected, False)] == told(command, "jobs")
    assert expected in command("status")


def test_a_rule_that_fails_is_named_by_whoever_looks(command: Command, engine: Engine) -> None:
    """`doctor`, `status` and `/readyz` name it, since when, and that its alerts stand still.

    `/readyz` gives no reason.
    """
    with Session(engine) as session:
        session.add(RuleFailure(rule_id="slipped", since_at=NOON, reason="it could not be evaluated: OverflowError"))
        session.commit()
    public = "rule slipped has been failing since 2026-03-02 12:00 UTC; its alerts keep their last state"
    reason = "it could not be evaluated: OverflowError"
    assert [(f"{public}: {reason}", False)] == told(command, "rules")
    assert f"slipped: {reason}" in command("status").partition("Mirror")[0]
    (failed,) = json.loads(command("status", "--json"))["failed_rules"]
    assert ("slipped", reason) == (failed["rule_id"], failed["reason"])
    assert [public] == degraded_in(engine)()


def test_a_crm_that_could_not_be_read_is_told_at_once(command: Command, engine: Engine) -> None:
    """A revoked token is seen before the CRM is stale, while its job goes well.

    `/readyz` says nothing of the CRM's words.
    """
    now, trouble = clock.now(), "HubSpot rejected the credentials: “Zelda”"
    common = {"complete_at": now, "updated_at": now}
    put(engine, "source_state", source="hubspot", trouble=trouble, **common)
    put(engine, "source_state", source="other", **common)
    public = "the last sync of hubspot was incomplete"
    assert [(f"{public}: {trouble}", False)] == told(command, "jobs")
    assert [public] == degraded_in(engine)()


def test_silence_of_serve_stands_above_everything(command: Command, engine: Engine) -> None:
    """A process that cannot write any more (a full disk) is seen by the age of what it wrote last."""
    past = clock.now() - timedelta(minutes=42)
    HealthTable(engine).write({"tick": JobState(timedelta(minutes=5), True, last_good_at=past)}, past)
    shown = command("status").partition("Mirror")[0]
    assert ("Needs attention" in shown, "hasn't reported for 42 minutes" in shown, "the disk is full" in shown) == (
        True,
    ) * 3


# ---- serve, as an operator sees it


def until(condition: Callable[[], object]) -> object:
    """Wait for a condition; what it gives."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < ends_at
        time.sleep(0.05)
    return found


@contextmanager
def serving(folder: Path, *lines: str) -> Iterator[str]:
    """`ros-sync serve` in a workspace without a CRM; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "ros-sync.toml").touch()
    (folder / ".env").write_text(
        "\n".join([f"ROS_SYNC_WEB__PORT={port}", "ROS_SYNC_SCHEDULE__DELIVER_SECONDS=1", *lines])
    )
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen([COMMAND, "-w", str(folder), "serve"], stderr=log)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def readiness(url: str) -> dict[str, object]:
    """What `/readyz` says; nothing before it answers."""
    try:
        with OPENER.open(f"{url}/readyz", timeout=5) as answer:
            found: dict[str, object] = json.loads(answer.read())
    except OSError:
        return {}
    return found


def test_a_refused_slack_token_is_seen_while_no_message_waits(tmp_path: Path, slack: SlackServer) -> None:
    """Slack is asked from the start until it is over, so that whoever looks knows before a message has to go out."""
    folder = tmp_path / "company"
    subprocess.run([COMMAND, "init", str(folder)], check=True, capture_output=True)
    settings = "ROS_SYNC_SLACK__TOKEN=xoxb-wrong", f"ROS_SYNC_SLACK__API_URL={slack.api_url}"
    with serving(folder, *settings) as url:
        until(lambda: "deliver has failed" in str(readiness(url).get("reasons")))
        until(lambda: "3 times in a row" in str(readiness(url).get("reasons")))
        shown = subprocess.run(
            [COMMAND, "-w", str(folder), "status"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "200"},
        ).stdout
    assert "Slack rejected the token (invalid_auth)" in shown.partition("Mirror")[0]


def test_a_refused_slack_token_is_seen_by_whoever_looks(tmp_path: Path, slack: SlackServer) -> None:
    """`/readyz` is degraded and says why; `status` says why the messages wait; the log warns of an open `.env`."""
    folder = tmp_path / "company"
    subprocess.run([COMMAND, "init", str(folder)], check=True, capture_output=True)
    engine = open_engine(f"sqlite:///{folder / 'ros-sync.db'}")
    with Session(engine) as session:
        for number in range(3):
            address = f"person{number}@loom.example"
            store.put(session, address, Addressee(address, email=address), Document("1 deal", "1 deal"), clock.now())
        session.commit()
    engine.dispose()
    (folder / ".env").chmod(0o644)
    (folder / "rules" / "deals.yaml.txt").touch()
    settings = "ROS_SYNC_SLACK__TOKEN=xoxb-wrong", f"ROS_SYNC_SLACK__API_URL={slack.api_url}"
    with serving(folder, *settings) as url:
        until(lambda: readiness(url).get("state") == "degraded")
        assert "deliver has failed" in str(readiness(url)["reasons"])
        shown = subprocess.run(
            [COMMAND, "-w", str(folder), "status"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "200"},
        ).stdout
    assert "3: Slack rejected the token (invalid_auth) (check slack.token in the settings)" in shown
    log = (folder / "serve.log").read_text()
    assert ("secrets_readable_by_others" in log, "file_not_read" in log, "Traceback" in log) == (True, True, False)
