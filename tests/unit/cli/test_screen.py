from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from ros_sync.cli.screen import age, show
from ros_sync.mirror.config_versions import BrokenFile
from ros_sync.status.figures import (
    DealCounts,
    FollowedSource,
    LastRun,
    OpenAlerts,
    Outbox,
    People,
    Reason,
    Survey,
    UnknownOwner,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = LastRun(
    "crm", "import", "deals.csv", NOON, NOON, NOON, rows_read=2000, created=1900, updated=7, quarantined=3, error=None
)


def a_survey(**changes: object) -> Survey:
    """A survey of an ordinary workspace, with changes."""
    ordinary: dict[str, object] = {
        "objects": {"owner": 35, "deal": 8800, "lead": 0, "activity": 1},
        "deals": DealCounts(open=2089, won=4238, lost=2473, unstaged=0),
        "people": People(sellers=35, teams=6, regions=3),
        "runs": [RUN],
        "sources": [],
        "alerts": [OpenAlerts("stalled", open=120, pending=0, shadow=0), OpenAlerts("push-count", 40, 0, 2)],
        "unnotified": {"the record has no owner": 4},
        "outbox": Outbox(3, 0, 2, {"no such person in Slack": 2}),
        "quarantined": [],
        "unknown_owners": [],
    }
    return Survey(**{**ordinary, **changes})  # type: ignore[arg-type]  # the changes are chosen by each test


def shown(survey: Survey, width: int = 120) -> str:
    """The screen as text."""
    stream = io.StringIO()
    show(Console(file=stream, width=width), survey, NOON + timedelta(hours=2), title="acme")
    return stream.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        "8,800  deals",
        "2,089 open, 4,238 won, 2,473 lost",
        "35 sellers in 6 teams, 3 regions",
        "1  activity",
        "2 hours ago",
        "stalled",
        "160",
        "3 waiting",
        "Alerts without a recipient (4)",
        "the record has no owner",
        "2: no such person in Slack",
    ],
)
def test_screen_says(words: str) -> None:
    """The screen says what is held, how fresh it is, what is open and what waits."""
    assert words in shown(a_survey())


def test_empty_objects_are_left_out() -> None:
    """An object of which nothing is held takes no line."""
    assert "lead" not in shown(a_survey())


def test_ordinary_screen_fits() -> None:
    """What an ordinary workspace has to say fits on one screen of 40 lines and 100 columns."""
    assert len(shown(a_survey(), width=100).splitlines()) <= 40


def test_empty_mirror_says_what_to_do() -> None:
    """An empty mirror says how it is filled."""
    told = shown(a_survey(objects={"deal": 0}, runs=[]))
    assert ("`ros-sync sync`" in told, "`ros-sync import`" in told) == (True, True)


def test_a_sync_of_many_streams_counts_them() -> None:
    """Their names would not fit beside the numbers; one stream is named."""
    many = replace(RUN, source="hubspot", kind="sync", what="owner, pipeline_stage, deals, contacts")
    printed = [shown(a_survey(runs=[run]), width=80) for run in (many, replace(many, what="deals"))]
    assert ("sync of 4 streams" in printed[0], "sync deals" in printed[1]) == (True, True)


def test_run_stays_on_its_two_lines() -> None:
    """A run over many files takes two lines on a terminal of 80 columns: its numbers, and what was read, cut short."""
    many = replace(RUN, what="accounts.csv, deals.csv, leads.csv, owners.csv")
    lines = [line.split() for line in shown(a_survey(runs=[many]), width=80).splitlines()]
    start = next(number for number, words in enumerate(lines) if words[:1] == ["crm"])
    expected = ["crm 2026-03-02 2 hours ago 2,000 1,900 7 3", "import accounts.c…"]
    assert [" ".join(words) for words in lines[start : start + 2]] == expected


def test_sources_take_no_room_where_none_is_followed() -> None:
    """A workspace that lives by imports has no section on sources."""
    assert "Sources" not in shown(a_survey())


@pytest.mark.parametrize(
    "words",
    [
        "hubspot 12:00 UTC 2 h stale: its alerts keep their last state",
        "other 14:00 UTC less than 1 min fresh",
        "new not yet stale: its alerts keep their last state",
        "hubspot is paused until 2026-03-03 00:00 UTC; `ros-sync serve` resumes automatically",
        "hubspot: the calls of the day are used up",
        "7 settings in the connector file do not match the new account; run `ros-sync doctor` for details",
        "1 change is waiting to be written to other",
    ],
)
def test_screen_says_how_each_source_is_followed(words: str) -> None:
    """Up to when all of it is here, the lag, whether it is stale, parked or in trouble, what its account lacks."""
    problem = {"what": "there is no property team_size", "todo": "make it, or leave it out", "fatal": False}
    trouble = "the calls of the day are used up"
    sources = [
        FollowedSource(
            "hubspot", NOON, 7200.0, stale=True, quota_exhausted_until=NOON + timedelta(hours=12), trouble=trouble
        ),
        FollowedSource("new", None, None, stale=True, problems=[problem] * 7),
        FollowedSource("other", NOON + timedelta(hours=2), 0.0, stale=False, to_write=1),
    ]
    assert words in " ".join(shown(a_survey(sources=sources), width=200).split())


def test_failed_run_says_why() -> None:
    """A run that failed says so with its reason."""
    failed = LastRun("crm", "import", "deals.csv", NOON, NOON, NOON, 0, 0, 0, 0, "the disk is full")
    assert "failed 2 hours ago: the disk is full" in " ".join(shown(a_survey(runs=[failed]), width=200).split())


def test_run_without_an_end_says_so() -> None:
    """A run that was cut short, or still runs, is shown as such."""
    begun = LastRun("crm", "import", "deals.csv", NOON, NOON, None, 0, 0, 0, 0, None)
    assert "started 2 hours ago, not finished" in " ".join(shown(a_survey(runs=[begun]), width=200).split())


def test_rows_quarantined_are_shown() -> None:
    """Rows that could not be read are counted, with file, column and an example."""
    reasons = [Reason("crm", "deals.csv", "Amount", "'1.234,56' is not an amount", 3)]
    text = " ".join(shown(a_survey(quarantined=reasons)).split())
    assert ("Quarantined rows (3)" in text, "3 deals.csv Amount '1.234,56' is not an amount" in text) == (True, True)


def test_unknown_owners_are_named() -> None:
    """Owners that nobody knows are named with the number of their records, the first five of them."""
    owners = [UnknownOwner(f"Nobody {number}", 9 - number) for number in range(7)]
    text = " ".join(shown(a_survey(unknown_owners=owners)).split())
    assert "Nobody 0 (9), Nobody 1 (8), Nobody 2 (7), Nobody 3 (6), Nobody 4 (5) and 2 more;" in text


def test_hostile_names_are_text() -> None:
    """Names out of the CRM are shown as they are, never read as markup."""
    owners = [UnknownOwner("[bold red]x[/bold red] [/]", 1)]
    assert "[bold red]x[/bold red] [/] (1)" in shown(a_survey(unknown_owners=owners))


@pytest.mark.parametrize(
    "passed,words",
    [
        (timedelta(seconds=-1), "in the future"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=2), "2 days ago"),
    ],
)
def test_age(passed: timedelta, words: str) -> None:
    """An age is told in the largest unit that fits."""
    assert words == age(NOON, NOON + passed)


def test_screen_says_which_files_cannot_be_used() -> None:
    """Each with its place, the reason, since when, and what is used instead; nothing where all is well."""
    broken = [
        BrokenFile("rules/a.yaml", 3, 5, "invalid YAML", "check quotes", NOON, NOON - timedelta(hours=2)),
        BrokenFile("rules/b.yaml", None, None, "the file is empty", None, NOON, None),
    ]
    screen = shown(a_survey(broken_files=broken))
    for words in (
        "Invalid files (2)",
        "rules/a.yaml:3:5: invalid YAML",
        "broken since 12:00 UTC; using the version from 10:00 UTC",
        "not in use",
    ):
        assert words in screen
    assert "Invalid files" not in shown(a_survey())
