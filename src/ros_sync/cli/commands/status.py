"""`ros-sync status`: what the mirror holds, how fresh it is, what is open and what waits."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def status(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the status as JSON.")] = False,
) -> None:
    """Show what's in the mirror, how fresh it is, which alerts are open, and what's waiting to be sent.

    This is read-only and works while [bold]ros-sync serve[/bold] is running.

    Example: [bold]ros-sync status --json[/bold]
    """
    from ros_sync.cli import run_status  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_status.status(Invocation.of(ctx), as_json=as_json)
