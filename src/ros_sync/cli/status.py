"""`ros-sync status`: what the mirror holds, how fresh it is, what is open and what waits."""

from __future__ import annotations

from typing import Annotated

import typer

from ros_sync import clock
from ros_sync.cli.invocation import Invocation
from ros_sync.plain_data import data_of


def status(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print it as JSON.")] = False,
) -> None:
    """Show on one screen what the mirror holds, how fresh it is, what is open and what waits.

    It only reads, and works while [bold]ros-sync serve[/bold] runs.

    Example: [bold]ros-sync status --json[/bold]
    """
    from ros_sync.cli.screen import show  # noqa: PLC0415  # as above
    from ros_sync.mirror.database import open_engine  # noqa: PLC0415  # as above
    from ros_sync.status.survey import survey_workspace  # noqa: PLC0415  # as above

    invocation = Invocation.of(ctx)
    settings = invocation.start()
    engine = open_engine(settings.database_url, read_only=True)
    now = clock.now()
    try:
        found = survey_workspace(settings, engine, now)
    finally:
        engine.dispose()
    if as_json:
        place = {"at": now, "workspace": settings.workspace, "database": settings.database_shown}
        invocation.print_json({**place, **data_of(found)})
    else:
        show(invocation.out, found, now, title=f"{settings.workspace}  ·  {settings.database_shown}")
