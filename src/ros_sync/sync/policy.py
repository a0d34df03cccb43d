"""How often what is read of a source, and how far back. Facts about the vendors: docs/discussion/sync.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ros_sync import clock

DAY_SECONDS = 24 * 3600
MILLISECOND = 1_000  # in microseconds: what a CRM's cursor property is exact to
CLOCKS_DIFFER = timedelta(
    minutes=1
)  # by so much those of two processes may; what lies further ahead was noted by a wrong one


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """Times in seconds, sizes in rows.

    The pass over what the vendor is certain to know by now (`VendorFacts.settled_seconds`) alone moves the durable
    watermark, once it has `sweep_seconds` to cover. `deletion_share`
    of a stream, and never fewer than `deletion_at_least` of its records, may be deleted in a day; the others are held.
    """

    sweep_seconds: int = 3600
    describe_seconds: int = DAY_SECONDS
    describe_again_seconds: int = 3600  # where the last look found problems
    deletion_scan_seconds: int = DAY_SECONDS
    event_retry_seconds: int = 300  # how long change events wait whose stream cannot be read
    links_seconds: int = DAY_SECONDS
    reconcile_seconds: int = 7 * DAY_SECONDS
    planned_seconds: int = 3600  # how late an activity planned for a later moment may be counted
    group_rows: int = 5_000  # records whose histories and links are asked for together
    backfill_rows: int = 2_000  # records of a back-fill written in one transaction; a kill costs reading them again
    deletion_share: float = 0.10
    deletion_at_least: int = 50
    backfill_seconds: float = 5.0  # how long less than that may wait to be written


def due(last: datetime | None, now: datetime, every_seconds: float) -> bool:
    """Whether what was done at `last` (None: never) is to be done again.

    A clock that was ahead and was put right must not stop everything until its time has come.
    """
    return last is None or (now - last).total_seconds() >= every_seconds or lies_ahead(last, now)


def lies_ahead(noted: datetime, now: datetime) -> bool:
    """Whether a moment that was noted as the present cannot have been: the clock was wrong then, or is now."""
    return noted - now > CLOCKS_DIFFER


def quota_exhausted(until: datetime | None, now: datetime) -> bool:
    """Whether a source may not be called before `until`.

    One that lies further ahead than a day was noted by a wrong clock.
    """
    return until is not None and now < until <= now + clock.LONGEST_DAY


def floored(instant: int) -> int:
    """The instant (microseconds) without what a cursor property does not hold."""
    return instant - instant % MILLISECOND
