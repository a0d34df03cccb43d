"""What one file leaves empty and a later file of the same import may fill: kept as it is until all have been read.

Emptying a value and filling it again would be two changes in the history, of which neither happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ros_sync.fields import StoredValue
from ros_sync.mirror.store import Columns, Row, Upsert, Written
from ros_sync.sync.ingest.row_merge import ColumnUnit, units
from ros_sync.sync.ingest.seen import ScratchDatabase

_CHUNK = 1000  # records emptied at a time

Emptying = Callable[[Sequence[str]], Upsert]  # the upsert of these columns


class HeldBack(ScratchDatabase):
    """For records of one object, the values that are stored and that this import has only seen empty so far."""

    def __init__(self) -> None:
        super().__init__("CREATE TABLE held (id TEXT, leader TEXT, PRIMARY KEY (id, leader)) WITHOUT ROWID")
        self._units: dict[str, ColumnUnit] = {}

    def hold(self, upsert: Upsert, columns: Columns, later: frozenset[str], skipped: Iterable[int]) -> Columns:
        """The columns with stored values in place of missing ones that a later file speaks of, too.

        `skipped` are the places of rows that are judged elsewhere.
        """
        open_units = [
            unit for unit in units(columns) if not later.isdisjoint(unit.leaders) and None in columns[unit.leaders[0]]
        ]
        if not open_units:
            return columns
        names, apart = list(columns), frozenset(skipped)
        stored = upsert.stored([str(each) for each in columns["id"]])
        filled = {name: list(values) for name, values in columns.items()}
        for place, record_id in enumerate(columns["id"]):
            row = stored.get(str(record_id))
            if row is None or place in apart:
                continue
            for unit in open_units:
                known = {name: row[names.index(name)] for name in unit.names if name in filled}
                if self._is_open(unit, place, filled, known):
                    for name, value in known.items():
                        filled[name][place] = value
                    self._units[unit.leaders[0]] = unit
                    self._connection.execute("INSERT OR IGNORE INTO held VALUES (?, ?)", (record_id, unit.leaders[0]))
        return filled

    @staticmethod
    def _is_open(unit: ColumnUnit, place: int, columns: Columns, known: Mapping[str, StoredValue]) -> bool:
        leaders = [name for name in unit.leaders if name in known]
        return all(columns[name][place] is None for name in leaders) and any(
            known[name] is not None for name in leaders
        )

    def of(self, record_id: str) -> frozenset[str]:
        """The columns of a record that are held back."""
        query = self._connection.execute("SELECT leader FROM held WHERE id = ?", (record_id,))
        return frozenset(name for (leader,) in query for name in self._units[leader].names)

    def settle(self, record_id: str, row: Mapping[str, StoredValue]) -> None:
        """A later row has spoken: what it fills is held back no more."""
        said = [
            unit.leaders[0] for unit in self._units.values() if any(row.get(name) is not None for name in unit.leaders)
        ]
        self._connection.executemany(
            "DELETE FROM held WHERE id = ? AND leader = ?", [(record_id, leader) for leader in said]
        )

    def empty(self, upsert_of: Emptying, as_of: int) -> Iterator[Written]:
        """Empty what no file has filled."""
        for leader, unit in self._units.items():
            query = self._connection.execute("SELECT id FROM held WHERE leader = ? ORDER BY id", (leader,))
            while ids := query.fetchmany(_CHUNK):
                rows: list[Row] = [(record_id, *([None] * len(unit.names))) for (record_id,) in ids]
                yield upsert_of(("id", *unit.names)).write(rows, as_of, derived=True)
