"""What `ros-sync alerts` does: which alerts there are, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.table import Table
from sqlalchemy import Connection

from ros_sync import clock
from ros_sync.alerts.freshness import SourceStanding, stale_sources
from ros_sync.alerts.queries import listed, one, rules_with_alerts
from ros_sync.cli.invocation import Invocation
from ros_sync.errors import ProblemsError, RosSyncError
from ros_sync.fields import did_you_mean
from ros_sync.mirror.database import open_engine
from ros_sync.notifiers.plaintext import one_line
from ros_sync.settings import Settings
from ros_sync.terminal import counted, shown


def list_alerts(
    invocation: Invocation, *, rule: str | None, person: str | None, resolved: bool, limit: int, as_json: bool
) -> None:
    """List alerts, newest first."""
    settings, now = invocation.start(), clock.now()
    engine = open_engine(settings.database_url, read_only=True)
    try:
        with engine.connect() as connection:
            if rule is not None:
                _refuse_unknown_rule(connection, settings, rule)
            found, total = listed(connection, rule=rule, person=person, resolved=resolved, limit=limit)
            stale = stale_sources(connection, now, settings.sync.stale_seconds)
            if as_json:
                from ros_sync.status.explanations import explain_alerts  # noqa: PLC0415  # rules, for those who ask why

                explain_alerts(connection, settings, found)
    finally:
        engine.dispose()
    if as_json:
        invocation.print_json({"total": total, "alerts": found, "stale": [_as_data(each, now) for each in stale]})
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("id", no_wrap=True, min_width=max((len(str(alert["id"])) for alert in found), default=2))
    table.add_column("since", no_wrap=True, min_width=len("2026-03-02"))
    table.add_column("rule", overflow="fold")
    table.add_column("what", overflow="fold", ratio=1)
    for alert in found:
        named = alert["text"].startswith(alert["headline"])
        what = alert["text"] if named else f"{alert['headline']}: {alert['text']}"
        table.add_row(str(alert["id"]), f"{alert['since_at']:%Y-%m-%d}", shown(alert["rule_id"]), shown(one_line(what)))
    invocation.out.print(table)
    more = f", showing the latest {len(found):,}" if total > len(found) else ""
    invocation.out.print(
        f"[dim]{counted(total, 'alert')}{more}. Run `ros-sync alerts why ID` to see why one fired.[/dim]",
        highlight=False,
    )
    for standing in stale:
        _tell_stale(invocation, standing, now)


def _refuse_unknown_rule(connection: Connection, settings: Settings, rule: str) -> None:
    """RosSyncError for a rule that neither a rule file nor an alert knows: an empty list would look like good news."""
    from ros_sync.workspace.company import company_of  # noqa: PLC0415  # files are read for the few mistyped alone

    known = rules_with_alerts(connection)
    if rule in known:
        return
    try:
        known |= {each.id for each in company_of(settings).rules.rules}
    except RosSyncError as error:
        problem = error.problems[0] if isinstance(error, ProblemsError) else error
        raise RosSyncError(
            f"no alerts from a rule named {rule!r}, and the rule files can't be read: {problem.message}",
            where=problem.where,
        ) from error
    if rule not in known:
        raise RosSyncError(f"unknown rule {rule!r}", hint=did_you_mean(rule, known))


def why(invocation: Invocation, alert_id: int, *, as_json: bool) -> None:
    """Tell why an alert is there; RosSyncError where there is none of that number."""
    settings, now = invocation.start(), clock.now()
    engine = open_engine(settings.database_url, read_only=True)
    try:
        with engine.connect() as connection:
            alert = one(connection, alert_id)
            if alert is not None:
                from ros_sync.status.explanations import explain_alerts  # noqa: PLC0415  # rules, for those who ask why

                explain_alerts(connection, settings, [alert])
            stale = {each.source: each for each in stale_sources(connection, now, settings.sync.stale_seconds)}
    finally:
        engine.dispose()
    if alert is None:
        raise RosSyncError(f"alert {alert_id} not found", hint="run `ros-sync alerts list` to see all alerts")
    standing = stale.get(alert["source"])
    if as_json:
        invocation.print_json({**alert, "stale": _as_data(standing, now) if standing else None})
        return
    _show(invocation, alert)
    if standing is not None:
        invocation.out.print()
        _tell_stale(invocation, standing, now)


def _as_data(standing: SourceStanding, now: datetime) -> dict[str, Any]:
    """A stale source as JSON data."""
    return {"source": standing.source, "complete_at": standing.complete_at, "why": standing.words(now)}


def _tell_stale(invocation: Invocation, standing: SourceStanding, now: datetime) -> None:
    """Say that a source is stale, since when and why, and what follows from that."""
    words = shown(one_line(standing.words(now)).rstrip("."))
    invocation.out.print(
        f"[yellow]{words}.[/yellow] Its alerts keep their last state until it is fully read again.",
        soft_wrap=True,
        highlight=False,
    )


def _show(invocation: Invocation, alert: dict[str, Any]) -> None:
    out = invocation.out
    lead = f"  {shown(alert['lead'])}" if alert["lead"] else ""
    out.print(f"[bold]{shown(alert['headline'])}[/bold]{lead}", highlight=False)
    record = f"{alert['object']} {alert['source']}:{alert['record_id']}"
    out.print(f"{shown(alert['text'])}\n[dim]{shown(alert['rule_id'])} on {shown(record)}[/dim]", highlight=False)
    standing = "was open" if alert["resolved_at"] else alert["state"]
    out.print(f"[dim]{standing} since {alert['since_at']:%Y-%m-%d %H:%M} UTC[/dim]", highlight=False)
    if alert["resolved_at"]:
        ended = f"resolved {alert['resolved_at']:%Y-%m-%d %H:%M} UTC: {shown(alert['resolution'] or '')}"
        out.print(f"[dim]{ended}[/dim]", highlight=False)
    out.print("\n[bold]Why[/bold]")
    for line in alert["seen"]:
        out.print(f"  {shown(line['words'])}", highlight=False)
    if not alert["seen"]:
        out.print(
            "  [dim]no details kept: the rule no longer exists, or the alert was about someone who was deleted[/dim]"
        )
    out.print("\n[bold]Notified[/bold]")
    for notification in alert["notifications"]:
        at, reader = f"{notification['notified_at']:%Y-%m-%d %H:%M}", shown(notification["recipient"] or "no one")
        told = f"{at} {reader}: {shown(notification['reason'])}"
        out.print(f"  {told} [dim]({shown(notification['delivery'] or 'no separate message')})[/dim]", highlight=False)
    if not alert["notifications"]:
        out.print("  [dim]no one yet[/dim]")
