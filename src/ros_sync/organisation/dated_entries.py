"""Entries of organisation.yaml that hold from a day on, or for a while: which of them hold on which day.

A team or a person may have several entries. The first says how it was, each later one has `since` and says what is
different from that day on; what it leaves out stays as it was, and what it gives as `null` is no longer said. With
`until`, what held before holds again from the day after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from ros_sync.config_files import ConfigFile, Node, Scalar
from ros_sync.organisation.hours import day

SINCE, UNTIL = "since", "until"
_EMPTY = ("~", "null", "Null", "NULL")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DatedEntry:
    """What one entry says: by key its value (None: nothing is said of it any more) and where that stands.

    It holds from the day `since` on (None: always) up to and with the day `until` (None: for good).
    """

    values: Mapping[str, Any]
    nodes: Mapping[str, Node]
    since: date | None = None
    until: date | None = None

    def holds_on(self, on: date | None) -> bool:
        """Whether it holds on a day; None stands for the time before all days that the file names."""
        if self.since is None or on is None:
            return self.since is None
        return self.since <= on and (self.until is None or on <= self.until)

    @property
    def steps(self) -> set[date]:
        """The days from which on something else holds because of it."""
        ends = self.until is not None and self.until < date.max
        return ({self.since} if self.since else set()) | ({self.until + _DAY} if self.until and ends else set())


@dataclass(frozen=True, slots=True)
class Holding:
    """What the entries of one team or person say together on a day."""

    values: Mapping[str, Any]
    nodes: Mapping[str, Node]


def holding(entries: Iterable[DatedEntry], on: date | None) -> Holding | None:
    """What these entries, in the order of their days, say on a day; None where none of them holds."""
    values: dict[str, Any] = {}
    nodes: dict[str, Node] = {}
    found = False
    for entry in entries:
        if entry.holds_on(on):
            found = True
            values.update(entry.values)
            nodes.update(entry.nodes)
    return Holding(values, nodes) if found else None


class DatedReader:
    """Reads from when on entries hold, and notes what cannot be."""

    def __init__(self, config: ConfigFile) -> None:
        self._config = config

    def span(self, entry: Mapping[str, Node]) -> tuple[date | None, date | None]:
        """The days `since` and `until` of an entry."""
        since, until = (self._config.read(entry.get(name), day) for name in (SINCE, UNTIL))
        if UNTIL in entry and SINCE not in entry:
            hint = "add the first day, `since: 2026-05-01`; an entry without one holds always"
            self._config.problem(entry[UNTIL], "`until` goes with `since`", hint)
        elif since and until and until < since:
            self._config.problem(entry[UNTIL], f"{until} is before {since}, the first day", "`until` is the last day")
        return since, until

    def ended(self, node: Node, keys: Iterable[str], *, dated: bool) -> set[str]:
        """The keys of an entry whose value it takes away: `manager: null`.

        An entry without `since` has nothing to take away, and leaves such a key out.
        """
        found = set()
        for name, value in self._config.named(node).items() if dated else ():
            if name not in keys or not isinstance(value, Scalar) or not value.is_missing:
                continue
            if value.value in _EMPTY:
                found.add(name)
            else:
                hint = f"leave it out where it stays as it was, or write `{name}: null` where it is over"
                self._config.problem(value, "there is no value here", hint)
        return found

    def in_order(self, entries: Iterable[DatedEntry], key: str, twice: tuple[str, str]) -> None:
        """Note entries of one name (that of their `key`) that do not follow each other in time.

        `twice` is what is said of a later one without `since`, and what to do.
        """
        for before, after in pairwise(entries):
            if SINCE not in after.nodes:
                self._config.problem(after.nodes[key], *twice)
            elif after.since is None:  # it is no day, which was noted
                continue
            elif before.since is not None and after.since <= before.since:
                words = "is the day" if after.since == before.since else f"is before {before.since}, the day"
                hint = "put the entries in the order of their days, one for each day"
                self._config.problem(after.nodes[SINCE], f"{after.since} {words} of the entry above", hint)
            elif before.until is not None and before.until >= after.since:
                hint = f"it ends on {after.since - _DAY} at the latest"
                message = f"this reaches past {after.since}, from when on the next entry holds"
                self._config.problem(before.nodes[UNTIL], message, hint)
