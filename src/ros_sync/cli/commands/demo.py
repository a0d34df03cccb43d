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
        typer.Option("--serve", help="Keep the simulated HubSpot and Slack running afterwards and print their URLs."),
    ] = False,
    exports: Annotated[
        bool, typer.Option("--exports", help="Use export files instead of a simulated HubSpot.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Where to create the workspace. Default: a new temporary folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """See what ros-sync does, using a fictional company with its own simulated HubSpot and Slack.

    Creates a workspace, reads all of HubSpot on a Monday, follows it through the week with polls and webhooks, and
    notifies everyone about what they can act on. Nothing leaves this machine.

    Example: [bold]ros-sync demo --serve[/bold]
    """
    # The sandbox's libraries are not loaded for --help.
    if exports:
        from ros_sync.demo.exports import play  # noqa: PLC0415
    else:
        from ros_sync.demo.hubspot import play  # noqa: PLC0415
    play(Invocation.of(ctx), serve=serve, folder=folder, as_json=as_json)
