"""A workspace on a database of each kind, and commands run in it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Engine

from ros_sync.cli import main

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

    yield run
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
