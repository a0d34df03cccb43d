"""`ros-sync demo --exports`: the story over export files, imported on two Mondays."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.table import Table
from sqlalchemy import Engine

from ros_sync import logs
from ros_sync.demo.telling import (
    DELIVERY_SECONDS,
    RuleWeek,
    day_of,
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
    workspace,
)
from ros_sync.jobs.cycle import TickReport, tick
from ros_sync.jobs.stop import StopRequest
from ros_sync.mirror.database import open_engine
from ros_sync.notifiers.delivery import DeliveryCounts, deliver_all
from ros_sync.sandbox.clock import SandboxClock
from ros_sync.sandbox.slack import SlackServer, SlackWorkspace
from ros_sync.sandbox.slack.company import provision
from ros_sync.sandbox.world import COMPANY, STORY_MONDAY, WEEK_LATER, World
from ros_sync.sandbox.world.exports import write_exports
from ros_sync.settings import LogSettings, Settings, SlackSettings
from ros_sync.sync.ingest.imports import ImportReport, import_files
from ros_sync.terminal import Terminal, shown, typed
from ros_sync.workspace.company import company_of, deal_context, organisation_of
from ros_sync.workspace.mappings import mapping_of
from ros_sync.workspace.ways_out import notifiers_of

EARLIER = tuple(STORY_MONDAY - timedelta(weeks=4 * months) for months in (4, 3, 2, 1))
MAPPING = "export"


@dataclass(slots=True)
class ExportWeek:
    """What one Monday of the story came to."""

    at: datetime
    imported: ImportReport
    ticked: TickReport
    delivered: DeliveryCounts


def play(terminal: Terminal, *, serve: bool, folder: Path | None, as_json: bool) -> None:
    """Play the story and tell of it; with `serve`, leave the Slack running until Ctrl-C or SIGTERM."""
    started_at = time.monotonic()
    world = World()
    root = folder_of(folder)
    say = terminal.err if as_json else terminal.out
    at = SandboxClock(STORY_MONDAY)
    slack = SlackWorkspace(COMPANY, now=at)
    provision(slack, world, WEEK_LATER.date())
    with SlackServer(slack) as server:
        logs.configure(LogSettings(), at_least="error")  # the summary says what a log would
        settings = _workspace(root, world, slack.token, server.api_url)
        engine = open_engine(settings.database_url)
        try:
            say.print(
                f"[dim]{len(EARLIER)} earlier exports of its deals, for the push history …[/dim]", highlight=False
            )
            for month in EARLIER:
                _import(settings, engine, world, root / "exports" / f"{month:%Y-%m-%d}", month, only="deals.csv")
            weeks = []
            for monday in (STORY_MONDAY, WEEK_LATER):
                say.print(f"[dim]{day_of(monday)}: export, import, tick, delivery …[/dim]", highlight=False)
                at.move_to(monday)
                weeks.append(_week(settings, engine, world, root / "exports" / f"{monday:%Y-%m-%d}", at))
            seconds = time.monotonic() - started_at
            if as_json:
                terminal.print_json(_as_data(engine, root, weeks, seconds))
            else:
                _summary(terminal, engine, root, weeks, seconds)
            if serve:
                _serve(terminal, server)
        finally:
            engine.dispose()


def _workspace(root: Path, world: World, token: str, api_url: str) -> Settings:
    """A fresh workspace for the company, pointed at its own Slack."""
    variables = {"ROS_SYNC_SLACK__TOKEN": token, "ROS_SYNC_SLACK__API_URL": api_url}
    return workspace(root, world, variables, slack=SlackSettings(token=SecretStr(token), api_url=api_url))


def _week(settings: Settings, engine: Engine, world: World, folder: Path, at: SandboxClock) -> ExportWeek:
    """One Monday: the CRM is exported, and the main job runs over it."""
    monday = at()
    imported = _import(settings, engine, world, folder, monday)
    company = company_of(settings)
    notifiers = notifiers_of(settings, engine, Terminal().err)
    ticked = tick(engine, company, monday, transport=notifiers[0].transport)
    delivered = deliver_all(engine, notifiers, at, at.advance, within_seconds=DELIVERY_SECONDS)
    return ExportWeek(monday, imported, ticked, delivered)


def _import(
    settings: Settings, engine: Engine, world: World, folder: Path, at: datetime, only: str | None = None
) -> ImportReport:
    """Export the CRM as of a moment and import it, all of it or one file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_exports(world, folder, at)
    paths = [folder / only] if only else [folder]
    context = deal_context(organisation_of(settings), at)
    return import_files(engine, mapping_of(settings, MAPPING), paths, context, as_of=at, now=at)


def _serve(terminal: Terminal, server: SlackServer) -> None:
    """Leave the pages up until told to stop."""
    terminal.out.print(
        f"\nIts Slack is at [bold]{server.url}[/bold]  [dim](press Ctrl-C to stop)[/dim]", highlight=False
    )
    with StopRequest() as stop:
        stop.wait()


# ---- telling of it


def _as_data(engine: Engine, root: Path, weeks: Sequence[ExportWeek], seconds: float) -> dict[str, Any]:
    """The summary as JSON data."""
    return {
        "workspace": str(root),
        "seconds": round(seconds, 1),
        "weeks": [
            {
                "as_of": week.at,
                "rows_read": week.imported.total("rows_read"),
                "created": week.imported.total("created"),
                "updated": week.imported.total("updated"),
                "quarantined": week.imported.total("quarantined"),
                "rules": {
                    rule.rule_id: {"new": rule.opened, "fixed": rule.resolved, "open": rule.open}
                    for rule in week.ticked.alerts.rules
                },
                "messages": {"sent": week.delivered.posted, "edited": week.delivered.edited},
            }
            for week in weeks
        ],
        **standing(engine),
    }


def _summary(terminal: Terminal, engine: Engine, root: Path, weeks: Sequence[ExportWeek], seconds: float) -> None:
    """What a person wants to know at the end: what was read, what fired, who was told what, and where to look next."""
    first, second = weeks
    headline(terminal, "What was imported")
    terminal.out.print(_reading(weeks))
    show_rules(terminal, _rules(first, second), first.at, second.at)
    posted, edited = (sum(getattr(week.delivered, name) for week in weeks) for name in ("posted", "edited"))
    show_told(terminal, engine, posted=posted, edited=edited)
    show_message(terminal, example_of(messages_of(engine)))
    commands = (
        (typed("-w", root, "status"), "what's in the mirror, what's open, what's waiting"),
        (typed("-w", root, "alerts", "list"), "all alerts; `alerts why ID` explains one"),
        (typed("-w", root, "rules", "test"), "run the tests in the rule files"),
        (typed("demo", "--exports", "--serve"), "the same, with its Slack to open in a browser"),
    )
    show_next(terminal, commands, seconds)


def _reading(weeks: Sequence[ExportWeek]) -> Table:
    made = table("", *(name for week in weeks for name in (f"{week.at.day} {week.at:%b}: rows", "new", "changed")))
    kinds = {file.object: file.file for file in weeks[0].imported.files}
    for name, file in kinds.items():
        cells = []
        for week in weeks:
            report = next(entry for entry in week.imported.files if entry.object == name)
            cells += [f"{report.rows_read:,}", f"{report.created:,}", f"{report.updated:,}"]
        made.add_row(shown(file), *cells)
    return made


def _rules(first: ExportWeek, second: ExportWeek) -> list[RuleWeek]:
    later = {rule.rule_id: rule for rule in second.ticked.alerts.rules}
    weeks = []
    for rule in first.ticked.alerts.rules:
        then = later[rule.rule_id]
        weeks.append(RuleWeek(rule.rule_id, rule.open, then.resolved, then.opened, then.open))
    return weeks
