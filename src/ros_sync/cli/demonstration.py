"""What `ros-sync demo` does: a small company, its Slack, two Mondays, and a summary."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.table import Table
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from ros_sync.cli import logs
from ros_sync.cli.company import ORGANISATION_FILE, company_of, deal_context, mapping_of, notifiers_of, organisation_of
from ros_sync.cli.invocation import Invocation, shown
from ros_sync.cli.workspace import lay_out
from ros_sync.jobs.cycle import TickReport, tick
from ros_sync.jobs.stop import StopRequest
from ros_sync.mirror.database import open_engine
from ros_sync.notifiers.console import draw
from ros_sync.notifiers.delivery import DeliveryCounts, deliver_all
from ros_sync.outbox.document import Document
from ros_sync.outbox.store import counts
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.sandbox.slack import SlackServer, SlackWorkspace
from ros_sync.sandbox.world import STORY_MONDAY, WEEK_LATER, World
from ros_sync.sandbox.world.exports import write_exports
from ros_sync.settings import ENV_FILE_NAME, DatabaseSettings, LogSettings, PathSettings, Settings, SlackSettings, load
from ros_sync.sync.imports import ImportReport, import_files

SHOWN_PEOPLE = 5
DELIVERY_SECONDS = 3_600.0  # of the story: Slack lets edits pass one by one, and waiting costs nothing here
EARLIER = tuple(STORY_MONDAY - timedelta(weeks=4 * months) for months in (4, 3, 2, 1))
MAPPING = "export"


@dataclass(slots=True)
class Week:
    """What one Monday of the story came to."""

    at: datetime
    imported: ImportReport
    ticked: TickReport
    delivered: DeliveryCounts


class DemoClock:
    """The story's clock: it stands still, and waiting moves it."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant

    def __call__(self) -> datetime:
        """The present instant of the story."""
        return self._instant

    def move_to(self, instant: datetime) -> None:
        """Go on to a later instant."""
        self._instant = max(self._instant, instant)

    def wait(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self._instant += timedelta(seconds=seconds)


def demo(invocation: Invocation, *, serve: bool, folder: Path | None, as_json: bool) -> None:
    """Play the story and tell of it; with `serve`, leave the sandbox running until Ctrl-C or SIGTERM."""
    started_at = time.monotonic()
    world = World()
    root = folder.expanduser().resolve() if folder else Path(tempfile.mkdtemp(prefix="ros-sync-demo-"))
    say = invocation.err if as_json else invocation.out
    at = DemoClock(STORY_MONDAY)
    slack = SlackWorkspace("Northwind Loom", now=at)
    for person in world.people():
        if person.in_slack:
            slack.add_user(person.name, person.email, person.tz, deleted=not person.works_on(WEEK_LATER.date()))
    with SlackServer(slack) as server:
        logs.configure(LogSettings(), at_least="error")  # the summary says what a log would
        settings = _workspace(root, world, slack.token, server.api_url)
        engine = open_engine(settings.database_url)
        try:
            say.print(
                f"[dim]{len(EARLIER)} earlier exports of its deals, so that pushes are known …[/dim]", highlight=False
            )
            for month in EARLIER:
                _import(settings, engine, world, root / "exports" / f"{month:%Y-%m-%d}", month, only="deals.csv")
            weeks = []
            for monday in (STORY_MONDAY, WEEK_LATER):
                say.print(f"[dim]{_day(monday)}: export, import, tick, delivery …[/dim]", highlight=False)
                at.move_to(monday)
                weeks.append(_week(settings, engine, world, root / "exports" / f"{monday:%Y-%m-%d}", at))
            seconds = time.monotonic() - started_at
            if as_json:
                invocation.print_json(_as_data(engine, root, weeks, seconds))
            else:
                _summary(invocation, engine, root, weeks, seconds)
            if serve:
                _serve(invocation, server)
        finally:
            engine.dispose()


def _workspace(root: Path, world: World, token: str, api_url: str) -> Settings:
    """A fresh workspace for the company, pointed at its own Slack."""
    lay_out(root)
    (root / "rules" / ORGANISATION_FILE).write_text(world.organisation_yaml(), encoding="utf-8")
    lines = (f"ROS_SYNC_SLACK__TOKEN={token}", f"ROS_SYNC_SLACK__API_URL={api_url}", "")
    (root / ENV_FILE_NAME).write_text("\n".join(lines), encoding="utf-8")
    # Whatever the environment says, a demo must never reach a real Slack or a real database.
    own = {
        "slack": SlackSettings(token=SecretStr(token), api_url=api_url),
        "database": DatabaseSettings(),
        "paths": PathSettings(),
    }
    return load(root).model_copy(update=own)


def _week(settings: Settings, engine: Engine, world: World, folder: Path, at: DemoClock) -> Week:
    """One Monday: the CRM is exported, and the main job runs over it."""
    monday = at()
    imported = _import(settings, engine, world, folder, monday)
    company = company_of(settings)
    notifiers = notifiers_of(settings, engine, Invocation().err)
    ticked = tick(engine, company, monday, transport=notifiers[0].transport)
    delivered = deliver_all(engine, notifiers, at, at.wait, within_seconds=DELIVERY_SECONDS)
    return Week(monday, imported, ticked, delivered)


def _import(
    settings: Settings, engine: Engine, world: World, folder: Path, at: datetime, only: str | None = None
) -> ImportReport:
    """Export the CRM as of a moment and import it, all of it or one file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_exports(world, folder, at)
    paths = [folder / only] if only else [folder]
    context = deal_context(organisation_of(settings))
    return import_files(engine, mapping_of(settings, MAPPING), paths, context, as_of=at, now=at)


def _serve(invocation: Invocation, server: SlackServer) -> None:
    """Leave the pages up until told to stop."""
    invocation.out.print(
        f"\nIts Slack stands at [bold]{server.url}[/bold]  [dim](Ctrl-C ends it)[/dim]", highlight=False
    )
    with StopRequest() as stop:
        stop.wait()


def _as_data(engine: Engine, root: Path, weeks: Sequence[Week], seconds: float) -> dict[str, Any]:
    """The summary as JSON data."""
    with Session(engine) as session:
        held = counts(session)
    return {
        "workspace": str(root),
        "seconds": round(seconds, 1),
        "weeks": [
            {
                "as_of": week.at,
                "rows_read": week.imported.total("rows_read"),
                "created": week.imported.total("created"),
                "updated": week.imported.total("updated"),
                "set_aside": week.imported.total("set_aside"),
                "rules": {
                    rule.rule_id: {"new": rule.opened, "mended": rule.resolved, "open": rule.open}
                    for rule in week.ticked.alerts.rules
                },
                "messages": {"sent": week.delivered.posted, "edited": week.delivered.edited},
            }
            for week in weeks
        ],
        "undeliverable": held.undeliverable_by_reason,
        "waiting": held.waiting + held.unconfirmed,
    }


def _summary(invocation: Invocation, engine: Engine, root: Path, weeks: Sequence[Week], seconds: float) -> None:
    """What a person wants to know at the end: what was read, what fired, who was told what, and where to look next."""
    out = invocation.out
    first, second = weeks
    with Session(engine) as session:
        messages = list(session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))))
        held = counts(session)
    out.rule("[bold]What was read[/bold]", align="left")
    out.print(_reading(weeks))
    out.rule("[bold]What the rules found[/bold]", align="left")
    out.print(_rules(first, second))
    out.rule("[bold]Who was told[/bold]", align="left")
    out.print(_people(messages))
    posted = sum(week.delivered.posted for week in weeks)
    edited = sum(week.delivered.edited for week in weeks)
    out.print(
        f"{posted:,} messages sent; {edited:,} times one was brought up to date in place as things were mended.",
        highlight=False,
    )
    for reason, number in held.undeliverable_by_reason.items():
        out.print(f"[yellow]{number:,} kept, as they reach nobody:[/yellow] {shown(reason)}", highlight=False)
    example = _example(messages)
    if example is not None:
        out.rule("[bold]One message, as it stands a week later[/bold]", align="left")
        out.print(draw(Document.from_dict(example.document), to=example.recipient_name or example.recipient))
    out.rule("[bold]Where to look next[/bold]", align="left")
    command = f"ros-sync -w {root}"
    for words, what in (
        (f"{command} status", "what the mirror holds, what is open, what waits"),
        (f"{command} alerts list", "every alert; `alerts why ID` says why it is there"),
        (f"{command} rules test", "the tests inside the rule files"),
        ("ros-sync demo --serve", "the same, and its Slack to look at in a browser"),
    ):
        out.print(f"  [bold]{shown(words)}[/bold]\n      {what}", soft_wrap=True, highlight=False)
    out.print(f"[dim]Done in {seconds:.1f} s.[/dim]", highlight=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place == 0 else "right")
    return table


def _day(at: datetime) -> str:
    return f"{at:%A} {at.day} {at:%B %Y}"


def _reading(weeks: Sequence[Week]) -> Table:
    table = _table("", *(name for week in weeks for name in (f"{week.at.day} {week.at:%b}: rows", "new", "changed")))
    kinds = {file.object: file.file for file in weeks[0].imported.files}
    for name, file in kinds.items():
        cells = []
        for week in weeks:
            report = next(entry for entry in week.imported.files if entry.object == name)
            cells += [f"{report.rows_read:,}", f"{report.created:,}", f"{report.updated:,}"]
        table.add_row(shown(file), *cells)
    return table


def _rules(first: Week, second: Week) -> Table:
    table = _table(
        "rule", f"open {first.at.day} {first.at:%b}", "mended", "new", f"open {second.at.day} {second.at:%b}"
    )
    later = {rule.rule_id: rule for rule in second.ticked.alerts.rules}
    for rule in first.ticked.alerts.rules:
        then = later[rule.rule_id]
        table.add_row(
            shown(rule.rule_id),
            f"{rule.open:,}",
            f"[green]{then.resolved:,}[/green]",
            f"{then.opened:,}",
            f"{then.open:,}",
        )
    return table


def _people(messages: Sequence[OutboxMessage]) -> Table:
    """Those with the most on their list, from the digests of the second Monday."""
    waiting = {message.recipient_name or message.recipient: _waiting(message) for message in messages}
    told = Counter(message.recipient_name or message.recipient for message in messages)
    table = _table("person", "messages", "still to do")
    ranked = sorted(told, key=lambda name: (-waiting.get(name, 0), name))
    for name in ranked[:SHOWN_PEOPLE]:
        table.add_row(shown(name), f"{told[name]:,}", f"{waiting.get(name, 0):,}")
    if len(ranked) > SHOWN_PEOPLE:
        table.add_row(f"[dim]and {len(ranked) - SHOWN_PEOPLE:,} more people[/dim]", "", "")
    return table


def _waiting(message: OutboxMessage) -> int:
    return sum(not item.done for item in Document.from_dict(message.document).items)


def _example(messages: Sequence[OutboxMessage]) -> OutboxMessage | None:
    """A delivered digest of a handful of records of which some are mended: it shows the most in the least space."""
    fitting = []
    for message in messages:
        items = Document.from_dict(message.document).items
        done = sum(item.done for item in items)
        if message.kind == "digest" and message.delivered_at and done:
            fitting.append((abs(len(items) - 5), -done, message.id or 0, message))
    return min(fitting)[-1] if fitting else None
