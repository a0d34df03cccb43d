"""What a cycle did, for people and for the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ros_sync.connectors.base import Quarantined
from ros_sync.connectors.source import Problem
from ros_sync.mirror.store import Written


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stream has been read in this cycle. `phase`: back-fill, poll, pass, archived or reconcile."""

    stream: str
    phase: str
    read: int
    expected: int | None = None


@dataclass(slots=True, kw_only=True)
class RowCounts:
    """What became of rows, whichever way they came.

    `unknown` counts, for each field that names another record, rows by the name that led to none; `without_rate` counts
    amounts by currency that could not be told in the company's own. `examples` are the first rows quarantined.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    older: int = 0
    quarantined: int = 0
    examples: list[Quarantined] = field(default_factory=list)
    unknown: dict[str, Counter[str]] = field(default_factory=dict)
    without_rate: Counter[str] = field(default_factory=Counter)

    def add(self, written: Written) -> None:
        """Count what became of a batch."""
        self.created += len(written.created)
        self.updated += len(written.updated)
        self.unchanged += written.unchanged
        self.older += written.older


@dataclass(slots=True)
class StreamReport(RowCounts):
    """What became of one stream. Counts are records; `changes` are properties that got another value.

    `read` counts each record as often as it was read. `cursor` and `watermark` are where it stands
    afterwards.
    """

    stream: str
    read: int = 0
    deleted: int = 0
    restored: int = 0
    merged: int = 0
    erased: int = 0
    changes: int = 0
    trouble: str | None = None
    cursor: datetime | None = None
    watermark: datetime | None = None


@dataclass(slots=True)
class CycleReport:
    """What one cycle did.

    `used_share` (0 to 1) is how much of what the rate limit allowed was called. `busy`: another process or thread was
    at it, nothing was done here. `remarks` are about records rather than the account: deletions that are held, answers
    that contradict themselves. `unlinked` says why the associations of one stream with another could not be read.
    """

    source: str
    started_at: datetime
    finished_at: datetime | None = None
    streams: dict[str, StreamReport] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    described: bool = False
    trouble: str | None = None
    quota_exhausted_until: datetime | None = None
    complete_at: datetime | None = None
    used_share: float | None = None
    busy: bool = False
    unlinked: dict[tuple[str, str], str] = field(default_factory=dict)
    remarks: list[Problem] = field(default_factory=list)

    def of(self, stream: str) -> StreamReport:
        """The stream's part, made where it is missing."""
        return self.streams.setdefault(stream, StreamReport(stream))

    def total(self, name: str) -> int:
        """A count of `StreamReport`, over all streams."""
        return sum(getattr(report, name) for report in self.streams.values())

    @property
    def call_count(self) -> int:
        """All calls that were made."""
        return sum(self.calls.values())

    @property
    def calls_per_thousand(self) -> float | None:
        """Calls for each 1,000 records read; None where none was read."""
        read = self.total("read")
        return self.call_count * 1_000 / read if read else None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else 0.0

    @property
    def lag(self) -> timedelta | None:
        """How long ago the moment is up to which everything has been read; None where there is none yet."""
        if self.complete_at is None:
            return None
        return (self.finished_at or self.started_at) - self.complete_at
