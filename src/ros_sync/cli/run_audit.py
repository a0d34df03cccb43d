"""What `ros-sync sync audit` does, and how it tells of what it found."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.table import Table

from ros_sync import clock
from ros_sync.cli.invocation import Invocation
from ros_sync.cli.progress import progress_bars
from ros_sync.errors import DatabaseBusyError
from ros_sync.jobs.lock import DatabaseLock
from ros_sync.mirror.database import open_engine
from ros_sync.plain_data import data_of
from ros_sync.sync.audit.auditor import Auditor
from ros_sync.sync.audit.report import WORDS, AuditReport, Difference, DifferenceKind, StreamAudit
from ros_sync.terminal import counted, shown
from ros_sync.workspace.company import deal_context, organisation_of
from ros_sync.workspace.sources import connections_of, refuse_unfollowed, sync_policy_of

NOTHING = "(nothing)"


def audit(
    invocation: Invocation, *, source: str | None, repair: bool, history: bool, limit: int, as_json: bool
) -> None:
    """Audit each source and tell of it; exit code 1 where mirror and CRM do not agree, or could not be compared."""
    settings = invocation.start()
    refuse_unfollowed(settings)
    context = deal_context(organisation_of(settings), clock.now())
    reports: list[AuditReport] = []
    with _alone(settings.database_url):
        engine = open_engine(settings.database_url)
        try:
            with progress_bars(invocation) as tell:
                for each in connections_of(settings, source, engine=engine):
                    auditor = Auditor(
                        engine, each.source, context, now=clock.now, policy=sync_policy_of(settings), history=history,
                        keep=limit, progress=tell,
                    )  # fmt: skip
                    reports.append(auditor.run(repair=repair))
        finally:
            engine.dispose()
    if as_json:
        invocation.print_json([as_data(report) for report in reports])
    else:
        for report in reports:
            show(invocation, report)
    if not all(report.agrees for report in reports):
        sys.exit(1)


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """The lock that every command on a SQLite file takes; where `serve` holds it, the error says what to do."""
    with ExitStack() as stack:
        try:
            stack.enter_context(DatabaseLock(url))
        except DatabaseBusyError as error:
            raise DatabaseBusyError(
                error.message,
                where=error.where,
                hint="wait for it to finish, or stop it while the audit runs; on PostgreSQL, both can run side by side",
            ) from None
        yield


def as_data(report: AuditReport) -> dict[str, Any]:
    """An audit as JSON data; checksums as hexadecimal digits."""
    return {
        "source": report.source,
        "agrees": report.agrees,
        "trouble": report.trouble,
        "quota_exhausted_until": report.quota_exhausted_until,
        "compared": report.compared,
        "differences": report.total,
        "kinds": _by_name(report.kinds),
        "pending": report.pending,
        "held": report.held,
        "repaired": report.repaired,
        "left": _by_name(report.left) if report.repaired else None,
        "with_history": report.with_history,
        "seconds": round(report.seconds, 3),
        "calls": dict(report.calls),
        "notes": report.notes,
        "streams": {name: _stream(each) for name, each in report.streams.items()},
        "shown": [_difference(each) for each in report.shown],
        "shown_left": [_difference(each) for each in report.shown_left],
    }


def _by_name(kinds: Counter[DifferenceKind]) -> dict[str, int]:
    return {kind.value: kinds[kind] for kind in DifferenceKind if kinds[kind]}


def _stream(audit: StreamAudit) -> dict[str, Any]:
    checksums = {name: f"{getattr(audit, name):016x}" for name in ("crm_checksum", "mirror_checksum")}
    told: dict[str, Any] = data_of(audit)
    return told | checksums


def _difference(difference: Difference) -> dict[str, Any]:
    names = ("stream", "object", "id", "kind", "detail")
    told: dict[str, Any] = {name: getattr(difference, name) for name in names}
    return told | {"fields": [each._asdict() for each in difference.fields]}


# ---- for a person


def show(invocation: Invocation, report: AuditReport) -> None:
    """Tell a person what an audit found."""
    if not report.streams and report.trouble is not None:
        _conclude(invocation, report)
        return
    out = invocation.out
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(shown(report.source))
    for name in ("compared", "differences", "pending"):
        table.add_column(name, justify="right")
    table.add_column("checksum of shared records")
    for stream, each in report.streams.items():
        numbers = (each.compared, each.differences, each.pending)
        table.add_row(shown(stream), *(f"{number:,}" for number in numbers), _checksum(each))
    out.print(table)
    words = (
        f"{counted(report.compared, 'record')} compared, {counted(report.call_count, 'call')} in "
        f"{report.seconds:.1f} s."
    )
    out.print(words, highlight=False)
    if report.pending:
        was = "was" if report.pending == 1 else "were"
        out.print(
            f"{counted(report.pending, 'record')} {was} modified in the CRM around or since the last poll; "
            "pending, not a difference.",
            highlight=False,
            soft_wrap=True,
        )
    if report.held:
        out.print(
            f"{counted(report.held, 'record')} held: ended in the CRM, but kept here until someone confirms it. "
            "`ros-sync deletions` lists them; this isn't a difference.",
            highlight=False,
            soft_wrap=True,
        )
    _show_differences(invocation, report.total, report.kinds, report.shown, "difference")
    for note in report.notes:
        out.print(f"[yellow]{shown(note)}[/yellow]", highlight=False, soft_wrap=True)
    if report.trouble is None and report.repaired and report.total:
        repaired = "all fixed" if not report.left else f"{report.left.total():,} remaining"
        repaired += f", {report.held:,} held" if report.held else ""
        out.print(f"\nRepaired and checked again: [bold]{repaired}[/bold].", highlight=False)
        _show_differences(invocation, report.left.total(), report.left, report.shown_left, "difference remaining")
    _conclude(invocation, report)


def _checksum(audit: StreamAudit) -> str:
    crm, mirror = f"{audit.crm_checksum:016x}", f"{audit.mirror_checksum:016x}"
    if not audit.crm_checksum and not audit.mirror_checksum:
        return ""
    return crm if crm == mirror else f"[yellow]CRM {crm}, mirror {mirror}[/yellow]"


def _show_differences(
    invocation: Invocation, total: int, kinds: Counter[DifferenceKind], differences: list[Difference], noun: str
) -> None:
    out = invocation.out
    if not total:
        return
    out.print()
    for each in differences:
        out.print(shown(str(each)), highlight=False, soft_wrap=True)
        for name, *sides in each.fields:
            crm, mirror = (shown(NOTHING if side is None else side) for side in sides)
            theirs = "according to its associations" if each.kind is DifferenceKind.LINK_FIELDS else "in the CRM"
            words = f"    {shown(name)}: {crm} [dim]{theirs},[/dim] {mirror} [dim]in the mirror[/dim]"
            out.print(words, highlight=False, soft_wrap=True)
    if total > len(differences):
        out.print(f"[dim]… {total - len(differences):,} more (--limit)[/dim]", highlight=False)
    head, _, tail = noun.partition(" ")
    number = counted(total, head) + (f" {tail}" if tail else "")
    out.print(f"\n[bold]{number}[/bold]:", highlight=False)
    for kind in DifferenceKind:
        if kinds[kind]:
            out.print(f"  {kinds[kind]:,}  {WORDS[kind]}", highlight=False)


def _conclude(invocation: Invocation, report: AuditReport) -> None:
    out = invocation.out
    if report.trouble is not None:
        until = f", until {report.quota_exhausted_until:%Y-%m-%d %H:%M} UTC" if report.quota_exhausted_until else ""
        out.print(
            f"[red]The audit did not finish: {shown(report.trouble)}{until}.[/red] "
            "Anything it did not reach may differ.",
            highlight=False,
            soft_wrap=True,
        )
    elif not report.total:
        out.print("[green]No differences.[/green]", highlight=False)
    elif not report.repaired:
        out.print("Run `ros-sync sync audit --repair` to fix them.", highlight=False)
