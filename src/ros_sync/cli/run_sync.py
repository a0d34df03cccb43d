"""What `ros-sync sync` does, and how it tells of it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ros_sync import clock
from ros_sync.alerts.freshness import at
from ros_sync.cli.invocation import Invocation
from ros_sync.cli.problems import show_problems
from ros_sync.cli.progress import progress_bars
from ros_sync.cli.run_import import show_without_rate
from ros_sync.connectors.pace import used_share
from ros_sync.errors import StoppedError
from ros_sync.jobs.lock import DatabaseLock
from ros_sync.jobs.stop import Interruptible
from ros_sync.mirror.database import open_engine
from ros_sync.notifiers.plaintext import one_line
from ros_sync.plain_data import data_of
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.ingest.reports import CycleReport
from ros_sync.sync.write_back.requests import Outcome, RequestState
from ros_sync.terminal import counted, shown
from ros_sync.workspace.choices import Chosen
from ros_sync.workspace.company import deal_context
from ros_sync.workspace.configuration import Configuration
from ros_sync.workspace.sources import (
    LAY_OUT,
    connections_of,
    refuse_unfollowed,
    sync_policy_of,
)

SHOWN_QUARANTINED = 5
INTERRUPTED = 130  # what a shell gives for a command that Ctrl-C ended
HEADINGS = {"created": "new", "updated": "changed", "changes": "values", "quarantined": "unread"}  # for 80 columns
MANY_ROWS = 100  # records: of fewer, calls for each 1,000 would say nothing


def sync(invocation: Invocation, *, source: str | None, full: bool, as_json: bool) -> None:
    """Run one cycle of each source and tell of it; exit code 1 where one is in trouble or paused."""
    settings = invocation.start()
    reports: list[CycleReport] = []
    written: list[tuple[str, Outcome]] = []
    with Interruptible() as interrupt, DatabaseLock(settings.database_url):
        engine = open_engine(settings.database_url)
        try:
            organisation, files, broken = Configuration(settings, engine).followed()
            refuse_unfollowed(settings, files, hint=f"{LAY_OUT}; use `ros-sync import` for exports")
            show_unused(invocation, broken)
            context = deal_context(organisation, clock.now())
            connections = connections_of(settings, source, engine=engine, sleep=interrupt.pause, files=files)
            with progress_bars(invocation) as tell:
                for each in connections:
                    syncer = Syncer(
                        engine, each.source, context, now=clock.now, policy=sync_policy_of(settings), progress=tell,
                        stopping=interrupt.is_set,
                    )  # fmt: skip
                    before = each.pace.use
                    report = syncer.cycle(full=full)
                    report.used_share = used_share(before, each.pace.use, report.seconds)
                    reports.append(report)
                    if not (report.busy or report.trouble):
                        written += [(each.source.name, outcome) for outcome in syncer.execute_writes()]
        except (StoppedError, KeyboardInterrupt):
            invocation.err.print("[yellow]Stopped.[/yellow] Run `ros-sync sync` to resume from here.", highlight=False)
            sys.exit(INTERRUPTED)
        finally:
            engine.dispose()
    if as_json:
        invocation.print_json([as_data(report, written) for report in reports])
    else:
        for report in reports:
            show(invocation, report)
        for name, outcome in written:
            show_written(invocation, name, outcome)
    if any(report.trouble for report in reports):
        sys.exit(1)


def show_unused(invocation: Invocation, unused: Sequence[Chosen]) -> None:
    """Tell of the files that cannot be used as they are, and of which the last good version is read instead."""
    for each in unused:
        words = f"[yellow]{shown(one_line(str(each.problem)))}[/yellow]; using its last good version"
        invocation.err.print(words, soft_wrap=True, highlight=False)


def show_written(invocation: Invocation, name: str, outcome: Outcome) -> None:
    """Tell what became of a change that somebody had asked for earlier."""
    colour = "green" if outcome.state is RequestState.DONE else "red"
    words = f"{shown(name)}, change {outcome.number}: [{colour}]{outcome.state}[/{colour}]: {shown(outcome.words)}"
    invocation.out.print(words, highlight=False, soft_wrap=True)


def as_data(report: CycleReport, written: Sequence[tuple[str, Outcome]] = ()) -> dict[str, Any]:
    """A cycle as JSON data, with the changes that waited and were written to the CRM after it."""
    return {
        "source": report.source,
        "trouble": report.trouble,
        "quota_exhausted_until": report.quota_exhausted_until,
        "complete_at": report.complete_at,
        "lag_seconds": report.lag.total_seconds() if report.lag is not None else None,
        "seconds": round(report.seconds, 3),
        "calls": dict(report.calls),
        "calls_per_1000_records": report.calls_per_thousand,
        "rate_limit_used_share": report.used_share,
        "streams": data_of(report.streams),
        "problems": [data_of(problem) for problem in report.problems],
        "remarks": [data_of(remark) for remark in report.remarks],
        "written": [
            {"number": outcome.number, "state": outcome.state, "outcome": outcome.words}
            for name, outcome in written
            if name == report.source
        ],
    }


def show(invocation: Invocation, report: CycleReport) -> None:
    """Tell a person what a cycle did."""
    out = invocation.out
    if report.busy:
        out.print(f"{shown(report.source)} is being synced by another process right now.", highlight=False)
        return
    columns = ("read", "created", "updated", "deleted", "merged", "erased", "changes", "quarantined")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(shown(report.source), no_wrap=True, min_width=max(map(len, [report.source, *report.streams])))
    for name in columns:
        table.add_column(HEADINGS.get(name, name), justify="right", no_wrap=True)
    for name, counts in report.streams.items():
        table.add_row(shown(name), *(f"{getattr(counts, each):,}" for each in columns))
    if report.streams:
        out.print(table)
    share = report.calls_per_thousand if report.total("read") >= MANY_ROWS else None
    words = f"{counted(report.call_count, 'call')} in {report.seconds:.1f} s"
    words += f", {share:.1f} per 1,000 records" if share else ""
    words += f"; {report.used_share:.0%} of what the rate limit allows" if report.used_share is not None else ""
    out.print(words + ".", highlight=False)
    _show_place(out, report)
    show_without_rate(invocation, sum((each.without_rate for each in report.streams.values()), Counter()))
    examples = [each for counts in report.streams.values() for each in counts.examples]
    for example in examples[:SHOWN_QUARANTINED]:
        out.print(f"[yellow]{shown(str(example))}[/yellow]", highlight=False, soft_wrap=True)
    show_problems(invocation, [*report.remarks, *(each for each in report.problems if each.fatal)])
    _count_problems(out, sum(not each.fatal for each in report.problems))
    _show_trouble(out, report)


def _count_problems(out: Console, number: int) -> None:
    """How many things the account lacks: `doctor` tells them, and nobody has to read them again and again."""
    if number:
        words = f"{counted(number, 'setting')} in the connector file "
        words += f"{'does' if number == 1 else 'do'} not match the account"
        out.print(f"[dim]{words}. Run `ros-sync doctor` for details.[/dim]", highlight=False, soft_wrap=True)


def _show_trouble(out: Console, report: CycleReport) -> None:
    """What kept the source from being read, each stream in a line, and what happens next."""
    failed = {name: each.trouble for name, each in report.streams.items() if each.trouble}
    if report.quota_exhausted_until is not None:
        out.print(
            f"[yellow]Paused until {report.quota_exhausted_until:%Y-%m-%d %H:%M} UTC: {shown(report.trouble or '')}."
            "[/yellow] "
            "`ros-sync serve` resumes automatically; otherwise, run `ros-sync sync` again.",
            highlight=False,
            soft_wrap=True,
        )
    elif report.trouble and report.trouble not in failed.values():
        out.print(f"[red]{shown(report.trouble)}[/red]", highlight=False, soft_wrap=True)
    for name, trouble in failed.items():
        out.print(f"[red]{shown(name)}: {shown(trouble)}[/red]", highlight=False, soft_wrap=True)
    if report.trouble and report.quota_exhausted_until is None:
        words = "Run `ros-sync doctor` to find out more."
        out.print(f"[dim]{words}[/dim]", highlight=False, soft_wrap=True)


def _show_place(out: Console, report: CycleReport) -> None:
    """How far it has been followed, and where the durable watermark stands (docs/discussion/sync.md, "One cycle")."""
    if report.complete_at is None:
        out.print(
            "The first full read isn't complete yet. The next run resumes where this one stopped, with the back-fill "
            "if it isn't finished.",
            highlight=False,
            soft_wrap=True,
        )
        return
    out.print(
        f"Up to date as of {report.complete_at:%Y-%m-%d %H:%M:%S} UTC, as far as the CRM's search shows it.",
        highlight=False,
        soft_wrap=True,
    )
    settled = [each.watermark for each in report.streams.values() if each.watermark is not None]
    if settled:
        watermark = at(min(settled), report.finished_at or report.started_at)
        words = (
            f"The next poll starts there. The durable watermark is {watermark}: everything modified before it is "
            "final; changes since then are read again once an hour, because search lags."
        )
        out.print(f"[dim]{words}[/dim]", highlight=False, soft_wrap=True)
