"""What a process that keeps a workspace going does again and again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from sqlalchemy import Engine

from ros_sync import clock
from ros_sync.errors import AuthExpiredError, TransientError
from ros_sync.jobs.cycle import tick
from ros_sync.jobs.schedule import Job
from ros_sync.notifiers.delivery import deliver_due
from ros_sync.settings import Settings
from ros_sync.workspace.configuration import Configuration
from ros_sync.workspace.following import Following
from ros_sync.workspace.ways_out import notifiers_of, slack_client

if TYPE_CHECKING:
    from ros_sync.notifiers.slack.access import SlackAccess


def planned_jobs(
    settings: Settings, engine: Engine, following: Following | None = None, configuration: Configuration | None = None
) -> list[Job]:
    """What this process does again and again.

    An edit of a file counts from the next tick on; of one that cannot be used, what was in force before goes on.
    """
    configuration = configuration or Configuration(settings, engine)
    notifiers = notifiers_of(settings, engine, Console())

    def run_tick(_now: datetime) -> None:
        stale_seconds = settings.sync.stale_seconds
        company = configuration.current().company()
        now = clock.now()  # not before what is in force came into force
        tick(engine, company, now, transport=notifiers[0].transport, stale_seconds=stale_seconds)

    access = slack_access(settings)

    def deliver(_now: datetime) -> None:
        try:
            done = deliver_due(engine, notifiers, clock.now)
        except AuthExpiredError as error:
            if access is not None:
                access.refused(error)
            raise
        if access is not None:
            access.check()  # also while no message waits: a token that is refused is known before one does
        if done.paused and not done.delivered:
            away = " and ".join(sorted(done.paused))
            raise TransientError(f"{away}: several messages in a row failed", hint="run `ros-sync status` for details")

    jobs = [
        Job("tick", settings.schedule.tick_seconds, run_tick, vital=True),
        Job("deliver", settings.schedule.deliver_seconds, deliver),
    ]
    if following is not None:
        jobs.insert(0, Job("sync", settings.sync.poll_seconds, following.poll))
        jobs.insert(1, Job("events", settings.sync.events_seconds, following.process_change_events))
        jobs.insert(2, Job("writes", settings.sync.events_seconds, following.write_back))
    return jobs


def slack_access(settings: Settings) -> SlackAccess | None:
    """What asks Slack now and then whether it accepts the token; None without one."""
    client = slack_client(settings)
    if client is None:
        return None
    from ros_sync.notifiers.slack.access import SlackAccess  # noqa: PLC0415  # Slack's library, where it is used

    return SlackAccess(client)
