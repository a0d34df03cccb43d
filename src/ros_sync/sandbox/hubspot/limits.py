"""HubSpot's rate limits: calls in ten seconds, searches in a second, calls in a day."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from uuid import uuid4
from zoneinfo import ZoneInfo

from ros_sync.sandbox.hubspot.errors import HubSpotError

TEN_SECONDS = 10.0
HTTP_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Limits:
    """Which limits hold; None is no limit. The first two go by the wall clock, the third by the account's day."""

    calls_per_ten_seconds: int | None = None
    search_per_second: int | None = None
    daily: int | None = None

    @classmethod
    def like_hubspot(cls) -> Limits:
        """Those of a professional account with a private app (HubSpot, "API usage guidelines and limits")."""
        return cls(calls_per_ten_seconds=190, search_per_second=5, daily=650_000)


@dataclass(slots=True)
class Meter:
    """Counts calls against the limits, in windows that roll."""

    limits: Limits
    time_zone: str
    clock: Callable[[], float] = monotonic
    used_today: int = 0
    _day: str = ""
    _calls: deque[float] = field(default_factory=deque)
    _searches: deque[float] = field(default_factory=deque)
    _refused: int = 0

    def count(self, *, search: bool, now: datetime, tells_daily: bool = True) -> dict[str, str]:
        """Count a call and give the headers of its answer; HubSpotError (429) where it is one too many.

        Searches are told no headers, OAuth apps none about the day (HubSpot, "API usage guidelines and limits").
        """
        self._roll(now)
        daily = self.limits.daily
        if daily is not None and self.used_today >= daily:
            raise self._too_many("DAILY", "You have reached your daily limit.")
        self.used_today += 1
        if search:
            self._take(self._searches, self.limits.search_per_second, 1.0, "SECONDLY", "secondly limit")
            return {}
        self._take(
            self._calls,
            self.limits.calls_per_ten_seconds,
            TEN_SECONDS,
            "TEN_SECONDLY_ROLLING",
            "ten_secondly_rolling limit",
        )
        return self._headers(tells_daily=tells_daily)

    def _take(self, window: deque[float], limit: int | None, seconds: float, policy: str, words: str) -> None:
        if limit is None:
            return
        at = self.clock()
        while window and window[0] <= at - seconds:
            window.popleft()
        if len(window) >= limit:
            raise self._too_many(policy, f"You have reached your {words}.")
        window.append(at)

    def _roll(self, now: datetime) -> None:
        day = now.astimezone(ZoneInfo(self.time_zone)).date().isoformat()
        if day != self._day:
            self._day, self.used_today = day, 0

    def _headers(self, *, tells_daily: bool) -> dict[str, str]:
        headers: dict[str, str] = {}
        limit, daily = self.limits.calls_per_ten_seconds, self.limits.daily
        if limit is not None:
            headers |= {
                "X-HubSpot-RateLimit-Max": str(limit),
                "X-HubSpot-RateLimit-Remaining": str(limit - len(self._calls)),
                "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            }
        if daily is not None and tells_daily:
            headers |= {
                "X-HubSpot-RateLimit-Daily": str(daily),
                "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, daily - self.used_today)),
            }
        return headers

    def _too_many(self, policy: str, words: str) -> HubSpotError:
        # HubSpot gives Retry-After with some of its refusals; here with every other one.
        self._refused += 1
        seconds = {"SECONDLY": 1, "TEN_SECONDLY_ROLLING": 10}.get(policy)
        headers: dict[str, str] = {"Retry-After": str(seconds)} if seconds and self._refused % 2 else {}
        return too_many(policy, words, headers)


def too_many(policy: str, words: str, headers: dict[str, str] | None = None) -> HubSpotError:
    """The refusal of a call by a rate limit; unlike others it has no category."""
    told = {"errorType": "RATE_LIMIT", "policyName": policy, "requestId": str(uuid4())}
    return HubSpotError(HTTP_TOO_MANY, words, None, headers=headers, **told)
