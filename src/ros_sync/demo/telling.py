"""What the stories of `ros-sync demo` share.

A workspace that reaches nothing real, and how they tell what came of it.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.table import Table
from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from ros_sync.alerts.tables import Alert, AlertNotification
from ros_sync.errors import RosSyncError, Where
from ros_sync.notifiers.console import draw
from ros_sync.organisation.file_name import ORGANISATION_FILE
from ros_sync.outbox.document import Document
from ros_sync.outbox.store import counts
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.sandbox.world import World
from ros_sync.settings import (
    ENV_FILE_NAME,
    DatabaseSettings,
    HubSpotSettings,
    PathSettings,
    Settings,
    SlackSettings,
    SyncSettings,
    WebSettings,
    load,
)
from ros_sync.terminal import Terminal, counted, shown
from ros_sync.workspace.layout import lay_out

SHOWN_PEOPLE = 5
DELIVERY_SECONDS = 3_600.0  # of the story: Slack lets edits pass one by one, and waiting costs nothing here


@dataclass(frozen=True, slots=True)
class RuleWeek:
    """What became of one rule's alerts between the two Mondays."""

    rule_id: str
    open_before: int
    fixed: int
    new: int
    open_after: int


def folder_of(given: Path | None) -> Path:
    """Where the demo is put; RosSyncError for a folder with something in it: nothing of yours is written over."""
    if given is None:
        return Path(tempfile.mkdtemp(prefix="ros-sync-demo-"))
    root = given.expanduser().resolve()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise RosSyncError(
            "this folder isn't empty, and the demo creates its own workspace",
            where=Where(file=str(root)),
            hint="use an empty or new folder, or omit --folder",
        )
    return root


def workspace(root: Path, world: World, variables: Mapping[str, str], **own: BaseModel) -> Settings:
    """A fresh workspace for the company.

    `variables` stand in its `.env`, `own` are the sections that follow from them.
    """
    lay_out(root)
    (root / "rules" / ORGANISATION_FILE).write_text(world.organisation_yaml(), encoding="utf-8")
    lines = "".join(f"{name}={value}\n" for name, value in variables.items())
    (root / ENV_FILE_NAME).write_text(lines, encoding="utf-8")
    # Whatever the environment says, a demo must never reach a real CRM, a real Slack or a real database.
    harmless: dict[str, BaseModel] = {
        "hubspot": HubSpotSettings(),
        "slack": SlackSettings(),
        "database": DatabaseSettings(),
        "paths": PathSettings(),
        "sync": SyncSettings(),
        "web": WebSettings(),
    }
    return load(root).model_copy(update=harmless | own)


def messages_of(engine: Engine) -> list[OutboxMessage]:
    """All messages, the first one first."""
    with Session(engine) as session:
        return list(session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))))


def standing(engine: Engine) -> dict[str, Any]:
    """What became of the messages, as JSON data: those that reach nobody by the reason, and how many still wait."""
    with Session(engine) as session:
        held = counts(session)
    return {"undeliverable": held.undeliverable_by_reason, "waiting": held.waiting + held.unconfirmed}


def day_of(at: datetime) -> str:
    """`Monday 2 March 2026`."""
    return f"{at:%A} {at.day} {at:%B %Y}"


def table(*columns: str) -> Table:
    """A plain table: names on the left, numbers on the right."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for place, name in enumerate(columns):
        made.add_column(name, justify="left" if place == 0 else "right")
    return made


def headline(terminal: Terminal, words: str) -> None:
    """Begin a part of the summary."""
    terminal.out.rule(f"[bold]{words}[/bold]", align="left")


# ---- parts of the summary


def show_rules(
    terminal: Terminal, weeks: Sequence[RuleWeek], first: datetime, second: datetime, *, why_unmended: str = ""
) -> None:
    """What the rules found on both Mondays.

    `why_unmended` says what else than mending ended alerts, if anything did.
    """
    headline(terminal, "What the rules found")
    made = table("rule", f"open {first.day} {first:%b}", "resolved", "new", f"open {second.day} {second:%b}")
    for week in weeks:
        fixed = f"[green]{week.fixed:,}[/green]"
        made.add_row(shown(week.rule_id), f"{week.open_before:,}", fixed, f"{week.new:,}", f"{week.open_after:,}")
    terminal.out.print(made)
    for week in weeks:
        if unmended := week.open_before - week.fixed + week.new - week.open_after:
            words = f"{counted(unmended, 'alert')} of {shown(week.rule_id)} ended without being resolved{why_unmended}."
            terminal.out.print(f"[dim]{words}[/dim]", highlight=False)


def show_told(terminal: Terminal, engine: Engine, *, posted: int, edited: int) -> None:
    """Who was told what, and what reached nobody."""
    out = terminal.out
    headline(terminal, "Who was notified")
    out.print(_people(messages_of(engine), _rules_told(engine)))
    out.print(
        f"{counted(posted, 'message')} sent, then updated in place {edited:,} times as things were fixed.",
        highlight=False,
    )
    for reason, number in standing(engine)["undeliverable"].items():
        out.print(f"[yellow]{number:,} held, no recipient:[/yellow] {shown(reason)}", highlight=False)


def show_message(terminal: Terminal, message: OutboxMessage | None) -> None:
    """One message in full, where there is one to be shown."""
    if message is not None:
        headline(terminal, "One message, a week later")
        document = Document.from_dict(message.document)
        terminal.out.print(draw(document, to=message.recipient_name or message.recipient))


def show_next(terminal: Terminal, commands: Sequence[tuple[str, str]], seconds: float, *, note: str = "") -> None:
    """Next steps: commands with what they show, after a `note` on what is left to be looked at."""
    headline(terminal, "Next steps")
    if note:
        terminal.out.print(note, highlight=False)
    for words, what in commands:
        terminal.out.print(f"  [bold]{shown(words)}[/bold]\n      {what}", soft_wrap=True, highlight=False)
    terminal.out.print(f"[dim]Done in {seconds:.1f} s.[/dim]", highlight=False)


def example_of(messages: Sequence[OutboxMessage]) -> OutboxMessage | None:
    """A delivered digest of a handful of records of which some are mended: it shows the most in the least space."""
    fitting = []
    for message in messages:
        items = Document.from_dict(message.document).items
        done = sum(item.done for item in items)
        if message.kind == "digest" and message.delivered_at and done:
            fitting.append((abs(len(items) - 5), -done, message.id or 0, message))
    return min(fitting)[-1] if fitting else None


def _rules_told(engine: Engine) -> dict[str, Counter[str]]:
    """By message, of how many alerts of each rule it tells."""
    notification, alert = AlertNotification.metadata.tables["alert_notification"], Alert.metadata.tables["alert"]
    query = (
        select(notification.c.message_key, alert.c.rule_id, func.count())
        .join(alert, alert.c.id == notification.c.alert_id)
        .group_by(notification.c.message_key, alert.c.rule_id)
    )
    found: dict[str, Counter[str]] = {}
    with engine.connect() as connection:
        for key, rule_id, number in connection.execute(query):
            found.setdefault(key, Counter())[rule_id] += number
    return found


def _people(messages: Sequence[OutboxMessage], rules: Mapping[str, Counter[str]]) -> Table:
    """Those with the most on their list, from the newest of their messages."""
    waiting = {message.recipient_name or message.recipient: _waiting(message) for message in messages}
    told = Counter(message.recipient_name or message.recipient for message in messages)
    what: dict[str, Counter[str]] = {}
    for message in messages:
        what.setdefault(message.recipient_name or message.recipient, Counter()).update(rules.get(message.key, {}))
    made = table("person", "messages", "open items")
    for column in made.columns:
        column.no_wrap = True
    made.add_column("about")
    ranked = sorted(told, key=lambda name: (-waiting.get(name, 0), name))
    for name in ranked[:SHOWN_PEOPLE]:
        of = ", ".join(f"{number:,} {rule}" for rule, number in what[name].most_common())
        made.add_row(shown(name), f"{told[name]:,}", f"{waiting.get(name, 0):,}", shown(of))
    if len(ranked) > SHOWN_PEOPLE:
        made.add_row(f"[dim]and {len(ranked) - SHOWN_PEOPLE:,} more people[/dim]", "", "", "")
    return made


def _waiting(message: OutboxMessage) -> int:
    return Document.from_dict(message.document).waiting
