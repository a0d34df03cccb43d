"""A HubSpot on loopback with many deals of 60 properties, in a process of its own.

python -m benchmarks.hubspot_account DEALS [--limits] [--lean]     prints {"url": …, "token": …}, then obeys lines on
stdin

`change` edits 1,000 deals and answers with the ids of the 100 in which a tracked property changed; `calls` answers with
(seconds, status) of every call made so far. Answers are one line of JSON. The end of stdin ends it. With `--limits`, it
has HubSpot's rate limits; with `--lean`, it keeps histories of the tracked properties alone, to be small itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from sys import intern
from typing import IO, Any

START = datetime(2025, 9, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CHANGE_STEP = timedelta(minutes=10)  # how far a round of changes moves the account's clock
OVERLAP = timedelta(seconds=120)  # how much of the past a poll reads again
COMPANIES, OWNERS = 500, 40
STAGES = ("qualification", "discovery", "evaluation", "proposal", "negotiation", "closedwon", "closedlost")
LABELS = ("Qualification", "Discovery", "Evaluation", "Proposal", "Negotiation", "Closed Won", "Closed Lost")
OWN_PROPERTIES = tuple(f"own_{number:02}" for number in range(42))
STANDARD = (
    "dealname", "amount", "deal_currency_code", "pipeline", "dealstage", "closedate", "createdate", "hubspot_owner_id",
    "hs_manual_forecast_category", "hs_next_step", "next_step_date", "dealtype", "segment", "region", "competitor",
    "closing_plan", "contacts_engaged", "champion",
)  # fmt: skip
PROPERTIES = (*STANDARD, *OWN_PROPERTIES)  # 60; the record's id and modified instant come beside them
TRACKED = ("amount", "closedate", "dealstage", "hs_manual_forecast_category", "hubspot_owner_id")
CHANGED, TRACKED_CHANGED = 1_000, 100

MAPPING = """
version: 1
crm: hubspot
source: hubspot
objects:
  - stream: deals
    object: deal
    modified: hs_lastmodifieddate
    fields:
      name: dealname
      amount: {property: amount, currency: {property: deal_currency_code}}
      pipeline: pipeline
      stage: dealstage
      close_date: closedate
      created: createdate
      owner: hubspot_owner_id
      forecast_category: {property: hs_manual_forecast_category,
                               values: {PIPELINE: pipeline, BEST_CASE: best case, COMMIT: commit}}
      next_step: hs_next_step
      next_step_date: next_step_date
      deal_type: {property: dealtype, values: {newbusiness: new business, renewal: renewal}}
      segment: segment
      region: region
      competitor: competitor
      closing_plan: closing_plan
      contacts_engaged: contacts_engaged
      champion: champion
      account: {link: companies}
OWN
    track: [stage, close_date, amount, forecast_category, owner]
    links: [companies]
""".replace(
    "OWN",
    "\n".join(
        f"      custom.{name}: {{property: {name}, kind: {'number' if number % 3 == 0 else 'text'}}}"
        for number, name in enumerate(OWN_PROPERTIES)
    ),
)


@dataclass(frozen=True, slots=True)
class Running:
    """The process as its users see it."""

    url: str
    token: str
    commands: IO[str]
    answers: IO[str]

    def change(self) -> list[str]:
        """Edit 1,000 deals; the ids of those in which a tracked property changed."""
        return [str(each) for each in self._told("change")]

    def calls(self) -> list[tuple[float, int]]:
        """When each call came, in seconds, and the status of its answer."""
        return [(float(at), int(status)) for at, status in self._told("calls")]

    def _told(self, command: str) -> list[Any]:
        self.commands.write(f"{command}\n")
        self.commands.flush()
        return list(json.loads(self.answers.readline()))


@contextmanager
def running(deals: int, *, limits: bool = False, lean: bool = False) -> Iterator[Running]:
    """Stand the account up in a process of its own, while the context is open."""
    command = [sys.executable, "-m", "benchmarks.hubspot_account", str(deals)]
    command += [name for name, given in (("--limits", limits), ("--lean", lean)) if given]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Running(told["url"], told["token"], process.stdin, process.stdout)
        process.stdin.close()
        process.wait(30)


def _deal(number: int, rng: Random) -> dict[str, str | None]:
    """The properties of a deal at its creation; no two deals say the same."""
    values: dict[str, str | None] = {
        "dealname": f"Looms for mill {number}, hall {rng.randrange(90)}",
        "amount": str(rng.randrange(1_000, 90_000)),
        "deal_currency_code": "EUR",
        "pipeline": "default",
        "dealstage": STAGES[0],
        "closedate": f"2026-0{rng.randint(3, 9)}-{rng.randint(1, 28):02}T00:00:00Z",
        "hubspot_owner_id": str(1 + number % OWNERS),
        "hs_manual_forecast_category": "PIPELINE",
        "hs_next_step": f"Send offer {rng.randrange(10_000)}" if number % 4 else None,
        "next_step_date": f"2026-03-{rng.randint(1, 28):02}",
        "dealtype": rng.choice(("newbusiness", "renewal")),
        "segment": rng.choice(("smb", "mid-market", "enterprise")),
        "region": rng.choice(("EMEA", "AMER", "APAC")),
        "competitor": rng.choice(("Spindleworks", "Threadwell", None)),
        "closing_plan": rng.choice(("true", "false", None)),
        "contacts_engaged": str(rng.randint(1, 6)),
        "champion": f"Buyer {rng.randrange(5_000)}",
    }
    for place, name in enumerate(OWN_PROPERTIES):
        values[name] = str(rng.randrange(1_000)) if place % 3 == 0 else f"{name} says {rng.randrange(200)}"
    return values


def serve(deals: int, *, limits: bool, lean: bool) -> None:
    """Fill an account, serve it, obey stdin."""
    from ros_sync.sandbox.hubspot import HubSpotAccount, HubSpotServer, Limits  # noqa: PLC0415

    moment = [NOW]
    account = HubSpotAccount(now=lambda: moment[0], limits=Limits.like_hubspot() if limits else Limits())
    rng = Random(7)
    _define(account)
    ids = _fill(account, deals, rng, lean=lean)
    with HubSpotServer(account) as server:
        print(json.dumps({"url": server.url, "token": account.token}), flush=True)
        for number, line in enumerate(sys.stdin, 1):
            if line.strip() == "calls":
                print(json.dumps([(call.seconds, call.status) for call in account.calls]), flush=True)
                continue
            moment[0] += CHANGE_STEP
            print(json.dumps(_change(account, rng.sample(ids, CHANGED), moment[0], number)), flush=True)


def _define(account: Any) -> None:
    account.add_pipeline(
        "deals", "default", "Sales",
        [(stage, label, place, {"isClosed": str(place > 4).lower(), "probability": str((0.1, 0.2, 0.4, 0.6, 0.8, 1.0,
            0.0)[place])})
         for place, (stage, label) in enumerate(zip(STAGES, LABELS, strict=True))],
    )  # fmt: skip
    for name in OWN_PROPERTIES:
        account.define_property("deals", name, "number" if int(name[-2:]) % 3 == 0 else "string")
    for name in ("next_step_date", "segment", "region", "competitor", "closing_plan", "contacts_engaged", "champion"):
        kind = {"next_step_date": "date", "closing_plan": "bool", "contacts_engaged": "number"}.get(name, "string")
        account.define_property("deals", name, kind)
    for number in range(1, OWNERS + 1):
        account.add_owner(str(number), f"seller{number}@loom.example", "Seller", str(number))


def _fill(account: Any, deals: int, rng: Random, *, lean: bool) -> list[str]:
    """Companies and deals, each deal up to three stages further and some with a later close date; the deals' ids."""
    companies = [account.create("companies", {"name": f"Mill {n}"}, at=START) for n in range(COMPANIES)]
    ids = []
    for number in range(deals):
        at = START + timedelta(minutes=number % 60_000)
        deal = account.create("deals", _deal(number, rng), at=at)
        ids.append(deal)
        account.associate("deals", deal, "companies", companies[number % COMPANIES], label="Primary")
        for step in range(1, 1 + number % 4):
            moved = {
                "dealstage": STAGES[step],
                "hs_manual_forecast_category": ("PIPELINE", "BEST_CASE", "COMMIT")[step - 1],
            }
            account.update("deals", deal, moved, at=at + timedelta(days=9 * step))
        if number % 3 == 0:
            account.update("deals", deal, {"closedate": "2026-10-15T00:00:00Z"}, at=at + timedelta(days=50))
        if lean:
            record = account.records["deals"][deal]
            record.history = {name: entries for name, entries in record.history.items() if name in TRACKED}
            record.properties = {name: intern(value) if value else value for name, value in record.properties.items()}
    return ids


def _change(account: Any, deals: Sequence[str], now: datetime, number: int) -> list[str]:
    """Edit these deals; the ids of those in which a tracked property changed."""
    for place, deal in enumerate(deals):
        change: dict[str, str | None] = {"hs_next_step": f"Round {number}, {place}"}
        if place < TRACKED_CHANGED:
            change["amount"] = str(100_000 + 1_000 * number + place)
        account.update("deals", deal, change, at=now - timedelta(seconds=200 + place % 100))
    return list(deals[:TRACKED_CHANGED])


if __name__ == "__main__":
    serve(int(sys.argv[1]), limits="--limits" in sys.argv, lean="--lean" in sys.argv)
