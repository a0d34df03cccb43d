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
            "--run", metavar="N", help="Those of this run. Default: the newest run of each source that has any."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print them as JSON.")] = False,
) -> None:
    """List what could not be read: rows of an import, and values of a CRM's records; each with its place and reason.

    It only reads, and works while [bold]ros-sync serve[/bold] runs.

    Example: [bold]ros-sync quarantine --limit 1000[/bold]
    """
    from ros_sync.cli import run_quarantine  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_quarantine.quarantine(Invocation.of(ctx), run=run, limit=limit, as_json=as_json)
