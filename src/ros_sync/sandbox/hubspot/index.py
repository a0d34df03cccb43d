"""What search knows of one kind of record: the last state that reached it, which may be some time ago."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ros_sync.sandbox.hubspot.records import Properties, Record


class Document(NamedTuple):
    """A record as search knows it. `modified` is the value of its modified property, in milliseconds."""

    id: str
    properties: Properties
    created_at: int
    modified: int


@dataclass(slots=True)
class Index:
    """The documents of one kind of record by number, and what is still on its way to them.

    `modified` order is kept lazily: entries of a sorted list that a document no longer bears out are passed over,
    and changes since it was sorted lie beside it, until there are more than `most_unsorted` of them.
    """

    most_unsorted: int = 2_000
    documents: dict[int, Document] = field(default_factory=dict)
    version: int = 0  # counts every change of what search knows
    _coming: list[tuple[int, int, int, Document | None]] = field(default_factory=list)
    _last_due: dict[int, int] = field(default_factory=dict)
    _number: int = 0
    _sorted: list[tuple[int, int]] = field(default_factory=list)
    _unsorted: list[tuple[int, int]] = field(default_factory=list)

    def learn(self, record: Record, due: int, now: int) -> None:
        """Let search learn of a record's present state at `due` (milliseconds): archived ones are not found."""
        known = None
        if record.archived_at is None:
            known = Document(record.id, record.properties, record.created_at, record.updated_at)
        self._take(record.number, known, due, now)

    def forget(self, record: Record, due: int, now: int) -> None:
        """Let search learn at `due` that there is no such record any more; until then it tells of it."""
        self._take(record.number, None, due, now)

    def catch_up(self, now: int) -> None:
        """Let everything in that is due at `now`."""
        while self._coming and self._coming[0][0] <= now:
            due, _, number, document = heapq.heappop(self._coming)
            if self._last_due.get(number) == due:
                del self._last_due[number]
            self._put(number, document)

    def modified_between(self, low: int, high: int) -> Iterator[tuple[int, Document]]:
        """The documents that were modified from `low` to `high`, both included, in no order."""
        if len(self._unsorted) > self.most_unsorted:
            self._sorted = sorted((each.modified, number) for number, each in self.documents.items())
            self._unsorted.clear()
        seen = set()
        start, end = bisect_left(self._sorted, (low, 0)), bisect_left(self._sorted, (high + 1, 0))
        for entries in (self._sorted[start:end], self._unsorted):
            for modified, number in entries:
                document = self.documents.get(number)
                if document is None or document.modified != modified or not low <= modified <= high or number in seen:
                    continue
                seen.add(number)
                yield number, document

    def _take(self, number: int, document: Document | None, due: int, now: int) -> None:
        due = max(due, self._last_due.get(number, due))  # an older state never comes after a newer one
        if due <= now and number not in self._last_due:
            self._put(number, document)
            return
        self._number += 1
        self._last_due[number] = due
        heapq.heappush(self._coming, (due, self._number, number, document))

    def _put(self, number: int, document: Document | None) -> None:
        self.version += 1
        if document is None:
            self.documents.pop(number, None)
            return
        self.documents[number] = document
        self._unsorted.append((document.modified, number))
