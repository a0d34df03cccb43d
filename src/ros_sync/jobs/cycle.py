"""One cycle of the main job: clocks, rules, alerts, messages; then delivery.

The decision (which alerts open and end, who is told what) is one transaction; delivery works from what it left in the
outbox. A cycle that finds nothing new writes nothing, and one that is cut off is simply done again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from ros_sync import clock
from ros_sync.alerts.lifecycle import Followed, follow
from ros_sync.alerts.notices import NoticeCounts, tell
from ros_sync.organisation.company import Organisation
from ros_sync.rules.evaluate import clock_definitions
from ros_sync.rules.language import Moment
from ros_sync.rules.model import RuleSet, Status
from ros_sync.sla.clocks import ClockCounts, advance
from ros_sync.sla.owners import directory as directory_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Company:
    """What RevOps wrote: the organisation and the rules."""

    organisation: Organisation
    rules: RuleSet

    def moment(self, now: datetime) -> Moment:
        """The moment `now` as this company's conditions see it."""
        company = self.organisation.company
        return Moment(now, clock.zone(company.timezone), self.organisation.calendar(), company.currency)


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick did."""

    now: datetime
    clocks: ClockCounts
    alerts: Followed
    notices: NoticeCounts


def tick(engine: Engine, company: Company, now: datetime, *, transport: str) -> TickReport:
    """Make clocks, alerts and outbox say what the mirror and the rules say at `now`.

    `transport` (slack or console) is how new messages will go out.
    """
    started_at = clock.now()
    moment = company.moment(now)
    rules = company.rules.rules
    live = [rule for rule in rules if rule.status is not Status.RETIRED]
    with Session(engine) as session, session.begin():
        directory = directory_of(session, company.organisation)
        clocks = advance(session.connection(), clock_definitions(live), directory, now)
        followed = follow(session, rules, directory, moment)
        changed = [*followed.resolved, *followed.moved]
        notices = tell(session, rules, directory, moment, transport=transport, changed=changed)
    log.info(
        "tick_done",
        opened=followed.opened,
        resolved=len(followed.resolved),
        told=notices.told,
        messages=notices.messages,
        nobody=notices.nobody,
        seconds=round((clock.now() - started_at).total_seconds(), 3),
    )
    return TickReport(now, clocks, followed, notices)
