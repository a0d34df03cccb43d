"""`/metrics`: the figures of a process and of its database, for Prometheus.

They tell how much a company sells and how well it does, so that not anybody may read them: this machine alone may, or
whoever has the token. No label names a person or a record.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from ipaddress import ip_address

import structlog
from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from ros_sync import clock
from ros_sync.alerts.freshness import followed
from ros_sync.alerts.rule_failures import failed_rules
from ros_sync.alerts.tables import Alert, AlertState
from ros_sync.jobs.health import Health, Readiness, Standing
from ros_sync.jobs.surroundings import database_file, free_bytes
from ros_sync.outbox.store import DUE_STATES
from ros_sync.outbox.tables import MessageState, OutboxMessage

PATH = "/metrics"
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)  # seconds: an idle delivery, and a first tick
# What a proxy adds: behind one, everybody seems to be on this machine.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")

Calls = Callable[[], Mapping[tuple[str, str], int]]
"""The calls made so far, by source and kind."""

log = structlog.stdlib.get_logger(__name__)


class Metrics:
    """The figures. `readiness` judges the process; `token` is what whoever asks must show."""

    def __init__(
        self,
        engine: Engine,
        *,
        token: str | None = None,
        stale_seconds: int,
        now: Callable[[], datetime] = clock.now,
        calls: Calls = dict,
    ) -> None:
        self.token = token
        self._registry = CollectorRegistry(auto_describe=False)
        self._seconds = Histogram(
            "ros_sync_job_seconds",
            "Duration of job runs.",
            ["job_name"],
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._figures = _Figures(engine, now, calls, stale_seconds)
        self._registry.register(self._figures)

    def watch(self, health: Health, readiness: Callable[[], Readiness]) -> None:
        """Tell how this process's jobs are doing too."""
        self._figures.health, self._figures.readiness = health, readiness

    def observe(self, job: str, seconds: float) -> None:
        """Note how long a run took."""
        self._seconds.labels(job).observe(seconds)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """Let the application show its figures to whoever may see them; 401 or 403 to others."""

    def show(request: Request) -> Response:  # not async: the database is asked, in a thread of its own
        if metrics.token is not None:
            if not _shows(request, metrics.token):
                return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
        elif not _is_of_this_machine(request):
            return Response("set web.metrics_token to read this from another machine\n", HTTPStatus.FORBIDDEN)
        return Response(metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    app.add_api_route(PATH, show, methods=["GET"], include_in_schema=False)


def _shows(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _is_of_this_machine(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


class _Figures(Collector):
    """What is read when somebody asks, rather than counted along the way: the database is what counts."""

    def __init__(self, engine: Engine, now: Callable[[], datetime], calls: Calls, stale_seconds: int) -> None:
        self._engine = engine
        self._now = now
        self._calls = calls
        self._stale_seconds = stale_seconds
        self.health: Health | None = None
        self.readiness: Callable[[], Readiness] | None = None

    def collect(self) -> Iterator[Metric]:
        """Every figure at this moment."""
        yield from self._process()
        calls = CounterMetricFamily("ros_sync_calls", "Calls to a CRM.", labels=["source", "kind"])
        for key, number in sorted(self._calls().items()):
            calls.add_metric(key, number)
        yield calls
        path = database_file(self._engine)
        if path is not None and (free := free_bytes(path.parent)) is not None:
            yield GaugeMetricFamily("ros_sync_disk_free_bytes", "Free disk space for the database.", free)
        found: list[Metric] = []
        try:
            with self._engine.connect() as connection:
                found = [
                    *self._sources(connection),
                    *self._outbox(connection),
                    _alerts(connection),
                    _failed(connection),
                ]
        except SQLAlchemyError as error:
            log.warning("metrics_without_database", error=type(error).__name__)
        yield GaugeMetricFamily("ros_sync_database_up", "Whether the database responds.", float(bool(found)))
        yield from found

    def _process(self) -> Iterator[Metric]:
        if self.health is None or self.readiness is None:
            return
        standing = self.readiness().standing
        state = GaugeMetricFamily("ros_sync_state", "State of the process: 1 for the current one.", labels=["state"])
        for each in Standing:
            state.add_metric([each.value], float(each is standing))
        yield state
        good = _gauge("ros_sync_job_last_good_timestamp_seconds", "When a job last succeeded.", "job_name")
        failing = _gauge("ros_sync_job_failures_in_a_row", "Failed runs of a job since it last succeeded.", "job_name")
        running = _gauge("ros_sync_job_running", "Whether a job is running.", "job_name")
        for name, job in self.health.jobs().items():
            if job.last_good_at is not None:
                good.add_metric([name], job.last_good_at.timestamp())
            failing.add_metric([name], job.failures_in_a_row)
            running.add_metric([name], float(job.running_since is not None))
        yield from (good, failing, running)

    def _sources(self, connection: Connection) -> Iterator[Metric]:
        now = self._now()
        lag = _gauge("ros_sync_source_lag_seconds", "How long ago a CRM was last fully read.", "source")
        stale = _gauge(
            "ros_sync_source_stale", "Whether a CRM is stale, so that its alerts keep their last state.", "source"
        )
        trouble = _gauge("ros_sync_source_trouble", "Whether the last sync of a CRM was incomplete.", "source")
        for each in followed(connection):
            trouble.add_metric([each.source], float(each.hampered() is not None))
            behind = each.lag(now)
            if behind is not None:
                lag.add_metric([each.source], behind.total_seconds())
            stale.add_metric([each.source], float(each.is_stale(now, self._stale_seconds)))
        yield from (lag, stale, trouble)

    def _outbox(self, connection: Connection) -> Iterator[Metric]:
        number = _gauge("ros_sync_outbox_messages", "Messages by state.", "state")
        oldest = _gauge("ros_sync_outbox_oldest_seconds", "Age of the oldest message waiting to be sent.", "state")
        state, created = col(OutboxMessage.state), col(OutboxMessage.created_at)
        rows = connection.execute(select(state, func.count()).group_by(state))
        counts = {str(name): int(total) for name, total in rows}
        for each in MessageState:
            number.add_metric([each.value], counts.get(each.value, 0))
        query = select(state, func.min(created)).where(state.in_(DUE_STATES)).group_by(state)
        for name, since in connection.execute(query):
            oldest.add_metric([name], max(0.0, (self._now() - since).total_seconds()))
        yield from (number, oldest)


def _alerts(connection: Connection) -> Metric:
    found = GaugeMetricFamily("ros_sync_alerts", "Unresolved alerts.", labels=["rule", "state", "shadow"])
    columns = (col(Alert.rule_id), col(Alert.state), col(Alert.shadow))
    query = select(*columns, func.count()).where(col(Alert.state) != AlertState.RESOLVED).group_by(*columns)
    for rule, state, shadow, number in connection.execute(query):
        found.add_metric([rule, state, str(bool(shadow)).lower()], number)
    return found


def _failed(connection: Connection) -> Metric:
    found = _gauge(
        "ros_sync_rule_failed_since_timestamp_seconds",
        "Since when a rule has been failing; no samples if all rules work.",
        "rule",
    )
    for each in failed_rules(connection):
        found.add_metric([each.rule_id], each.since_at.timestamp())
    return found


def _gauge(name: str, documentation: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=[label])
