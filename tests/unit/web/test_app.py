from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ros_sync.alerts.freshness import SourceStanding
from ros_sync.jobs.health import Health, JobState
from ros_sync.web.app import create_app, readiness_document, stale_reasons

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_document_says_how_each_job_does() -> None:
    """The document has readiness, its reasons and the state of each job."""
    health = Health({"tick": JobState(timedelta(seconds=300), vital=True)})
    health.succeeded("tick", NOON)
    job = {"every_seconds": 300.0, "last_good_at": "2026-03-02T12:00:00+00:00", "failures_in_a_row": 0, "reason": None}
    expected = {
        "ready": True,
        "state": "ready",
        "reasons": [],
        "degraded": [],
        "stale": [],
        "jobs": {"tick": job},
    }
    assert expected == readiness_document(health.readiness(), health.jobs(), NOON)


def test_a_stale_source_is_told_and_does_not_make_unready() -> None:
    """The document says since when; what the CRM said stays out of a page that anybody may read."""
    health = Health({"tick": JobState(timedelta(seconds=300), vital=True)})
    health.succeeded("tick", NOON)
    standing = SourceStanding("hubspot", NOON - timedelta(hours=3), trouble="contact Zelda is refused")
    reasons = stale_reasons([standing], NOON)
    document = readiness_document(health.readiness(reasons), health.jobs(), NOON, [standing])
    told = {
        "source": "hubspot",
        "complete_at": "2026-03-02T09:00:00+00:00",
        "reason": "hubspot was last fully read 3 h ago (09:00 UTC)",
    }
    assert (True, "degraded", [told["reason"]], [told]) == tuple(
        document[name] for name in ("ready", "state", "reasons", "stale")
    )


def test_only_the_health_pages_are_served() -> None:
    """The application has its two pages, and no description of itself."""
    app = create_app(Health({}))
    assert {"/healthz", "/readyz"} == {getattr(route, "path", None) for route in app.routes}
