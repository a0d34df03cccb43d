"""`ros-sync tick`: one cycle of the main job."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def tick(
    ctx: typer.Context,
    now: Annotated[
        str | None,
        typer.Option(
            "--now", metavar="INSTANT", help="Evaluate as of this date or time instead of now, such as 2026-03-02."
        ),
    ] = None,
    deliver: Annotated[
        bool, typer.Option("--deliver/--no-deliver", help="Also send the messages waiting in the outbox.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run one cycle and exit: evaluate rules, open and resolve alerts, notify people.

    Running it again right away finds nothing to do.

    Example: [bold]ros-sync tick --now 2026-03-02T09:00[/bold]
    """
    from ros_sync.cli import run_tick  # noqa: PLC0415  # the database's libraries are not loaded for --help

    run_tick.tick(Invocation.of(ctx), now=now, deliver=deliver, as_json=as_json)
