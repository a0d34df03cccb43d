"""`ros-sync import` and `ros-sync mapping` as people use them: what they print, and that `--json` is JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.integration.mirror_reader import mirror_of

from ros_sync.cli.run_import import moment_of_export
from ros_sync.errors import RosSyncError
from ros_sync.mirror.database import open_engine
from ros_sync.organisation.company import Member, Organisation
from ros_sync.workspace.company import known_people
from ros_sync.workspace.mappings import load

Command = Callable[..., str]
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MAPPING = """
version: 1
source: crm
timezone: America/New_York
currency: EUR
number: {decimal: "."}
stages:
  default: [{name: Open, kind: open}, {name: Won, kind: won}]
files:
  - file: "deals*"
    object: deal
    id: Id
    fields:
      name: Name
      stage: Stage
      amount: {column: Amount, currency: {column: Currency}}
      owner: {column: Owner, find: {object: owner, by: [name, email]}}
"""
ROWS = (
    "Id,Name,Stage,Amount,Currency,Owner\n1,Ätna,Open,5,XAU,Ann Nobody\n2,B,Open,5,EUR,Cem Example\n3,C,Shut,5,EUR,\n"
    "2,B,Open,7,EUR,\n"
)
ORGANISATION = (
    "version: 1\ncompany: {name: Acme, currency: EUR}\npeople:\n  - {email: cem@example.com, name: Cem Example}\n"
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A mirror of its own on SQLite: what is judged here is what commands print."""
    engine = open_engine(f"sqlite:///{tmp_path / 'ros-sync.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a mapping, an organisation of one person, and an export with something of every kind wrong."""
    for name, content in {
        "connectors/acme.yaml": MAPPING,
        "rules/organisation.yaml": ORGANISATION,
        "exports/deals.csv": ROWS,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.mark.usefixtures("workspace")
def test_import_prints_json_whatever_the_rows_name(command: Command) -> None:
    """An unknown owner, a currency without a rate, a row quarantined and one against another: all are told as JSON."""
    told = json.loads(command("import", "exports", "--json"))
    (file,) = told["files"]
    assert ({"owner": {"Ann Nobody": 1}}, {"XAU": 1}, 2, 4) == (
        file["unknown"], file["without_rate"], told["quarantined"], told["rows_read"],
    )  # fmt: skip
    assert ["Shut", "2"] == [row["value"] for row in file["examples"]]
    assert [{"run_id": told["run_id"], "as_of": told["as_of"]}] == told["runs"]


@pytest.mark.usefixtures("workspace")
def test_only_strangers_are_told(command: Command) -> None:
    """Somebody whom organisation.yaml knows by name is no stranger to the import, nor to `status`."""
    printed = command("import", "exports")
    assert ("Ann Nobody" in printed, "Cem Example" in printed) == (True, False)
    assert ["Ann Nobody"] == [each["name"] for each in json.loads(command("status", "--json"))["unknown_owners"]]


def test_a_name_that_two_people_have_leads_to_nobody() -> None:
    """So it stays a stranger's; e-mail addresses and names of one person alone are known, in capitals or not."""
    people = {
        mail: Member(mail, name)
        for mail, name in (("a@x.example", "Ann"), ("b@x.example", "Ann"), ("c@x.example", "Cem"))
    }
    assert {"a@x.example", "b@x.example", "c@x.example", "cem"} == known_people(Organisation(people=people))


@pytest.mark.parametrize(
    "given,expected",
    [
        ("2026-03-02", "2026-03-03T04:59:59.999999+00:00"),
        ("2026-07-02", "2026-07-03T03:59:59.999999+00:00"),
        ("2026-03-02T09:00", "2026-03-02T14:00:00+00:00"),
        ("2026-03-02T09:00+01:00", "2026-03-02T08:00:00+00:00"),
        ("2026-03-02T09:00Z", "2026-03-02T09:00:00+00:00"),
        (None, None),
    ],
)
def test_a_day_is_its_end_in_the_zone_of_the_mapping(workspace: Path, given: str | None, expected: str | None) -> None:
    """And a time without an offset is in that zone."""
    moment = moment_of_export(given, load(workspace / "connectors/acme.yaml"), NOW)
    assert expected == (moment.isoformat() if moment else None)


def test_today_is_until_now(workspace: Path) -> None:
    """The end of a day that is not over yet would lie in the future."""
    assert moment_of_export("2026-11-30", load(workspace / "connectors/acme.yaml"), NOW) == NOW


@pytest.mark.parametrize("given", ["2027-11-30", "2026-12-03T09:00Z", "9999-12-31"])
def test_the_future_is_refused(workspace: Path, given: str) -> None:
    """A year mistyped would make every later export an older one, which is left alone."""
    with pytest.raises(RosSyncError, match="is in the future"):
        moment_of_export(given, load(workspace / "connectors/acme.yaml"), NOW)


@pytest.mark.usefixtures("workspace")
def test_exports_of_two_days_are_told_day_by_day(command: Command, tmp_path: Path, engine: Engine) -> None:
    """Each under its moment, the older one first."""
    for day, amount in (("2026-03-09", 6), ("2026-03-02", 5)):
        (tmp_path / f"exports/deals-{day}.csv").write_text(
            f"Id,Name,Stage,Amount,Currency,Owner\n1,A,Open,{amount},EUR,\n"
        )
    (tmp_path / "exports/deals.csv").unlink()
    lines = [line for line in command("import", "exports").splitlines() if line.startswith(("as of", "deals"))]
    assert ["as of 2026-03-03", "deals-2026-03-02", "as of 2026-03-10", "deals-2026-03-09"] == [
        line[:16] for line in lines
    ]
    changes = mirror_of(engine).changes(name="amount_minor")
    assert [("500", "600")] == [change.pick("old", "new") for change in changes]


@pytest.mark.usefixtures("workspace")
def test_a_file_of_headings_alone_is_told(command: Command, tmp_path: Path) -> None:
    """On the screen as in JSON."""
    (tmp_path / "exports/deals.csv").write_text("Id,Name,Stage,Amount,Currency,Owner\n")
    assert "deals.csv: it contains headings but no rows" in command("import", "exports")
    assert ["it contains headings but no rows"] == json.loads(command("import", "exports", "--json"))["files"][0][
        "notes"
    ]


def test_a_proposed_mapping_imports_the_file_it_was_made_from(command: Command, tmp_path: Path) -> None:
    """From an export alone to a mirror, in a workspace that knows nothing yet."""
    (tmp_path / "connectors").mkdir()
    (tmp_path / "deals.csv").write_text(
        "Deal ID;Deal Name;Deal Stage;Amount;Close Date\n1;A;Demo;1.234,50;31.03.2026\n2;B;Won;7;1.4.2026\n"
    )
    said = command("mapping", "propose", "deals.csv", "--output", "connectors/acme.yaml", "--source", "acme")
    assert "deals.csv as deal: 2 rows can be read, 0 cannot" in said
    assert "acme.yaml: 1 entry for acme, no problem" in command("mapping", "check", "acme", "deals.csv")
    told = json.loads(command("import", "deals.csv", "--json"))
    assert (2, 0) == (told["created"], told["quarantined"])
    assert "already exists" in command("mapping", "propose", "deals.csv", "-o", "connectors/acme.yaml")


@pytest.mark.usefixtures("workspace")
def test_a_mapping_is_checked_against_files_without_loading_them(command: Command, engine: Engine) -> None:
    """What could not be read is named; nothing is stored."""
    printed = command("mapping", "check", "connectors/acme.yaml", "exports")
    assert "deals.csv as deal: 3 rows can be read, 1 cannot" in printed
    assert "deals.csv:4, column 'Stage': 'Shut': is not a stage" in printed
    assert mirror_of(engine).deals() == []


def test_a_mapping_without_stages_is_told_before_it_is_used(command: Command, tmp_path: Path) -> None:
    """By whoever proposes or checks it, and not only by the import: no rule about open deals would ever fire."""
    words = "the mapping fills neither stage nor stage_kind of deals"
    (tmp_path / "connectors").mkdir()
    (tmp_path / "deals.csv").write_text("Deal ID,Deal Name,Amount\n1,A,7\n2,B,8\n")
    assert words in command("mapping", "propose", "deals.csv", "--output", "connectors/acme.yaml", "--source", "acme")
    assert words in command("mapping", "check", "acme")
    assert words in command("import", "deals.csv")


def test_rules_that_are_off_for_an_export_are_told(command: Command, workspace: Path) -> None:
    """By `import` where that is news, and by `doctor`; nobody is told of a field that no column fills."""
    (workspace / "rules" / "deals.yaml").write_text(
        "version: 1\nrules:\n"
        "  - {id: stepless, title: No step, applies_to: deal, when: [is_open, next_step is missing], message: "
        "'{name}'}\n"
    )
    words = "rule stepless is off: no data for next step\n"
    imported = [command("import", "exports") for _ in range(2)]
    assert [words in told for told in imported] == [True, False]
    assert words in command("doctor")
    command("tick", "--no-deliver")
    assert json.loads(command("status", "--json"))["alerts"] == []


def test_rules_find_whole_options(command: Command, workspace: Path) -> None:
    """Of a column that holds several: Pro, and not Pro Plus; a free text is searched as ever."""
    rule = "{{id: {0}, title: {0}, applies_to: deal, when: ['{1} contains \"Pro\"'], message: '{{name}}'}}"
    (workspace / "rules" / "deals.yaml").write_text(
        f"version: 1\nrules:\n  - {rule.format('options', 'product')}\n  - {rule.format('text', 'competitor')}\n"
    )
    mapping = workspace / "connectors" / "acme.yaml"
    mapping.write_text(mapping.read_text() + "      product: {column: Name, several: true}\n      competitor: Name\n")
    (workspace / "exports" / "deals.csv").write_text(
        "Id,Name,Stage,Amount,Currency,Owner\n1,Pro,Open,5,EUR,\n2,Pro Plus,Open,5,EUR,\n3,Old; Pro,Open,5,EUR,\n"
    )
    command("import", "exports")
    command("tick", "--no-deliver")
    found = {
        name: {each["record_id"] for each in json.loads(command("alerts", "list", "--rule", name, "--json"))["alerts"]}
        for name in ("options", "text")
    }
    assert found == {"options": {"1", "3"}, "text": {"1", "2", "3"}}
