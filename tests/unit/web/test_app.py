from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ros_sync.jobs.health import Health, JobState
from ros_sync.web.app import create_app, readiness_document

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_document_says_how_each_job_does() -> None:
    """The document has readiness, its reasons and the state of each job."""
    health = Health({"tick": JobState(timedelta(seconds=300), vital=True)})
    health.succeeded("tick", NOON)
    expected = {
        "ready": True,
        "reasons": [],
        "jobs": {"tick": {"every_seconds": 300.0, "last_good_at": "2026-03-02T12:00:00+00:00", "failures_in_a_row": 0}},
    }
    assert expected == readiness_document(health, NOON)


def test_only_the_health_pages_are_served() -> None:
    """The application has its two pages, and no description of itself."""
    app = create_app(Health({}))
    assert {"/healthz", "/readyz"} == {getattr(route, "path", None) for route in app.routes}
