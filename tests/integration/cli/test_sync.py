"""`ros-sync sync`, `sync write`, `doctor` and `serve` in a workspace that follows a HubSpot on loopback."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from tests.integration.cli.conftest import Followed
from tests.integration.databases import ON_SQLITE
from tests.integration.mirror_reader import Mirror, mirror_of
from tests.unit.cli.loading import ELSEWHERE, IMPORTS, loaded

from ros_sync import clock
from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer
from ros_sync.sandbox.hubspot.company import define
from ros_sync.sandbox.hubspot.faults import Fault, Faults
from ros_sync.sandbox.hubspot.tokens import SCOPES
from ros_sync.sandbox.hubspot.webhooks import WebhookSender
from ros_sync.sandbox.slack import SlackServer, SlackWorkspace
from ros_sync.sandbox.world import COMPANY

SHIPPED = Path(__file__).parents[3] / "connectors/hubspot.yaml"
COMMAND = str(Path(sys.executable).parent / "ros-sync")
SECRET = "a-secret-of-the-app"
PATIENCE_SECONDS = 60.0


def test_the_summary_says_what_was_done(followed: Followed) -> None:
    """Records by stream, calls, share of the limit, up to when everything is here; as JSON the same."""
    followed.account.update("deals", followed.deals[0], {"amount": "9"})
    code, out, _ = followed.run("sync", "--source", "hubspot")
    wanted = ("deals", "calls in", "of what the rate limit allows", "Up to date as of",
              "as far as the CRM's search shows it",
              "The next poll starts there", "The durable watermark is")  # fmt: skip
    assert (code, [words for words in wanted if words not in out]) == (0, [])
    _, told, _ = followed.run("sync", "--json")
    (report,) = json.loads(told)
    names = ("source", "calls", "complete_at", "lag_seconds", "rate_limit_used_share", "streams")
    assert [name for name in names if report.get(name) is None] == []


def test_a_sync_loads_what_asks_the_crm_and_the_mirror(followed: Followed, engine: Engine) -> None:
    """Where nothing changed: no ORM, no migrations, no rules, no Slack, no scheduler, no web, no bars."""
    code, _, _ = followed.run("sync")
    run = loaded("sync")
    driver = {"psycopg", "psycopg_binary"} if engine.dialect.name == "postgresql" else set()
    elsewhere = ELSEWHERE - {"sqlalchemy.dialects.postgresql"} if driver else ELSEWHERE
    client = {"dateutil", "hubspot", "six", "tenacity", "urllib3"}
    assert (0, set(), set()) == (code or run.code, run.tops - IMPORTS - client - driver, elsewhere & run.modules)


def test_refused_credentials_are_told_with_what_to_do(connected: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 and the setting that is wrong; neither the token nor a traceback."""
    monkeypatch.setenv("ROS_SYNC_HUBSPOT__TOKEN", "pat-wrong-0815")
    code, out, err = connected.run("sync")
    assert (code, "rejected the credentials" in out, "hubspot.token" in out) == (1, True, True)
    assert "0815" not in out + err
    assert "aside" not in out, "no table where nothing was read"


def test_a_parked_source_says_until_when(followed: Followed) -> None:
    """The day's limit is told in words, with the moment at which `serve` goes on by itself; exit code 1."""
    followed.faults.next("search", Fault("daily_limit"))
    code, out, _ = followed.run("sync")
    again, told, _ = followed.run("sync")
    assert (code, "Paused until" in out, "`ros-sync serve` resumes automatically" in out) == (1, True, True)
    assert (again, "Paused until" in told, "0 calls" in told) == (1, True, True)


@ON_SQLITE
def test_each_stream_that_failed_is_told_and_no_moment_that_is_not_there(
    connected: Followed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first sync that broke off says so; it claims no moment up to which everything is here, and no watermark."""
    monkeypatch.setenv("ROS_SYNC_DATABASE__URL", f"sqlite:///{tmp_path / 'other.db'}")
    connected.faults.next("list", Fault("status", status=403), times=2)
    code, out, _ = connected.run("sync")
    failed = [line.split(":")[0] for line in out.splitlines() if "HubSpot doesn't allow this" in line]
    wanted = ("The first full read isn't complete yet", "with the back-fill if it isn't finished")
    assert (code, len(set(failed)), [words for words in wanted if words not in out]) == (1, 2, [])
    assert ("Up to date as of" in out, "starts there" in out, "durable watermark" in out) == (False, False, False)


@ON_SQLITE
def test_an_audit_that_cannot_begin_tells_the_reason_alone(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """No empty table and no zero records before it."""
    monkeypatch.setenv("ROS_SYNC_HUBSPOT__TOKEN", "pat-wrong-0815")
    code, out, _ = followed.run("sync", "audit")
    assert (code, len(out.splitlines()), out.startswith("The audit did not finish")) == (1, 1, True)


@ON_SQLITE
def test_an_unknown_source_is_told_with_the_known_ones(connected: Followed) -> None:
    """A mistyped name is answered with what was probably meant."""
    code, _, err = connected.run("sync", "--source", "hubsport")
    assert (code, "did you mean 'hubspot'?" in err) == (1, True)


@ON_SQLITE
def test_the_doctor_finds_nothing_in_an_account_that_fits(connected: Followed) -> None:
    """The shipped connector file and the sandbox's company fit."""
    code, out, _ = connected.run("doctor")
    assert (code, out.splitlines()[0]) == (0, "hubspot: nothing to fix")


@ON_SQLITE
def test_the_doctor_tells_of_scopes_and_looks_at_the_rest(connected: Followed) -> None:
    """A part of the account that the token may not see hides no other one; exit code 1, as deals cannot be read."""
    given = (
        "crm.objects.owners.read",
        "crm.objects.contacts.read",
        "crm.schemas.contacts.read",
        "crm.objects.companies.read",
    )
    connected.account.tokens.limit_scopes(given)
    connected.account.hide_property("contacts", "mql_rejected_at")
    code, out, _ = connected.run("doctor")
    wanted = ("missing the scope crm.objects.deals.read", "Service keys", "no property 'mql_rejected_at'")
    assert (code, [words for words in wanted if words not in out]) == (1, [])


@ON_SQLITE
@pytest.mark.parametrize("hidden", [False, True])
def test_the_doctor_refuses_a_cursor_property_that_is_not_there(connected: Followed, hidden: bool) -> None:
    """Told once with the property that HubSpot has, and exit code 1: what changes could not be asked for."""
    file = Path("connectors/hubspot.yaml")
    if hidden:
        connected.account.hide_property("contacts", "lastmodifieddate")
    else:
        file.write_text(file.read_text().replace("modified: lastmodifieddate", "modified: hs_lastmodifieddate"))
    code, out, _ = connected.run("doctor")
    todo = (
        "give the service key or app access to it in HubSpot"
        if hidden
        else "write `modified: lastmodifieddate` in the connector file"
    )
    assert (code, out.count("with the modification time"), todo in out) == (1, 1, True)
    assert out.startswith("hubspot: 1 thing to fix")


@ON_SQLITE
def test_the_doctor_says_once_that_another_server_answers(connected: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where something else listens is one thing to mend, with the setting."""
    with SlackServer(SlackWorkspace(COMPANY, now=clock.now)) as server:
        monkeypatch.setenv("ROS_SYNC_HUBSPOT__API_URL", server.url)
        code, out, _ = connected.run("doctor")
    assert (code, out.count("doesn't respond like HubSpot"), "hubspot.api_url" in out) == (1, 1, True)
    assert out.startswith("hubspot: 1 thing to fix")


@ON_SQLITE
def test_the_doctor_does_not_wait_for_what_does_not_answer(connected: Followed) -> None:
    """Somebody waits for it: after two calls for each of two parts of the account, all of it is said to be away."""
    connected.account.calls.clear()
    connected.faults.always("/", Fault("status"))
    code, out, _ = connected.run("doctor")
    assert (code, "HubSpot answered 503" in out, len(connected.account.calls)) == (1, True, 4)


@ON_SQLITE
def test_the_doctor_says_what_to_do_where_nothing_answers(connected: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection names the address and the setting."""
    monkeypatch.setenv("ROS_SYNC_HUBSPOT__API_URL", "http://127.0.0.1:9")
    code, out, _ = connected.run("doctor")
    wanted = ("http://127.0.0.1:9", "nothing answers there (Connection refused)", "hubspot.api_url")
    assert (code, [words for words in wanted if words not in out]) == (1, [])


def test_the_doctor_tells_of_properties_values_and_stages(followed: Followed) -> None:
    """What is hidden, gone, of another type or not mapped is named with what to do; records are read all the same."""
    account = followed.account
    account.hide_property("deals", "next_step_date")
    account.remove_property("deals", "champion")
    account.define_property("deals", "closing_plan", "datetime")
    stages = [
        (each.id, each.label, each.display_order, each.metadata)
        for each in account.pipelines["deals"]["default"].stages
    ]
    account.add_pipeline("deals", "default", "Sales", [*stages[1:], ("legal", "Legal", 9, {"isClosed": "false"})])
    code, out, _ = followed.run("doctor")
    wanted = ("no property 'next_step_date'", "no property 'champion'", "closing_plan holds datetime",
              "'Legal' of 'Sales' is neither early, mid nor late", "no stage 'Qualification'")  # fmt: skip
    assert (code, [words for words in wanted if words not in out]) == (0, [])
    assert "did you mean 'hs_next_step'?" not in out, "it is mapped already"


def test_a_next_step_is_written_from_the_command_line(followed: Followed) -> None:
    """The owner may; HubSpot has it, a note says who asked, and a colleague is refused in words."""
    followed.account.add_owner("7", "ada@loom.example", "Ada", "Weaver")
    followed.account.update("deals", followed.deals[0], {"hubspot_owner_id": "7"})
    followed.run("sync")
    step = ("sync", "write", "deal", followed.deals[0], "next_step=Call Jane", "amount=12.50", "--by")
    assert followed.run(*step, "ada@loom.example")[:2] == (0, "done: written\n")
    held = followed.account.snapshot("deals")[followed.deals[0]]
    assert (held["hs_next_step"], held["amount"]) == ("Call Jane", "12.50")
    code, _, err = followed.run(*step, "eve@loom.example")
    wanted = ("isn't allowed to change this", "under `people:` in rules/organisation.yaml")
    assert (code, [words for words in wanted if words not in err]) == (1, [])


def test_a_change_that_waits_is_seen_and_made_by_the_next_sync(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HubSpot refuses the token for a while: `status` says that a change waits, `sync` makes it and says so."""
    followed.account.add_owner("7", "ada@loom.example", "Ada", "Weaver")
    followed.account.update("deals", followed.deals[0], {"hubspot_owner_id": "7"})
    followed.run("sync")
    with monkeypatch.context() as patched:
        patched.setenv("ROS_SYNC_HUBSPOT__TOKEN", "pat-another")
        code, out, _ = followed.run(
            "sync", "write", "deal", followed.deals[0], "next_step=Call", "--by", "ada@loom.example"
        )
        assert (code, out.startswith("open:")) == (1, True)
    assert "1 change is waiting to be written to hubspot" in followed.run("status")[1]
    code, out, _ = followed.run("sync")
    assert (code, "hubspot, change 1: done: written" in out) == (0, True)
    assert followed.account.snapshot("deals")[followed.deals[0]]["hs_next_step"] == "Call"
    assert "to be written" not in followed.run("status")[1]


@ON_SQLITE
def test_a_note_that_is_not_allowed_is_said_with_its_scope(followed: Followed) -> None:
    """What was written is not called refused, and both the command and doctor name what the app lacks."""
    followed.account.add_owner("7", "ada@loom.example", "Ada", "Weaver")
    followed.account.update("deals", followed.deals[0], {"hubspot_owner_id": "7"})
    followed.run("sync")
    scope = "crm.objects.contacts.write"
    followed.account.tokens.limit_scopes(tuple(each for each in SCOPES if each != scope))
    code, out, _ = followed.run(
        "sync", "write", "deal", followed.deals[0], "next_step=Call Jane", "--by", "ada@loom.example"
    )
    assert (0, "Call Jane") == (code, followed.account.snapshot("deals")[followed.deals[0]]["hs_next_step"])
    assert out.startswith("done: written, but the note about who asked couldn't be added: ")
    assert f"(give the service key or app the scopes {scope})" in out
    assert f"the token is missing the scope {scope}" in followed.run("doctor")[1]


@ON_SQLITE
@pytest.mark.parametrize(
    "change, words",
    [
        ("nextstep=x", "did you mean 'next_step'?"),
        ("next_step", "use field=value"),
        ("amount=much", "is not a number"),
        ("close_date=soon", "close_date is of type date"),
        ("name=x", "can't be written back"),
        ("amount=12,500", "is not a number"),
    ],
)
def test_what_cannot_be_written_is_said(connected: Followed, change: str, words: str) -> None:
    """A mistyped field, a value of another kind, a field that can't be written back: exit code 1 and what to do."""
    code, _, err = connected.run("sync", "write", "deal", connected.deals[0], change, "--by", "ada@loom.example")
    assert (code, words in err) == (1, True), err


@ON_SQLITE
def test_amounts_are_written_as_people_say_them(followed: Followed) -> None:
    """20k is twenty thousand, as in rule files, and the record may be named as alerts name it."""
    followed.account.add_owner("7", "ada@loom.example", "Ada", "Weaver")
    followed.account.update("deals", followed.deals[0], {"hubspot_owner_id": "7"})
    followed.run("sync")
    record = f"hubspot:{followed.deals[0]}"
    done = followed.run("sync", "write", "deal", record, "amount=20k", "--by", "ada@loom.example")
    assert (done[0], followed.account.snapshot("deals")[followed.deals[0]]["amount"]) == (0, "20000.00")


@ON_SQLITE
def test_an_answer_to_an_mql_cannot_be_emptied(followed: Followed) -> None:
    """Writing `accepted` moves the lifecycle stage whatever it is given: nothing behind the sign must not accept."""
    followed.account.add_owner("7", "ada@loom.example", "Ada", "Weaver")
    given = {"email": "a@mill.example", "lifecyclestage": "marketingqualifiedlead", "hubspot_owner_id": "7"}
    lead = followed.account.create("contacts", given)
    followed.run("sync")
    code, out, _ = followed.run("sync", "write", "lead", lead, "accepted=", "--by", "ada@loom.example")
    held = followed.account.snapshot("contacts")[lead]["lifecyclestage"]
    assert (code, "can't be cleared" in out, held) == (1, True, "marketingqualifiedlead")


def test_amounts_without_a_rate_are_told(followed: Followed) -> None:
    """What cannot be compared in the company's currency is said, with where rates stand."""
    followed.account.create("deals", {"dealname": "Loom", "amount": "5", "deal_currency_code": "SEK"})
    _, out, _ = followed.run("sync")
    assert "1 amount in SEK without a rate" in out


@ON_SQLITE
@pytest.mark.parametrize("content", ["", "just words", "\0\1\2"])
@pytest.mark.parametrize("words", [("doctor",), ("sync",), ("sync", "audit")])
def test_a_connector_file_that_cannot_be_read_is_no_missing_one(
    connected: Followed, content: str, words: tuple[str, ...]
) -> None:
    """An empty or foreign file is named, whichever command meets it."""
    Path("connectors/hubspot.yaml").write_text(content)
    code, _, err = connected.run(*words)
    assert (code, "hubspot.yaml" in err, "no connector file" in err) == (1, True, False)


def test_a_sync_that_waits_can_be_interrupted(tmp_path: Path) -> None:
    """Ctrl-C ends it while HubSpot asks it to slow down, says so, and the next one goes on."""
    account, faults = HubSpotAccount(now=clock.now), Faults()
    define(account)
    faults.next("list", Fault("rate_limit_ten_secondly"), times=1_000)
    subprocess.run([COMMAND, "init", str(tmp_path / "w")], check=True, capture_output=True)
    with HubSpotServer(account, faults=faults) as server:
        (tmp_path / "w/.env").write_text(
            f"ROS_SYNC_HUBSPOT__TOKEN={account.token}\nROS_SYNC_HUBSPOT__API_URL={server.url}\n"
        )
        process = subprocess.Popen([COMMAND, "-w", str(tmp_path / "w"), "sync"], stderr=subprocess.PIPE, text=True)
        assert until(lambda: sum(faults.happened.values()) > 0)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, "Stopped." in told) == (130, True)


# ---- serve


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > ends_at:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def serving(folder: Path, account: HubSpotAccount, url: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """`ros-sync serve` in a workspace of its own, which polls once an hour and looks at change events each second."""
    subprocess.run([COMMAND, "init", str(folder)], check=True, capture_output=True)
    (folder / ".env").write_text(
        f"ROS_SYNC_HUBSPOT__TOKEN={account.token}\nROS_SYNC_HUBSPOT__API_URL={url}\n"
        f"ROS_SYNC_HUBSPOT__CLIENT_SECRET={SECRET}\n"
        "ROS_SYNC_SYNC__POLL_SECONDS=3600\nROS_SYNC_SYNC__STALE_SECONDS=7200\nROS_SYNC_SYNC__EVENTS_SECONDS=1\n"
        f"ROS_SYNC_WEB__PORT={port}\n"
    )
    process = subprocess.Popen([COMMAND, "-w", str(folder), "serve"], stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
        (folder / "serve.log").write_text(told)


def test_serve_back_fills_and_takes_webhooks(tmp_path: Path) -> None:
    """What HubSpot tells by webhook is in the mirror without a poll, and SIGTERM ends it cleanly."""
    account = HubSpotAccount(now=clock.now)
    define(account)
    past = clock.now() - timedelta(hours=1)
    deals = [account.create("deals", {"dealname": "Looms", "amount": "1"}, at=past) for _ in range(120)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    database = tmp_path / "company" / "ros-sync.db"

    def shows(what: Callable[[Mirror], bool]) -> bool:
        """Whether the mirror holds something; while the file and its tables are being made it does not."""
        try:
            return database.exists() and what(mirror_of(database))
        except OperationalError:
            return False

    def complete(mirror: Mirror) -> bool:
        return any(state.complete_at is not None for state in mirror.records("source_state"))

    def followed(mirror: Mirror) -> bool:
        return len([deal for deal in mirror.deals() if deal.amount_minor == 7_700 or deal.deleted_at is not None]) == 2

    with HubSpotServer(account) as server, serving(tmp_path / "company", account, server.url, port) as process:
        assert until(lambda: shows(complete))
        sender = WebhookSender(account, f"http://127.0.0.1:{port}/webhooks/hubspot", SECRET)
        sender.start(0.1)
        account.update("deals", deals[0], {"amount": "77"})
        account.archive("deals", deals[1])
        assert until(lambda: shows(followed))
        sender.stop()
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


def test_the_shipped_connector_file_is_laid_out(tmp_path: Path) -> None:
    """`init` gives a workspace the connector file that this follows."""
    subprocess.run([COMMAND, "init", str(tmp_path / "w")], check=True, capture_output=True)
    assert (tmp_path / "w/connectors/hubspot.yaml").read_text() == SHIPPED.read_text()
