"""The five rules on a public set of 8,800 opportunities; every number is counted from the CSV by other means."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.mirror_reader import mirror_of

DATA = Path(__file__).parents[3] / "shared" / "data" / "maven_crm"
MAPPING = Path(__file__).parent / "maven.yaml"
TODAY = date(2017, 12, 31)
ROS_SYNC = Path(sys.executable).parent / "ros-sync"

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the public data set is not beside the repository ({DATA})"),
]

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out a workspace with the set's mapping, import it as of the last day of 2017, and tick on that day."""
    folder = tmp_path_factory.mktemp("maven") / "workspace"
    run(folder, "init", str(folder), in_workspace=False)
    (folder / "connectors" / "maven.yaml").write_bytes(MAPPING.read_bytes())
    organisation = "version: 1\ncompany: {name: Maven, currency: USD, timezone: UTC}\n"
    (folder / "rules" / "organisation.yaml").write_text(organisation)
    run(folder, "import", str(DATA), "--mapping", "maven", "--as-of", "2017-12-31", "--json")
    run(folder, "tick", "--now", "2017-12-31", "--json")
    return folder


def run(folder: Path, *words: str, in_workspace: bool = True, code: int = 0) -> str:
    command = [str(ROS_SYNC), *(("-w", str(folder)) if in_workspace else ()), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert code == done.returncode, done.stderr
    return done.stdout


def ask(folder: Path, *words: str) -> Any:
    return json.loads(run(folder, *words, "--json"))


def alerts(folder: Path, rule: str) -> list[dict[str, Any]]:
    found = ask(folder, "alerts", "list", "--rule", rule, "--limit", "100000")["alerts"]
    assert isinstance(found, list)
    return found


@pytest.fixture(scope="module")
def opportunities() -> list[dict[str, str]]:
    """Read the CSV with the csv module alone."""
    with (DATA / "sales_pipeline.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def day(text: str) -> date | None:
    if not text:
        return None
    month, day_of_month, year = text.split("/")
    return date(int(year), int(month), int(day_of_month))


def is_open(row: dict[str, str]) -> bool:
    return row["deal_stage"] in ("Prospecting", "Engaging")


def test_the_mirror_holds_what_the_set_holds(workspace: Path) -> None:
    """8,800 deals: 4,238 won, 2,473 lost, 2,089 open; 35 sellers in 6 teams in 3 regions."""
    status = ask(workspace, "status")
    deals = {name: status["deals"][name] for name in ("open", "won", "lost")}
    assert (8_800, {"open": 2_089, "won": 4_238, "lost": 2_473}) == (status["objects"]["deal"], deals)
    assert {"sellers": 35, "teams": 6, "regions": 3} == status["people"]


def test_deals_without_an_account_stay_without_one(workspace: Path, opportunities: list[dict[str, str]]) -> None:
    """1,425 opportunities name no account, and the mirror invents none."""
    count = mirror_of(workspace / "ros-sync.db").count("deal", account_id=None)
    assert (1_425, sum(not row["account"] for row in opportunities)) == (count, count)


def test_stalled_deals_are_those_whose_buyer_has_not_moved_for_14_days(
    workspace: Path, opportunities: list[dict[str, str]]
) -> None:
    """The engage date stands for the last buyer movement; without one there was none."""
    quiet_since = TODAY - timedelta(days=14)
    expected = {
        row["opportunity_id"]
        for row in opportunities
        if is_open(row) and ((engaged := day(row["engage_date"])) is None or engaged < quiet_since)
    }
    assert expected == {alert["record_id"] for alert in alerts(workspace, "stalled")}


@pytest.mark.parametrize(
    "rule,fields",
    [
        ("missing-next-step", "next step, next step date"),
        ("handoff-overdue", "handed off"),
        ("kickoff-overdue", "handed off, kickoff"),
    ],
)
def test_what_nothing_in_the_set_stands_for_is_asked_of_nobody(workspace: Path, rule: str, fields: str) -> None:
    """A rule that has nothing else to go by is off, and `doctor` says so.

    Else it would fire on each of 2,089 open deals.
    """
    assert [] == alerts(workspace, rule)
    assert f"rule {rule} is off: no data for {fields}\n" in run(
        workspace, "doctor", code=1
    )  # HubSpot has no token here


def test_nothing_was_pushed(workspace: Path) -> None:
    """One export has no history, so no close date was seen to move."""
    assert [] == alerts(workspace, "push-count")


def test_deals_not_advanced_in_90_days(workspace: Path, opportunities: list[dict[str, str]]) -> None:
    """A deal that never moved counts from its creation, the engage date."""
    before = TODAY - timedelta(days=90)
    expected = {
        row["opportunity_id"]
        for row in opportunities
        if is_open(row) and (engaged := day(row["engage_date"])) is not None and engaged < before
    }
    assert expected == {alert["record_id"] for alert in alerts(workspace, "not-advanced")}


def test_no_mql_waits(workspace: Path) -> None:
    """The set has no leads."""
    assert [] == alerts(workspace, "mql-response-timeout")


def test_each_seller_is_told_of_their_own_open_deals(workspace: Path, opportunities: list[dict[str, str]]) -> None:
    """Who is told of deals that have not advanced, and of how many, is what the CSV says."""
    before = TODAY - timedelta(days=90)
    expected = Counter(
        f"maven:{row['sales_agent']}"
        for row in opportunities
        if is_open(row) and (engaged := day(row["engage_date"])) is not None and engaged < before
    )
    mirror = mirror_of(workspace / "ros-sync.db")
    alerts = {alert.id for alert in mirror.alerts(rule_id="not-advanced")}
    recipients = [
        notification.recipient
        for notification in mirror.records("alert_notification")
        if notification.alert_id in alerts
    ]
    told = Counter(each for each in recipients if each.startswith("maven:"))
    assert expected == told


def test_a_second_tick_finds_nothing_to_do(workspace: Path) -> None:
    """Nothing changed, so nothing opens, nothing ends, and nobody is told anything."""
    again = ask(workspace, "tick", "--now", "2017-12-31")
    assert (0, 0, 0) == (again["opened"], again["resolved"], again["notifications"]["messages"])


def test_importing_again_changes_nothing(workspace: Path) -> None:
    """The same files a second time: every row is what is stored already."""
    again = ask(workspace, "import", str(DATA), "--mapping", "maven", "--as-of", "2017-12-31")
    assert (0, 0, 0) == (again["created"], again["updated"], again["quarantined"])


def test_what_is_proposed_for_the_set_imports_all_of_it(tmp_path: Path) -> None:
    """A newcomer's way: a mapping proposed from the files reads every row, and counts what the CSV counts."""
    folder = tmp_path / "workspace"
    run(folder, "init", str(folder), in_workspace=False)
    proposed = folder / "connectors" / "proposed.yaml"
    run(folder, "mapping", "propose", str(DATA), "--output", str(proposed))
    told = json.loads(run(folder, "import", str(DATA), "--mapping", "proposed", "--as-of", "2017-12-31", "--json"))
    read = {file["object"]: (file["rows_read"], file["quarantined"]) for file in told["files"]}
    assert {} == {name: names for file in told["files"] for name, names in file["unknown"].items() if name == "owner"}
    assert [(85, 0), (8800, 0), (35, 0)] == [read[name] for name in ("account", "deal", "owner")]
    with (DATA / "sales_pipeline.csv").open(encoding="utf-8") as file:
        kinds = Counter({"Won": "won", "Lost": "lost"}.get(row["deal_stage"], "open") for row in csv.DictReader(file))
    deals = json.loads(run(folder, "status", "--json"))["deals"]
    assert dict(kinds) == {kind: deals[kind] for kind in ("open", "won", "lost")}
