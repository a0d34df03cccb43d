"""`ros-sync demo`: the main job on a small company, from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def demo(
    ctx: typer.Context,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Leave its HubSpot and Slack running afterwards, and print their addresses."),
    ] = False,
    exports: Annotated[bool, typer.Option("--exports", help="Play it over export files instead of a HubSpot.")] = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Where to put it. Default: a new temporary folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Show what ros-sync does, on an invented company with a HubSpot and a Slack of its own.

    It lays out a workspace, reads the whole HubSpot on a Monday, follows it through a week by polls and webhooks, and
    tells everybody what they can act on. Nothing leaves this machine.

    Example: [bold]ros-sync demo --serve[/bold]
    """
    # The sandbox's libraries are not loaded for --help.
    if exports:
        from ros_sync.demo.exports import play  # noqa: PLC0415
    else:
        from ros_sync.demo.hubspot import play  # noqa: PLC0415
    play(Invocation.of(ctx), serve=serve, folder=folder, as_json=as_json)
