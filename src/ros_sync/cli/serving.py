"""What `ros-sync serve` puts together: the lock, the database, the jobs and the web, and taking them down again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from rich.console import Console
from sqlalchemy import Engine

from ros_sync import clock
from ros_sync.cli.company import company_of, deal_context, notifiers_of, organisation_of
from ros_sync.cli.sources import is_followed, sources_of
from ros_sync.errors import RosSyncError
from ros_sync.jobs.cycle import tick
from ros_sync.jobs.lock import DatabaseLock
from ros_sync.jobs.schedule import Job, Schedule
from ros_sync.jobs.stop import StopRequest
from ros_sync.mirror.database import open_engine
from ros_sync.notifiers.delivery import deliver_due
from ros_sync.settings import Settings
from ros_sync.sync.engine import Syncer
from ros_sync.web.app import create_app
from ros_sync.web.server import WebServer

log = structlog.stdlib.get_logger(__name__)

_WEB_ENDED = "web_server_ended"


def planned_jobs(settings: Settings, engine: Engine) -> list[Job]:
    """What this process does again and again.

    The rules are read anew for each tick, so that an edit counts from the next one on; one that cannot be used fails
    that tick with its reason and leaves everything as it was.
    """
    notifiers = notifiers_of(settings, engine, Console())

    def run_tick(now: datetime) -> None:
        tick(engine, company_of(settings), now, transport=notifiers[0].transport)

    def deliver(_now: datetime) -> None:
        deliver_due(engine, notifiers, clock.now)

    jobs = [
        Job("tick", settings.schedule.tick_seconds, run_tick, vital=True),
        Job("deliver", settings.schedule.deliver_seconds, deliver),
    ]
    if is_followed(settings):
        jobs.insert(0, Job("sync", settings.sync.poll_seconds, sync_job(settings, engine)))
    return jobs


def sync_job(settings: Settings, engine: Engine) -> Callable[[datetime], None]:
    """One cycle of every source that is followed; what keeps a source from being read is in `source_state`."""
    sources = sources_of(settings)

    def run_sync(_now: datetime) -> None:
        context = deal_context(organisation_of(settings))
        for source in sources:
            Syncer(engine, source, context, now=clock.now).cycle()

    return run_sync


def serve(settings: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Hold the database and run until told to stop.

    Raises DatabaseBusyError where another process holds it, and RosSyncError where the database cannot be opened,
    the web cannot listen, or its server ended by itself.
    """
    with StopRequest() as stop, DatabaseLock(settings.database_url):
        engine = open_engine(settings.database_url)
        try:
            reason = run(settings, planned_jobs(settings, engine), stop, host=host, port=port)
        finally:
            engine.dispose()
    if reason == _WEB_ENDED:
        raise RosSyncError("the web server ended by itself", hint="the log says why")


def run(
    settings: Settings, jobs: list[Job], stop: StopRequest, *, host: str | None = None, port: int | None = None
) -> str:
    """Run the jobs and the web until `stop` is requested; the reason of that. RosSyncError where it cannot listen."""
    schedule = Schedule(jobs)
    web = WebServer(
        create_app(schedule.health),
        settings.web.host if host is None else host,
        settings.web.port if port is None else port,
        on_end=lambda: stop.request(_WEB_ENDED),
    )
    with web, schedule:
        log.info("serving", url=web.url, database=settings.database_shown, jobs=[job.name for job in jobs])
        reason = stop.wait()
        log.info("stopping", reason=reason)
    log.info("stopped", reason=reason)
    return reason
