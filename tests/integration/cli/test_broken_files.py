from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Command, Followed


@pytest.fixture
def laid_out(command: Command, tmp_path: Path) -> Command:
    """Give a command in a workspace as it is shipped."""
    for name in ("connectors", "rules"):
        shutil.copytree(Path(__file__).parents[3] / name, tmp_path / name)
    return command


def test_a_tick_goes_on_beside_a_broken_file(laid_out: Command, tmp_path: Path) -> None:
    """It says which file cannot be used and what is used; `status` says the same later.

    `rules check` tells the error.
    """
    before, _ = json.JSONDecoder().raw_decode(laid_out("tick", "--json"))
    (tmp_path / "rules/deals.yaml").write_text("version: 1\nrules: [")
    told = laid_out("tick")
    assert ("rules/deals.yaml:2:9: invalid YAML" in told, "using the version from" in told) == (True, True), told
    rules = [each["rule_id"] for each in before["rules"]]
    assert all(rule in told for rule in rules)
    status, _ = json.JSONDecoder().raw_decode(laid_out("status", "--json"))
    (broken,) = status["broken_files"]
    assert ("rules/deals.yaml", 2) == (broken["path"], broken["line"])
    assert "Invalid files (1)" in laid_out("status")
    assert "deals.yaml:2:9" in laid_out("rules", "check")


def test_a_first_tick_tells_what_is_wrong_with_the_organisation(laid_out: Command, tmp_path: Path) -> None:
    """Where there is no good version, there is nothing to go on with, and that is an error."""
    (tmp_path / "rules/organisation.yaml").write_text("version: 1\n")
    assert "error: " in laid_out("tick")
    assert "Invalid files (1)" in laid_out("status")


def test_a_sync_goes_on_by_the_last_good_connector_file(followed: Followed) -> None:
    """What ticks saw in force is read by, and the error is told; before any tick there is nothing to go on with."""
    shutil.copytree(Path(__file__).parents[3] / "rules", "rules", dirs_exist_ok=True)
    followed.run("sync")
    followed.run("tick", "--no-deliver")
    Path("connectors/hubspot.yaml").write_text("version: 1\ncrm: hubspot\nobjects: [")
    code, out, err = followed.run("sync")
    assert (0, True, True) == (code, "using its last good version" in err, "deals" in out), err
