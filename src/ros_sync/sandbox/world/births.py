"""What a new deal and a new lead are like on the day they are entered."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from ros_sync.sandbox.world import names
from ros_sync.sandbox.world.archetypes import draw
from ros_sync.sandbox.world.awkward import AwkwardDeal
from ros_sync.sandbox.world.deals import Birth
from ros_sync.sandbox.world.events import Row
from ros_sync.sandbox.world.founding import Account
from ros_sync.sandbox.world.people import Person, region_named
from ros_sync.sandbox.world.pipelines import RENEWALS, SALES

# What a deal is worth: thousands of its region's currency.
THOUSANDS = {"smb": (3, 15), "mid-market": (12, 60), "enterprise": (40, 180), "strategic": (150, 700)}

# Chances, 0 to 1.
RENEWAL = 0.1  # of the deals that sellers open
AMOUNT_MISSING, AMOUNT_ZERO = 0.015, 0.015
ACCOUNT_KNOWN = 0.7  # of leads: marketing matched them with an account


def new_deal(
    deal: str,
    at: datetime,
    account: Account,
    owner: Person,
    rng: Random,
    *,
    from_lead: bool,
    awkward: AwkwardDeal | None = None,
) -> Birth:
    """A deal with that account, entered at that instant; an `awkward` one has some fields of its own."""
    renewal = not from_lead and awkward is None and rng.random() < RENEWAL
    product = rng.choice(names.PRODUCTS)
    row: Row = {
        "name": f"{account.row['name']}: {product} {'renewal' if renewal else rng.choice(names.PROJECTS)}",
        "pipeline": RENEWALS if renewal else SALES,
        "amount": _amount(account.segment, rng),
        "currency": region_named(account.region).currency,
        "owner": owner.id,
        "account": account.id,
        "account_name": account.row["name"],
        "segment": account.segment,
        "region": account.region,
        "demand_source": "marketing" if from_lead else rng.choice(("sales", "sales", "sales", "sdr", "sdr", "partner")),
        "deal_type": "renewal" if renewal else rng.choice(("new business", "new business", "expansion")),
        "product": product,
        "contacts_engaged": 1,
        "champion": rng.choice((*account.buyers, None)),
        "closing_plan": False,
        "economic_buyer_engaged": False,
        "methodology_share": 0.2,
        "team_size": rng.randint(5, 400),
    }
    archetype = draw(rng)
    if awkward is None:
        return Birth(deal, at, row, owner, archetype, account)
    row |= awkward.fields
    if not awkward.owned:
        row["owner"] = None
    return Birth(deal, at, row, owner if awkward.owned else None, awkward.archetype, account)


def new_lead(number: int, day: date, account: Account, rng: Random) -> tuple[datetime, Row]:
    """A lead from that company at any hour of that day (UTC): when, and its fields."""
    at = datetime.combine(day, time(), UTC) + timedelta(seconds=rng.randrange(86_400))
    row: Row = {
        "name": names.person_name(rng), "email": f"lead{number}@{account.row['domain']}",
        "company": account.row["name"],
        "score": rng.randint(5, 69), "lead_source": rng.choice(names.LEAD_SOURCES), "segment": account.segment,
        "region": account.region, "account": account.id if rng.random() < ACCOUNT_KNOWN else None, "owner": None,
    }  # fmt: skip
    return at, row


def _amount(segment: str, rng: Random) -> Decimal | None:
    chance = rng.random()
    if chance < AMOUNT_MISSING:
        return None
    low, high = THOUSANDS[segment]
    return Decimal(0) if chance < AMOUNT_MISSING + AMOUNT_ZERO else Decimal(rng.randint(low * 10, high * 10) * 100)
