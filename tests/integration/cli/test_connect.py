"""`ros-sync connect hubspot` on a HubSpot on loopback, and the newcomer's path with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from ros_sync import clock
from ros_sync.cli import main
from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer
from ros_sync.sandbox.hubspot.company import RICH, Furnishing, Story
from ros_sync.sandbox.hubspot.default_account import DEFAULT
from ros_sync.sandbox.hubspot.tokens import SCOPES
from ros_sync.sandbox.world import World

Run = Callable[..., tuple[int, str, str]]
SHIPPED = Path(__file__).parents[3] / "connectors/hubspot.yaml"
# What is asked of the account does not depend on the database.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
WITHOUT_WRITING = tuple(scope for scope in SCOPES if not (scope.startswith("crm.schemas") and scope.endswith("write")))


@dataclass
class Newcomer:
    """A workspace as `init` lays it out, and the account that its token opens.

    `run` gives exit code, stdout and stderr.
    """

    run: Run
    account: HubSpotAccount
    file: Path

    def json(self, *words: str) -> dict[str, object]:
        code, out, err = self.run(*words, "--json")
        assert code == 0, err
        found = json.loads(out)
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="module")
def worlds() -> World:
    """A very small company."""
    return World(7, scale=0.03)


def furnished(world: World, furnishing: Furnishing) -> Callable[[HubSpotAccount], None]:
    def fill(account: HubSpotAccount) -> None:
        Story(account, world, furnishing=furnishing, with_wear=False).advance_to(clock.now())

    return fill


@pytest.fixture
def newcomer(
    command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Newcomer]:
    """An empty default account; tests fill it."""
    assert callable(command)
    account = HubSpotAccount(now=clock.now)
    DEFAULT.define(account)
    folder = tmp_path / "acme"

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["ros-sync", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    with HubSpotServer(account) as server:
        monkeypatch.setenv("ROS_SYNC_HUBSPOT__TOKEN", account.token)
        monkeypatch.setenv("ROS_SYNC_HUBSPOT__API_URL", server.url)
        monkeypatch.setenv("ROS_SYNC_HUBSPOT__CALLS_PER_TEN_SECONDS", "10000")  # the sandbox keeps no limit here
        monkeypatch.setenv("ROS_SYNC_HUBSPOT__SEARCH_PER_SECOND", "100")
        run("init", str(folder))
        monkeypatch.chdir(folder)
        yield Newcomer(run, account, folder / "connectors/hubspot.yaml")


def doctor(newcomer: Newcomer) -> tuple[int, list[str]]:
    """What doctor says of the account, but for what HubSpot will end some day.

    Each told with what to do, in a line below.
    """
    code, out, _ = newcomer.run("doctor")
    of_account, _, of_installation = out.partition("slack: ")
    slack, *rest = f"slack: {of_installation}".split("\ndatabase: ")
    assert "no Slack token is set" in slack
    assert {line.partition(": ")[2] for line in f"database: {''.join(rest)}".splitlines()} == {"nothing to fix"}
    lines, told = iter(of_account.splitlines()), []
    for line in lines:
        if "will be unsupported from" in line or "are unsupported from" in line:
            next(lines)
        else:
            told.append(line)
    return code, told


def test_the_newcomers_path(newcomer: Newcomer, worlds: World) -> None:
    """init, connect, doctor, sync, tick, status on a default account.

    Nothing to complain of, and no rule fires on everyone.
    """
    furnished(worlds, DEFAULT)(newcomer.account)
    code, connected, _ = newcomer.run("connect", "hubspot")
    checked = doctor(newcomer)
    synced = json.loads(newcomer.run("sync", "--json")[1])
    ticked, status = newcomer.json("tick", "--no-deliver"), newcomer.json("status")
    assert (code, "handoff-overdue is off" in connected) == (0, True)
    assert checked == (0, [
        "hubspot: nothing to fix",
        "rule stalled works without segment (no data)",
        "rule missing-next-step works without next step date (no data)",
        "rule handoff-document-overdue is off: no data for handed off, handoff document",
        "rule handoff-overdue is off: no data for handed off",
        "rule kickoff-overdue is off: no data for handed off, kickoff",
        "rule mql-response-timeout works without rejected (no data)",
        "  Run `ros-sync connect hubspot` to find properties for them, or to create them.",
    ])  # fmt: skip
    assert [report["problems"] for report in synced] == [[]]
    open_deals = status["deals"]["open"]  # type: ignore[index]  # an object
    rules = {each["rule"]: each["open"] for each in status["alerts"]}  # type: ignore[attr-defined]  # a list
    assert ("handoff-overdue" in rules, 0 < rules["missing-next-step"] < open_deals, bool(ticked)) == (
        False,
        True,
        True,
    )


def test_the_rich_account_is_recognised(newcomer: Newcomer) -> None:
    """From the shipped file the company's own properties and pipelines are found; doctor has nothing to say then."""
    for kind in newcomer.account.properties:
        newcomer.account.properties[kind].pop("hs_is_stalled", None)
    newcomer.account.pipelines["deals"].clear()
    RICH.define(newcomer.account)
    told = newcomer.json("connect", "hubspot")
    assert (told["missing"], told["rules"], doctor(newcomer)) == ({}, [], (0, ["hubspot: nothing to fix"]))


def test_a_preview_changes_nothing(newcomer: Newcomer) -> None:
    """It shows the lines that would change and what would be created, and neither the file nor HubSpot does change."""
    before = {kind: set(names) for kind, names in newcomer.account.properties.items()}
    code, out, _ = newcomer.run("connect", "hubspot", "--dry-run", "--create-missing")
    wanted = (
        "+      next_step_date: next_step_date",
        "would be created in HubSpot: deal.next_step_date",
        "nothing was changed",
    )
    assert (code, [words for words in wanted if words not in out]) == (0, [])
    assert newcomer.file.read_bytes() == SHIPPED.read_bytes()
    assert {kind: set(names) for kind, names in newcomer.account.properties.items()} == before


def test_missing_properties_are_created_on_request(newcomer: Newcomer) -> None:
    """Those that the rules need, and others by name; the second run finds nothing to do, and doctor nothing to say."""
    told = newcomer.json("connect", "hubspot", "--create-missing", "--create", "account.icp_tier")
    text = newcomer.file.read_text()
    made = newcomer.account.properties
    assert [(kind, name) for kind, name in (
        ("deals", "next_step_date"), ("deals", "handed_off_to_cs"), ("deals", "segment"),
        ("contacts", "mql_rejected_at"),
        ("companies", "icp_tier"),
    ) if name not in made[kind]] == []  # fmt: skip
    assert ("region" in made["deals"], len(told["created"])) == (False, 7)  # type: ignore[arg-type]  # a list
    assert 'rejected: {hs_lead_status: UNQUALIFIED, mql_rejected_at: "{value}"}' in text
    again = newcomer.json("connect", "hubspot", "--create-missing")
    assert (again["steps"], again["created"], again["written"], newcomer.file.read_text()) == ([], [], False, text)
    assert doctor(newcomer) == (0, ["hubspot: nothing to fix"])


def test_a_token_that_may_not_create_is_told_the_scope(newcomer: Newcomer) -> None:
    """Exit code 1, the scope by name, and the file as it was."""
    newcomer.account.tokens.limit_scopes(WITHOUT_WRITING)
    code, _, err = newcomer.run("connect", "hubspot", "--create-missing")
    assert (code, "crm.schemas." in err, newcomer.file.read_bytes()) == (1, True, SHIPPED.read_bytes())


def test_a_field_that_cannot_be_created_is_told_with_what_can(newcomer: Newcomer) -> None:
    """A mistyped name is answered with what was probably meant."""
    code, _, err = newcomer.run("connect", "hubspot", "--create", "deal.segmnet")
    assert (code, "did you mean 'deal.segment'?" in err) == (1, True)


def test_a_part_that_may_not_be_seen_stays_as_it_is(newcomer: Newcomer) -> None:
    """Companies without their scope: their part of the file is left alone, and it is said."""
    newcomer.account.tokens.limit_scopes(tuple(scope for scope in SCOPES if "companies" not in scope))
    code, out, _ = newcomer.run("connect", "hubspot")
    assert (code, "Can't read this part" in out, "industry: industry" in newcomer.file.read_text()) == (0, True, True)


def test_complaints_are_told_by_doctor_alone(newcomer: Newcomer) -> None:
    """Sync and status say how many there are and where they are told."""
    newcomer.file.write_text(newcomer.file.read_text().replace("next_step: hs_next_step", "next_step: of_ours"))
    newcomer.account.create("deals", {"dealname": "Loom"}, at=clock.now() - timedelta(hours=1))
    outputs = [newcomer.run(each)[1] for each in ("sync", "status")]
    assert [("of_ours" in out, "1 setting in the connector file does not match" in out,
             "doctor" in out) for out in outputs] == [
        (False, True, True), (False, True, True),
    ]  # fmt: skip
    assert newcomer.run("doctor")[1].count("of_ours") == 1


def test_what_is_filled_already_is_not_created(newcomer: Newcomer) -> None:
    """Asked for by name, it is said.

    A property of that name that cannot hold the field's values is refused before anything is made.
    """
    newcomer.account.define_property("deals", "segment", "enumeration", "select", "Segment", ("smb",))
    newcomer.account.define_property("deals", "next_step_date", "string")
    told = newcomer.json("connect", "hubspot", "--create", "deal.segment")
    before = newcomer.file.read_bytes()
    code, _, err = newcomer.run("connect", "hubspot", "--create-missing")
    assert (told["created"], told["filled_already"]) == ([], ["deal.segment"])
    assert (code, "next_step_date of the type string already" in err, newcomer.file.read_bytes()) == (1, True, before)
    assert "handed_off_to_cs" not in newcomer.account.properties["deals"]


def test_a_file_that_would_end_with_a_mistake_is_left_alone(newcomer: Newcomer) -> None:
    """Where a line rests on one that the account cannot fill, people are asked; nothing is created or written."""
    text = newcomer.file.read_text().replace(
        "      next_step: hs_next_step\n",
        "      map_status: of_ours\n      next_step: {property: hs_next_step, only_if: {map_status: [done]}}\n",
    )
    newcomer.file.write_text(text)
    code, _, err = newcomer.run("connect", "hubspot", "--create-missing")
    assert (code, "was left unchanged" in err, "map_status" in err, newcomer.file.read_text()) == (1, True, True, text)
    assert "handed_off_to_cs" not in newcomer.account.properties["deals"]


def test_a_workspace_without_a_connector_file_gets_one(newcomer: Newcomer) -> None:
    """Fitted to the account; a file that is in its place and no connector file is not written over."""
    newcomer.file.unlink()
    assert (newcomer.run("connect", "hubspot")[0], "\ncrm: hubspot\n" in newcomer.file.read_text()) == (0, True)
    newcomer.file.write_text("notes: of mine\n")
    code, _, err = newcomer.run("connect", "hubspot")
    assert (code, "hubspot.yaml" in err, newcomer.file.read_text()) == (1, True, "notes: of mine\n")


@pytest.mark.parametrize("broken", ["objects: [", "version: 1\ncrm: hubspot\nsource: hubspot\nobjetcs: []\n"])
def test_a_file_that_cannot_be_read_is_told_with_its_place(newcomer: Newcomer, broken: str) -> None:
    """Its mistakes are told by file and line, and it is not changed."""
    newcomer.file.write_text("crm: hubspot\n" + broken if broken.startswith("objects") else broken)
    before = newcomer.file.read_bytes()
    code, _, err = newcomer.run("connect", "hubspot")
    assert (code, "connectors/hubspot.yaml:" in err, newcomer.file.read_bytes()) == (1, True, before)
