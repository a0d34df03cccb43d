"""`ros-sync serve`: scheduler, delivery and web in one process."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Listen on this address instead of the settings' web.host.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65_535, help="Listen on this port instead of the settings' web.port."),
    ] = None,
) -> None:
    """Keep everything going: ticks by the schedule, delivery, and the health pages.

    It listens on this machine alone unless told otherwise. Ctrl-C and SIGTERM stop it cleanly: the job that runs is
    finished first. A second signal ends it at once.

    Example: [bold]ros-sync serve --port 9000[/bold]
    """
    from ros_sync.cli import run_serve  # noqa: PLC0415  # the web's libraries are not loaded for --help

    run_serve.serve(Invocation.of(ctx).start(long_running=True), host=host, port=port)
