"""`ros-sync quarantine`: the rows of files and the values of CRM records that could not be read."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def quarantine(
    ctx: typer.Context,
    run: Annotated[
        int | None,
        typer.Option(
            "--run",
            metavar="N",
            help="Only rows from this run. Default: the latest run with quarantined rows, per source.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Maximum number of rows to show.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the rows as JSON.")] = False,
) -> None:
    """List rows and CRM values that couldn't be read, each with its location and reason.

    This is read-only and works while [bold]ros-sync serve[/bold] is running.

    Example: [bold]ros-sync quarantine --limit 1000[/bold]
    """
    from ros_sync.cli import run_quarantine  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_quarantine.quarantine(Invocation.of(ctx), run=run, limit=limit, as_json=as_json)
