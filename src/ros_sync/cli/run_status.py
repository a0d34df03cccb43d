"""What `ros-sync status` does."""

from __future__ import annotations

from ros_sync import clock
from ros_sync.cli.invocation import Invocation
from ros_sync.cli.screen import show
from ros_sync.mirror.database import open_engine
from ros_sync.plain_data import data_of
from ros_sync.status.survey import survey_workspace


def status(invocation: Invocation, *, as_json: bool) -> None:
    """Survey the workspace and show it."""
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
