"""The web application: `/healthz` says that the process lives, `/readyz` that it does its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from ros_sync import clock
from ros_sync.jobs.health import Health

# What a browser may do with anything that is served here: nothing, until there are pages that need more.
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(health: Health, *, now: Callable[[], datetime] = clock.now) -> FastAPI:
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
    async def readyz() -> JSONResponse:
        body = readiness_document(health, now())
        return JSONResponse(body, HTTPStatus.OK if body["ready"] else HTTPStatus.SERVICE_UNAVAILABLE)

    return app


def readiness_document(health: Health, now: datetime) -> dict[str, Any]:
    """What `/readyz` answers: ready, the reasons where not, and how each job has been doing."""
    judgement = health.readiness(now)
    jobs = {
        name: {
            "every_seconds": job.every.total_seconds(),
            "last_good_at": job.last_good_at.isoformat() if job.last_good_at else None,
            "failures_in_a_row": job.failures_in_a_row,
        }
        for name, job in health.jobs().items()
    }
    return {"ready": judgement.ready, "reasons": list(judgement.reasons), "jobs": jobs}
