"""`ros-sync demo`: the main job on a small company, from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def demo(
    ctx: typer.Context,
    serve: Annotated[
        bool, typer.Option("--serve", help="Leave it running afterwards, and print the addresses of its pages.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Where to put it. Default: a new temporary folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Show what ros-sync does, on an invented company and a Slack of its own.

    It lays out a workspace, imports the company's exports of one Monday and of a week later, and tells everybody what
    they can act on. Nothing leaves this machine.

    Example: [bold]ros-sync demo --serve[/bold]
    """
    from ros_sync.cli import demonstration  # noqa: PLC0415  # the sandbox's libraries are not loaded for --help

    demonstration.demo(Invocation.of(ctx), serve=serve, folder=folder, as_json=as_json)
