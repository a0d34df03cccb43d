"""Two rows of one export about one record: what the second adds is taken, what contradicts the first is told.

CRMs export a record in parts (its marketing side in one file, its sales side in another), and reports repeat it for
each of its contacts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import orjson

from ros_sync.fields import StoredValue

_MODIFIED = frozenset(("modified", "modified_at"))
_CUSTOM = "custom"


class ColumnUnit(NamedTuple):
    """Values that mean something together alone: where no leader is there, the others say nothing."""

    leaders: tuple[str, ...]
    names: tuple[str, ...]


# By the mirror's columns and by the connectors' fields.
_UNITS = (
    ColumnUnit(("owner_id", "owner_named"), ("owner_id", "owner_named")),
    ColumnUnit(("amount_minor",), ("amount_minor", "currency", "amount_home_minor")),
    ColumnUnit(("amount",), ("amount", "currency")),
)


class Merged(NamedTuple):
    """What two rows say together, and the names in which they contradict each other."""

    row: dict[str, StoredValue]
    against: list[str]


def merge(first: Mapping[str, StoredValue], row: Mapping[str, StoredValue], spoken: Collection[str]) -> Merged:
    """`first` with what `row` adds to it. Of what the first row had not `spoken`, the values are older, and may change.

    A missing value says nothing. Of two modified instants the later one is kept; own properties are merged one by one.
    """
    merged, against = dict(first), []
    for unit in units(row):
        new = {name: row[name] for name in unit.names if name in row}
        old = {name: first.get(name) for name in new}
        leaders = [name for name in unit.leaders if name in new]
        if old == new or all(new[name] is None for name in leaders):
            continue
        if unit.names[0] in _MODIFIED:
            merged |= {name: max(_whole(old[name]), _whole(value)) for name, value in new.items()}
        elif unit.names[0] == _CUSTOM:
            merged[_CUSTOM], keys = _merge_custom(old[_CUSTOM], new[_CUSTOM])
            against += keys
        elif not any(name in spoken for name in unit.names) or all(old[name] is None for name in leaders):
            merged |= new
        else:
            against += [name for name in new if old[name] != new[name]]
    return Merged(merged, against)


def units(names: Iterable[str]) -> Iterator[ColumnUnit]:
    """The columns in units, the id left out; only those of a unit's columns that are there."""
    there = list(names)
    done = {"id"}
    for name in there:
        if name in done:
            continue
        found = next((unit for unit in _UNITS if name in unit.names and unit.leaders[0] in there), None)
        members = tuple(each for each in found.names if each in there) if found else (name,)
        yield ColumnUnit(tuple(each for each in found.leaders if each in there) if found else (name,), members)
        done.update(members)


def _whole(value: StoredValue) -> int:
    return int(value or 0)


def _merge_custom(old: StoredValue, new: StoredValue) -> tuple[StoredValue, list[str]]:
    before, after = orjson.loads(str(old or "{}")), orjson.loads(str(new or "{}"))
    against = [f"custom.{name}" for name, value in after.items() if before.get(name, value) != value]
    together = {**after, **before}
    return orjson.dumps(together, option=orjson.OPT_SORT_KEYS).decode() if together else None, against
