"""What HubSpot's refusals mean for whoever called."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from ros_sync import clock
from ros_sync.connectors.buckets import MAX_PAUSE_SECONDS
from ros_sync.errors import (
    AuthExpiredError,
    DailyLimitError,
    PermanentError,
    RateLimitedError,
    RosSyncError,
    TransientError,
    Where,
)

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
HTTP_OK, HTTP_MULTIPLE = 200, 300
HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_TOO_MANY, HTTP_SERVER_ERROR = 401, 403, 404, 429, 500
HTTP_WRONG_FORMAT = 530  # HubSpot answers so where a token has not the format of one; trying again changes nothing
# RFC 6749, 5.2: what a renewal is refused with where not the refresh token is wrong but who presents it; and HubSpot's
# own words for it, which older answers hold alone.
_WRONG_APP = frozenset(("invalid_client", "unauthorized_client", "BAD_CLIENT_ID", "BAD_CLIENT_SECRET"))
# HubSpot, "Error handling": 408 timeouts, 423 locked, 477 a migration is under way; each asks to try again.
PASSING = frozenset((408, 423, 425, 477))
UNKNOWN_THERE = frozenset((404, 405))  # without the reason that HubSpot gives: another kind of server
HOLDER = "service key or app"  # what has scopes and a token in HubSpot
EXPIRED = "EXPIRED_AUTHENTICATION"
DAILY, TEN_SECONDLY = "DAILY", "TEN_SECONDLY_ROLLING"
# How long a refusal without Retry-After lasts: the length of the window that it names.
WINDOW_SECONDS = {"SECONDLY": 1.0, TEN_SECONDLY: 10.0}
# A day's limit that still refuses so long after midnight is one whose day has not begun over there: clocks differ, and
# counters are set back late. Waiting for the next midnight would lose a day.
DAY_BEGINS_WITHIN = timedelta(minutes=15)


class TokenExpiredError(AuthExpiredError):
    """The access token has run out; a new one can be had."""


class NotFoundError(PermanentError):
    """HubSpot says that what was asked for is not there."""


class LimitReachedError(RateLimitedError):
    """HubSpot refused a call by one of its rate limits; `policy` is the one it named."""

    def __init__(self, policy: str, *, retry_after_seconds: float, where: Where | None = None) -> None:
        self.policy = policy
        words = f"HubSpot rate-limited this call ({policy or 'no policy named'})"
        super().__init__(words, retry_after_seconds=retry_after_seconds, where=where)


def failure(
    status: int, body: bytes, headers: Mapping[str, str], what: str, *, now: datetime, time_zone: str | None
) -> RosSyncError:
    """The error for an answer that is no success. `what` is the call, in words; `now` tells when a day's limit ends."""
    told = _read(body)
    category, words = _code(told.get("category") or told.get("error")), _words(told)
    where = Where(record=what)
    if status == HTTP_TOO_MANY:
        return _too_many(told, headers, where, now, time_zone)
    if status in (HTTP_UNAUTHORIZED, HTTP_WRONG_FORMAT):
        return _unauthorized(status, category, words, where)
    if status == HTTP_FORBIDDEN:
        scopes = ", ".join(_scopes(told))
        hint = f"give the {HOLDER} the scopes {scopes}" if scopes else f"check the scopes of the {HOLDER} in HubSpot"
        return PermanentError(f"HubSpot doesn't allow this: {words or category}", where=where, hint=hint)
    if status >= HTTP_SERVER_ERROR or status in PASSING:
        return TransientError(f"HubSpot answered {status}{': ' + words if words else ''}", where=where)
    return _refused(status, category, words, where)


def _unauthorized(status: int, category: str, words: str, where: Where) -> AuthExpiredError:
    if status == HTTP_WRONG_FORMAT:
        return _wrong_format(where)
    if category == EXPIRED:
        return TokenExpiredError("the HubSpot access token has expired", where=where)
    hint = "set hubspot.token, or client_id, client_secret and refresh_token, to those of this account"
    return AuthExpiredError(f"HubSpot rejected the credentials: {words or category}", where=where, hint=hint)


def _refused(status: int, category: str, words: str, where: Where) -> PermanentError:
    if status == HTTP_NOT_FOUND and (category or words):
        return NotFoundError(f"HubSpot refused ({status} {category}): {words or 'no reason given'}", where=where)
    if status in UNKNOWN_THERE and not category and not words:
        return PermanentError(
            f"the address doesn't respond like HubSpot: {status}, no reason given",
            where=where,
            hint="check hubspot.api_url; omit it to use HubSpot itself",
        )
    return PermanentError(f"HubSpot refused ({status} {category}): {words or 'no reason given'}", where=where)


def _too_many(
    told: Mapping[str, Any], headers: Mapping[str, str], where: Where, now: datetime, time_zone: str | None
) -> RosSyncError:
    policy = _code(told.get("policyName"))
    if policy == DAILY:
        return daily_limit(resume_after(now, time_zone), where)
    seconds = retry_after(headers, now)
    if seconds is None:
        seconds = WINDOW_SECONDS.get(policy, WINDOW_SECONDS[TEN_SECONDLY])
    return LimitReachedError(policy, retry_after_seconds=seconds, where=where)


def daily_limit(resume_at: datetime, where: Where) -> DailyLimitError:
    """The error for a call that is not made before `resume_at`."""
    return DailyLimitError(
        "HubSpot's daily API limit is used up",
        resume_at=resume_at,
        where=where,
        hint="`ros-sync serve` resumes automatically after midnight in the account's time zone",
    )


def refresh_failure(status: int, body: bytes, where: Where) -> RosSyncError:
    """The error for a refresh token that brought no access token; the body says whether it or the app is refused."""
    if status == HTTP_WRONG_FORMAT:
        return _wrong_format(where)
    if status >= HTTP_SERVER_ERROR or status in PASSING or status == HTTP_TOO_MANY:
        return TransientError(f"HubSpot answered {status}", where=where)
    told = _read(body)
    words = _words(told)
    reason = f": {words}" if words else ""
    if _WRONG_APP & {_code(told.get("error")), _code(told.get("status"))}:
        return AuthExpiredError(
            f"HubSpot rejected the app's client ID and secret{reason}",
            where=where,
            hint="set hubspot.client_id and hubspot.client_secret to those of the app that issued the refresh token",
        )
    return AuthExpiredError(
        f"HubSpot rejected the refresh token{reason}",
        where=where,
        hint="reconnect the app and set hubspot.refresh_token",
    )


def _wrong_format(where: Where) -> AuthExpiredError:
    return AuthExpiredError(
        f"HubSpot rejected the credentials: this isn't a valid token format ({HTTP_WRONG_FORMAT})",
        where=where,
        hint="copy the whole token from HubSpot, without quotation marks or spaces, and set hubspot.token",
    )


def standing_still(what: str, position: str) -> TransientError:
    """The error for an answer after which the same page would be asked for again, and so for ever."""
    return TransientError(
        f"HubSpot's paging is stuck: the page after {position} starts there again",
        where=Where(record=what),
        hint="nothing is treated as deleted, and this is retried automatically; if it persists, contact HubSpot's "
        "support",
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds to wait that an answer names, as a number or as a date; None where it names none that makes sense.

    A date is compared with the answer's own, where there is one: the clocks on both sides may differ. What is no wait
    (zero, less, no number) is no answer either; what is too long is cut (`buckets.MAX_PAUSE_SECONDS`).
    """
    text = headers.get("Retry-After")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until, since = _date(text), _date(headers.get("Date")) or now
        if until is None:
            return None
        seconds = (until - since).total_seconds()
    if math.isnan(seconds) or seconds <= 0:
        return None
    return min(seconds, MAX_PAUSE_SECONDS)


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text) if text else None
    except (ValueError, IndexError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date is not None and date.tzinfo is None else date


def resume_after(now: datetime, time_zone: str | None) -> datetime:
    """When to call again after the day's calls were refused: at the account's next midnight.

    Shortly after midnight it is a little later on the same day (`DAY_BEGINS_WITHIN`).
    """
    end = midnight_after(now, time_zone)
    soon = now + DAY_BEGINS_WITHIN
    if _zone(time_zone) is not None and midnight_after(now - DAY_BEGINS_WITHIN, time_zone) <= now:
        return min(soon, end)
    return end


def midnight_after(now: datetime, time_zone: str | None) -> datetime:
    """When the account's day ends; where its zone is not known, when it has ended wherever the account may be."""
    zone = _zone(time_zone)
    if zone is None:
        return now + clock.LONGEST_DAY
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return clock.start_of_day(tomorrow, zone).astimezone(now.tzinfo)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return clock.zone(name) if name else None
    except ValueError:
        return None


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _said(message: Any) -> str:
    """HubSpot's words in quotation marks, as everything from outside: they may quote a customer's values."""
    text = str(message or "").strip()
    return f"“{text}”" if text else ""


def _words(told: Mapping[str, Any]) -> str:
    """Why it was refused: `message`, which answers about OAuth call `error_description`."""
    return _said(told.get("message") or told.get("error_description"))


def _code(name: Any) -> str:
    """The name of a kind of refusal; nothing where that is no name."""
    return name if isinstance(name, str) and _NAME.fullmatch(name) else ""


def _scopes(told: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for error in told.get("errors") or ():
        found += (error.get("context") or {}).get("requiredGranularScopes") or ()
    return found
