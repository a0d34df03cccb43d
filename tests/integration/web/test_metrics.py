"""What `/metrics` tells, and whom."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine
from sqlmodel import Session
from tests.integration.mirror_reader import put, table_of

from ros_sync.alerts.tables import Alert, RuleFailure
from ros_sync.jobs.health import Health, JobState
from ros_sync.jobs.run_failures import Failure
from ros_sync.outbox import store
from ros_sync.outbox.document import Document
from ros_sync.outbox.store import Addressee
from ros_sync.web.app import create_app
from ros_sync.web.metrics import Metrics
from ros_sync.web.server import WebServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TOKEN = "a-token-of-a-monitor"  # the test's


def filled(engine: Engine) -> None:
    """An alert, a message an hour old, and a source that lags."""
    put(engine, "source_state", source="hubspot", complete_at=NOON - HOUR, trouble="Zelda", updated_at=NOON)
    with Session(engine) as session:
        session.add(
            Alert(rule_id="stalled", object="deal", source="hubspot", record_id="7", episode=1, state="open",
                  shadow=False,
                  severity="warn", since_at=NOON, headline="Zelda Fitz", text="Zelda Fitz", seen=[])
        )  # fmt: skip  # one fact a word
        session.add(
            RuleFailure(rule_id="slipped", since_at=NOON - HOUR, reason="it could not be evaluated: OverflowError")
        )

        store.put(session, "digest", Addressee("zelda@loom.example"), Document("1 deal", "1 deal"), NOON - HOUR)
        session.commit()


def metrics_of(engine: Engine, token: str | None = None) -> Metrics:
    """The figures of a process whose delivery fails."""
    metrics = Metrics(
        engine, token=token, stale_seconds=900, now=lambda: NOON, calls=lambda: {("hubspot", "search"): 12}
    )
    health = Health({"tick": JobState(timedelta(seconds=300), vital=True), "deliver": JobState(timedelta(seconds=20))})
    health.succeeded("tick", NOON)
    health.failed("deliver", NOON, Failure("AuthExpiredError", "refused", "refused"))
    metrics.watch(health, health.readiness)
    metrics.observe("tick", 0.3)
    return metrics


def values(text: str) -> dict[str, float]:
    """Every figure by its name and labels."""
    return {
        sample.name + "".join(f",{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_figure_is_told(engine: Engine) -> None:
    """Jobs, lag, calls, outbox by state and age, alerts, and how long ticks take."""
    filled(engine)
    found = values(metrics_of(engine).text().decode())
    expected = {
        "ros_sync_state,degraded": 1.0,
        "ros_sync_state,ready": 0.0,
        "ros_sync_job_failures_in_a_row,deliver": 1.0,
        "ros_sync_job_last_good_timestamp_seconds,tick": NOON.timestamp(),
        "ros_sync_job_seconds_count,tick": 1.0,
        "ros_sync_job_seconds_sum,tick": 0.3,
        "ros_sync_source_lag_seconds,hubspot": 3600.0,
        "ros_sync_source_stale,hubspot": 1.0,
        "ros_sync_source_trouble,hubspot": 1.0,
        "ros_sync_calls_total,search,hubspot": 12.0,
        "ros_sync_outbox_messages,waiting": 1.0,
        "ros_sync_outbox_messages,undeliverable": 0.0,
        "ros_sync_outbox_oldest_seconds,waiting": 3600.0,
        "ros_sync_alerts,stalled,false,open": 1.0,
        "ros_sync_rule_failed_since_timestamp_seconds,slipped": (NOON - HOUR).timestamp(),
        "ros_sync_database_up": 1.0,
    }
    assert expected == {name: found.get(name) for name in expected}


def test_no_figure_names_a_person(engine: Engine) -> None:
    """Neither a name nor an address of anybody is in what a monitoring system keeps for years."""
    filled(engine)
    text = metrics_of(engine).text().decode().lower()
    assert [] == [word for word in ("zelda", "loom.example", "digest") if word in text]


def test_without_a_database_the_rest_is_told(engine: Engine) -> None:
    """A database that does not answer is a figure itself."""
    engine.dispose()
    metrics = metrics_of(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table_of('outbox_message')} RENAME TO gone")

    found = values(metrics.text().decode())
    assert (0.0, 1.0) == (found["ros_sync_database_up"], found["ros_sync_state,degraded"])


def status(server: WebServer, headers: dict[str, str]) -> int:
    """Ask for the figures; the status."""
    try:
        with OPENER.open(urllib.request.Request(f"{server.url}/metrics", headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(
    "token,headers,expected",
    [
        (None, {}, 200),
        (None, {"X-Forwarded-For": "203.0.113.9"}, 403),
        (None, {"Forwarded": "for=203.0.113.9"}, 403),
        (None, {"Via": "1.1 proxy"}, 403),
        (TOKEN, {}, 401),
        (TOKEN, {"Authorization": "Bearer another-token-than-that"}, 401),
        (TOKEN, {"Authorization": f"Basic {TOKEN}"}, 401),
        (TOKEN, {"Authorization": f"Bearer {TOKEN}"}, 200),
        (TOKEN, {"Authorization": f"bearer {TOKEN}", "X-Forwarded-For": "203.0.113.9"}, 200),
    ],
)
def test_not_everybody_may_read_them(
    sqlite_engine: Engine, token: str | None, headers: dict[str, str], expected: int
) -> None:
    """Where there is no token, this machine may, but nobody who comes through a proxy; with one, whoever shows it."""
    app = create_app(Health({}), metrics=metrics_of(sqlite_engine, token))
    with WebServer(app, "127.0.0.1", 0) as server:
        assert expected == status(server, headers)
