"""What a CRM tells of the past of a record's properties, as values; the past of a record that is new here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from ros_sync.fields import StoredValue
from ros_sync.mirror.store import as_text

Value = tuple[int, StoredValue, str | None]  # since when (microseconds), what, and who set it, where known
Change = tuple[str, str, int, str | None, str | None, str | None]  # record id, column, at, old, new, by
ColumnHistory = Mapping[str, Sequence[Value]]  # by column, oldest first


class Whole(tuple[Value, ...]):
    """A history that is settled: it ends in what the present row says, and may go on after the row was modified."""

    __slots__ = ()


class NewRow(NamedTuple):
    """What is needed of a record that is new here; `columns` are the tracked ones, in the timeline's order."""

    id: str
    since: int
    modified_at: int | None
    created_at: int | None
    columns: Sequence[StoredValue]


@dataclass(slots=True)
class Beginning:
    """The past of records that are new here: since when their present states are true, and what went before."""

    since: list[int] = field(default_factory=list)
    versions: list[tuple[StoredValue, ...]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


start_of = itemgetter(0)  # since when a value or state holds


def settled(history: Sequence[Value], present: StoredValue, modified: int | None) -> Sequence[Value]:
    """The history of a column without repeated values, ending in what the present row says.

    What was set after the row was read is left for the read that will see it. Where the row says something else
    than the last entry, the row is right from its modified instant on.
    """
    if history.__class__ is Whole:
        return history
    values: list[Value] = []
    for entry in history:
        if modified is not None and entry[0] > modified:
            break
        if values and values[-1][0] == entry[0]:
            values.pop()
        if not values or values[-1][1] != entry[1]:
            values.append(entry)
    if values and values[-1][1] != present:
        last = values[-1][0]
        values.append((max(last if modified is None else modified, last + 1), present, None))
    return values


def states_of(
    values: Sequence[Sequence[Value]], instants: Sequence[int], present: Sequence[StoredValue]
) -> list[tuple[int, Sequence[StoredValue]]]:
    """The tracked columns from each instant on, in order; states that say the same are drawn together.

    A column without a history always was what it is at `present`; one that was set later is missing until then.
    """
    begin = instants[0]
    if len(instants) == 1:
        return [(begin, present)]
    state: list[StoredValue] = []
    events: list[tuple[int, int, StoredValue]] = []
    for place, entries in enumerate(values):
        now = None if entries else present[place]
        for at, value, _ in entries:
            if at <= begin:
                now = value
            else:
                events.append((at, place, value))
        state.append(now)
    events.sort(key=start_of)
    states: list[tuple[int, Sequence[StoredValue]]] = [(begin, tuple(state))]
    last = begin
    for at, place, value in events:
        if at != last:
            _note(states, last, state)
            last = at
        state[place] = value
    _note(states, last, state)
    return states


def _note(states: list[tuple[int, Sequence[StoredValue]]], at: int, state: Sequence[StoredValue]) -> None:
    """Add a state, unless it says what the one before says."""
    now = tuple(state)
    if states[-1][1] != now:
        states.append((at, now))


def differences(
    history: Sequence[Value], created: int | None, before: str | None, *, cut_off: bool
) -> list[tuple[int, str | None, str | None, str | None]]:
    """The successive differences (at, old, new, by) of a history, as the change history keeps them.

    The first entry is no change where the record was created with that value. Where the CRM's history is `cut_off`
    (changes from before it are known here), it goes on from the value `before`.
    """
    if not history:
        return []
    first_at, first, first_by = history[0]
    found: list[tuple[int, str | None, str | None, str | None]] = []
    was = as_text(first)
    begins_with_it = not cut_off and (created is None or first_at <= created)
    if not begins_with_it and before != was:
        found.append((first_at, before, was, first_by))
    for at, value, by in history[1:]:
        now = value if value is None or value.__class__ is str else as_text(value)
        if now != was:
            found.append((at, was, now, by))
        was = now
    return found


def tracked_columns(histories: Iterable[ColumnHistory]) -> list[str]:
    """Every column that one of the histories holds."""
    names: dict[str, None] = {}
    for history in histories:
        names |= dict.fromkeys(history)
    return list(names)
