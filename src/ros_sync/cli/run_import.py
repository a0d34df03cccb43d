"""What `ros-sync import` does, and how it tells of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from ros_sync import clock
from ros_sync.cli.invocation import Invocation
from ros_sync.connectors.export import ExportMapping
from ros_sync.errors import RosSyncError, Where
from ros_sync.jobs.lock import DatabaseLock
from ros_sync.mirror.database import open_engine
from ros_sync.plain_data import data_of
from ros_sync.sync.ingest.dated import end_of_day, zone_of
from ros_sync.sync.ingest.imports import ImportReport, import_exports, plan
from ros_sync.sync.ingest.imports import Progress as Report
from ros_sync.terminal import counted, shown
from ros_sync.workspace.company import deal_context, organisation_of
from ros_sync.workspace.mappings import mapping_of

SHOWN_ROWS = 10  # quarantined rows printed; `ros-sync import --json` and the database have the others
SHOWN_NAMES = 5
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def parse_moment(text: str | None, option: str, tz: ZoneInfo | None = None) -> datetime | None:
    """An instant given on the command line, in `tz` (default UTC) where it names no offset.

    A day means its beginning.
    """
    if text is None:
        return None
    try:
        return clock.parse_instant(text, tz)
    except ValueError:
        from ros_sync.rules.language.advice import value_advice  # noqa: PLC0415  # for a mistake alone

        raise RosSyncError(
            f"{text!r} isn't a date or time",
            where=Where(key=option),
            hint=value_advice(text.strip()) or "write 2026-03-02 or 2026-03-02T09:00+01:00",
        ) from None


def moment_of_export(text: str | None, export: ExportMapping, now: datetime) -> datetime | None:
    """When the export was made: of a day alone its end in the mapping's zone, but not the future; None where not given.

    An instant without an offset is in the mapping's zone too. RosSyncError for one that lies ahead by more than a day:
    beside such a state, every later export would be an older one and left alone.
    """
    tz = zone_of(export)
    moment = parse_moment(text, "--as-of", tz)
    if moment is not None and moment > now + clock.LONGEST_DAY:
        raise RosSyncError(
            f"{text!r} is in the future, but an export is from the past",
            where=Where(key="--as-of"),
            hint="check the year, or omit it for an export from today",
        )
    if moment is None or text is None or not _DAY.fullmatch(text.strip()):
        return moment
    day = date.fromisoformat(text.strip())
    end = end_of_day(day, tz)
    return end if end < now else max(now, clock.start_of_day(day, tz))


def import_(
    invocation: Invocation, paths: list[Path], *, mapping: str | None, as_of: str | None, strict: bool, as_json: bool
) -> None:
    """Load the files and tell what became of them."""
    settings = invocation.start()
    now = clock.now()
    export = mapping_of(settings, mapping)
    moment = moment_of_export(as_of, export, now)
    context = deal_context(organisation_of(settings), now)
    sizes = {path: path.stat().st_size for path, _ in plan(export, paths)}
    with DatabaseLock(settings.database_url):
        engine = open_engine(settings.database_url)
        try:
            with progress_bar(invocation, sizes) as progress:
                reports = import_exports(
                    engine, export, paths, context, as_of=moment, now=now, strict=strict, progress=progress
                )
        finally:
            engine.dispose()
    if as_json:
        invocation.print_json(as_data(*reports))
        return
    for report in reports:
        if len(reports) > 1:
            invocation.out.print(f"[bold]as of {report.as_of:%Y-%m-%d %H:%M} UTC[/bold]", highlight=False)
        show(invocation, report)
    if any(report.refitted for report in reports):
        from ros_sync.cli.losing import MAP, exports_losing, show_losing  # noqa: PLC0415  # rules, for the few times

        show_losing(invocation, exports_losing(settings).get(export.source, []), MAP)


@contextmanager
def progress_bar(invocation: Invocation, sizes: dict[Path, int]) -> Iterator[Report | None]:
    """What moves a bar over the bytes of all files; None where there is no terminal to draw it on."""
    if not invocation.err.is_terminal:
        yield None
        return
    from rich.progress import (  # noqa: PLC0415  # not loaded where nothing is drawn
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=invocation.err, transient=True) as bar:
        tasks = {path: bar.add_task(shown(path.name), total=size) for path, size in sizes.items()}

        def report(path: Path, position: int) -> None:
            bar.update(tasks[path], completed=position)

        yield report


def as_data(*reports: ImportReport) -> dict[str, Any]:
    """The reports as JSON data: totals, each run, then each file. `run_id` and `as_of` are the last run's."""
    counts = ("rows_read", "created", "updated", "unchanged", "older", "repeated", "completed", "quarantined")
    last = reports[-1]
    return {
        "run_id": last.run_id,
        "source": last.source,
        "as_of": last.as_of,
        **{name: sum(report.total(name) for report in reports) for name in counts},
        "runs": [{"run_id": report.run_id, "as_of": report.as_of} for report in reports],
        "files": [data_of(file) | {"run_id": report.run_id} for report in reports for file in report.files],
    }


def show(invocation: Invocation, report: ImportReport) -> None:
    """Tell a person what became of the files."""
    out = invocation.out
    columns = ("rows_read", "created", "updated", "unchanged", "quarantined")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("file")
    table.add_column("as")
    for name in columns:
        table.add_column(
            name.replace("_", " ").replace("created", "new").replace("updated", "changed"), justify="right"
        )
    for file in report.files:
        values = [f"{getattr(file, name):,}" for name in columns]
        table.add_row(shown(file.file), file.object, *values, style="" if not file.quarantined else "yellow")
    out.print(table)
    if older := report.total("older"):
        out.print(
            f"[yellow]{counted(older, 'row')} skipped: a later state is already known[/yellow] "
            "(is --as-of the date of this export?)"
        )
    if completed := report.total("completed"):
        out.print(f"[dim]{counted(completed, 'row')} merged with another row of the same import[/dim]")
    if repeated := report.total("repeated"):
        out.print(f"[dim]{counted(repeated, 'row')} repeated[/dim]")
    for file in report.files:
        for note in dict.fromkeys(file.notes):
            out.print(f"[yellow]{shown(file.file)}:[/yellow] {shown(note)}", soft_wrap=True, highlight=False)
    _show_unknown(invocation, report)
    _show_quarantined(invocation, report)


def _show_unknown(invocation: Invocation, report: ImportReport) -> None:
    for file in report.files:
        for field, names in sorted(file.unknown.items()):
            named = ", ".join(f"{name!r} ({rows:,})" for name, rows in names.most_common(SHOWN_NAMES))
            more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
            rows = sum(names.values())
            invocation.out.print(
                f"[yellow]{counted(rows, 'row')} of {shown(file.file)} {'names' if rows == 1 else 'name'} "
                f"{'an' if field[0] in 'aeiou' else 'a'} "
                f"{field} that isn't in the mirror:[/yellow] {shown(named)}{more} [dim]({_how_to_know(field)})[/dim]",
                soft_wrap=True,
            )
        show_without_rate(invocation, file.without_rate)


def _how_to_know(field: str) -> str:
    if field in {"owner", "manager"}:
        return "import the users export too, or list them under `people` in rules/organisation.yaml"
    return f"import the {field}s export too"


def show_without_rate(invocation: Invocation, without_rate: Counter[str]) -> None:
    """Tell of amounts that could not be told in the company's currency."""
    for currency, rows in without_rate.most_common():
        invocation.out.print(
            f"[yellow]{counted(rows, 'amount')} in {shown(currency)} without a rate[/yellow] "
            "[dim](rates in rules/organisation.yaml)[/dim]"
        )


def _show_quarantined(invocation: Invocation, report: ImportReport) -> None:
    count = report.total("quarantined")
    if not count:
        return
    examples = [row for file in report.files for row in file.examples]
    invocation.out.print(f"[yellow]{counted(count, 'row')} quarantined:[/yellow]")
    for row in examples[:SHOWN_ROWS]:
        invocation.out.print(f"  {shown(str(row))}", soft_wrap=True, highlight=False)
    if count > SHOWN_ROWS:
        invocation.out.print(
            f"  [dim]and {count - min(SHOWN_ROWS, len(examples)):,} more: ros-sync quarantine --run "
            f"{report.run_id}[/dim]"
        )
