"""What `ros-sync tick` does, and how it tells of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table
from sqlalchemy import Engine
from sqlmodel import Session

from ros_sync import clock
from ros_sync.alerts.freshness import SourceStanding, at, span
from ros_sync.cli.invocation import Invocation
from ros_sync.cli.run_import import parse_moment
from ros_sync.jobs.cycle import TickReport
from ros_sync.jobs.cycle import tick as run_tick
from ros_sync.jobs.lock import DatabaseLock
from ros_sync.mirror.config_versions import BrokenFile
from ros_sync.mirror.database import open_engine
from ros_sync.notifiers.delivery import DeliveryCounts, deliver_all
from ros_sync.notifiers.plaintext import one_line
from ros_sync.outbox.store import OutboxCounts, counts, keep_for_later
from ros_sync.plain_data import data_of
from ros_sync.terminal import counted, shown
from ros_sync.workspace.configuration import Configuration
from ros_sync.workspace.ways_out import notifiers_of

AHEAD = timedelta(days=1)
DELIVERY_SECONDS = 60.0  # how long one tick waits for messages whose turn comes later


def tick(invocation: Invocation, *, now: str | None, deliver: bool, as_json: bool) -> None:
    """Run one cycle, deliver what waits, and tell what was done."""
    settings = invocation.start()
    asked = parse_moment(now, "--now")
    with DatabaseLock(settings.database_url):
        engine = open_engine(settings.database_url)
        try:
            in_force = Configuration(settings, engine).current()
            company = in_force.company()
            moment = asked or clock.now()  # not before what is in force came into force
            show_broken(invocation, in_force.broken)
            notifiers = notifiers_of(settings, engine, invocation.err if as_json else invocation.out)
            stale_seconds = settings.sync.stale_seconds
            report = run_tick(engine, company, moment, transport=notifiers[0].transport, stale_seconds=stale_seconds)
            delivered = DeliveryCounts()
            if deliver:
                delivered = deliver_all(
                    engine, notifiers, clock.starting_at(moment), time.sleep, within_seconds=DELIVERY_SECONDS
                )
            if moment > clock.now():
                wait_for_its_moment(engine)
            held = outbox_counts(engine)
        finally:
            engine.dispose()
    present = clock.now()
    left = [why_left(standing, moment, present, stale_seconds) for standing in report.stale]
    if as_json:
        invocation.print_json({**as_data(report, delivered, held, left), "broken_files": in_force.broken})
    else:
        show(invocation, report, delivered, held, left)


def wait_for_its_moment(engine: Engine) -> None:
    """Let what was said as of a moment ahead wait for it in ordinary ticks."""
    with Session(engine) as session, session.begin():
        keep_for_later(session, clock.now())


def show_broken(invocation: Invocation, broken: Sequence[BrokenFile]) -> None:
    """Tell of the files that cannot be used as they are, and what goes on meanwhile."""
    for each in broken:
        used = each.version_in_use_from
        instead = f"using the version from {used:%Y-%m-%d %H:%M} UTC" if used else "not in use"
        words = f"[yellow]{shown(each.where)}: {shown(one_line(each.message))}[/yellow]; {instead}"
        invocation.err.print(words, soft_wrap=True, highlight=False)


def outbox_counts(engine: Engine) -> OutboxCounts:
    """What the outbox holds."""
    with Session(engine) as session:
        return counts(session)


def why_left(standing: SourceStanding, moment: datetime, present: datetime, stale_seconds: int) -> str:
    """Why a tick at `moment` concluded nothing of a source: it was not read, or the moment lies ahead of the clock."""
    complete_at = standing.complete_at
    if complete_at is None or standing.is_stale(present, stale_seconds):
        return standing.words(min(moment, present))
    return (
        f"{standing.source} was last fully read at {at(complete_at, present)}, {span(moment - complete_at)} before "
        "the moment of this tick, which is in the future: what the CRM will hold by then isn't known yet"
    )


def as_data(
    report: TickReport, delivered: DeliveryCounts, held: OutboxCounts, left: Sequence[str] = ()
) -> dict[str, Any]:
    """The tick as JSON data; `left` says of each stale source why nothing was concluded of it."""
    return {
        "now": report.now,
        "clocks": data_of(report.clocks),
        "rules": [data_of(rule) for rule in report.alerts.rules],
        "opened": report.alerts.opened,
        "resolved": report.alerts.resolved,
        "erased": report.erased,
        "restated": report.restated,
        "failed": report.alerts.failed,
        "skipped": report.skipped,
        "stale": [
            {
                "source": standing.source,
                "complete_at": standing.complete_at,
                "quota_exhausted_until": standing.quota_exhausted_until,
                "trouble": standing.trouble,
                "kept": report.alerts.kept.get(standing.source, 0),
                "why": why,
            }
            for standing, why in zip(report.stale, left, strict=True)
        ],
        "notifications": data_of(report.notifications),
        "delivery": {**data_of(delivered), "paused": sorted(delivered.paused)},
        "outbox": data_of(held),
    }


def show(
    invocation: Invocation,
    report: TickReport,
    delivered: DeliveryCounts,
    held: OutboxCounts,
    left: Sequence[str] = (),
) -> None:
    """Tell a person what the tick did; `left` says of each stale source why nothing was concluded of it."""
    out = invocation.out
    _show_rules(invocation, report)
    for standing, why in zip(report.stale, left, strict=True):
        kept = counted(report.alerts.kept.get(standing.source, 0), "alert")
        out.print(
            f"[yellow]{shown(one_line(why).rstrip('.'))}.[/yellow] No alerts opened or resolved: {kept} unchanged.",
            soft_wrap=True,
            highlight=False,
        )
    if report.erased:
        people = counted(report.erased, "alert")
        out.print(f"{people} about people deleted in the CRM: their names were removed.", highlight=False)
    if report.restated:
        deals = counted(report.restated, "amount")
        out.print(f"{deals} restated in the company's currency: exchange rates changed.", highlight=False)
    waiting = held.waiting + held.unconfirmed
    out.print(
        f"{counted(delivered.posted, 'message')} sent, {delivered.edited:,} updated, {waiting:,} waiting.",
        highlight=False,
    )
    if report.notifications.later:
        out.print(f"{counted(report.notifications.later, 'alert')} queued for the next digest.", highlight=False)
    if report.now > clock.now() + AHEAD:
        out.print("[yellow]That moment is in the future: its messages are held until then.[/yellow]")
    if held.undeliverable:
        out.print(f"[yellow]{counted(held.undeliverable, 'message')} can't be delivered:[/yellow]", highlight=False)
        for reason, number in held.undeliverable_by_reason.items():
            out.print(f"  {number:,}: {shown(reason)}", soft_wrap=True, highlight=False)
    if report.notifications.nobody:
        out.print(
            f"[yellow]{counted(report.notifications.nobody, 'alert')} without a recipient[/yellow] "
            "[dim](set company.fallback in rules/organisation.yaml to choose who receives them)[/dim]",
            highlight=False,
        )


def _show_rules(invocation: Invocation, report: TickReport) -> None:
    """What each rule found, and those that failed."""
    if report.skipped:
        words = "Another process is running a tick right now, so this one skipped the rules."
        invocation.out.print(f"[yellow]{words}[/yellow]")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("rule")
    for name in ("new", "resolved", "open"):
        table.add_column(name, justify="right")
    for rule in report.alerts.rules:
        table.add_row(shown(rule.rule_id), *(f"{number:,}" for number in (rule.opened, rule.resolved, rule.open)))
    invocation.out.print(table)
    for rule_id, reason in report.alerts.failed.items():
        invocation.out.print(
            f"[yellow]Rule {shown(rule_id)} failed: {shown(reason)}.[/yellow] Its alerts keep their last state.",
            soft_wrap=True,
            highlight=False,
        )
