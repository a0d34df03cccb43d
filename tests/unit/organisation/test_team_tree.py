"""Teams that stand below others: who reports to whom, who may write back, and on which level somebody leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_sync.errors import ProblemsError
from ros_sync.organisation.company import CompanyProfile, Member, Organisation, Team
from ros_sync.organisation.file import load
from ros_sync.organisation.people import Directory, OwnerRow, Post
from ros_sync.organisation.rights import may_change
from ros_sync.organisation.routing import RecordOwner, route
from ros_sync.organisation.team_tree import levels, with_those_above

HEAD = "version: 1\ncompany: {name: Loom}\n"
TEAMS = [
    Team("Company", "eve@x.example", calendar="standard"),
    Team("EMEA", "dee@x.example", "EMEA", parent="Company"),
    Team("US", "finn@x.example", "NA", parent="Company"),
    Team("UK", "cem@x.example", parent="EMEA"),
    Team("Boston", "cem@x.example", parent="US"),
    Team("Iberia", None, parent="EMEA"),
    Team("Partners", "gus@x.example"),
]
NAMES = ("eve", "dee", "finn", "cem", "gus")
SELLERS = {"uma": "UK", "bob": "Boston", "ines": "Iberia", "pat": "Partners"}


def directory(*, gone: str | None = None) -> Directory:
    """A company with two regions, whose teams in London and Boston one person leads."""
    people = {f"{name}@x.example": Member(f"{name}@x.example", name.title(), active=name != gone) for name in NAMES}
    people |= {
        f"{name}@x.example": Member(f"{name}@x.example", name.title(), team=team) for name, team in SELLERS.items()
    }
    profile = CompanyProfile(fallback="#fallback")
    owners = [OwnerRow("crm", name, email=f"{name}@x.example") for name in (*NAMES, *SELLERS)]
    return Directory(Organisation(profile, teams={team.name: team for team in TEAMS}, people=people), owners)


def test_levels_follow_from_the_tree() -> None:
    """The team at the top is the company's, one with sellers the first line, and one that stands alone has none."""
    expected = {"Company": "L3", "EMEA": "L2", "US": "L2", "UK": "L1", "Boston": "L1", "Iberia": "L1"}
    assert expected == levels({team.name: team for team in TEAMS})


def test_a_person_has_the_level_of_the_highest_team_that_they_lead() -> None:
    """Unless the file says which level they have."""
    found = {person.name: person.level for person in directory()}
    expected = {"Eve": "L3", "Dee": "L2", "Finn": "L2", "Cem": "L1", "Gus": None, "Uma": None}
    assert expected == {name: found[name] for name in expected}
    company = Organisation(people={"a@x.example": Member("a@x.example", level="L2")}, teams={
        "A": Team("A", "a@x.example"), "B": Team("B", parent="A"),
    })  # fmt: skip
    assert ["L2"] == [person.level for person in Directory(company)]


@pytest.mark.parametrize(
    "owner, expected",
    [
        ("uma", ["Cem", "Dee", "Eve"]),
        ("bob", ["Cem", "Finn", "Eve"]),
        ("ines", ["Dee", "Eve"]),
        ("pat", ["Gus"]),
        ("cem", ["Dee", "Finn", "Eve", "Eve"]),
        ("eve", []),
    ],
)
def test_who_is_above_somebody(owner: str, expected: list[str]) -> None:
    """Up the tree from their team: who leads two teams leads each below the one that stands above it."""
    people = directory()
    person = people.find(f"{owner}@x.example")
    assert person is not None
    found, waiting = [], [Post(person)]
    while waiting:
        above = people.above(waiting.pop(0))
        found += [post.person.name for post in above]
        waiting += above
    assert expected == found


@pytest.mark.parametrize("owner, expected", [("uma", "dee@x.example"), ("bob", "finn@x.example")])
def test_who_leads_two_teams_is_stood_in_for_by_the_team_in_question(owner: str, expected: str) -> None:
    """Once they are gone, London's records go to the head of its region, and Boston's to that of its own."""
    recipient = route("manager", RecordOwner("crm", owner), directory(gone="cem"))
    assert (expected, True) == (recipient.key, recipient.redirected)


@pytest.mark.parametrize(
    "asker, owner, granted",
    [
        ("cem", "uma", True),
        ("cem", "bob", True),
        ("dee", "uma", True),
        ("finn", "bob", True),
        ("eve", "ines", True),
        ("dee", "cem", True),
        ("finn", "cem", True),
        ("dee", "bob", False),
        ("finn", "uma", False),
        ("uma", "cem", False),
        ("eve", "pat", False),
    ],
)
def test_who_may_write_back_follows_the_tree(asker: str, owner: str, granted: bool) -> None:
    """Everybody above the owner's team, and above each team that the owner leads."""
    people = directory()
    assert granted is may_change(people.find(f"{asker}@x.example"), people.find(f"{owner}@x.example"), people).granted


def test_region_and_calendar_come_from_above() -> None:
    """A team without them has those of the next team above that has."""
    person = directory().find("ines@x.example")
    assert person is not None
    assert ("EMEA", "standard") == (person.region, person.calendar)


def test_a_circle_of_teams_ends() -> None:
    """A file with one is refused; whoever has one anyway does not go round for ever."""
    teams = {"A": Team("A", parent="B"), "B": Team("B", parent="A")}
    assert ["A", "B"] == [team.name for team in with_those_above(teams, "A")]


@pytest.mark.parametrize(
    "teams, expected",
    [
        (
            "[{name: North, parent: Compani}, {name: Company}]",
            [":3:31, teams[1].parent: 'Compani' is not allowed here (did you mean 'Company'?)"],
        ),
        (
            "[{name: A, parent: B}, {name: B, parent: C}, {name: C, parent: A}]",
            [":3:27, A.parent: these stand above each other: A -> B -> C -> A (one of them is wrong)"],
        ),
        (
            "[{name: A, parent: A}]",
            [":3:27, A.parent: these stand above each other: A -> A (one of them is wrong)"],
        ),
        (
            "[{name: A}, {name: B, parent: A}, {name: A, since: 2026-05-01, parent: B}]",
            [":3:79, A.parent: these stand above each other from 2026-05-01 on: A -> B -> A (one of them is wrong)"],
        ),
        (
            "[{name: A, parent: B}, {name: B, since: 2026-05-01}]",
            [
                (
                    ":3:27, teams[1].parent: 'B' is not in this file before its first `since` (let this hold from the "
                    "same day on (`since`), or have an entry of that one without `since`)"
                )
            ],
        ),
    ],
)
def test_a_tree_that_is_none_is_told_with_its_place(tmp_path: Path, teams: str, expected: list[str]) -> None:
    """Unknown parents and circles, with what to do."""
    path = tmp_path / "organisation.yaml"
    path.write_text(f"{HEAD}teams: {teams}\n")
    with pytest.raises(ProblemsError) as caught:
        load(path, shown_as="organisation.yaml")
    assert expected == [str(problem).removeprefix("organisation.yaml") for problem in caught.value.problems]
