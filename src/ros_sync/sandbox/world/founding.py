"""What the CRM held before the first day: users, accounts with their contacts; and the quotas of each quarter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from ros_sync.sandbox.world import names
from ros_sync.sandbox.world.events import Event, Row
from ros_sync.sandbox.world.people import REGIONS, Person, Roster, region_named, team_for

SEGMENTS = {"smb": 30, "mid-market": 34, "enterprise": 27, "strategic": 9}  # out of a hundred accounts
EMPLOYEES = {"smb": (10, 90), "mid-market": (100, 900), "enterprise": (1_000, 9_000), "strategic": (10_000, 90_000)}
QUARTER_QUOTA = {"smb": 120, "mid-market": 320, "enterprise": 700, "strategic": 1_400}  # thousands
QUOTA_NOTICE_DAYS = 10  # quotas are entered so long before their quarter
CRM_AGE_DAYS = 1_000  # the users are as old as the CRM, the accounts younger
CUSTOMER, OPTED_OUT = 0.4, 0.04  # shares of accounts and of contacts
BUYERS = 2  # contacts an account


@dataclass(frozen=True, slots=True)
class Account:
    """An account with its fields, and the names and ids of the people there."""

    id: str
    row: Row
    buyers: tuple[str, ...]
    contacts: tuple[str, ...]

    @property
    def segment(self) -> str:
        """The segment it belongs to."""
        return str(self.row["segment"])

    @property
    def region(self) -> str:
        """The name of its region."""
        return str(self.row["region"])

    @property
    def team(self) -> str:
        """The team that sells to it."""
        return team_for(self.region, self.segment).name


def user_events(people: Iterable[Person], start: date) -> list[Event]:
    """The CRM's users, created with the CRM."""
    installed = datetime.combine(start, time(8), UTC) - timedelta(days=CRM_AGE_DAYS)
    return [
        Event(installed + timedelta(minutes=minute), "created", "owner", person.id, _user(person), None)
        for minute, person in enumerate(people)
    ]


def found_account(number: int, name: str, start: date, roster: Roster, rng: Random) -> tuple[Account, list[Event]]:
    """An account that was there on the first day, and the events by which it and its contacts came."""
    region = REGIONS[number % len(REGIONS)]
    segment = rng.choices(list(SEGMENTS), weights=list(SEGMENTS.values()))[0]
    age = timedelta(days=rng.randint(40, CRM_AGE_DAYS - 1), seconds=rng.randrange(86_400))
    at = datetime.combine(start, time(8), UTC) - age
    owner = roster.seller(team_for(region.name, segment).name, start, rng)
    renewal_date = start + timedelta(days=rng.randint(20, 380)) if rng.random() < CUSTOMER else None
    domain = names.domain_of(name)
    row: Row = {
        "name": name, "domain": domain, "industry": rng.choice(names.INDUSTRIES),
        "employees": rng.randint(*EMPLOYEES[segment]), "segment": segment, "region": region.name,
        "icp_tier": rng.choice(("A", "A", "B", "B", "C")), "owner": owner.id, "renewal_date": renewal_date,
        "created": at,
    }  # fmt: skip
    account_id = f"30{number:06d}"
    account = Account(
        account_id,
        row,
        tuple(names.person_name(rng) for _ in range(BUYERS)),
        tuple(f"{account_id}{place}" for place in range(1, BUYERS + 1)),
    )
    events = [Event(at, "created", "account", account.id, row, "integration")]
    for place, (buyer, contact) in enumerate(zip(account.buyers, account.contacts, strict=True), 1):
        person: Row = {
            "name": buyer, "email": f"buyer{place}@{domain}", "account": account.id, "owner": owner.id,
            "role": rng.choice(("Economic buyer", "User", "IT", "Procurement")),
            "opted_out": rng.random() < OPTED_OUT, "created": at,
        }  # fmt: skip
        events.append(Event(at, "created", "contact", contact, person, owner.id))
    return account, events


def quotas_entered(day: date, people: Iterable[Person], *, first: bool = False) -> list[Event]:
    """The quotas that RevOps enters on that day: those of the next quarter shortly before it begins.

    On the world's `first` day those of the running quarter are there already.
    """
    coming = day if first else day + timedelta(days=QUOTA_NOTICE_DAYS)
    if not first and (coming.day, coming.month % 3) != (1, 1):
        return []
    people = list(people)
    revops = next(person for person in people if person.role == "revops")
    quarter = f"{coming.year}-Q{(coming.month + 2) // 3}"
    at = datetime.combine(day, time(7), UTC) - timedelta(days=QUOTA_NOTICE_DAYS if first else 0)
    events = []
    for person in people:
        if person.segment is None or not person.works_on(coming):
            continue
        row: Row = {
            "owner": person.id, "period": quarter, "amount": Decimal(QUARTER_QUOTA[person.segment] * 1000),
            "currency": region_named(person.region).currency, "created": at,
        }  # fmt: skip
        events.append(Event(at, "created", "quota", f"{person.id}-{quarter}", row, revops.id))
    return events


def _user(person: Person) -> Row:
    return {
        "name": person.name, "email": person.email, "active": True, "timezone": person.tz, "team": person.team,
        "manager": person.manager, "role": person.role, "segment": person.segment, "region": person.region,
        "language": person.language,
    }  # fmt: skip
