"""`ros-sync serve`: scheduler, delivery and web in one process."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync.cli.invocation import Invocation


def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address to listen on. Default: web.host in the settings.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65_535, help="Port to listen on. Default: web.port in the settings."),
    ] = None,
) -> None:
    """Run continuously: scheduled syncs and ticks, delivery, webhooks and health checks.

    Listens on this machine only, unless configured otherwise. Ctrl-C and SIGTERM stop it cleanly after the current job
    has finished. A second signal stops it immediately.

    Example: [bold]ros-sync serve --port 9000[/bold]
    """
    from ros_sync.cli import run_serve  # noqa: PLC0415  # the web's libraries are not loaded for --help

    run_serve.serve(Invocation.of(ctx).start(long_running=True), host=host, port=port)
