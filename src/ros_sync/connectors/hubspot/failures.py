"""What HubSpot's refusals mean for whoever called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from ros_sync.errors import (
    AuthExpiredError,
    DailyLimitError,
    PermanentError,
    RateLimitedError,
    RosSyncError,
    TransientError,
    Where,
)

HTTP_OK, HTTP_MULTIPLE = 200, 300
HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_TOO_MANY, HTTP_SERVER_ERROR = 401, 403, 404, 429, 500
# HubSpot, "Error handling": 408 timeouts, 423 locked, 477 a migration is under way; each asks to try again.
PASSING = frozenset((408, 423, 425, 477))
EXPIRED = "EXPIRED_AUTHENTICATION"
DAILY = "DAILY"
# How long a refusal without Retry-After lasts: the length of the window that it names.
WINDOW_SECONDS = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0}


class TokenExpiredError(AuthExpiredError):
    """The access token has run out; a new one can be had."""


def failure(
    status: int, body: bytes, headers: Mapping[str, str], what: str, *, now: datetime, time_zone: str | None
) -> RosSyncError:
    """The error for an answer that is no success. `what` is the call, in words; `now` tells when a day's limit ends."""
    told = _read(body)
    category, words = str(told.get("category") or ""), str(told.get("message") or "").strip()
    where = Where(record=what)
    if status == HTTP_TOO_MANY:
        return _too_many(told, headers, where, now, time_zone)
    if status == HTTP_UNAUTHORIZED:
        if category == EXPIRED:
            return TokenExpiredError("HubSpot says that the access token has expired", where=where)
        hint = "set hubspot.token, or client_id, client_secret and refresh_token; `ros-sync doctor` says which"
        return AuthExpiredError(f"HubSpot does not accept the credentials: {words or category}", where=where, hint=hint)
    if status == HTTP_FORBIDDEN:
        scopes = ", ".join(_scopes(told))
        hint = f"give the app the scopes {scopes}" if scopes else "look at the app's scopes in HubSpot"
        return PermanentError(f"HubSpot does not allow this: {words or category}", where=where, hint=hint)
    if status >= HTTP_SERVER_ERROR or status in PASSING:
        return TransientError(f"HubSpot answered {status}{': ' + words if words else ''}", where=where)
    return PermanentError(f"HubSpot refused ({status} {category}): {words or 'it did not say why'}", where=where)


def _too_many(
    told: Mapping[str, Any], headers: Mapping[str, str], where: Where, now: datetime, time_zone: str | None
) -> RosSyncError:
    policy = str(told.get("policyName") or "")
    if policy == DAILY:
        until = midnight_after(now, time_zone)
        return DailyLimitError(
            "the calls that HubSpot allows in a day are used up",
            resume_at=until,
            where=where,
            hint="it goes on by itself after midnight in the account's time zone",
        )
    seconds = _seconds(headers.get("Retry-After"))
    if seconds is None:
        seconds = WINDOW_SECONDS.get(policy, WINDOW_SECONDS["TEN_SECONDLY_ROLLING"])
    return RateLimitedError(
        f"HubSpot asked to slow down ({policy or 'no policy named'})", retry_after_seconds=seconds, where=where
    )


def midnight_after(now: datetime, time_zone: str | None) -> datetime:
    """When the account's day ends; in UTC where its zone is not known."""
    local = now.astimezone(ZoneInfo(time_zone or "UTC"))
    tomorrow = (local + timedelta(days=1)).date()
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=local.tzinfo).astimezone(now.tzinfo)


def is_missing_property(error: RosSyncError) -> bool:
    """Whether a refusal says that a property that was asked for is not there."""
    words = str(error).lower()
    return "propert" in words and ("does not exist" in words or "doesnt_exist" in words)


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _scopes(told: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for error in told.get("errors") or ():
        found += (error.get("context") or {}).get("requiredGranularScopes") or ()
    return found


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None
