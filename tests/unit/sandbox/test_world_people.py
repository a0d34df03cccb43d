"""The cast, and the organisation file that stands for it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ros_sync.organisation.file import load
from ros_sync.sandbox.world import World
from ros_sync.sandbox.world.people import TEAMS, Team, cast

START = date(2025, 8, 18)


def test_the_company_has_three_levels_of_managers() -> None:
    """40 sellers in 6 teams, 6 first-line managers, 3 regional heads, a CRO and RevOps."""
    counted = Counter((person.role, person.level) for person in cast(START))

    assert counted == {
        ("seller", None): 40,
        ("manager", "L1"): 6,
        ("manager", "L2"): 3,
        ("manager", "L3"): 1,
        ("revops", None): 1,
    }


def test_ids_and_addresses_are_each_given_once() -> None:
    """No two people share an id or an e-mail address."""
    people = cast(START)

    assert len({person.id for person in people}) == len({person.email for person in people}) == len(people)


def test_every_address_is_invented() -> None:
    """All addresses end in a domain that cannot exist, in plain ASCII."""
    assert all(person.email.isascii() and person.email.endswith("@loom.example") for person in cast(START))


def test_everybody_reports_to_the_cro_in_the_end() -> None:
    """Following managers upward always ends with the one who has none."""
    by_email = {person.email: person for person in cast(START)}
    tops = set()
    for person in by_email.values():
        above = person
        while above.manager:
            above = by_email[above.manager]
        tops.add(above.level)

    assert tops == {"L3"}


@pytest.mark.parametrize("team", TEAMS, ids=lambda team: team.name)
def test_every_team_has_sellers_for_each_of_its_segments(team: Team) -> None:
    """Each segment of a team has somebody who sells to it."""
    sold_to = {person.segment for person in cast(START) if person.team == team.name and person.role == "seller"}

    assert set(team.segments) == sold_to


def test_somebody_never_joined_slack() -> None:
    """One seller cannot be reached in Slack, as in every company."""
    assert sum(not person.in_slack for person in cast(START)) == 1


def test_the_organisation_file_is_one_that_the_program_reads(tmp_path: Path) -> None:
    """The file names everybody with their manager, and marks those who left."""
    world = World(scale=0.05)
    path = tmp_path / "organisation.yaml"
    path.write_text(world.organisation_yaml(datetime(2026, 3, 2, tzinfo=UTC)), encoding="utf-8")

    organisation = load(path)

    expected = {person.email: (person.name, person.manager, person.left is not None) for person in world.people()}
    assert expected == {
        email: (member.name, member.manager, member.active is False) for email, member in organisation.people.items()
    }
