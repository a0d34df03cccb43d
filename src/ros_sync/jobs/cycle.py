"""One cycle of the main job: clocks, rules, alerts, messages; then delivery.

What is decided (which alerts open and end, who is told what) is written in portions, and messages are composed when
everything is decided; delivery works from what that left in the outbox. A cycle that finds nothing new writes nothing,
and one that is cut off is gone on with by the next. Of a source that was not read completely for a while nothing is
concluded, until it is; a rule that fails stops itself alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from ros_sync import clock
from ros_sync.alerts.erasure import forget_erased
from ros_sync.alerts.freshness import SourceStanding, stale_sources
from ros_sync.alerts.lifecycle import Reconciled, reconcile_alerts
from ros_sync.alerts.notifications import NotificationCounts, notify
from ros_sync.alerts.rule_failures import RuleFailures
from ros_sync.errors import RosSyncError
from ros_sync.mirror.upgrade_copy import remove_copies
from ros_sync.organisation.people import Directory
from ros_sync.rules.evaluate import clock_definition
from ros_sync.rules.fitting import filled, fitted
from ros_sync.rules.model import Rule, Status
from ros_sync.settings import SyncSettings
from ros_sync.sla.clocks import ClockCounts, advance
from ros_sync.sla.owners import directory as directory_of
from ros_sync.sync.ingest.deals import DealContext
from ros_sync.sync.ingest.recounting import recount_slips
from ros_sync.sync.ingest.restating import restate_amounts
from ros_sync.sync.one_writer import TICKS, alone
from ros_sync.workspace.company import Company

_TICK = "tick"  # what the lock of a tick is named by
STALE_SECONDS = SyncSettings().stale_seconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick did. Of the `stale` sources it concluded nothing; `erased` alerts lost their words for privacy.

    `restated` are movements of amounts that exchange rates brought about. One that was `skipped` did nothing else, as
    another process was at it.
    """

    now: datetime
    clocks: ClockCounts
    alerts: Reconciled
    notifications: NotificationCounts
    stale: list[SourceStanding] = field(default_factory=list)
    erased: int = 0
    skipped: bool = False
    restated: int = 0


def tick(
    engine: Engine, company: Company, now: datetime, *, transport: str, stale_seconds: int = STALE_SECONDS
) -> TickReport:
    """Make clocks, alerts and outbox say what the mirror and the rules say at `now`.

    The organisation is that of the day that it is at `now`. `transport` (slack or console) is how new messages will go
    out. A source that is followed and was last read completely more than `stale_seconds` before `now` keeps its alerts
    and clocks as they are.

    Raises RosSyncError, when all else is done, where messages could not be composed.
    """
    started_at = clock.now()
    company = company.at(now)
    context = DealContext.of(company.organisation)
    recount_slips(engine, context, now)
    # What rates will be is written to records when the day has come.
    restated = restate_amounts(engine, context, now) if now <= started_at else 0
    moment = company.moment(now)
    with engine.connect() as connection:
        rules = fitted(company.rules, filled(connection))
    live = [rule for rule in rules if rule.status is not Status.RETIRED]
    with alone(engine, _TICK, TICKS) as mine:
        if not mine:
            log.info("tick_skipped", reason="another process is running")
            return TickReport(now, ClockCounts(), Reconciled(), NotificationCounts(), skipped=True, restated=restated)
        with Session(engine) as session:
            stale = stale_sources(session, now, stale_seconds)
            left = [standing.source for standing in stale]
            directory = directory_of(session, company.organisation)
            failures = RuleFailures(session)
            erased = forget_erased(session, moment)
            clocks = _advance(session, live, directory, now, left, failures)
            complete = company.rules.complete
            followed = reconcile_alerts(
                session, rules, directory, moment, stale=left, complete=complete, failures=failures
            )
            notifications = notify(
                session, rules, directory, moment, transport=transport, stale=left, failures=failures
            )
            failures.keep([rule.id for rule in live], moment)
            session.commit()
    if not (left or failures.reasons or notifications.failures):
        remove_copies(engine)
    log.info(
        "tick_done",
        opened=followed.opened,
        resolved=followed.resolved,
        notified=notifications.notified,
        messages=notifications.messages,
        nobody=notifications.nobody,
        erased=erased,
        failed=sorted(failures.reasons),
        stale={standing.source: standing.complete_at and standing.complete_at.isoformat() for standing in stale},
        kept=sum(followed.kept.values()),
        seconds=round((clock.now() - started_at).total_seconds(), 3),
    )
    if failed := len(notifications.failures):
        raise RosSyncError(
            f"{failed:,} of {failed + notifications.messages:,} messages couldn't be created: "
            f"{notifications.failures[0]}",
            hint=(
                "everything else is done; the next tick tries again. If this keeps happening, report it with the log"
            ),
        )
    return TickReport(now, clocks, followed, notifications, stale, erased, restated=restated)


def _advance(
    session: Session,
    rules: Sequence[Rule],
    directory: Directory,
    now: datetime,
    stale: Collection[str],
    failures: RuleFailures,
) -> ClockCounts:
    """Advance the clocks of the rules that have one, each rule's by itself."""
    counts = ClockCounts()
    for rule in rules:
        definition = clock_definition(rule)
        if definition is not None:
            with failures.alone(rule.id):
                counts += advance(session, [definition], directory, now, stale=stale, portion_done=session.commit)
                session.commit()
    return counts
