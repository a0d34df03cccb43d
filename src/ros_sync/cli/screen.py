"""The screen that `ros-sync status` shows: a survey drawn for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ros_sync.alerts.freshness import at, span
from ros_sync.alerts.rule_failures import FailedRule
from ros_sync.cli.run_deletions import in_words
from ros_sync.jobs.health_table import JobStanding
from ros_sync.mirror.config_versions import BrokenFile
from ros_sync.notifiers.plaintext import clean, one_line
from ros_sync.status.figures import FollowedSource, LastRun, OpenAlerts, Outbox, Survey

SHOWN_NAMES = 5  # a screen has room for the most frequent ones; the rest is in the total
SOURCE_WIDTH = 18  # leaves room for the numbers on a terminal of 80 columns
_PLURALS = {"activity": "activities", "pipeline_stage": "pipeline stages"}


def show(out: Console, found: Survey, now: datetime, *, title: str) -> None:
    """Print the screen."""
    out.print(Text(clean(title), style="dim"), soft_wrap=True)
    parts = [
        *_attention(found.attention),
        *_broken(found.broken_files, now),
        *_failed(found.failed_rules, now),
        ("Mirror", _mirror(found)),
        ("Freshness", _freshness(found.runs, now)),
        *_sources(found.sources, now),
        *_held(found),
        ("Open alerts", _alerts(found.alerts)),
        *_unnotified(found.unnotified),
        ("Outbox", _outbox(found.outbox)),
        *_jobs(found.jobs, now),
        *_left_over(found),
    ]
    for heading, content in parts:
        out.print(Text(f"\n{heading}", style="bold"))
        out.print(Padding(content, (0, 0, 0, 2)))


def _attention(attention: list[str]) -> Iterator[tuple[str, RenderableType]]:
    """What needs a person's attention, above everything else."""
    if attention:
        lines = [Text(one_line(words), "red") for words in attention]
        yield "Needs attention", Text("\n").join(lines)


def _jobs(jobs: list[JobStanding], now: datetime) -> Iterator[tuple[str, RenderableType]]:
    """How the jobs of `ros-sync serve` are doing, where it has run."""
    if not jobs:
        return
    table = _table("job", "last success", "last run", "")
    for job in jobs:
        good, run = ("never" if at is None else age(at, now) for at in (job.last_good_at, job.last_run_at))
        table.add_row(Text(clean(job.name)), good, run, _job_state(job, now))
    seen = max(job.seen_at for job in jobs)
    stopped = all(job.stopped_at is not None for job in jobs)
    yield (
        "Jobs",
        Group(table, Text(f"`ros-sync serve` {'stopped' if stopped else 'last reported'} {age(seen, now)}", "dim")),
    )


def _job_state(job: JobStanding, now: datetime) -> Text:
    if job.stopped_at is not None:
        return Text("stopped", "dim")
    if job.trouble() is not None:
        times = "once" if job.failures_in_a_row == 1 else f"{job.failures_in_a_row:,} times in a row"
        return Text(f"failed {times}" if job.failures_in_a_row else "late", "red")
    if job.is_silent(now):
        return Text("unknown", "yellow")
    return Text("running" if job.running_since else "ok", "green")


def _broken(files: list[BrokenFile], now: datetime) -> Iterator[tuple[str, RenderableType]]:
    """The files that cannot be used as they are, where there are any, and what is used instead."""
    if not files:
        return
    lines = []
    for each in files:
        used = each.version_in_use_from
        instead = f"using the version from {at(used, now)}" if used else "not in use"
        lines.append(Text(clean(one_line(f"{each.where}: {each.message}")), "red"))
        if each.hint:
            lines.append(Text(f"  {clean(one_line(each.hint))}", "dim"))
        lines.append(Text(f"  broken since {at(each.since, now)}; {instead}", "yellow"))
    yield f"Invalid files ({len(files):,})", Text("\n").join(lines)


def _failed(rules: list[FailedRule], now: datetime) -> Iterator[tuple[str, RenderableType]]:
    """The rules that cannot be evaluated, where there are any."""
    if not rules:
        return
    lines = []
    for each in rules:
        lines.append(Text(clean(one_line(f"{each.rule_id}: {each.reason}")), "red"))
        lines.append(Text(f"  since {at(each.since_at, now)}; its alerts keep their last state", "yellow"))
    yield f"Failing rules ({len(rules):,})", Text("\n").join(lines)


def _unnotified(unnotified: dict[str, int] | None) -> Iterator[tuple[str, RenderableType]]:
    """The alerts that nobody can be told of, where there are any."""
    if unnotified:
        number = sum(unnotified.values())
        lines = [f"{count:,}  {reason}" for reason, count in unnotified.items()][:SHOWN_NAMES]
        if more := number - sum(list(unnotified.values())[:SHOWN_NAMES]):
            lines.append(f"{more:,}  other reasons")
        yield f"Alerts without a recipient ({number:,})", Text("\n".join(map(clean, lines)), style="yellow")


def age(since: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: `5 minutes ago`, `3 days ago`, `in the future`."""
    passed = now - since
    if passed < timedelta(0):
        return "in the future"
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if (number := passed // length) > 0:
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    for name in columns:
        # A heading that begins with # stands over numbers.
        number = name.startswith("#")
        table.add_column(name.removeprefix("#"), justify="right" if number else "left", overflow="fold", no_wrap=number)
    return table


def _mirror(found: Survey) -> RenderableType:
    if not any(found.objects.values()):
        return Text(
            "empty; run `ros-sync sync` to read your CRM, or `ros-sync import` to load an export", style="yellow"
        )
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold")
    grid.add_column()
    deals = found.deals
    kinds = [f"{deals.open:,} open", f"{deals.won:,} won", f"{deals.lost:,} lost"]
    if deals.unstaged:
        kinds.append(f"{deals.unstaged:,} in unmapped stages")
    people = found.people
    notes = {
        "deal": ", ".join(kinds),
        "owner": (
            f"{_count(people.sellers, 'seller')} in {_count(people.teams, 'team')}, {_count(people.regions, 'region')}"
        ),
    }
    for name, number in found.objects.items():
        if number:
            plural = _PLURALS.get(name, f"{name}s")
            grid.add_row(
                f"{number:,}", f"{name.replace('_', ' ') if number == 1 else plural}", Text(notes.get(name, ""), "dim")
            )
    return grid


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _freshness(runs: list[LastRun], now: datetime) -> RenderableType:
    if not runs:
        return Text("nothing read yet", style="dim")
    table = _table("source", "as of", "when", "#rows", "#new", "#changed", "#errors")
    source, as_of = table.columns[:2]
    source.no_wrap, source.overflow, source.max_width = True, "ellipsis", SOURCE_WIDTH
    as_of.no_wrap = True
    for run in runs:
        when = Text(age(run.finished_at or run.started_at, now))
        if run.error:
            when = Text(f"failed {when}: {clean(run.error)}", style="red")
        elif run.finished_at is None:
            when = Text(f"started {when}, not finished", style="yellow")
        numbers = (f"{number:,}" for number in (run.rows_read, run.created, run.updated))
        aside = Text(f"{run.quarantined:,}", style="yellow" if run.quarantined else "")
        name = Text.assemble(clean(run.source), (f"\n{clean(_what(run))}", "dim"))
        table.add_row(name, f"{run.as_of:%Y-%m-%d}", when, *numbers, aside)
    return table


def _what(run: LastRun) -> str:
    """What a run read; streams that do not fit into the column are counted."""
    words, streams = f"{run.kind} {run.what}", run.what.split(", ")
    return f"sync of {len(streams)} streams" if run.kind == "sync" and len(words) > SOURCE_WIDTH else words


def _sources(sources: list[FollowedSource], now: datetime) -> Iterator[tuple[str, RenderableType]]:
    """The sources that are followed, where there are any: how far they are here, and what each one lacks."""
    if not sources:
        return
    table = _table("source", "up to date as of", "lag", "")
    lines = []
    for entry in sources:
        lag = "" if entry.lag_seconds is None else span(timedelta(seconds=entry.lag_seconds))
        until = "not yet" if entry.watermark is None else at(entry.watermark, now)
        state = Text("stale: its alerts keep their last state", "yellow") if entry.stale else Text("fresh", "green")
        table.add_row(Text(clean(entry.source)), until, lag, state)
        if entry.quota_exhausted_until is not None:
            resumes = at(entry.quota_exhausted_until, now)
            told = f"{entry.source} is paused until {resumes}; `ros-sync serve` resumes automatically"
            lines.append(Text(told, "yellow"))
        if entry.to_write:
            wait = "change is waiting" if entry.to_write == 1 else "changes are waiting"
            lines.append(Text(f"{entry.to_write:,} {wait} to be written to {clean(entry.source)}", "yellow"))
        if entry.trouble:
            lines.append(Text(one_line(f"{entry.source}: {entry.trouble}"), "red"))
        if number := len(entry.problems):
            noun = "setting in the connector file does" if number == 1 else "settings in the connector file do"
            colour = "red" if any(problem.get("fatal") for problem in entry.problems) else "yellow"
            words = f"{number:,} {noun} not match the {clean(entry.source)} account; run `ros-sync doctor` for details"
            lines.append(Text(words, colour))
    yield "Sources", Group(table, *lines)


def _held(found: Survey) -> Iterator[tuple[str, RenderableType]]:
    """The deletions that wait for a person, where there are any."""
    if found.held:
        lines = [f"wave {wave.number}: {in_words(wave)}" for wave in found.held]
        lines.append(
            "run `ros-sync deletions confirm WAVE` or `reject WAVE`; until then, the records stay as they were"
        )
        yield (
            f"Held deletions ({sum(wave.records for wave in found.held):,})",
            Text("\n".join(map(clean, lines)), "yellow"),
        )


def _alerts(alerts: list[OpenAlerts] | None) -> RenderableType:
    if not alerts:
        return Text("none", style="green" if alerts is not None else "dim")
    table = _table("rule", "#open", "#pending", "#shadow")
    for entry in alerts:
        table.add_row(
            Text(clean(entry.rule)),
            *(f"{number:,}" if number else "" for number in (entry.open, entry.pending, entry.shadow)),
        )
    if len(alerts) > 1:
        totals = (sum(getattr(entry, name) for entry in alerts) for name in ("open", "pending", "shadow"))
        table.add_row(Text("all", style="dim"), *(f"[bold]{number:,}[/bold]" if number else "" for number in totals))
    return table


def _outbox(outbox: Outbox | None) -> RenderableType:
    if outbox is None or not (outbox.waiting or outbox.unconfirmed or outbox.undeliverable):
        return Text("nothing waiting", style="green" if outbox is not None else "dim")
    lines = []
    if outbox.waiting:
        lines.append(Text(f"{outbox.waiting:,} waiting"))
        lines += [
            Text(f"  {number:,}: {one_line(reason)}", "yellow") for reason, number in outbox.waiting_by_reason.items()
        ]
    if outbox.unconfirmed:
        lines.append(
            Text(
                f"{outbox.unconfirmed:,} unconfirmed: sent without an answer; checked before sending again",
                "yellow",
            )
        )
    if outbox.undeliverable:
        lines.append(Text(f"{outbox.undeliverable:,} undeliverable", "red"))
        lines += [Text(f"  {number:,}: {clean(reason)}") for reason, number in outbox.undeliverable_by_reason.items()]
    return Text("\n").join(lines)


def _left_over(found: Survey) -> Iterator[tuple[str, RenderableType]]:
    if found.quarantined:
        table = _table("#rows", "file", "column", "example")
        for row in found.quarantined[:SHOWN_NAMES]:
            table.add_row(
                f"{row.rows:,}", Text(clean(row.file)), Text(clean(row.column or "")), Text(clean(row.example))
            )
        yield f"Quarantined rows ({sum(row.rows for row in found.quarantined):,})", table
    if found.unknown_owners:
        names = [f"{owner.name} ({owner.records:,})" for owner in found.unknown_owners[:SHOWN_NAMES]]
        more = len(found.unknown_owners) - len(names)
        tail = f" and {more:,} more" if more else ""
        text = Text(f"{clean(', '.join(names))}{tail}; add them to rules/organisation.yaml so they can be notified")
        yield f"Unknown owners ({len(found.unknown_owners):,})", text
