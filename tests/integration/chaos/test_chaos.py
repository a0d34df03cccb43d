"""A random history of everything, with every fault at random, and the process killed at random moments.

The short one runs with the other tests; `make chaos` sets ROS_SYNC_CHAOS_KILLS to 200.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import IO, Any

import pytest
from sqlalchemy import Engine
from tests.integration.chaos.follower import CONTEXT, SharedClock, source_of, syncer_of
from tests.integration.chaos.happenings import Happenings
from tests.integration.chaos.truth import untruths

from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer
from ros_sync.sandbox.hubspot.company import define
from ros_sync.sandbox.hubspot.faults import Fault, FaultKind, Faults
from ros_sync.sandbox.hubspot.tokens import CLIENT_SECRET
from ros_sync.sandbox.hubspot.webhooks import DeliveryPlan, WebhookSender
from ros_sync.sync.audit.auditor import Auditor

KILLS = int(os.environ.get("ROS_SYNC_CHAOS_KILLS", "8"))
SEED = int(os.environ.get("ROS_SYNC_CHAOS_SEED", "20261127"))
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = 86_400
LIVES = ((0, 0), (1, 12), (5, 60), (50, 200))  # calls that a life makes, by turns: killed at once, early, late
LIFE_SECONDS = 8.0  # a life that makes no calls, as the source is parked, ends too
PLAN = DeliveryPlan(late_share=0.2, late_seconds=120, twice_share=0.2, lost_share=0.1, shuffled=True, retry_scale=0.05)
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def config(tmp_path: Path, engine: Engine) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = engine.url.render_as_string(hide_password=False)
    return {"folder": str(tmp_path), "database": url, "port": port}


def test_nothing_is_lost(config: dict[str, Any], engine: Engine) -> None:
    """When it is quiet again the audit finds no difference, and the change history has each change once, in order."""
    rng, faults = Random(SEED), Faults()
    clock = SharedClock(Path(config["folder"]) / "clock", START)
    account = HubSpotAccount(now=clock, search_lag_seconds=45.0)
    define(account)
    for number in range(1, 4):
        account.add_owner(str(number), f"o{number}@loom.example", "Owner", str(number))
    happenings = Happenings(account, clock, SEED)
    for _ in range(250):
        happenings.happen()
    with HubSpotServer(account, faults=faults) as server:
        config |= {"url": server.url, "refresh_token": account.tokens.refresh_token}
        sender = WebhookSender(account, f"http://127.0.0.1:{config['port']}/webhooks/hubspot", CLIENT_SECRET, plan=PLAN)
        sender.start(0.05)
        with zygote(config) as (say, hear):
            for life in range(KILLS):
                faults.at_random((0.3, 0.0, 0.3)[life % 3], rng.randrange(10**6), every_fault())
                live(rng, happenings, account, say, hear, calls=LIVES[life % len(LIVES)])
                if life % 25 == 24:
                    faults.next("*", Fault("daily_limit"))
                    happenings_until_the_morning(clock, happenings)
        sender.stop()
        faults.clear()
        quiet(config, engine, clock, days=2)
        report = Auditor(engine, source_of(config, clock), CONTEXT, now=clock, history=True, keep=10_000).run()
        # What nothing but a webhook tells may have been lost with it: the weekly listing finds these, and nothing else
        # is left.
        late = ("links", "link_fields", "erased")
        assert [str(each) for each in report.shown if each.kind not in late] == []
        quiet(config, engine, clock, days=7)
        report = Auditor(engine, source_of(config, clock), CONTEXT, now=clock, history=True).run()
        assert (report.trouble, [str(each) for each in report.shown], report.pending) == (None, [], 0)
    found = untruths(engine, account)
    Path(config["folder"], "untruths").write_text("\n".join(found))
    assert found == []
    assert set(happenings.done) >= {"create", "edit", "archive", "restore", "merge", "erase", "associate", "dissociate"}
    assert sum(faults.happened.values()) > KILLS // 2


def every_fault() -> list[Fault]:
    """All but the day's limit, which parks the source until midnight and comes by itself."""
    kinds = [kind for kind in FaultKind if kind not in ("daily_limit", "status")]
    return [Fault(kind, seconds=0.02) for kind in kinds] + [
        Fault("status", status=code) for code in (500, 502, 503, 504)
    ]


def live(
    rng: Random, happenings: Happenings, account: HubSpotAccount, say: IO[str], hear: IO[str], *, calls: tuple[int, int]
) -> None:
    """One life: the process begins, things happen during so many calls (at least, at most), and it is killed."""
    say.write("live\n")
    say.flush()
    child = int(hear.readline())
    last_call = len(account.calls) + rng.randint(*calls)
    ends_at = time.monotonic() + LIFE_SECONDS
    while len(account.calls) < last_call and time.monotonic() < ends_at:
        happenings.happen()
        time.sleep(rng.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    assert hear.readline() == "over\n"


def happenings_until_the_morning(clock: SharedClock, happenings: Happenings) -> None:
    for _ in range(10):
        happenings.happen()
        clock.advance(DAY / 8)


def quiet(config: dict[str, Any], engine: Engine, clock: SharedClock, *, days: int) -> None:
    """Nothing happens for some days, in which the process polls now and then and does what is due each day and week."""
    syncer = syncer_of(engine, source_of(config, clock), clock)
    for _ in range(days):
        clock.advance(DAY)
        syncer.process_change_events()
        report = syncer.cycle()
        assert (report.trouble, report.busy) == (None, False)


@contextmanager
def zygote(config: dict[str, Any]) -> Iterator[tuple[IO[str], IO[str]]]:
    """The process from which lives are forked."""
    command = [sys.executable, "-m", "tests.integration.chaos.follower", json.dumps(config)]
    log = Path(config["folder"]) / "lives.log"
    with log.open("w") as told, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, text=True, cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}"},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdin, process.stdout
        process.stdin.close()
        process.wait(10)
