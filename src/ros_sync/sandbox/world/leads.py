"""The life of one lead, planned whole at its birth: lead, MQL, routed, answered, accepted or rejected."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from ros_sync.sandbox.world import names
from ros_sync.sandbox.world.events import Event, Row
from ros_sync.sandbox.world.people import Person
from ros_sync.sandbox.world.workdays import after_office_hours

# Chances, 0 to 1.
BECOMES_MQL = 0.74
NEVER_ROUTED, ROUTING_JAMS = 0.012, 0.1  # of MQLs
LATE, UNANSWERED = 0.19, 0.01  # of routed MQLs
ACCEPTED = 0.62
CONVERTS = 0.45  # of accepted leads with a known account: they become a deal
WITHOUT_CODE = 0.04  # of rejections

# Office hours until the answer and until the decision; a working day has eight, so 24 are three days.
PROMPT_HOURS, LATE_HOURS, DECISION_HOURS, CONVERSION_HOURS = (0.2, 12), (40, 170), (0.5, 9), (4, 40)


@dataclass(slots=True)
class LeadPlan:
    """Everything that will happen to a lead, in order; `converts_at` is when it becomes a deal."""

    id: str
    owner: Person
    events: list[Event] = field(default_factory=list)
    converts_at: datetime | None = None

    def happens(self, at: datetime, kind: str, changes: Row, by: Person | None = None) -> None:
        """Add an event; without a person, software did it."""
        self.events.append(Event(at, kind, "lead", self.id, changes, by.id if by else "integration"))


def plan_lead(lead_id: str, at: datetime, row: Row, owner: Person, rng: Random) -> LeadPlan:
    """Plan the life of a lead created at that instant with these fields; `owner` is whom routing would choose."""
    plan = LeadPlan(lead_id, owner)
    plan.happens(at, "created", {**row, "lifecycle_stage": "Lead", "created": at, "became_lead": at})
    if rng.random() >= BECOMES_MQL:
        return plan
    mql_at = at + timedelta(minutes=rng.choice((0, 0, 1, rng.randint(60, 10 * 24 * 60))))
    reached: Row = {"lifecycle_stage": "MQL", "became_mql": mql_at, "score": rng.randint(70, 100)}
    plan.happens(mql_at, "mql_reached", reached)
    if rng.random() < NEVER_ROUTED:
        return plan
    minutes = rng.randint(20, 400) if rng.random() < ROUTING_JAMS else rng.randint(0, 5)
    routed_at = mql_at + timedelta(minutes=minutes, seconds=rng.randrange(60))
    plan.happens(routed_at, "assigned", {"owner": owner.id, "assigned": routed_at})
    if rng.random() >= UNANSWERED:
        decided_at = _answer(plan, routed_at, rng)
        if decided_at is not None:
            _decide(plan, decided_at, rng, converts=row.get("account") is not None)
    return plan


def _answer(plan: LeadPlan, since: datetime, rng: Random) -> datetime | None:
    """The owner's first response; when the decision follows, or None where the owner is gone before."""
    owner, tz = plan.owner, ZoneInfo(plan.owner.tz)
    hours = rng.uniform(*(LATE_HOURS if rng.random() < LATE else PROMPT_HOURS))
    responded_at = after_office_hours(since, hours, tz)
    decided_at = after_office_hours(responded_at, rng.uniform(*DECISION_HOURS), tz)
    if not owner.works_on(decided_at.date()):
        return None
    plan.happens(responded_at, "responded", {"first_response": responded_at}, owner)
    activity: Row = {
        "kind": rng.choice(("email", "call")), "direction": "outbound", "occurred": responded_at, "owner": owner.id,
        "deal": None, "lead": plan.id, "contact": None,
        "subject": rng.choice(("Thanks for your interest", "First call")),
    }  # fmt: skip
    plan.events.append(Event(responded_at, "activity_logged", "activity", f"{plan.id}-1", activity, owner.id))
    return decided_at


def _decide(plan: LeadPlan, at: datetime, rng: Random, *, converts: bool) -> None:
    if rng.random() < ACCEPTED:
        plan.happens(at, "accepted", {"lifecycle_stage": "SAL", "accepted": at}, plan.owner)
        if converts and rng.random() < CONVERTS:
            plan.converts_at = after_office_hours(at, rng.uniform(*CONVERSION_HOURS), ZoneInfo(plan.owner.tz))
    else:
        code = None if rng.random() < WITHOUT_CODE else rng.choice(names.REJECTION_CODES)
        plan.happens(
            at, "rejected", {"lifecycle_stage": "Rejected", "rejected": at, "rejection_code": code}, plan.owner
        )
