"""The week of the demo over HubSpot: back-fill, then a day at a time what serve does all day long."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from ros_sync.connectors.pace import MemoryPace
from ros_sync.connectors.webhooks import ChangeEvents
from ros_sync.demo.stage import DemoStage
from ros_sync.demo.telling import DELIVERY_SECONDS, RuleWeek
from ros_sync.jobs.cycle import TickReport, tick
from ros_sync.jobs.health import Health
from ros_sync.notifiers.delivery import DeliveryCounts, deliver_all
from ros_sync.sandbox.hubspot.tokens import CLIENT_SECRET
from ros_sync.sandbox.hubspot.webhooks import DeliveryPlan, WebhookSender
from ros_sync.sandbox.world import STORY_MONDAY, WEEK_LATER
from ros_sync.settings import Settings
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.audit.report import AuditReport
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.reports import CycleReport
from ros_sync.sync.policy import DAY_SECONDS, SyncPolicy
from ros_sync.terminal import Terminal
from ros_sync.web.app import create_app
from ros_sync.web.server import WebServer
from ros_sync.web.webhooks import add_webhooks, path_of
from ros_sync.workspace.company import company_of, deal_context, organisation_of
from ros_sync.workspace.following import receiver_of
from ros_sync.workspace.sources import connections_of
from ros_sync.workspace.vendors import vendor
from ros_sync.workspace.ways_out import notifiers_of

MORNINGS = (*(STORY_MONDAY + timedelta(days=days) for days in (1, 2, 3, 4)), WEEK_LATER)
# The week ends with an audit, which compares more than the weekly listing of everything would.
POLICY = SyncPolicy(reconcile_seconds=8 * DAY_SECONDS)
LATE_SECONDS = 1_800.0
# What an app can subscribe to without HubSpot's beta of generic subscriptions: activities come by the polls.
SUBSCRIPTIONS = tuple(
    f"{kind}.{what}"
    for kind in ("deal", "contact", "company")
    for what in ("creation", "propertyChange", "deletion", "restore", "merge", "associationChange", "privacyDeletion")
)
PLAN = DeliveryPlan(
    late_share=0.1, late_seconds=LATE_SECONDS, twice_share=0.05, shuffled=True, subscriptions=SUBSCRIPTIONS
)
TOLD = ("created", "updated", "deleted", "restored", "merged", "erased")


@dataclass(slots=True)
class Received:
    """What arrived by webhook: change events, and those of them that were new."""

    events: int = 0
    new: int = 0


@dataclass(slots=True)
class Day:
    """What one day came to. `reports` are of the back-fill or the poll, and of what webhooks had read."""

    at: datetime
    happened: int = 0
    received: Received = field(default_factory=Received)
    reports: list[CycleReport] = field(default_factory=list)
    ticks: list[TickReport] = field(default_factory=list)
    delivered: DeliveryCounts = field(default_factory=DeliveryCounts)

    def total(self, name: str, stream: str | None = None) -> int:
        """A count of `StreamReport`, over all reports, of one stream or all."""
        return sum(
            getattr(each, name)
            for report in self.reports
            for each in report.streams.values()
            if stream in (None, each.stream)
        )

    @property
    def calls(self) -> int:
        """All calls that were made."""
        return sum(report.call_count for report in self.reports)

    def alerts(self, name: str) -> int:
        """How many alerts were `opened` or `resolved`."""
        return sum(getattr(rule, name) for ticked in self.ticks for rule in ticked.alerts.rules)


class Week:
    """Plays the story on a stage with the parts that serve is made of."""

    def __init__(self, stage: DemoStage, settings: Settings, engine: Engine) -> None:
        self.stage = stage
        self.engine = engine
        self.company = company_of(settings)
        self.pace = MemoryPace(vendor("hubspot").rate_limits(settings), monotonic=stage.seconds, sleep=stage.wait)
        (self.connection,) = connections_of(settings, now=stage.clock, sleep=stage.wait, pace=lambda _vendor: self.pace)
        self.source = self.connection.source
        self.context = deal_context(organisation_of(settings), stage.clock())
        self.syncer = Syncer(engine, self.source, self.context, now=stage.clock, policy=POLICY)
        self.days: list[Day] = []
        self.sender: WebhookSender | None = None
        self._settings = settings
        self._received = Received()

    # ---- days

    def begin(self) -> Day:
        """The first Monday: everything is read, and everybody told."""
        day = self._new_day(STORY_MONDAY)
        day.reports.append(self.syncer.cycle())
        self.tell()
        return day

    def go_on(self, morning: datetime) -> Day:
        """The day before a morning is lived.

        Its webhooks arrive, a poll looks for what they missed, rules are checked.
        """
        day = self._new_day(morning)
        day.happened = self.stage.live_until(morning)
        self.take_webhooks()
        day.reports.append(self.syncer.cycle())
        self.tell()
        return day

    def take_webhooks(self) -> None:
        """HubSpot sends what is due, and what the change events are about is read."""
        assert self.sender is not None
        day = self.days[-1]
        before = dataclasses.replace(self._received)
        self.sender.flush()
        day.received.events += self._received.events - before.events
        day.received.new += self._received.new - before.new
        while (report := self.syncer.process_change_events()) is not None:
            day.reports.append(report)

    def take_late_webhooks(self) -> None:
        """Wait for those that are late."""
        self.stage.wait(LATE_SECONDS)
        self.take_webhooks()

    def tell(self) -> None:
        """A tick, and its messages delivered."""
        stage, day = self.stage, self.days[-1]
        notifiers = notifiers_of(self._settings, self.engine, Terminal().err)
        day.ticks.append(tick(self.engine, self.company, stage.clock(), transport=notifiers[0].transport))
        delivered = deliver_all(self.engine, notifiers, stage.clock, stage.wait, within_seconds=DELIVERY_SECONDS)
        day.delivered.add(delivered)

    def audit(self) -> AuditReport:
        """Compare mirror and HubSpot, record by record."""
        return Auditor(self.engine, self.source, self.context, now=self.stage.clock, policy=POLICY).run()

    def _new_day(self, at: datetime) -> Day:
        self.days.append(Day(at))
        return self.days[-1]

    # ---- webhooks

    @contextmanager
    def subscribed(self) -> Iterator[None]:
        """A web server of ours takes HubSpot's webhooks, signed, while the context is open."""
        its = self.connection.vendor
        receiver = receiver_of(self._settings, self.engine, its, lambda: [self.source], now=self.stage.clock)
        assert receiver is not None, "the demo's workspace has a secret and a connector file"
        keep = receiver.keep

        def counted(events: ChangeEvents) -> int:
            new = keep(events)
            self._received.events += len(events)
            self._received.new += new
            return new

        app = create_app(Health({}), now=self.stage.clock)
        add_webhooks(app, its.name, dataclasses.replace(receiver, keep=counted))
        with WebServer(app, "127.0.0.1", 0) as web:
            self.sender = WebhookSender(self.stage.account, web.url + path_of(its.name), CLIENT_SECRET, plan=PLAN)
            try:
                yield
            finally:
                self.sender.stop()

    # ---- what came of it

    def of_the_week(self, name: str, stream: str | None = None) -> int:
        """A count of `StreamReport` since the back-fill."""
        return sum(day.total(name, stream) for day in self.days[1:])

    def rules(self) -> list[RuleWeek]:
        """What became of each rule's alerts since the first tick."""
        first, *later = [ticked.alerts.rules for day in self.days for ticked in day.ticks]
        weeks = []
        for place, rule in enumerate(first):
            then = [rules[place] for rules in later]
            fixed, new = sum(each.resolved for each in then), sum(each.opened for each in then)
            weeks.append(RuleWeek(rule.rule_id, rule.open, fixed, new, then[-1].open))
        return weeks
