"""What an audit found: differences between mirror and CRM, and how many there are of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

SHOWN_CHARS = 60  # of a value that is shown


class DifferenceKind(StrEnum):
    """The ways in which mirror and CRM can differ in a record."""

    MISSING = "missing"
    ARCHIVED = "archived"
    MERGED = "merged"
    ERASED = "erased"
    ALIVE = "alive"
    NO_LONGER = "no_longer"
    MODIFIED = "modified"
    VALUES = "values"
    LINKS = "links"
    LINK_FIELDS = "link_fields"
    HISTORY = "history"


WORDS: Mapping[DifferenceKind, str] = {
    DifferenceKind.MISSING: "is in the CRM but not in the mirror",
    DifferenceKind.ARCHIVED: "is archived in the CRM but active in the mirror",
    DifferenceKind.MERGED: "is merged into another record in the CRM but not in the mirror",
    DifferenceKind.ERASED: "no longer exists in the CRM but is active in the mirror",
    DifferenceKind.ALIVE: "is deleted in the mirror but active in the CRM",
    DifferenceKind.NO_LONGER: "is in the mirror but no longer qualifies in the CRM",
    DifferenceKind.MODIFIED: "has a different modification time",
    DifferenceKind.VALUES: "has different values",
    DifferenceKind.LINKS: "has different associations",
    DifferenceKind.LINK_FIELDS: "has fields that don't match its associations",
    DifferenceKind.HISTORY: "has a different change history",
}


class FieldDifference(NamedTuple):
    """One column (or `custom.<name>`, or association) with both sides as shortened text; None is missing."""

    name: str
    crm: str | None
    mirror: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which one record differs.

    `at` (microseconds): since when the CRM says what it says, where that is known.

    `followed` says that the mirror holds the record as of that very instant, `ahead` that it claims to know a later
    one.
    """

    stream: str
    object: str
    id: str
    kind: DifferenceKind
    fields: tuple[FieldDifference, ...] = ()
    detail: str = ""
    at: int | None = None
    followed: bool = False
    ahead: bool = False

    def __str__(self) -> str:
        """`deals 4711: has other values`, with what is known beside it."""
        what = f"{self.stream} {self.id}" + (f" ({self.object})" if self.object != self.stream else "")
        return f"{what} {WORDS[self.kind]}" + (f" ({self.detail})" if self.detail else "")


@dataclass(slots=True)
class StreamAudit:
    """What was compared of a stream: records, differences, and records that are not yet followed.

    `held` are records that the CRM says have ended and that are kept here, as a person has not confirmed it (or
    rejected it); `trouble` is what kept the stream, or a part of it, from being compared.

    The checksums are sums (64 bits) over the mapped properties of the records that both sides have, as they were
    listed; they are equal where nothing differs or waits to be followed, and the same for every mirror of the same
    records.
    """

    stream: str
    compared: int = 0
    differences: int = 0
    pending: int = 0
    held: int = 0
    trouble: str | None = None
    crm_checksum: int = 0
    mirror_checksum: int = 0

    def add_checksums(self, crm: int, mirror: int) -> None:
        """Count a record in, whatever the order."""
        self.crm_checksum = (self.crm_checksum + crm) & 0xFFFF_FFFF_FFFF_FFFF
        self.mirror_checksum = (self.mirror_checksum + mirror) & 0xFFFF_FFFF_FFFF_FFFF


@dataclass(slots=True)
class AuditReport:
    """What an audit found. `shown` are the first differences, `kinds` counts all of them.

    `pending` are records that were modified in the CRM since the last poll: not yet followed, and no difference. After
    a repair `left` counts the differences that remain and `shown_left` are the first of those. `notes` say what else a
    person should know. With `trouble` the audit did not come to its end, or a part of it did not: it says nothing of
    what it did not reach. `unread` says so of associations of one stream with another.
    """

    source: str
    started_at: datetime
    keep: int = 100
    finished_at: datetime | None = None
    streams: dict[str, StreamAudit] = field(default_factory=dict)
    kinds: Counter[DifferenceKind] = field(default_factory=Counter)
    shown: list[Difference] = field(default_factory=list)
    with_history: bool = False
    repaired: bool = False
    left: Counter[DifferenceKind] = field(default_factory=Counter)
    shown_left: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    calls: Mapping[str, int] = field(default_factory=dict)
    trouble: str | None = None
    quota_exhausted_until: datetime | None = None
    unread: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, stream: str) -> StreamAudit:
        """The stream's part, made where it is missing."""
        return self.streams.setdefault(stream, StreamAudit(stream))

    def add(self, difference: Difference) -> None:
        """Count a difference, and keep it while there is room."""
        self.kinds[difference.kind] += 1
        self.of(difference.stream).differences += 1
        if len(self.shown) < self.keep:
            self.shown.append(difference)

    def add_left(self, difference: Difference) -> None:
        """Count a difference that the repair left."""
        self.left[difference.kind] += 1
        if len(self.shown_left) < self.keep:
            self.shown_left.append(difference)

    @property
    def total(self) -> int:
        """All differences."""
        return self.kinds.total()

    @property
    def compared(self) -> int:
        """All records that were compared."""
        return sum(each.compared for each in self.streams.values())

    @property
    def pending(self) -> int:
        """All records that are not yet followed."""
        return sum(each.pending for each in self.streams.values())

    @property
    def held(self) -> int:
        """All records whose deletion waits for a person, or was rejected."""
        return sum(each.held for each in self.streams.values())

    @property
    def call_count(self) -> int:
        """All calls that were made."""
        return sum(self.calls.values())

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else 0.0

    @property
    def agrees(self) -> bool:
        """Whether mirror and CRM say the same now, as far as the mirror has followed."""
        return self.trouble is None and not (self.left if self.repaired else self.kinds)


def shortened(text: str | None) -> str | None:
    """A value as it is shown."""
    if text is None or len(text) <= SHOWN_CHARS:
        return text
    return text[: SHOWN_CHARS - 1] + "…"
