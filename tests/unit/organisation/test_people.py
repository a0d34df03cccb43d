from __future__ import annotations

from dataclasses import replace

import pytest

from ros_sync.organisation.company import CompanyProfile, Member, Organisation, Team, standard_calendar
from ros_sync.organisation.people import Directory, OwnerRow, Person

ADA = OwnerRow("hub", "1", "Ada", "Ada@loom.example", True, "Europe/Rome", "DACH", "2", "seller", "EMEA", "U1")
CEM = OwnerRow("hub", "2", "Cem", "cem@loom.example")
ORGANISATION = Organisation(
    company=CompanyProfile(timezone="Europe/Berlin"),
    teams={"DACH": Team("DACH", "dora@loom.example", "North", "standard")},
    people={
        "dora@loom.example": Member("dora@loom.example", "Dora", role="manager", team="DACH"),
        "eve@loom.example": Member("eve@loom.example", "Eve"),
    },
)


def key_of(person: Person | None) -> str | None:
    return person.key if person else None


def test_an_owner_becomes_a_person() -> None:
    """What the CRM says of an owner the file does not name is what the directory says."""
    expected = Person(
        key="ada@loom.example",
        name="Ada",
        email="ada@loom.example",
        timezone="Europe/Rome",
        team="DACH",
        manager="cem@loom.example",
        role="seller",
        level=None,
        region="EMEA",
        calendar="standard",
        slack_user="U1",
        active=True,
    )
    assert expected == Directory(ORGANISATION, [ADA, CEM]).person_of("hub", "1")


def test_the_file_wins() -> None:
    """What the file says of a person stands, and what it leaves out comes from the CRM."""
    member = Member("ada@loom.example", name="Ada L.", timezone="Europe/London", active=False)
    directory = Directory(Organisation(people={"ada@loom.example": member}), [ADA])
    person = directory.find("ADA@loom.example")
    assert person is not None
    expected = ("Ada L.", "Europe/London", False, "DACH")
    assert expected == (person.name, person.timezone, person.active, person.team)


def test_owners_with_one_email_are_one_person() -> None:
    """The same e-mail in two CRMs is one person, whom both owner ids lead to."""
    directory = Directory(Organisation(), [ADA, replace(ADA, source="sf", id="005", email="ada@LOOM.example")])
    expected = (1, "ada@loom.example")
    assert expected == (len(directory), key_of(directory.person_of("sf", "005")))


@pytest.mark.parametrize(
    "name,source,key", [("eve", "hub", "eve@loom.example"), ("Zoe", "hub", "hub:9"), (None, "sf", "sf:9")]
)
def test_an_owner_without_an_email(name: str | None, source: str, key: str) -> None:
    """Without an e-mail an owner is the member of that name, else a person of their own with a key of their own."""
    assert key == key_of(Directory(ORGANISATION, [OwnerRow(source, "9", name)]).person_of(source, "9"))


def test_a_name_that_two_members_have_is_nobodys() -> None:
    """An owner is not taken for one of two people of the same name."""
    people = {email: Member(email, "Kim") for email in ("a@loom.example", "b@loom.example")}
    directory = Directory(Organisation(people=people), [OwnerRow("hub", "9", "Kim")])
    expected = "hub:9"
    assert expected == key_of(directory.person_of("hub", "9"))


@pytest.mark.parametrize(
    "said,active", [([True, False], True), ([False, None], False), ([None, None], True), ([False, False], False)]
)
def test_who_still_works_here(said: list[bool | None], active: bool) -> None:
    """Someone is active unless every CRM that says anything says that they are not."""
    owners = [OwnerRow(f"crm{number}", "1", email="x@loom.example", active=each) for number, each in enumerate(said)]
    assert [active] == [person.active for person in Directory(Organisation(), owners)]


@pytest.mark.parametrize(
    "manager,key",
    [
        ("2", "cem@loom.example"),
        ("CEM@loom.example", "cem@loom.example"),
        ("cem", "cem@loom.example"),
        ("1", "dora@loom.example"),
        ("nobody", "dora@loom.example"),
        (None, "dora@loom.example"),
    ],
)
def test_the_manager_of_a_person(manager: str | None, key: str) -> None:
    """A manager is named by id, e-mail or name; without a known one, or with oneself, it is the team's manager."""
    directory = Directory(ORGANISATION, [replace(ADA, manager=manager), CEM])
    ada = directory.find("ada@loom.example")
    assert ada is not None
    assert key == key_of(directory.manager_of(ada))


def test_a_team_manager_is_not_their_own_manager() -> None:
    """Who manages the team they are in has no manager through it."""
    directory = Directory(ORGANISATION)
    dora = directory.find("dora@loom.example")
    assert dora is not None
    assert directory.manager_of(dora) is None


def test_a_manager_whom_nobody_knows_is_kept_in_words() -> None:
    """The name of an unknown manager is kept, so that it can be said."""
    expected = "Somebody Else"
    person = Directory(Organisation(), [replace(ADA, manager=expected)]).find("ada@loom.example")
    assert person is not None
    assert expected == person.manager_named


@pytest.mark.parametrize(
    "own,team,calendar",
    [("night", "DACH", "night"), (None, "DACH", "day"), (None, None, "standard"), (None, "new", "standard")],
)
def test_whose_calendar_counts(own: str | None, team: str | None, calendar: str) -> None:
    """A person's own calendar counts before their team's, and that before the company's."""
    organisation = Organisation(
        teams={"DACH": Team("DACH", calendar="day")},
        people={"ada@loom.example": Member("ada@loom.example", calendar=own)},
    )
    person = Directory(organisation, [replace(ADA, team=team)]).find("ada@loom.example")
    assert person is not None
    assert calendar == person.calendar


@pytest.mark.parametrize(
    "timezone,zone_given,zone",
    [
        ("Asia/Tokyo", False, "Asia/Tokyo"),
        ("Asia/Tokyo", True, "Europe/Berlin"),
        (None, False, "Europe/Berlin"),
        ("Mars/Olympus", False, "Europe/Berlin"),
    ],
)
def test_a_calendar_without_a_zone_is_kept_in_the_owners(timezone: str | None, zone_given: bool, zone: str) -> None:
    """Nine to five is that of the owner's zone, unless the calendar names one.

    What is not a zone counts for nothing.
    """
    office = replace(standard_calendar("Europe/Berlin"), name="office", zone_given=zone_given)
    organisation = Organisation(
        CompanyProfile(timezone="Europe/Berlin", calendar="office"), calendars={"office": office}
    )
    directory = Directory(organisation, [replace(ADA, timezone=timezone)])
    assert zone == directory.calendar_of("hub", "1").timezone.key


def test_an_unknown_owner_has_the_companys_calendar() -> None:
    """Business time of a record that nobody known owns is the company's."""
    expected = ORGANISATION.calendar()
    assert expected == Directory(ORGANISATION).calendar_of("hub", "404")


def test_an_owner_known_only_by_what_the_crm_calls_them() -> None:
    """Where a record has no owner id, the e-mail or name that the CRM gives leads to the member."""
    directory = Directory(ORGANISATION)
    expected = ["eve@loom.example", "eve@loom.example", None]
    assert expected == [key_of(directory.owner_of("hub", None, said)) for said in ("Eve@loom.example", "EVE", "Evelyn")]


@pytest.mark.parametrize("said", ["Pacific", "(GMT+1) somewhere", "../etc/passwd", "", "Europe"])
def test_a_time_zone_of_a_crm_that_is_none_is_the_companys(said: str) -> None:
    """One owner's odd value stops nobody's messages."""
    person = Directory(ORGANISATION, [replace(ADA, timezone=said)]).person_of("hub", "1")
    assert person is not None
    assert person.timezone == "Europe/Berlin"
