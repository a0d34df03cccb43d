"""A workspace on a database of each kind, and commands run in it."""

from __future__ import annotations

import gc
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Engine

from ros_sync import clock
from ros_sync.cli import main
from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer
from ros_sync.sandbox.hubspot.company import CONNECTOR, define
from ros_sync.sandbox.hubspot.faults import Faults

Command = Callable[..., str]


@pytest.fixture
def command(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Run one command on the database of `engine`, in this process (a new one each time would cost a second).

    What it prints on stdout, then on stderr.
    """
    for name in [name for name in os.environ if name.startswith("ROS_SYNC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ROS_SYNC_DATABASE__URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ros-sync.toml").touch()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["ros-sync", *arguments])
        with pytest.raises(SystemExit):
            main()
        printed = capsys.readouterr()
        return printed.out + printed.err

    thresholds = gc.get_threshold()
    yield run
    gc.unfreeze()  # what a command took for its own is the tests' here
    gc.set_threshold(*thresholds)
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@dataclass
class Followed:
    """A workspace's command, and the account that it follows. `run` gives exit code, stdout and stderr."""

    run: Callable[..., tuple[int, str, str]]
    account: HubSpotAccount
    faults: Faults
    deals: list[str]


@pytest.fixture
def connected(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Followed]:
    """Five deals in the account, none of them synced yet."""
    (tmp_path / "connectors").mkdir()
    shutil.copy(CONNECTOR, tmp_path / "connectors/hubspot.yaml")
    account, faults = HubSpotAccount(now=clock.now), Faults()
    define(account)
    past = clock.now() - timedelta(hours=1)
    deals = [account.create("deals", {"dealname": f"Loom {number}", "amount": "1"}, at=past) for number in range(5)]

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["ros-sync", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    with HubSpotServer(account, faults=faults) as server:
        monkeypatch.setenv("ROS_SYNC_HUBSPOT__TOKEN", account.token)
        monkeypatch.setenv("ROS_SYNC_HUBSPOT__API_URL", server.url)
        monkeypatch.setenv("ROS_SYNC_HUBSPOT__CALLS_PER_TEN_SECONDS", "10000")  # the sandbox keeps no limit here
        monkeypatch.setenv("ROS_SYNC_HUBSPOT__SEARCH_PER_SECOND", "100")
        yield Followed(run, account, faults, deals)


@pytest.fixture
def followed(connected: Followed) -> Followed:
    """Five deals, synced."""
    connected.run("sync")
    return connected
