"""What `ros-sync serve` puts together: the lock, the database, the jobs and the web, and taking them down again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ros_sync import clock
from ros_sync.errors import RosSyncError
from ros_sync.jobs.health_table import WRITE_SECONDS
from ros_sync.jobs.lock import DatabaseLock
from ros_sync.jobs.ping import PingUrl
from ros_sync.jobs.planned import planned_jobs
from ros_sync.jobs.schedule import Job, Schedule
from ros_sync.jobs.stop import StopRequest
from ros_sync.jobs.watch import Watch
from ros_sync.mirror.database import open_engine
from ros_sync.settings import Settings
from ros_sync.status.degradation import degraded_in, stale_in
from ros_sync.web.app import Degraded, StaleAt, create_app, stale_reasons
from ros_sync.web.metrics import Metrics
from ros_sync.web.server import WebServer
from ros_sync.web.webhooks import add_webhooks
from ros_sync.workspace.configuration import Configuration
from ros_sync.workspace.following import Following
from ros_sync.workspace.near_misses import near_misses
from ros_sync.workspace.secret_files import readable_by_others
from ros_sync.workspace.sources import followable, unfollowed_vendors
from ros_sync.workspace.vendors import display_name

log = structlog.stdlib.get_logger(__name__)

_WEB_ENDED = "web_server_ended"


def serve(settings: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Hold the database and run until told to stop.

    Raises DatabaseBusyError where another process holds it, and RosSyncError where the database cannot be opened,
    the web cannot listen, or its server ended by itself.
    """
    with StopRequest() as stop, DatabaseLock(settings.database_url):
        engine = open_engine(settings.database_url)
        configuration = Configuration(settings, engine)
        _, files, _ = configuration.followed()
        following = Following(settings, engine, configuration) if followable(settings, files) else None
        for each in unfollowed_vendors(settings, files):
            reason = f"credentials are set, but there is no connector file for {display_name(each.name)}"
            log.warning("crm_not_followed", vendor=each.name, reason=reason)
        for path in readable_by_others(settings):
            log.warning("secrets_readable_by_others", file=str(path), do=f"chmod 600 {path}")
        for misnamed in near_misses(settings):
            log.warning("file_not_read", reason=misnamed.message)
        try:
            jobs = planned_jobs(settings, engine, following, configuration)
            over = overseen(settings, engine, following)
            reason = run(settings, jobs, stop, following, host=host, port=port, over=over)
        finally:
            engine.dispose()
    if reason == _WEB_ENDED:
        raise RosSyncError("the web server stopped unexpectedly", hint="check the log")


@dataclass(frozen=True, slots=True)
class Overseen:
    """What looks after a process: which sources are stale, its own health, its figures."""

    stale_at: StaleAt = field(default=lambda _now: ())
    degraded: Degraded = field(default=lambda: ())
    watch: Watch | None = None
    metrics: Metrics | None = None


def overseen(settings: Settings, engine: Engine, following: Following | None) -> Overseen:
    """What looks after a process on this database."""
    degraded = degraded_in(engine)
    stale_at = stale_in(engine, settings.sync.stale_seconds)
    token, ping_url = settings.web.metrics_token, settings.health.ping_url

    def reasons() -> list[str]:
        """What degrades the process beside its jobs: for the ping and the figures, as `/readyz` has it."""
        now = clock.now()
        try:
            return [*degraded(), *stale_reasons(stale_at(now), now)]
        except SQLAlchemyError:
            return stale_reasons(None, now)

    def calls() -> Mapping[tuple[str, str], int]:
        return following.calls() if following is not None else {}

    ping = PingUrl(ping_url.get_secret_value()) if ping_url is not None else None
    watch = Watch(engine, reasons=reasons, ping=ping)
    shown = token.get_secret_value() if token is not None else None
    metrics = Metrics(engine, token=shown, stale_seconds=settings.sync.stale_seconds, calls=calls)
    return Overseen(stale_at, degraded, watch, metrics)


def run(
    settings: Settings,
    jobs: list[Job],
    stop: StopRequest,
    following: Following | None = None,
    *,
    host: str | None = None,
    port: int | None = None,
    over: Overseen | None = None,
) -> str:
    """Run the jobs and the web until `stop` is requested; the reason of that. RosSyncError where it cannot listen."""
    over = over or Overseen()
    schedule = _schedule(jobs, over)
    app = create_app(schedule.health, stale_at=over.stale_at, degraded=over.degraded, metrics=over.metrics)
    for vendor, receiver in following.receivers() if following is not None else ():
        add_webhooks(app, vendor, receiver)
    web = WebServer(
        app,
        settings.web.host if host is None else host,
        settings.web.port if port is None else port,
        on_end=lambda: stop.request(_WEB_ENDED),
    )
    with web, _watched(over.watch), schedule:
        log.info("serving", url=web.url, database=settings.database_shown, jobs=[job.name for job in jobs])
        reason = stop.wait()
        log.info("stopping", reason=reason)
        if following is not None:
            following.stop()
    log.info("stopped", reason=reason)
    return reason


def _schedule(jobs: list[Job], over: Overseen) -> Schedule:
    """The schedule of the jobs, and of the watch over them."""
    watch, metrics = over.watch, over.metrics
    observe = metrics.observe if metrics is not None else lambda _name, _seconds: None
    if watch is None:
        return Schedule(jobs, observe=observe)
    schedule = Schedule(
        jobs,
        beside=[Job("health", WRITE_SECONDS, watch.turn)],
        allowed=watch.guard.check,
        changed=watch.changed,
        observe=observe,
    )
    watch.begin(schedule.health)
    if metrics is not None:
        metrics.watch(schedule.health, watch.readiness)
    return schedule


@contextmanager
def _watched(watch: Watch | None) -> Iterator[None]:
    """Note at the end that the process was stopped, and did not vanish."""
    try:
        yield
    finally:
        if watch is not None:
            watch.end()
