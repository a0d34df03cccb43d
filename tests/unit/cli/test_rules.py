"""`ros-sync rules check` and `ros-sync rules test`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from ros_sync.cli.app import app as whole_app
from ros_sync.cli.commands.rules import app
from ros_sync.clock import EPOCH
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.database import open_engine

GOOD = """version: 1
rules:
  - id: past
    title: Past
    applies_to: deal
    when: [is_open, close_date is past]
    message: "{name}"
    tests:
      - {name: yesterday, now: 2026-03-16 09:00, given: {close_date: 2026-03-15}, expect: fires}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a good rule file outside any workspace."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD)
    return path


def test_good_files_check_well(file: Path) -> None:
    """A file without problems is counted, and the exit code is 0."""
    result = CliRunner().invoke(app, ["check", str(file)])

    assert (0, "✓ 1 rule in 1 file, 1 test inside\n") == (result.exit_code, result.stdout)


def test_problems_are_shown_with_their_place(file: Path) -> None:
    """Each problem is shown with file, line and column, and the exit code is 1."""
    file.write_text(GOOD.replace("is_open", "is_opne"))
    result = CliRunner().invoke(app, ["check", str(file)])

    assert (1, True) == (result.exit_code, f"{file}:6:12, rules[1].when[1]\n" in result.stdout)


def test_warnings_are_shown_beside_problems(file: Path) -> None:
    """They are not kept back until the problems are fixed: one look tells everything."""
    doubtful = GOOD.partition("rules:\n")[2].replace("id: past", "id: other")
    file.write_text(
        GOOD.replace("is_open", "is_opne") + doubtful.replace("is_open,", """forecast_category is "Commit",""")
    )
    result = CliRunner().invoke(app, ["check", str(file)])
    as_json = json.loads(CliRunner().invoke(app, ["check", "--json", str(file)]).stdout)

    assert (1, True) == (result.exit_code, "\n1 problem, 1 warning\n" in result.stdout)
    assert f"✗ {file}:6:12, rules[1].when[1]\n" in result.stdout
    assert f"! {file}:13:33, rules[2].when[1]\n" in result.stdout
    assert (["rules[1].when[1]"], ["rules[2].when[1]"]) == tuple(
        [each["key"] for each in as_json[name]] for name in ("problems", "warnings")
    )


def test_warnings_are_shown_and_fail_nothing(file: Path) -> None:
    """What can be read and is probably not meant is shown with its place, and the exit code stays 0."""
    file.write_text(GOOD.replace("is_open,", """forecast_category is "Commit","""))
    result = CliRunner().invoke(app, ["check", str(file)])
    as_json = json.loads(CliRunner().invoke(app, ["check", "--json", str(file)]).stdout)

    shown = (f"! {file}:6:33, rules[1].when[1]\n" in result.stdout, "; 1 warning\n" in result.stdout)
    assert (0, (True, True), [(6, 33)]) == (
        result.exit_code,
        shown,
        [(warning["line"], warning["column"]) for warning in as_json["warnings"]],
    ), result.stdout


def test_a_workspace_knows_its_stages_and_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a workspace, stages come out of its mapping files, and people out of its organisation."""
    folder = tmp_path / "company"
    assert CliRunner().invoke(whole_app, ["init", str(folder)]).exit_code == 0
    monkeypatch.chdir(folder)
    (folder / "rules" / "more.yaml").write_text(GOOD.replace("is_open,", """stage is "Porposal","""))
    result = CliRunner().invoke(app, ["check"])

    assert (0, True) == (result.exit_code, 'did you mean "Proposal"?' in result.stdout), result.stdout


def test_a_workspace_knows_the_stages_of_its_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages and pipelines that the mirror has are known as well."""
    folder = tmp_path / "company"
    assert CliRunner().invoke(whole_app, ["init", str(folder)]).exit_code == 0
    monkeypatch.chdir(folder)
    engine = open_engine(f"sqlite:///{folder}/ros-sync.db")
    with engine.begin() as connection:
        stage = {"source": "crm", "id": "1", "pipeline": "Partners", "name": "Kick-off booked", "valid_from": EPOCH}
        connection.execute(insert(objects()["pipeline_stage"].table), stage)
    engine.dispose()
    (folder / "rules" / "more.yaml").write_text(GOOD.replace("is_open,", """stage is "Kickoff booked","""))
    result = CliRunner().invoke(app, ["check"], env={"ROS_SYNC_DATABASE__URL": f"sqlite:///{folder}/ros-sync.db"})

    assert (0, True) == (result.exit_code, 'did you mean "Kick-off booked"?' in result.stdout), result.stdout


def test_problems_as_json(file: Path) -> None:
    """With --json, problems are data."""
    file.write_text(GOOD.replace("is_open", "is_opne"))
    result = CliRunner().invoke(app, ["check", "--json", str(file)])

    (problem,) = json.loads(result.stdout)["problems"]
    assert (str(file), 6, 12, "did you mean 'is_open'?") == tuple(
        problem[key] for key in ("file", "line", "column", "hint")
    )


def test_tests_that_pass(file: Path) -> None:
    """Passing tests are counted by rule, and the exit code is 0."""
    result = CliRunner().invoke(app, ["test", str(file)])

    assert (0, "✓ past: 1 of 1 test\n\nall 1 test passed\n") == (result.exit_code, result.stdout)


def test_tests_that_fail(file: Path) -> None:
    """A failing test tells what each line saw, and the exit code is 1."""
    file.write_text(GOOD.replace("close_date: 2026-03-15", "close_date: 2026-03-16"))
    result = CliRunner().invoke(app, ["test", str(file)])

    assert (1, True) == (result.exit_code, "close date 16 Mar 2026, today: not past" in result.stdout)


def test_tests_as_json(file: Path) -> None:
    """With --json, outcomes are data."""
    result = CliRunner().invoke(app, ["test", "--json", str(file)])

    assert [("past", "yesterday", True)] == [
        (entry["rule"], entry["test"], entry["passed"]) for entry in json.loads(result.stdout)
    ]
