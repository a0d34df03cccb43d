"""`ros-sync demo`: the story over a HubSpot of its own, followed through a week, and the summary of it."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from ros_sync import logs
from ros_sync.demo.scenes import Forgotten, NextStep, ask_to_be_forgotten, mentions, type_next_step
from ros_sync.demo.stage import DemoStage
from ros_sync.demo.telling import (
    example_of,
    folder_of,
    headline,
    messages_of,
    show_message,
    show_next,
    show_rules,
    show_told,
    standing,
    table,
)
from ros_sync.demo.week import MORNINGS, TOLD, Day, Week
from ros_sync.jobs.stop import StopRequest
from ros_sync.mirror.database import open_engine
from ros_sync.plain_data import data_of
from ros_sync.settings import LogSettings
from ros_sync.sync.audit.report import AuditReport
from ros_sync.sync.follow import event_inbox
from ros_sync.terminal import Terminal, counted, shown, typed

FORGOTTEN_ON = 2  # the place of that morning in MORNINGS: a Thursday
NAMES = {"owner": "owners", "pipeline_stage": "stages"}  # of what is no stream of records
GROUPS = f"{'':13}{'HubSpot':33}{'rules':17}Slack"  # above the columns below
COLUMNS = ((12, ""), (9, "webhooks"), (6, "calls"), (8, "new"), (9, "changed"), (8, "alerts"), (9, "resolved"),
           (10, "messages"), (8, "edited"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Played:
    """The story once it has been played."""

    week: Week
    next_step: NextStep
    forgotten: Forgotten
    mentions: int
    audit: AuditReport
    root: Path
    seconds: float


def play(terminal: Terminal, *, serve: bool, folder: Path | None, as_json: bool) -> None:
    """Play the story and tell of it; with `serve`, leave HubSpot and Slack running until Ctrl-C or SIGTERM."""
    started_at = time.monotonic()
    # the sandbox's records stay to the end: looking at them again and again would take a fifth of the time
    gc.disable()
    root = folder_of(folder)
    say = terminal.err if as_json else terminal.out
    say.print("[dim]Creating a company with a simulated HubSpot and Slack on this machine …[/dim]", highlight=False)
    stage = DemoStage()
    logs.configure(LogSettings(), at_least="error")  # the summary says what a log would
    with stage.open():
        settings = stage.workspace(root)
        engine = open_engine(settings.database_url)
        try:
            played = _play(stage, Week(stage, settings, engine), say, root, started_at)
            if as_json:
                terminal.print_json(_as_data(played))
            else:
                _summary(terminal, played, serve=serve)
        finally:
            engine.dispose()
            gc.freeze()  # nor when the process ends, which would take seconds
        if serve:
            gc.enable()
            _serve(terminal, stage)


def _play(stage: DemoStage, week: Week, say: Console, root: Path, started_at: float) -> Played:
    """The back-fill, the week a day at a time with its two scenes, and the audit at its end."""
    stage.live_until(stage.clock())
    say.print(f"[dim]{GROUPS}\n{_line([name for _, name in COLUMNS])}[/dim]", highlight=False)
    day = week.begin()
    with week.subscribed():
        next_step = type_next_step(week)
        _tell_of(say, day)
        forgotten = None
        for place, morning in enumerate(MORNINGS):
            if place == FORGOTTEN_ON:
                forgotten = ask_to_be_forgotten(week)
            day = week.go_on(morning)
            if morning == MORNINGS[-1]:
                week.take_late_webhooks()
            _tell_of(say, day)
        assert forgotten is not None
        audit = week.audit()
    return Played(week, next_step, forgotten, mentions(week, forgotten), audit, root, time.monotonic() - started_at)


def _tell_of(say: Console, day: Day) -> None:
    """One line of what happened by that morning."""
    numbers = (
        day.received.events, day.calls, day.total("created"), day.total("updated"), day.alerts("opened"),
        day.alerts("resolved"), day.delivered.posted, day.delivered.edited,
    )  # fmt: skip
    say.print(_line([f"{day.at:%a} {day.at.day} {day.at:%b}", *(f"{each:,}" for each in numbers)]), highlight=False)


def _line(cells: Sequence[str]) -> str:
    """A line of the table, which is shown as it comes about."""
    first, *rest = (width for width, _ in COLUMNS)
    return f"{cells[0]:<{first}}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells[1:], rest, strict=True))


def _serve(terminal: Terminal, stage: DemoStage) -> None:
    """Leave HubSpot and Slack up until told to stop."""
    out = terminal.out
    hubspot, slack = stage.hubspot_server.url, stage.slack_server.url
    out.print(f"\nSlack    [bold]{slack}[/bold]  [dim](open it in a browser)[/dim]", highlight=False)
    out.print(f"HubSpot  [bold]{hubspot}[/bold]  [dim](its API; use /control to inject faults)[/dim]", highlight=False)
    out.print("[dim]Press Ctrl-C to stop both.[/dim]", highlight=False)
    out.file.flush()
    with StopRequest() as stop:
        stop.wait()


# ---- as data


def _as_data(played: Played) -> dict[str, Any]:
    """The summary as JSON data."""
    week, audit = played.week, played.audit
    first = week.days[0]
    assert week.sender is not None
    return {
        "workspace": str(played.root),
        "seconds": round(played.seconds, 1),
        "backfill": {
            "records": first.reports[0].total("read"),
            "calls": first.reports[0].call_count,
            "calls_per_1000_records": first.reports[0].calls_per_thousand,
            "trouble": first.reports[0].trouble,
        },
        "days": [_day(day) for day in week.days],
        "streams": {
            name: {"backfilled": first.total("created", name), **{each: week.of_the_week(each, name) for each in TOLD}}
            for name in first.reports[0].streams
        },
        "webhooks": {
            "requests": week.sender.sent.requests,
            "events": week.sender.sent.events,
            "answers": {str(status): number for status, number in week.sender.sent.statuses.items()},
            "kept": sum(day.received.new for day in week.days),
            "unread": _unread(week.engine, week.source.name),
        },
        "rules": {each.rule_id: data_of(each) for each in week.rules()},
        "next_step": data_of(played.next_step),
        "forgotten": {"lead": played.forgotten.lead_id, "mentions": played.mentions},
        "audit": {
            "agrees": audit.agrees,
            "trouble": audit.trouble,
            "compared": audit.compared,
            "differences": audit.total,
            "pending": audit.pending,
            "calls": audit.call_count,
        },
        **standing(week.engine),
    }


def _day(day: Day) -> dict[str, Any]:
    return {
        "at": day.at,
        "happened": day.happened,
        "webhooks": data_of(day.received),
        "calls": day.calls,
        **{name: day.total(name) for name in (*TOLD, "quarantined")},
        "alerts": {"new": day.alerts("opened"), "fixed": day.alerts("resolved")},
        "messages": {"sent": day.delivered.posted, "edited": day.delivered.edited},
    }


def _unread(engine: Engine, source: str) -> int:
    with engine.connect() as connection:
        return event_inbox.waiting(connection, source)


# ---- for a person


def _summary(terminal: Terminal, played: Played, *, serve: bool) -> None:
    """What a person wants to know at the end: what was read, what fired, who was told what, and where to look next."""
    week = played.week
    _show_reading(terminal, played)
    why = " because the person it was about was erased"
    show_rules(terminal, week.rules(), week.days[0].at, week.days[-1].at, why_unmended=why)
    posted, edited = (sum(getattr(day.delivered, name) for day in week.days) for name in ("posted", "edited"))
    show_told(terminal, week.engine, posted=posted, edited=edited)
    _show_scenes(terminal, played)
    messages = messages_of(week.engine)
    theirs = [message for message in messages if message.key == played.next_step.message_key]
    show_message(terminal, theirs[0] if theirs else example_of(messages))
    _show_audit(terminal, played.audit)
    commands = [
        (typed("-w", played.root, "status"), "what's in the mirror, what's open, what's waiting"),
        (typed("-w", played.root, "alerts", "list"), "all alerts; `alerts why ID` explains one"),
    ]
    if serve:
        note = ""
        commands.append((typed("-w", played.root, "sync", "audit"), "compare the mirror and HubSpot again"))
    else:
        note = "The simulated HubSpot and Slack have stopped; the workspace is still there."
        commands.append(
            (typed("demo", "--serve"), "the same, but keeps them running so you can open Slack in a browser")
        )
    show_next(terminal, commands, played.seconds, note=note)


def _show_reading(terminal: Terminal, played: Played) -> None:
    out, week = terminal.out, played.week
    headline(terminal, "What was read")
    out.print(_reading(week))
    backfill = week.days[0].reports[0]
    assert backfill.calls_per_thousand is not None
    assert week.sender is not None
    out.print(
        f"Back-fill: {counted(backfill.total('read'), 'record')} in {counted(backfill.call_count, 'call')} "
        f"({backfill.calls_per_thousand:.1f} per 1,000); the week: "
        f"{counted(sum(d.calls for d in week.days[1:]), 'call')}.",
        highlight=False,
    )
    sent, new = week.sender.sent, sum(day.received.new for day in week.days)
    out.print(
        f"Webhooks: {sent.events:,} events in {sent.requests:,} signed requests, some late, "
        f"{sent.events - new:,} twice.",
        highlight=False,
    )


def _reading(week: Week) -> Table:
    first = week.days[0]
    backfill = first.reports[0].streams
    happened = [name for name in TOLD if week.of_the_week(name)]
    made = table("", f"{first.at.day} {first.at:%b}", *happened)
    for name in backfill:
        counts = (backfill[name].read, *(week.of_the_week(each, name) for each in happened))
        made.add_row(shown(NAMES.get(name, name)), *(f"{each:,}" if each else "[dim]·[/dim]" for each in counts))
    return made


def _show_scenes(terminal: Terminal, played: Played) -> None:
    out, scene = terminal.out, played.next_step
    headline(terminal, "Write-back and erasure")
    out.print(f"{shown(scene.person)} gave [bold]{shown(scene.deal)}[/bold] a next step:", highlight=False)
    steps = (
        (scene.written and scene.in_hubspot, "saved in HubSpot"),
        (scene.in_mirror, "in the mirror immediately"),
        (scene.alert_ended, "alert resolved"),
        (scene.ticked_in_slack, "marked as done in Slack"),
    )
    out.print("  " + "  ".join(f"{_mark(good)} {words}" for good, words in steps), highlight=False)
    words = (
        f"still named in {counted(played.mentions, 'place')}" if played.mentions else "their name is gone everywhere"
    )
    out.print(
        f"A lead asked to be erased, and its alert was closed:\n  "
        f"{_mark(not played.mentions)} {words}, here or in Slack",
        highlight=False,
    )


def _show_audit(terminal: Terminal, audit: AuditReport) -> None:
    headline(terminal, "Audit: mirror and HubSpot, record by record")
    verdict = "[green]no differences[/green]" if audit.agrees else f"[red]{counted(audit.total, 'difference')}[/red]"
    words = f"{counted(audit.compared, 'record')} in {counted(audit.call_count, 'call')}: {verdict}."
    terminal.out.print(words, highlight=False)
    if audit.trouble:
        terminal.out.print(f"[red]{shown(audit.trouble)}[/red]", highlight=False)


def _mark(good: bool) -> str:
    return "[green]✓[/green]" if good else "[red]✗[/red]"
