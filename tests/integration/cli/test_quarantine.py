from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import put

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
Command = Callable[..., str]


def quarantined(engine: Engine, run: int, line: int, source: str = "crm", value: str | None = "31/12/2026") -> None:
    """Keep a row whose date could not be read."""
    place = {"file": "exports/deals.csv", "line": line, "column": "Close"}
    put(engine, "quarantined", run_id=run, source=source, **place, value=value, reason="is not a date")


@pytest.fixture
def rows_quarantined(engine: Engine) -> None:
    """Keep three rows of an old run of crm, thirty of its newer one, none of its newest, and one of another source."""
    for number, source in ((1, "crm"), (2, "crm"), (3, "other"), (4, "crm")):
        put(engine, "run", id=number, source=source, kind="import", what="x", as_of=NOON, started_at=NOON)
    for run, line in (*((1, line) for line in (7, 8, 9)), *((2, line) for line in range(100, 130))):
        quarantined(engine, run, line)
    quarantined(engine, 3, 5, "other", "\x1b[2J[bold]x")


@pytest.mark.usefixtures("rows_quarantined")
def test_each_row_is_told_with_all_that_is_known(command: Command) -> None:
    """File, line, column, value and reason stand on one line, under the run that met them."""
    lines = command("quarantine").splitlines()
    expected = [
        "crm, run 2, as of 2026-03-02 12:00 UTC",
        "  exports/deals.csv:100, column 'Close': '31/12/2026': is not a date",
    ]
    assert expected == lines[lines.index(expected[0]) :][:2]


def test_a_crm_record_is_named_by_its_id(command: Command, engine: Engine) -> None:
    """What came over an API has no line; as JSON its id is told, and what to do is not to import again."""
    put(engine, "run", id=1, source="hubspot", kind="sync", what="deals", as_of=NOON, started_at=NOON)
    told = {"file": "deals", "line": 0, "record_id": "4711", "column": "closedate", "value": "soon"}
    put(engine, "quarantined", run_id=1, source="hubspot", reason="is not a date", **told)

    printed = command("quarantine")
    assert "  deals 4711, column 'closedate': 'soon': is not a date\n" in printed
    assert ("Fix the record in the CRM" in printed, "import it again" in printed) == (True, False)
    (found,) = json.loads(command("quarantine", "--json"))["rows"]
    assert {**found, **told} == found


@pytest.mark.usefixtures("rows_quarantined")
def test_the_newest_run_that_set_any_aside_counts(command: Command) -> None:
    """Of each source the rows of one run are listed, all of them; older runs are over."""
    found = json.loads(command("quarantine", "--json"))
    expected = [("other", 3, 5), *(("crm", 2, line) for line in range(100, 130))]
    told = [(each["source"], each["run_id"], each["line"]) for each in found["rows"]]
    assert (31, expected) == (found["total"], told)


@pytest.mark.usefixtures("rows_quarantined")
def test_the_rows_of_one_run(command: Command) -> None:
    """--run chooses another one."""
    assert [7, 8, 9] == [each["line"] for each in json.loads(command("quarantine", "--run", "1", "--json"))["rows"]]


@pytest.mark.usefixtures("rows_quarantined")
def test_what_the_limit_left_out_is_told(command: Command) -> None:
    """With more rows than are shown, the number of all and the way to see them are said."""
    printed = command("quarantine", "--run", "2", "--limit", "4")
    told = "30 rows quarantined, 4 shown; --limit 30 shows all." in printed
    assert (4, True) == (printed.count("is not a date"), told)


@pytest.mark.usefixtures("rows_quarantined")
def test_a_value_neither_steers_the_terminal_nor_is_styled(command: Command) -> None:
    """What stands in a file is shown as plain text."""
    printed = command("quarantine", "--run", "3")
    assert (False, True) == ("\x1b" in printed, "[bold]x" in printed)


@pytest.mark.usefixtures("rows_quarantined")
def test_a_run_without_such_rows(command: Command) -> None:
    """Nothing quarantined is said in words."""
    assert command("quarantine", "--run", "4") == "No rows are quarantined.\n"


@pytest.mark.usefixtures("rows_quarantined")
def test_a_run_that_does_not_exist(command: Command) -> None:
    """A wrong number is an error, not an empty answer."""
    assert command("quarantine", "--run", "99").startswith("error: --run: run 99 not found\n")


@pytest.mark.usefixtures("rows_quarantined")
def test_the_former_name_of_the_command_still_works(command: Command) -> None:
    """Scripts go on: what they read is the same, and a note has the name of today."""
    note = "note: `ros-sync set-aside` is now called `ros-sync quarantine`\n"
    assert command("quarantine") + note == command("set-aside")
