"""What happens in the world, and what the CRM holds after it: a state is the events before it, replayed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

Value = str | int | float | Decimal | date | datetime | None  # a bool is an int, a datetime a date
Row = dict[str, Value]

OBJECTS = ("owner", "account", "contact", "deal", "lead", "activity", "quota")


class Event(NamedTuple):
    """At that instant somebody did this to that record; `changes` are the fields it set. `by` is a person's id."""

    at: datetime
    kind: str
    object: str
    id: str
    changes: Mapping[str, Value]
    by: str | None


class Change(NamedTuple):
    """One property of one record, changed once."""

    at: datetime
    object: str
    id: str
    field: str
    old: Value
    new: Value
    by: str | None


@dataclass(slots=True)
class WorldState:
    """Everything the CRM holds at an instant: rows by object and id, in the order in which they were created."""

    at: datetime
    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in OBJECTS})

    @property
    def owners(self) -> dict[str, Row]:
        """The CRM's users."""
        return self.rows["owner"]

    @property
    def accounts(self) -> dict[str, Row]:
        """Companies."""
        return self.rows["account"]

    @property
    def contacts(self) -> dict[str, Row]:
        """People at the accounts."""
        return self.rows["contact"]

    @property
    def deals(self) -> dict[str, Row]:
        """Deals, closed ones included."""
        return self.rows["deal"]

    @property
    def leads(self) -> dict[str, Row]:
        """Leads."""
        return self.rows["lead"]

    @property
    def activities(self) -> dict[str, Row]:
        """Activities."""
        return self.rows["activity"]

    @property
    def quotas(self) -> dict[str, Row]:
        """Quotas by seller and quarter."""
        return self.rows["quota"]

    def apply(self, event: Event) -> None:
        """Let the event have happened; each one moves the record's `modified`."""
        row = self.rows[event.object].setdefault(event.id, {"id": event.id})
        row.update(event.changes)
        row["modified"] = event.at


def replay(events: Iterable[Event], at: datetime) -> WorldState:
    """The state at an instant; `events` are in order, and those after `at` do not count."""
    state = WorldState(at)
    for event in events:
        if event.at > at:
            break
        state.apply(event)
    return state


def changes(events: Iterable[Event]) -> Iterator[Change]:
    """Every property change of the events, in order, with old and new value.

    Setting a field anew to its value is none.
    """
    known: dict[tuple[str, str], Row] = {}
    for event in events:
        row = known.setdefault((event.object, event.id), {})
        for name, new in event.changes.items():
            old = row.get(name)
            if old != new:
                row[name] = new
                yield Change(event.at, event.object, event.id, name, old, new, event.by)
