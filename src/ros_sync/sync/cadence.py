"""How often what is read of a source, and how far back. Facts about the vendors: docs/discussion/sync.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

DAY_SECONDS = 24 * 3600
MILLISECOND = 1_000  # in microseconds: what a CRM's cursor property is exact to


@dataclass(frozen=True, slots=True)
class Cadence:
    """Times in seconds, sizes in rows.

    `overlap_seconds`: search lags behind writes by up to a minute, so each poll reads this much again. `settled_seconds`:
    what was modified longer ago than this is in the search index for certain; the pass over it alone moves the durable
    watermark, once it has `pass_seconds` to cover. `archived_days`: for so long a CRM lists what was archived.
    """

    overlap_seconds: int = 120
    settled_seconds: int = 3600
    pass_seconds: int = 3600
    describe_seconds: int = DAY_SECONDS
    describe_again_seconds: int = 3600  # where the last look found problems
    look_back_seconds: int = DAY_SECONDS
    archived_days: int = 90
    links_seconds: int = DAY_SECONDS
    reconcile_seconds: int = 7 * DAY_SECONDS
    planned_seconds: int = 3600  # how late an activity planned for a later moment may be counted
    group_rows: int = 5_000  # records whose histories and links are asked for together
    backfill_rows: int = 2_000  # records of a back-fill written in one transaction; a kill costs reading them again


def due(last: datetime | None, now: datetime, every_seconds: float) -> bool:
    """Whether what was done at `last` (None: never) is to be done again."""
    return last is None or (now - last).total_seconds() >= every_seconds


def floored(instant: int) -> int:
    """The instant (microseconds) without what a cursor property does not hold."""
    return instant - instant % MILLISECOND
