"""`alerts why` explains by the rule of then and the values of then, whatever was edited since."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.integration.cli.conftest import Command
from tests.integration.mirror_reader import put

RULE = """\
version: 1
rules:
  - id: large
    title: A large deal
    applies_to: deal
    params: {{floor: {floor}}}
    when: [is_open, push_count >= $floor]
    message: "{{name}} was pushed"
"""


@pytest.fixture
def workspace(command: Command, engine: Engine, tmp_path: Path) -> Command:
    """Give a command in a workspace with one rule and one deal on which it fires."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/organisation.yaml").write_text("version: 1\ncompany: {currency: EUR, timezone: UTC}\n")
    (tmp_path / "rules/deals.yaml").write_text(RULE.format(floor=2))
    now = datetime(2026, 3, 2, tzinfo=UTC)
    put(engine, "deal", source="crm", id="1", name="Loom", stage_kind="open", push_count=3, valid_from=now)

    return command


def test_an_alert_is_explained_by_the_rule_of_then(workspace: Command, tmp_path: Path) -> None:
    """The threshold was 2 when it fired; it is 3 by now, and the alert is still explained by 2."""
    workspace("tick", "--no-deliver")
    (tmp_path / "rules/deals.yaml").write_text(RULE.format(floor=3))
    told = workspace("alerts", "why", "1")
    explained = json.loads(workspace("alerts", "why", "1", "--json"))
    assert ("push count 3: at least 2" in told, "the rule of then") == (True, explained["explained_by"])
    assert "facts" not in explained


def test_an_alert_is_explained_while_the_file_is_broken(workspace: Command, tmp_path: Path) -> None:
    """What is kept of the rule is enough."""
    workspace("tick", "--no-deliver")
    (tmp_path / "rules/deals.yaml").write_text("version: 1\nrules: [")
    assert "push count 3: at least 2" in workspace("alerts", "why", "1")


def test_a_list_as_json_explains_each_alert(workspace: Command) -> None:
    """`seen` has what each line saw, as it always had."""
    workspace("tick", "--no-deliver")
    (alert,) = json.loads(workspace("alerts", "list", "--json"))["alerts"]
    assert ["is open: yes", "push count 3: at least 2"] == [line["words"] for line in alert["seen"]]
