"""The life of one deal, day by day. It draws from a generator of its own, so no other deal can change its course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from ros_sync.sandbox.world import names
from ros_sync.sandbox.world.archetypes import HEALTHY, Archetype
from ros_sync.sandbox.world.events import Event, Row, Value
from ros_sync.sandbox.world.founding import Account
from ros_sync.sandbox.world.people import Person, Roster
from ros_sync.sandbox.world.pipelines import RENEWALS, closing_stage, open_stages
from ros_sync.sandbox.world.workdays import NEVER, Day, office_moment

CYCLE_DAYS = {"smb": 38, "mid-market": 74, "enterprise": 116, "strategic": 150}
RENEWAL_STAGE_DAYS = 20
REVIEW_DAYS = 3  # a close date this near is looked at again
PULL_IN_DAYS = 35  # a deal in its last stage that far ahead of its close date may have it pulled in
MAX_ENGAGED = 6  # contacts

# Chances, 0 to 1.
HANDED_OFF_LATE, NEVER_HANDED_OFF = 0.16, 0.008  # of won deals
REOPENED = 0.03  # of lost deals
KEPT_BY_LEAVER = 0.45  # of a leaver's open deals: nobody takes them over for months
LEFT_OVERDUE = 0.6  # of next steps while the buyer is silent
UNDATED = 0.03  # of next steps
CIRCLE_WIDENS = 0.2  # with each thing the buyer does
STAGE_SKIPPED = 0.4  # by the hasty
STAGE_BACK = 0.03  # allowed, and rare
REPRICED = 0.35  # when a deal moves to a later stage
ECONOMIC_BUYER_ENGAGED, CLOSING_PLAN = 0.5, 0.7  # from the mid and the late stages on
MISTYPED_DATE = 0.03  # of moved close dates; mended within the hour
PULLED_IN = 0.6

UNPLANNED = 0  # the ordinal of a day that has yet to be fixed


@dataclass(frozen=True, slots=True)
class Birth:
    """What a deal is created with: its fields, its owner (None where nobody owns it), its character, the account."""

    id: str
    at: datetime
    row: Row
    owner: Person | None
    archetype: Archetype
    account: Account


class DealLife:
    """One deal: what it is, and on which days (ordinals) something is going to happen to it."""

    def __init__(self, birth: Birth, rng: Random) -> None:
        self.id = birth.id
        self.row: Row = dict(birth.row)
        self.owner = birth.owner
        self.account = birth.account
        self.archetype = birth.archetype
        self._rng = rng
        self._moment = birth.at
        self._activities = 0
        self._events: list[Event] = []
        today = birth.at.toordinal()
        self._stage = 0
        self._hush_on = today + self._days(birth.archetype.hush) if birth.archetype.hush else NEVER
        self._quiet = self._answers = False
        self._dwelt = False
        self._buyer_on = self._seller_on = self._advance_on = self._close_on = NEVER
        self._step_on = self._remember_on = NEVER
        self._handover_on = UNPLANNED
        self._handoff_at: datetime | None = None
        self._reopen_on = NEVER
        self._lost_stage = 0
        self._begin(today)
        self.first_events = self._events

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.row.get("closed") is not None and self._handoff_at is None and self._reopen_on == NEVER

    def step(self, today: Day, roster: Roster) -> list[Event]:
        """What happens on that day, in order."""
        self._events = []
        if today.is_workday:
            self._at_the_desk(today, roster)
        if self._handoff_at is not None and self._handoff_at.date() <= today.on:
            self._emit_at(self._handoff_at, "handed_off", {"handed_off": self._handoff_at}, "integration")
            self._handoff_at = None
        return self._events

    def _at_the_desk(self, today: Day, roster: Roster) -> None:
        is_closed = self.row.get("closed") is not None
        is_orphaned = not is_closed and self.owner is not None and not self.owner.works_on(today.on)
        due_on = self._reopen_on if is_closed else self._handover_on if is_orphaned else self._next_work()
        if today.ordinal < due_on:
            return
        self._moment = office_moment(today, self.account.region, self._rng)
        if is_closed:
            self._reopen(today)
        elif is_orphaned:
            self._hand_over(today, roster)
        else:
            self._work(today)

    def _next_work(self) -> int:
        return min(
            self._buyer_on,
            self._seller_on,
            self._step_on,
            self._remember_on,
            self._advance_on,
            self._close_on - REVIEW_DAYS,
        )

    def _begin(self, today: int) -> None:
        """The birth: it was created after something the buyer did, and somebody planned its close date."""
        rng, cycle = self._rng, CYCLE_DAYS[self.account.segment] * self.archetype.pace
        if "close_date" not in self.row:
            self.row["close_date"] = date.fromordinal(
                today + 7 + int(cycle * self.archetype.optimism * rng.uniform(0.8, 1.2))
            )
        stage = open_stages(str(self.row["pipeline"]))[0]
        self.row |= {"stage": stage.name, "forecast_category": stage.forecast_category, "created": self._moment}
        self._close_on = _ordinal(self.row["close_date"])
        self._event("created", dict(self.row))
        self._touch("inbound")
        if self._chance(self.archetype.forgets):
            self._remember_on = today + self._days(self.archetype.forgotten)
        else:
            self._set_next_step(today)
        self._plan_buyer(today)
        self._seller_on = today + self._days(self.archetype.seller_gap)
        self._plan_advance(today)

    def _work(self, day: Day) -> None:
        today = day.ordinal
        if today >= self._buyer_on:
            if self._quiet and not self._answers:
                self._lose(today, "No decision")
                return
            self._quiet = False
            self._touch("inbound")
            self._plan_buyer(today)
        if today >= self._seller_on:
            self._touch("outbound")
            self._seller_on = today + self._days(self.archetype.seller_gap)
        self._mind_next_step(today)
        if today >= self._advance_on and not self._quiet:
            self._advance(today)
        if self.row.get("closed") is None and today >= self._close_on - REVIEW_DAYS:
            self._review_close_date(today)

    def _mind_next_step(self, today: int) -> None:
        if today >= self._remember_on:
            self._set_next_step(today)
        elif today >= self._step_on:
            if self._quiet and self._chance(LEFT_OVERDUE):
                self._step_on = today + 9
            elif self._chance(self.archetype.forgets):
                self._event("next_step_cleared", {"next_step": None, "next_step_date": None})
                self._step_on, self._remember_on = NEVER, today + self._days(self.archetype.forgotten)
            else:
                self._set_next_step(today)

    def _set_next_step(self, today: int) -> None:
        rng = self._rng
        due = today + rng.randint(5, 16)
        text = rng.choice(names.NEXT_STEPS).format(who=rng.choice(self.account.buyers))
        dated = None if self._chance(UNDATED) else date.fromordinal(due)
        self._event("next_step_set", {"next_step": text, "next_step_date": dated})
        self._step_on, self._remember_on = due, NEVER

    def _touch(self, direction: str) -> None:
        """Log an activity and what the CRM notes of it on the deal."""
        rng = self._rng
        subjects = names.INBOUND_SUBJECTS if direction == "inbound" else names.OUTBOUND_SUBJECTS
        kind = rng.choice(list(subjects))
        at = self._tick()
        self._activities += 1
        owner = self.owner.id if self.owner else None
        activity: Row = {
            "kind": kind, "direction": direction, "occurred": at, "owner": owner, "deal": self.id, "lead": None,
            "contact": rng.choice(self.account.contacts), "subject": rng.choice(subjects[kind]),
        }  # fmt: skip
        self._events.append(Event(at, "activity_logged", "activity", f"{self.id}-{self._activities}", activity, owner))
        noted: Row = {"last_activity": at}
        if direction == "inbound":
            noted["last_buyer_activity"] = at
            engaged = int(str(self.row.get("contacts_engaged") or 1))
            if engaged < MAX_ENGAGED and self._chance(CIRCLE_WIDENS):
                noted["contacts_engaged"] = engaged + 1
        self._emit_at(at, "activity_noted", noted, owner)

    def _advance(self, today: int) -> None:
        rng = self._rng
        stages = open_stages(str(self.row["pipeline"]))
        if self._chance(self.archetype.loss):
            self._lose(today, rng.choice(names.LOSS_REASONS))
            return
        leap = 2 if self.archetype.pace < 1 and self._chance(STAGE_SKIPPED) else 1
        if self._stage > 1 and self._chance(STAGE_BACK):
            leap = -1
        if self._stage + leap >= len(stages):
            self._win(today)
            return
        self._stage += leap
        stage = stages[self._stage]
        moved: Row = {
            "stage": stage.name,
            "forecast_category": stage.forecast_category,
            "methodology_share": round(min(1.0, 0.2 * (self._stage + 1) + rng.randint(-1, 1) / 10), 2),
        }
        if stage.position == "mid":
            moved["economic_buyer_engaged"] = self._chance(ECONOMIC_BUYER_ENGAGED)
            moved["map_status"] = rng.choice(("drafted", "agreed", None))
        if stage.position == "late":
            moved["closing_plan"] = self._chance(CLOSING_PLAN)
        self._event("stage_moved", moved)
        if stage.position != "early" and self._chance(REPRICED):
            self._change_amount()
        self._plan_advance(today)
        if stage.position == "late" and self._close_on > self._advance_on + PULL_IN_DAYS and self._chance(PULLED_IN):
            self._close_on = self._advance_on + self._rng.randint(0, 5)
            self._event("close_date_moved", {"close_date": date.fromordinal(self._close_on)})

    def _change_amount(self) -> None:
        amount = self.row.get("amount")
        if isinstance(amount, Decimal):
            changed = (amount * self._rng.randint(75, 125) / 10_000).to_integral_value() * 100
            self._event("amount_changed", {"amount": changed})

    def _review_close_date(self, today: int) -> None:
        if self._quiet:
            return  # nobody has a new date to name; the old one is left to pass
        if today < self._close_on and today + REVIEW_DAYS >= self._advance_on and self._is_last_stage():
            return  # it is about to be signed
        target = max(today, self._close_on) + self._days(self.archetype.push_days)
        if self._chance(MISTYPED_DATE):
            self._event("close_date_moved", {"close_date": date.fromordinal(target + 365)})
        self._event("close_date_moved", {"close_date": date.fromordinal(target)})
        self._close_on = target

    def _is_last_stage(self) -> bool:
        return self._stage + 1 == len(open_stages(str(self.row["pipeline"])))

    def _win(self, today: int) -> None:
        rng = self._rng
        at = self._close("won", today, {"loss_reason": None})
        if self._chance(NEVER_HANDED_OFF):
            return
        hours = rng.randint(60, 24 * 25) if self._chance(HANDED_OFF_LATE) else rng.randint(3, 40)
        self._handoff_at = at + timedelta(hours=hours, minutes=rng.randrange(60))

    def _lose(self, today: int, reason: str) -> None:
        rng = self._rng
        competitor = rng.choice(names.COMPETITORS) if reason in ("Competitor", "Price") else None
        self._lost_stage = self._stage
        self._close("lost", today, {"loss_reason": reason, "competitor": competitor})
        if self._chance(REOPENED):
            self._reopen_on = today + rng.randint(12, 45)

    def _close(self, kind: str, today: int, more: Mapping[str, Value]) -> datetime:
        stage = closing_stage(str(self.row["pipeline"]), kind)
        at = self._tick()
        closing: Row = {
            "stage": stage.name, "forecast_category": stage.forecast_category, "closed": at,
            "close_date": date.fromordinal(today), "next_step": None, "next_step_date": None, **more,
        }  # fmt: skip
        self._emit_at(at, kind, closing, self.owner.id if self.owner else None)
        return at

    def _reopen(self, day: Day) -> None:
        self._reopen_on = NEVER
        self._stage = min(1, self._lost_stage)
        self.archetype = HEALTHY
        self._hush_on, self._quiet = NEVER, False
        stage = open_stages(str(self.row["pipeline"]))[self._stage]
        self._close_on = day.ordinal + self._rng.randint(25, 70)
        self._event(
            "reopened",
            {
                "stage": stage.name, "forecast_category": stage.forecast_category, "closed": None, "loss_reason": None,
                "close_date": date.fromordinal(self._close_on), "requalified": self._moment,
            },
        )  # fmt: skip
        self._touch("inbound")
        self._set_next_step(day.ordinal)
        self._plan_buyer(day.ordinal)
        self._plan_advance(day.ordinal)

    def _hand_over(self, day: Day, roster: Roster) -> None:
        """The owner is gone: after a while somebody of the team takes the deal, or nobody does for months."""
        rng = self._rng
        if self._handover_on == UNPLANNED:
            wait = rng.randint(70, 130) if self._chance(KEPT_BY_LEAVER) else rng.randint(0, 10)
            self._handover_on = day.ordinal + wait
        if day.ordinal >= self._handover_on:
            self.owner = roster.seller(self.account.team, day.on, rng)
            self._handover_on = UNPLANNED
            self._event("owner_changed", {"owner": self.owner.id}, by=roster.manager_of(self.owner).id)

    def _plan_buyer(self, today: int) -> None:
        self._buyer_on = today + self._days(self.archetype.buyer_gap)
        if self._buyer_on >= self._hush_on:
            self._hush_on = NEVER  # a buyer falls silent once
            self._quiet, self._answers = True, self._chance(self.archetype.mend)
            self._buyer_on = today + self._days(self.archetype.silence)

    def _plan_advance(self, today: int) -> None:
        stages = len(open_stages(str(self.row["pipeline"])))
        mean = CYCLE_DAYS[self.account.segment] * self.archetype.pace / stages
        if self.row["pipeline"] == RENEWALS:
            mean = RENEWAL_STAGE_DAYS * self.archetype.pace
        days = max(1, int(mean * self._rng.uniform(0.4, 1.6)))
        if self.archetype.dwell and self._stage == 1 and not self._dwelt:
            self._dwelt, days = True, self._days(self.archetype.dwell)
        self._advance_on = today + days

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _days(self, span: tuple[int, int]) -> int:
        return self._rng.randint(*span)

    def _tick(self) -> datetime:
        """The next moment of a person who does one thing after another."""
        self._moment += timedelta(seconds=self._rng.randint(100, 1500))
        return self._moment

    def _event(self, kind: str, changes: Row, by: str | None = None) -> None:
        at = self._tick() if self._events else self._moment
        self._emit_at(at, kind, changes, by or (self.owner.id if self.owner else None))

    def _emit_at(self, at: datetime, kind: str, changes: Row, by: str | None) -> None:
        if "stage" in changes:
            changes["stage_entered"] = at
        self.row.update(changes)
        self._events.append(Event(at, kind, "deal", self.id, changes, by))


def _ordinal(day: Value) -> int:
    assert isinstance(day, date)
    return day.toordinal()
