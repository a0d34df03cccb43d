"""A large deal export whose rows differ: what a CRM of so many deals would write."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

AS_OF = datetime(2026, 3, 2, 9, tzinfo=UTC)
OWNERS = 200
ACCOUNTS = 40_000
STAGES = ("Qualification", "Discovery", "Proposal", "Negotiation", "Closed Won", "Closed Lost")
HEADER = (
    "Record ID", "Deal Name", "Deal Stage", "Amount", "Currency", "Close Date", "Create Date", "Closed At",
    "Deal owner", "Account ID", "Segment", "Region", "Forecast Category", "Demand Source", "Deal Type", "Next Step",
    "Next Step Date", "Last Activity", "Last Buyer Activity", "Competitor", "Loss Reason", "Closing Plan",
    "Contacts Engaged", "Champion", "Economic Buyer Engaged", "Requalified On", "Handed Off", "Team Size",
    "Region Code",
    "Last Modified",
)  # fmt: skip
MAPPING = """
version: 1
source: crm
timezone: Europe/Berlin
currency: EUR
stages:
  default:
    - {name: Qualification, kind: open, position: early, probability: 10%}
    - {name: Discovery, kind: open, position: early, probability: 20%}
    - {name: Proposal, kind: open, position: mid, probability: 50%}
    - {name: Negotiation, kind: open, position: late, probability: 80%}
    - {name: Closed Won, kind: won}
    - {name: Closed Lost, kind: lost}
files:
  - file: "deals*"
    object: deal
    id: Record ID
    fields:
      name: Deal Name
      stage: Deal Stage
      amount: {column: Amount, currency: {column: Currency}}
      close_date: Close Date
      created: Create Date
      closed: Closed At
      owner: {column: Deal owner, find: {object: owner, by: [email, name]}}
      account: Account ID
      segment: Segment
      region: Region
      forecast_category: Forecast Category
      demand_source: Demand Source
      deal_type: Deal Type
      next_step: Next Step
      next_step_date: Next Step Date
      last_activity: Last Activity
      last_buyer_activity: Last Buyer Activity
      competitor: Competitor
      loss_reason: Loss Reason
      closing_plan: Closing Plan
      contacts_engaged: Contacts Engaged
      champion: Champion
      economic_buyer_engaged: Economic Buyer Engaged
      requalified: Requalified On
      handed_off: Handed Off
      custom.team_size: {column: Team Size, kind: number}
      custom.region_code: Region Code
      modified: Last Modified
"""


def write_deals(path: Path, rows: int, seed: int = 7) -> None:
    """Write `rows` deals of 30 columns; every instant, amount and name is drawn for its row."""
    rng = Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(rows):
            writer.writerow(_row(rng, number))


def _row(rng: Random, number: int) -> list[str]:
    created = AS_OF - timedelta(seconds=rng.randrange(86_400, 500 * 86_400))
    stage = rng.choice(STAGES)
    is_closed = stage.startswith("Closed")
    touched = created + (AS_OF - created) * rng.random()
    buyer = created + (touched - created) * rng.random()
    steps = not is_closed and rng.random() < 0.85
    return [
        f"{9_000_000 + number}", f"Account {rng.randrange(ACCOUNTS)} deal {number}", stage,
        "" if rng.random() < 0.05 else f"{rng.randrange(100_000, 90_000_000) / 100:.2f}",
        rng.choice(("EUR", "EUR", "USD", "GBP")), f"{(AS_OF + timedelta(days=rng.randrange(-60, 120))).date()}",
        _instant(created), _instant(touched) if is_closed else "", f"seller{rng.randrange(OWNERS)}@loom.example",
        f"A{rng.randrange(ACCOUNTS)}", rng.choice(("smb", "mid-market", "enterprise", "strategic")),
        rng.choice(("EMEA", "AMER", "APAC")), rng.choice(("commit", "best case", "pipeline", "omitted")),
        rng.choice(("sales", "sdr", "marketing", "partner")), rng.choice(("new business", "expansion", "renewal")),
        f"call {rng.choice(('Ada', 'Bo', 'Cy', 'Di'))} on item {rng.randrange(500)}" if steps else "",
        f"{(AS_OF + timedelta(days=rng.randrange(1, 30))).date()}" if steps else "", _instant(touched), _instant(buyer),
        rng.choice(("", "", "Rival", "Other")), "price" if stage == "Closed Lost" else "",
        rng.choice(("Yes", "No", "")),
        f"{rng.randrange(1, 9)}", f"Champion {rng.randrange(3_000)}", rng.choice(("Yes", "No")), "",
        _instant(touched + timedelta(hours=20)) if stage == "Closed Won" else "", f"{rng.randrange(5, 500)}",
        f"R{rng.randrange(90)}", _instant(touched),
    ]  # fmt: skip


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
