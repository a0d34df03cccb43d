from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ros_sync.settings import ENV_PREFIX

Workspace = Callable[..., Path]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Give a function that makes a workspace of a TOML text, a `.env` text and variables."""
    for name in [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]:
        monkeypatch.delenv(name)

    def make(toml: str = "", env: str | None = None, **variables: str) -> Path:
        (tmp_path / "ros-sync.toml").write_text(toml)
        if env is not None:
            (tmp_path / ".env").write_text(env)
        for name, value in variables.items():
            monkeypatch.setenv(f"{ENV_PREFIX}{name}", value)
        return tmp_path

    return make
