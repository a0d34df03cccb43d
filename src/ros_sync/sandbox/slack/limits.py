"""Slack's rate limits: tiers of calls a minute for each method, and about one message a second for each channel."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum

SECONDS_A_MINUTE = 60.0


class Tier(IntEnum):
    """Calls a minute of each tier (Slack API documentation, "Rate limits")."""

    TIER_1 = 1
    TIER_2 = 20
    TIER_3 = 50
    TIER_4 = 100
    SPECIAL = 600  # "hundreds of requests a minute" for auth.test, chat.postMessage and chat.getPermalink


@dataclass(frozen=True, slots=True)
class Limits:
    """Which limits hold; None is no limit.

    `messages_per_second` is for each channel, with room for `message_burst` at once ("short bursts" are allowed, the
    documentation gives no number). `tier_share` scales the calls a minute of the tiers: 1.0 is as documented.
    """

    messages_per_second: float | None = None
    message_burst: int = 4
    tier_share: float | None = None

    @classmethod
    def like_slack(cls) -> Limits:
        """The documented limits."""
        return cls(messages_per_second=1.0, tier_share=1.0)


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Tokens left at an instant, refilled at a rate, up to a capacity."""

    tokens: float
    at: datetime

    def refilled(self, now: datetime, rate: float, capacity: float) -> _Bucket:
        elapsed = max((now - self.at).total_seconds(), 0.0)
        return _Bucket(min(capacity, self.tokens + elapsed * rate), now)


@dataclass(slots=True)
class Meter:
    """Counts calls against limits; the buckets are keyed by token and method, or by channel."""

    limits: Limits = field(default_factory=Limits)
    _buckets: dict[tuple[str, ...], _Bucket] = field(default_factory=dict)

    def wait_for_method(self, token: str, method: str, tier: Tier, now: datetime) -> int:
        """Whole seconds to wait before `method` may be called, 0 when it may; a call that may is counted."""
        if self.limits.tier_share is None:
            return 0
        a_minute = tier * self.limits.tier_share
        return self._take(("method", token, method), now, a_minute / SECONDS_A_MINUTE, max(a_minute, 1.0))

    def wait_for_message(self, channel: str, now: datetime) -> int:
        """Whole seconds to wait before a message may be posted to `channel`, 0 when it may; then it is counted."""
        if self.limits.messages_per_second is None:
            return 0
        return self._take(("channel", channel), now, self.limits.messages_per_second, self.limits.message_burst)

    def _take(self, key: tuple[str, ...], now: datetime, rate: float, capacity: float) -> int:
        bucket = self._buckets.get(key, _Bucket(capacity, now)).refilled(now, rate, capacity)
        if bucket.tokens >= 1.0:
            self._buckets[key] = replace(bucket, tokens=bucket.tokens - 1.0)
            return 0
        self._buckets[key] = bucket
        return max(1, math.ceil((1.0 - bucket.tokens) / rate))
