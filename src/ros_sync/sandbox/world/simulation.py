"""The company's days, one after the other: who appears, and what happens to whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from ros_sync.sandbox.world import names
from ros_sync.sandbox.world.awkward import AWKWARD_DEALS, AwkwardDeal
from ros_sync.sandbox.world.births import new_deal, new_lead
from ros_sync.sandbox.world.deals import DealLife
from ros_sync.sandbox.world.events import Event, Row
from ros_sync.sandbox.world.founding import Account, found_account, quotas_entered, user_events
from ros_sync.sandbox.world.leads import LeadPlan, plan_lead
from ros_sync.sandbox.world.people import Person, Roster
from ros_sync.sandbox.world.workdays import CLOSES, Day, office_moment

ACCOUNTS, FEWEST_ACCOUNTS = 600, 30
DEALS_A_WORKDAY = 12.4  # those that sellers open; leads add more
LEADS_A_WORKDAY, LEADS_A_REST_DAY = 9.1, 3.8
RUSH_DAYS, RUSH = 14, 2.5  # what the company brought along is entered in its first days


class Simulation:
    """Runs a day at a time. What it draws for a day or a record depends on nothing that comes after."""

    def __init__(self, seed: int, start: date, scale: float, people: tuple[Person, ...]) -> None:
        self._seed = seed
        self._start = start
        self._scale = scale
        self._people = people
        self._roster = Roster(people)
        self._accounts: list[Account] = []
        self._by_id: dict[str, Account] = {}
        self._living: list[DealLife] = []
        self._agenda: dict[date, list[Event]] = {}
        self._conversions: dict[date, list[LeadPlan]] = {}
        self._deals = 0
        self._leads = 0

    def founding(self) -> list[Event]:
        """Everything that was there before the first day, in order."""
        rng = self._rng("founding")
        events = user_events(self._people, self._start)
        count = max(FEWEST_ACCOUNTS, round(ACCOUNTS * self._scale))
        for number, name in enumerate(names.company_names(rng, count)):
            account, came = found_account(number, name, self._start, self._roster, rng)
            self._accounts.append(account)
            events += came
        self._by_id = {account.id: account for account in self._accounts}
        events += quotas_entered(self._start, self._people, first=True)
        return sorted(events, key=_instant)

    def run(self, on: date) -> list[Event]:
        """Everything that happens on that day (UTC), in order."""
        day = Day.of(on)
        rng = self._rng("day", day.ordinal)
        events = self._agenda.pop(on, [])
        events += self._departures(on)
        events += quotas_entered(on, self._people)
        for deal in self._living:
            events += deal.step(day, self._roster)
        events += self._arrivals(day, rng)
        for plan in self._conversions.pop(on, []):
            events += self._convert(plan, day)
        self._living = [deal for deal in self._living if not deal.is_over]
        return sorted(events, key=_instant)

    def _arrivals(self, day: Day, rng: Random) -> list[Event]:
        events = []
        for awkward in AWKWARD_DEALS:
            if self._start + timedelta(days=awkward.day) == day.on:
                events += self._open_deal(day, rng.choice(self._accounts), awkward=awkward)
        if day.is_workday:
            rush = RUSH if day.on < self._start + timedelta(days=RUSH_DAYS) else 1
            for _ in range(_about(DEALS_A_WORKDAY * rush * self._scale, rng)):
                events += self._open_deal(day, rng.choice(self._accounts))
        leads = LEADS_A_WORKDAY if day.is_workday else LEADS_A_REST_DAY
        for _ in range(_about(leads * self._scale, rng)):
            events += self._open_lead(day, rng.choice(self._accounts))
        return events

    def _open_deal(
        self, day: Day, account: Account, *, plan: LeadPlan | None = None, awkward: AwkwardDeal | None = None
    ) -> list[Event]:
        self._deals += 1
        rng = self._rng("deal", self._deals)
        at = plan.converts_at if plan and plan.converts_at else office_moment(day, account.region, rng)
        owner = plan.owner if plan else self._roster.by_id[str(account.row["owner"])]
        if not owner.works_on(at.date()):
            owner = self._roster.seller(account.team, at.date(), rng)
        birth = new_deal(f"40{self._deals:07d}", at, account, owner, rng, from_lead=plan is not None, awkward=awkward)
        deal = DealLife(birth, rng)
        self._living.append(deal)
        return deal.first_events

    def _open_lead(self, day: Day, account: Account) -> list[Event]:
        self._leads += 1
        rng = self._rng("lead", self._leads)
        owner = self._roster.seller(account.team, day.on, rng)
        at, row = new_lead(self._leads, day.on, account, rng)
        plan = plan_lead(f"50{self._leads:06d}", at, row, owner, rng)
        if plan.converts_at is not None:
            self._conversions.setdefault(plan.converts_at.date(), []).append(plan)
        for event in plan.events:
            self._agenda.setdefault(event.at.date(), []).append(event)
        return self._agenda.pop(day.on)

    def _convert(self, plan: LeadPlan, day: Day) -> list[Event]:
        assert plan.converts_at is not None
        account = self._by_id[str(plan.events[0].changes["account"])]
        events = self._open_deal(day, account, plan=plan)
        became: Row = {"lifecycle_stage": "Opportunity", "deal": events[0].id}
        return [*events, Event(plan.converts_at, "converted", "lead", plan.id, became, plan.owner.id)]

    def _departures(self, on: date) -> list[Event]:
        events = []
        for person in self._people:
            if person.left == on:
                at = datetime.combine(on, CLOSES, ZoneInfo(person.tz)).astimezone(UTC)
                events.append(Event(at, "left", "owner", person.id, {"active": False}, None))
        return events

    def _rng(self, *parts: object) -> Random:
        # A text as seed is hashed with SHA-512 by the standard library: alike on every machine and in every run.
        return Random(":".join(str(part) for part in (self._seed, *parts)))


def _instant(event: Event) -> datetime:
    return event.at


def _about(mean: float, rng: Random) -> int:
    """A whole number between nothing and twice the mean, as often above as below."""
    return int(rng.uniform(0, 2 * mean) + 0.5)
