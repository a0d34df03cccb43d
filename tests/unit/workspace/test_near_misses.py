"""Files that are not read for their names are named, each with the name that it should have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_sync.rules.rule_files import is_rule_file
from ros_sync.settings import load
from ros_sync.workspace.files import Scanner
from ros_sync.workspace.layout import lay_out
from ros_sync.workspace.near_misses import near_misses

MISNAMED = [
    ("rules/organisation.yml", "rename it to organisation.yaml"),
    ("rules/organization.yaml", "rename it to organisation.yaml"),
    ("rules/Organisation.yaml", "rename it to organisation.yaml"),
    ("rules/organisation.YAML", "rename it to organisation.yaml"),
    ("rules/organisation.yaml.txt", "rename it to organisation.yaml"),
    ("rules/organisation.yalm", "rename it to organisation.yaml"),
    ("rules/deals.yaml.txt", "rename it to deals.yaml"),
    ("rules/deals.yml.txt", "rename it to deals.yaml"),
    ("rules/emea.YAML", "rename it to emea.yaml"),
    ("rules/emea.Yml", "rename it to emea.yaml"),
    ("connectors/hubspot.yaml.txt", "rename it to hubspot.yaml"),
    ("connectors/hubspot.YML", "rename it to hubspot.yaml"),
    ("organisation.yaml", "move it to rules/ as organisation.yaml"),
    ("organization.yml", "move it to rules/ as organisation.yaml"),
    (".env.txt", "rename it to .env"),
    ("env", "rename it to .env"),
    ("ros-sync.toml.txt", "rename it to ros-sync.toml"),
    ("ros_sync.toml", "rename it to ros-sync.toml"),
    ("ros-sync.yaml", "rename it to ros-sync.toml"),
]
# What is read, and what somebody put aside on purpose.
FINE = [
    "rules/emea.yml", "rules/.organisation.yml.swp", "rules/deals.yaml.bak", "rules/deals.yaml~",
    "rules/deals.yaml.off",
    "rules/notes.txt", "rules/README.md", "connectors/crm.yml", "connectors/hubspot.yaml.orig", ".env.local",
    "environment",
    "docker-compose.yml", "notes.txt",
]  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Lay out a workspace."""
    lay_out(tmp_path)
    return tmp_path


def test_the_shipped_workspace_is_named_well(workspace: Path) -> None:
    """There is nothing to say."""
    assert near_misses(load(workspace)) == []


@pytest.mark.parametrize("name,todo", MISNAMED)
def test_a_misnamed_file_is_named(workspace: Path, name: str, todo: str) -> None:
    """In one line, with what to do; nothing reads it, whatever it holds."""
    (workspace / name).write_text("version: 1\n")
    settings = load(workspace)
    (found,) = near_misses(settings)
    assert found.message == f"{name} is ignored: {todo}"
    assert name not in Scanner(settings).look().files
    assert not is_rule_file(workspace / name) or not name.startswith("rules/")


@pytest.mark.parametrize("name", FINE)
def test_other_files_are_left_alone(workspace: Path, name: str) -> None:
    """Nobody is told of what is read, or was put aside."""
    (workspace / name).write_text("version: 1\n")
    assert near_misses(load(workspace)) == []
