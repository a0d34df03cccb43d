"""Token buckets that hold for windows that roll: pure arithmetic over moments in seconds.

A bucket of `burst` calls that fills at `per_second` gives turns of which at most `maximum` lie in any window, even in
one that is `slack_seconds` longer. So calls may arrive that much earlier or later than their turns, each by its own way
through threads and networks, and the vendor still never counts one too many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

USED_SHARE = 0.96  # of what a limit allows in the long run; the rest is the room for jitter
BURST_SHARE = 0.02  # of a limit that may be used at once, beside the first call
LATE_SHARE = 0.75
BACK_OFF = 0.7  # the rate after a refusal, by that before
FLOOR = 0.05  # the share of the rate that is left after any number of refusals
RECOVERY_WINDOWS, RECOVERY_SECONDS = 6, 15.0  # how long it takes from nothing to the full rate, at least
# No pause is longer, whatever a vendor says: none documents a longer window but the day, which names itself and parks.
# A larger number is a mistake (milliseconds, a clock that is wrong) that would stop everything for days, and asking
# once an hour is a burden to nobody.
MAX_PAUSE_SECONDS = 3_600.0
MAX_AHEAD_SECONDS = 900.0  # turns are given less far ahead than this after a pause; else a clock was put back


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a limit allows: at most `maximum` calls in any stretch of `interval_seconds`."""

    maximum: int
    interval_seconds: float

    @property
    def burst(self) -> int:
        """Calls that may be made at once."""
        return 1 + int(self.maximum * BURST_SHARE)

    @property
    def per_second(self) -> float:
        """Turns that are given in a second."""
        return self.maximum * USED_SHARE / self.interval_seconds

    @property
    def slack_seconds(self) -> float:
        """By how much longer than the window a stretch may be that holds no more than `maximum` turns.

        Of turns with `burst` at once, n + 1 take at least (n - burst + 1) / per_second from the first to the last.
        """
        return (self.maximum - self.burst + 1) / self.per_second - self.interval_seconds

    @property
    def late_seconds(self) -> float:
        """How late a turn may be taken; the rest of the slack is for the call's way, for one that is late at least."""
        return self.slack_seconds * LATE_SHARE

    @property
    def recovery_seconds(self) -> float:
        """How long it takes to get from nothing to the full rate."""
        return max(RECOVERY_WINDOWS * self.interval_seconds, RECOVERY_SECONDS)

    def left_by(self, others: float) -> float:
        """Turns in a second where others make so many calls in each window."""
        return self.per_second * max(FLOOR, 1 - others / self.maximum)


UNPACED = Allowance(1_000_000_000, 1.0)  # a limit that nobody keeps; pauses hold all the same


@dataclass(frozen=True, slots=True)
class Bucket:
    """The state of a limit: `tokens` calls may be made at once at the moment `at`, the one of the last turn given.

    `at` may lie ahead, as turns are given in advance. No call before `not_before`; from then on the rate rises from
    `per_second` to the full one. `used` counts the turns given.
    """

    tokens: float = 0.0
    at: float = 0.0
    per_second: float = 0.0
    not_before: float = float("-inf")
    used: int = 0


def rate(bucket: Bucket, allowance: Allowance, now: float) -> float:
    """Turns in a second: fewer after refusals, and step by step more again."""
    full = allowance.per_second
    risen = full * max(0.0, now - bucket.not_before) / allowance.recovery_seconds
    return min(full, max(bucket.per_second, FLOOR * full) + risen)


def reserved(bucket: Bucket, allowance: Allowance, now: float) -> Bucket:
    """Give the next turn: it is at `at` of the bucket that is returned."""
    bucket = sane(bucket, now)
    if allowance is UNPACED:
        return replace(bucket, tokens=0.0, at=max(now, bucket.not_before), used=bucket.used + 1)
    begin = max(now, bucket.at, bucket.not_before)
    per_second = rate(bucket, allowance, begin)
    tokens = min(allowance.burst, bucket.tokens + (begin - bucket.at) * per_second)
    turn = begin + max(0.0, 1 - tokens) / per_second
    return replace(bucket, tokens=max(0.0, tokens - 1), at=turn, used=bucket.used + 1)


def refused(bucket: Bucket, allowance: Allowance, now: float, seconds: float) -> Bucket:
    """The vendor refused a call: none for `seconds`, then one, then fewer than before.

    Calls that were under way together are refused together; what comes during a pause makes it longer and no slower.
    """
    bucket = sane(bucket, now)
    until = now + min(max(0.0, seconds), MAX_PAUSE_SECONDS)
    per_second = rate(bucket, allowance, now)
    slower = per_second if now < bucket.not_before else per_second * BACK_OFF
    at = max(bucket.at, until)
    tokens = min(1.0, bucket.tokens + (at - bucket.at) * per_second)
    return replace(bucket, tokens=tokens, at=at, not_before=max(bucket.not_before, until), per_second=slower)


def eased(bucket: Bucket, allowance: Allowance, now: float, per_second: float) -> Bucket:
    """Give turns at this rate from now on, rising again; a pause stays as it is."""
    if now < bucket.not_before:
        return replace(bucket, per_second=min(bucket.per_second, per_second))
    tokens = min(1.0, bucket.tokens + max(0.0, now - bucket.at) * rate(bucket, allowance, now))
    return replace(bucket, tokens=tokens, at=max(bucket.at, now), not_before=now, per_second=per_second)


def lowered(bucket: Bucket, before: Allowance, after: Allowance, now: float) -> Bucket:
    """The limit allows less than was thought: pause until the last window holds no more than it may.

    The turns that were given ahead are too close to each other: the pause covers them, so that they are given anew.
    """
    spare = max(0.0, 1 - after.per_second / before.per_second) * after.interval_seconds
    resume = max(bucket.at, now) + spare
    not_before = max(bucket.not_before, resume)
    return replace(bucket, tokens=0.0, at=resume, not_before=not_before, per_second=after.per_second)


def sane(bucket: Bucket, now: float) -> Bucket:
    """The bucket without moments that lie so far ahead that only a clock that was put back explains them."""
    if bucket.not_before > now + MAX_PAUSE_SECONDS:
        bucket = replace(bucket, not_before=now)
    if (
        bucket.at > max(now, bucket.not_before) + MAX_AHEAD_SECONDS
    ):  # turns are given ahead of the present or a pause's end
        bucket = replace(bucket, at=max(now, bucket.not_before), tokens=0.0)
    return bucket
