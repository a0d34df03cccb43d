from __future__ import annotations

import pytest

from ros_sync.organisation.company import CompanyProfile, Member, Organisation
from ros_sync.organisation.people import Directory, OwnerRow
from ros_sync.organisation.routing import Recipient, RecordOwner, route


def member(name: str, manager: str | None = None, *, active: bool = True) -> tuple[str, Member]:
    email = f"{name.lower()}@loom.example"
    return email, Member(email, name, manager=f"{manager}@loom.example" if manager else None, active=active)


PEOPLE = dict(
    [
        member("Ada", "cem"),
        member("Cem", "dora"),
        member("Dora"),
        member("Gone", "left", active=False),
        member("Left", "dora", active=False),
        member("Lost", active=False),
    ]
)
OWNERS = [OwnerRow("hub", str(number), email=email) for number, email in enumerate(PEOPLE, 1)] + [
    OwnerRow("hub", "7", "Finn", "finn@loom.example", manager="Nobody Known")
]


def directory(fallback: str | None = "revops@loom.example") -> Directory:
    return Directory(Organisation(company=CompanyProfile(fallback=fallback), people=PEOPLE), OWNERS)


def said(recipient: Recipient) -> tuple[str | None, str, bool]:
    return recipient.key, recipient.reason, recipient.redirected


@pytest.mark.parametrize(
    "to,owner,expected",
    [
        ("owner", "1", ("ada@loom.example", "owns the record", False)),
        ("manager", "1", ("cem@loom.example", "manages Ada, who owns the record", False)),
        ("dora@LOOM.example", "1", ("dora@loom.example", "addressed to Dora", False)),
        ("#deal-desk", "1", ("#deal-desk", "addressed to #deal-desk", False)),
        ("owner", "5", ("dora@loom.example", "manages Left, who owns the record but is no longer active", True)),
        ("owner", "4", ("dora@loom.example", "manages Left, who is no longer active", True)),
        ("owner", "6", ("revops@loom.example", "Lost is no longer active and Lost has no manager", True)),
        ("manager", "3", ("revops@loom.example", "Dora has no manager", True)),
        (
            "manager",
            "7",
            (
                "revops@loom.example",
                "the manager of Finn, 'Nobody Known', is not in the directory: add them to organisation.yaml",
                True,
            ),
        ),
        (
            "owner",
            "404",
            (
                "revops@loom.example",
                "the record's owner, '404', is not in the directory: add them to organisation.yaml",
                True,
            ),
        ),
        ("owner", None, ("revops@loom.example", "the record has no owner", True)),
        ("x@loom.example", "1", ("revops@loom.example", "x@loom.example is not in the directory", True)),
    ],
)
def test_who_gets_a_message(to: str, owner: str | None, expected: tuple[str | None, str, bool]) -> None:
    """The one addressed, else whoever stands above them and is active, else the fallback; always with the reason."""
    assert expected == said(route(to, RecordOwner("hub", owner), directory()))


def test_an_owner_named_by_the_crm_is_found_by_name() -> None:
    """A record whose owner has no id here reaches the member whom the CRM names."""
    expected = ("ada@loom.example", "owns the record", False)
    assert expected == said(route("owner", RecordOwner("hub", None, "Ada"), directory()))


def test_the_fallback_can_be_a_channel() -> None:
    """What reaches nobody goes to the fallback's channel."""
    expected = ("#revops", "the record has no owner", True)
    assert expected == said(route("owner", None, directory("#revops")))


def test_without_a_fallback_nobody_is_told() -> None:
    """What reaches nobody at all says so, and what to set."""
    expected = (None, "the record has no owner; set company.fallback in organisation.yaml", True)
    assert expected == said(route("owner", None, directory(None)))


def test_an_inactive_fallback_is_nobody() -> None:
    """A fallback who has left is not written to."""
    expected = (None, "the record has no owner; the fallback lost@loom.example is no longer active", True)
    assert expected == said(route("owner", None, directory("lost@loom.example")))


def test_managers_in_a_circle_end_at_the_fallback() -> None:
    """Two inactive people whom a CRM lets manage each other do not hang the decision."""
    owners = [
        OwnerRow("sf", "1", "A", "a@loom.example", active=False, manager="2"),
        OwnerRow("sf", "2", "B", "b@loom.example", active=False, manager="1"),
    ]
    circle = Directory(Organisation(company=CompanyProfile(fallback="#revops")), owners)
    expected = "#revops"
    assert expected == route("owner", RecordOwner("sf", "1"), circle).key


@pytest.mark.parametrize(
    "named,expected",
    [
        ("#customer-success", ("#customer-success", "customer success", False)),
        ("dora@loom.example", ("dora@loom.example", "customer success", False)),
        ("gone@loom.example", ("dora@loom.example", "manages Left, who is no longer active", True)),
        (
            "who@loom.example",
            (None, "who@loom.example is not in the directory; set company.fallback in organisation.yaml", True),
        ),
        (None, ("cem@loom.example", "manages Ada, who owns the record", False)),
    ],
)
def test_who_customer_success_is(named: str | None, expected: tuple[str | None, str, bool]) -> None:
    """Whom the organisation names; where it names nobody, the manager of the record's owner."""
    everybody = Directory(Organisation(company=CompanyProfile(customer_success=named), people=PEOPLE), OWNERS)
    assert expected == said(route("customer_success", RecordOwner("hub", "1"), everybody))
