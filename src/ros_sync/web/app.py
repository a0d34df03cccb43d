"""The web application: `/healthz` says that the process lives, `/readyz` that it does its work, `/metrics` how."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect

from ros_sync import clock
from ros_sync.alerts.freshness import SourceStanding
from ros_sync.jobs.health import Health, JobState, Readiness
from ros_sync.web.metrics import Metrics, add_metrics

log = structlog.stdlib.get_logger(__name__)

# What a browser may do with anything that is served here: nothing, until there are pages that need more.
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


StaleAt = Callable[[datetime], Sequence[SourceStanding]]
"""The sources of which nothing may be concluded at a moment."""

Degraded = Callable[[], Sequence[str]]
"""What does not work as it should while the rest goes on, in words that anybody may read."""


def create_app(
    health: Health,
    *,
    now: Callable[[], datetime] = clock.now,
    stale_at: StaleAt = lambda _now: (),
    degraded: Degraded = lambda: (),
    metrics: Metrics | None = None,
) -> FastAPI:
    """Make the application over the state of the jobs. It publishes no description of itself."""
    app = FastAPI(title="ros-sync", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def secure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(SECURITY_HEADERS)
        return response

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: Exception) -> Response:
        log.info("client_disconnected")  # one line: whoever sends half a request must not fill the log
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.api_route("/readyz", methods=["GET", "HEAD"])
    def readyz() -> JSONResponse:  # not async: the database is asked, and that happens in a thread of its own
        moment = now()
        stale = _asked(stale_at, moment)
        judgement = health.readiness([*degraded(), *stale_reasons(stale, moment)])
        body = readiness_document(judgement, health.jobs(), moment, stale)
        return JSONResponse(body, HTTPStatus.OK if judgement.ready else HTTPStatus.SERVICE_UNAVAILABLE)

    if metrics is not None:
        add_metrics(app, metrics)
    return app


def _asked(stale_at: StaleAt, moment: datetime) -> Sequence[SourceStanding] | None:
    """The stale sources; None where the database isn't responding."""
    try:
        return stale_at(moment)
    except SQLAlchemyError as error:
        log.warning("stale_sources_unknown", error=type(error).__name__)
        return None


def stale_reasons(stale: Sequence[SourceStanding] | None, now: datetime) -> list[str]:
    """The reasons that sources give. What the CRM said is left out: anybody may read them."""
    if stale is None:
        return ["the database isn't responding"]
    return [standing.reading(now) for standing in stale]


def readiness_document(
    judgement: Readiness, jobs: dict[str, JobState], now: datetime, stale: Sequence[SourceStanding] | None = ()
) -> dict[str, Any]:
    """What `/readyz` answers: how the process stands, the reasons, the stale sources, and how each job has been doing.

    What degrades (a stale source, a file that cannot be used while its last good version goes on, a job beside the
    ticks that fails) does not make the process unready: everything else goes on, and another process in this one's
    place would fare no better. `stale` is None where that could not be asked. What the CRM said is left out: anybody
    may read this page.
    """
    shown = {
        name: {
            "every_seconds": job.every.total_seconds(),
            "last_good_at": job.last_good_at.isoformat() if job.last_good_at else None,
            "failures_in_a_row": job.failures_in_a_row,
            "reason": job.failure.public if job.failure else None,
        }
        for name, job in jobs.items()
    }
    told = None if stale is None else [_as_data(standing, now) for standing in stale]
    return {
        "ready": judgement.ready,
        "state": judgement.standing.value,
        "reasons": list(judgement.reasons),
        "degraded": list(judgement.lesser),
        "stale": told,
        "jobs": shown,
    }


def _as_data(standing: SourceStanding, now: datetime) -> dict[str, Any]:
    return {
        "source": standing.source,
        "complete_at": standing.complete_at.isoformat() if standing.complete_at else None,
        "reason": standing.reading(now),
    }
