"""The web application: `/healthz` says that the process lives, `/readyz` that it does its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from ros_sync import clock
from ros_sync.alerts.freshness import SourceStanding
from ros_sync.jobs.health import Health

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
) -> FastAPI:
    """Make the application over the state of the jobs. It publishes no description of itself."""
    app = FastAPI(title="ros-sync", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def secure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(SECURITY_HEADERS)
        return response

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.api_route("/readyz", methods=["GET", "HEAD"])
    def readyz() -> JSONResponse:  # not async: the database is asked, and that happens in a thread of its own
        moment = now()
        body = readiness_document(health, moment, _asked(stale_at, moment), degraded())
        return JSONResponse(body, HTTPStatus.OK if body["ready"] else HTTPStatus.SERVICE_UNAVAILABLE)

    return app


def _asked(stale_at: StaleAt, moment: datetime) -> Sequence[SourceStanding] | None:
    """The stale sources; None where the database does not answer, which the ticks will tell of soon enough."""
    try:
        return stale_at(moment)
    except SQLAlchemyError as error:
        log.warning("stale_sources_unknown", error=type(error).__name__)
        return None


def readiness_document(
    health: Health, now: datetime, stale: Sequence[SourceStanding] | None = (), degraded: Sequence[str] = ()
) -> dict[str, Any]:
    """What `/readyz` answers: ready, the reasons where not, the stale sources, and how each job has been doing.

    A stale source is told and does not make the process unready: it is the CRM that does not answer, everything else goes
    on, and another process in this one's place would fare no better. `stale` is None where that could not be asked. What
    the CRM said is left out: anybody may read this page. What is `degraded` (a file that cannot be used, while its last good
    version goes on) does not make it unready either: another process would find the same file.
    """
    judgement = health.readiness(now)
    jobs = {
        name: {
            "every_seconds": job.every.total_seconds(),
            "last_good_at": job.last_good_at.isoformat() if job.last_good_at else None,
            "failures_in_a_row": job.failures_in_a_row,
        }
        for name, job in health.jobs().items()
    }
    told = None if stale is None else [_as_data(standing, now) for standing in stale]
    return {
        "ready": judgement.ready,
        "reasons": list(judgement.reasons),
        "degraded": list(degraded),
        "stale": told,
        "jobs": jobs,
    }


def _as_data(standing: SourceStanding, now: datetime) -> dict[str, Any]:
    return {
        "source": standing.source,
        "complete_at": standing.complete_at.isoformat() if standing.complete_at else None,
        "reason": standing.reading(now),
    }
