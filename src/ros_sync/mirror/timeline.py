"""The CRM's own property history, spliced into the mirror's past.

A poll sees a record as it is now; the CRM remembers when each of a handful of tracked properties had which value. Here
the past is made to say the same: the change history of those columns becomes the successive differences of the CRM's
history, and the version rows are cut where a tracked column changed. Columns that are not tracked keep what was stored
then; before the first stored state they are taken from it, which is the best that is known. So a mirror that was filled
in one go and one that polled all along give the same answer for the tracked columns at any past moment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Connection, Date

from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import MirroredObject
from ros_sync.mirror.portions import CHUNK
from ros_sync.mirror.property_history import (
    Beginning,
    Change,
    ColumnHistory,
    NewRow,
    Value,
    differences,
    settled,
    start_of,
    states_of,
    tracked_columns,
)
from ros_sync.mirror.store import as_text, insert_rows, one_of, rows_of
from ros_sync.mirror.touched import note

FOREVER = 2**63 - 1  # microseconds; after everything
_BOOKKEEPING = frozenset(("valid_from", "modified_at", "run_id", "stream"))


@dataclass(slots=True)
class _Stored:
    """What the mirror holds of one record: its states in order (the present one last) and its changes by column."""

    states: list[dict[str, StoredValue]] = field(default_factory=list)
    ends: list[int | None] = field(default_factory=list)
    changes: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))


class Timeline:
    """Splices histories of one object and source. `columns` are the tracked ones, those that every history may hold.

    Of `silent` ones there are versions and no changes.
    """

    def __init__(
        self,
        connection: Connection,
        mirrored: MirroredObject,
        source: str,
        columns: Sequence[str],
        *,
        run_id: int | None,
        silent: frozenset[str] = frozenset(),
    ) -> None:
        self._silent = silent
        self._connection = connection
        self._mirrored = mirrored
        self._source = source
        self.columns = tuple(columns)
        self._run_id = run_id
        self._sqlite = connection.dialect.name == "sqlite"
        self._mark = "?" if self._sqlite else "%s"
        self._names = [column.name for column in mirrored.table.columns]

    def splice(
        self, histories: Mapping[str, ColumnHistory], created: Mapping[str, int | None], *, fresh: bool = False
    ) -> set[str]:
        """Make the past of these records say what their histories say; gives the ids of those whose past changed.

        Their present rows have just been written. `created` (microseconds) is when each was created: the value that a
        property had then is no change. `fresh` says that the mirror knows no past of them, so that nothing is read.
        """
        if fresh:
            return self._begin(histories, created)
        changed: set[str] = set()
        ids = list(histories)
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            stored = self._read(chunk)
            versions: list[tuple[StoredValue, ...]] = []
            outdated: list[tuple[StoredValue, ...]] = []
            moved: list[tuple[StoredValue, ...]] = []
            new: list[Change] = []
            old: list[tuple[int]] = []
            for record_id in chunk:
                record = stored.get(record_id)
                if record is None:
                    continue
                values = self._settled(histories[record_id], record.states[-1])
                counts = len(versions) + len(outdated) + len(moved) + len(new) + len(old)
                self._restate(record_id, record, values, created.get(record_id), versions, outdated, moved)
                self._compare_changes(record_id, record, values, created.get(record_id), new, old)
                if len(versions) + len(outdated) + len(moved) + len(new) + len(old) > counts:
                    changed.add(record_id)
            self._write(versions, outdated, moved, new, old)
        note(self._connection, self._mirrored.name, self._source, changed)
        return changed

    # ---- what is stored

    def past(self, ids: Sequence[str]) -> dict[str, dict[str, list[Value]]]:
        """What the mirror knows of the tracked columns of these records.

        By record and column, each value since when.
        """
        found: dict[str, dict[str, list[Value]]] = {}
        for start in range(0, len(ids), CHUNK):
            for record_id, record in self._read(ids[start : start + CHUNK]).items():
                found[record_id] = {column: _values(record, column) for column in self.columns}
        return found

    def _read(self, ids: Sequence[str]) -> dict[str, _Stored]:
        """Present and past of these records, and the changes of their tracked columns."""
        found: dict[str, _Stored] = {}
        names = ", ".join(self._readable(name) for name in self._names)
        condition, parameters = self._among("id", ids)
        here, name = f"source = {self._mark} AND {condition}", self._mirrored.name
        past = f'SELECT {names}, valid_to FROM "{name}_version" WHERE {here}'  # noqa: S608  # names are ours
        present = f'SELECT {names} FROM "{name}" WHERE {here}'  # noqa: S608  # as above
        id_place, from_place = self._names.index("id"), self._names.index("valid_from")
        rows = sorted(rows_of(self._connection, past, parameters), key=itemgetter(id_place, from_place))
        for row in rows:
            record = found.setdefault(row[id_place], _Stored())
            record.states.append(dict(zip(self._names, row, strict=False)))
            record.ends.append(row[-1])
        living = set()
        for row in rows_of(self._connection, present, parameters):
            record = found.setdefault(row[id_place], _Stored())
            record.states.append(dict(zip(self._names, row, strict=True)))
            record.ends.append(None)
            living.add(row[id_place])
        self._read_changes(ids, found)
        return {record_id: record for record_id, record in found.items() if record_id in living}

    def _read_changes(self, ids: Sequence[str], found: Mapping[str, _Stored]) -> None:
        condition, parameters = self._among("record_id", ids)
        query = (
            'SELECT record_id, field, id, at, "old", "new", "by" FROM change '  # noqa: S608  # names are ours
            f"WHERE object = {self._mark} AND source = {self._mark} AND {condition} ORDER BY at, id"
        )
        for record_id, name, *change in rows_of(self._connection, query, (self._mirrored.name, *parameters)):
            if record_id in found and name in self.columns:
                found[record_id].changes[name].append(tuple(change))

    def _among(self, column: str, ids: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
        among, parameters = one_of(self._connection, ids)
        return f"{column} {among}", (self._source, *parameters)

    def _readable(self, name: str) -> str:
        if not self._sqlite and isinstance(self._mirrored.table.columns[name].type, Date | JSON):
            return f'"{name}"::text'
        return f'"{name}"'

    # ---- what should be

    def _settled(self, history: ColumnHistory, present: Mapping[str, StoredValue]) -> dict[str, Sequence[Value]]:
        """The history of each column, ending in what the present row says."""
        modified = present.get("modified_at")
        at = None if modified is None else int(modified)
        return {column: settled(history.get(column, ()), present[column], at) for column in self.columns}

    def _restate(
        self,
        record_id: str,
        record: _Stored,
        values: Mapping[str, Sequence[Value]],
        created: int | None,
        versions: list[tuple[StoredValue, ...]],
        outdated: list[tuple[StoredValue, ...]],
        moved: list[tuple[StoredValue, ...]],
    ) -> None:
        """Work out the states that the record went through and note what has to be written to say so."""
        starts = [int(state["valid_from"]) for state in record.states]  # type: ignore[arg-type]  # an instant is an int
        instants = {value[0] for column in values.values() for value in column}
        begin = min(starts[0], created if created is not None else starts[0], *instants)
        boundaries = sorted({begin, *starts, *(at for at in instants if at > begin)})
        states: list[tuple[int, dict[str, StoredValue]]] = []
        for at in boundaries:
            place = bisect_right(starts, at) - 1
            state = dict(record.states[max(place, 0)])
            for column, history in values.items():
                if not history:
                    continue
                known = bisect_right(history, at, key=start_of) - 1
                if known >= 0:
                    state[column] = history[known][1]
                elif place < 0:
                    state[column] = None  # it was set later, and nobody saw the record before
            if states and self._same(states[-1][1], state):
                continue
            if place < 0 or starts[place] != at:
                modified = state["modified_at"]
                state["modified_at"] = min(int(modified), at) if modified is not None else None
            states.append((at, state))
        self._note_states(record_id, record, states, versions, outdated, moved)

    def _note_states(
        self,
        record_id: str,
        record: _Stored,
        states: Sequence[tuple[int, dict[str, StoredValue]]],
        versions: list[tuple[StoredValue, ...]],
        outdated: list[tuple[StoredValue, ...]],
        moved: list[tuple[StoredValue, ...]],
    ) -> None:
        ended = zip(record.states[:-1], record.ends, strict=False)
        before = {int(s["valid_from"]): (s, end) for s, end in ended}  # type: ignore[arg-type]
        for (start, state), (end, _) in pairwise(states):
            stored = before.pop(start, None)
            if stored is not None:
                if stored[1] == end and self._same(stored[0], state):
                    continue
                outdated.append((self._source, record_id, start))
            state["valid_from"] = start
            versions.append((*(state[name] for name in self._names), end))
        outdated.extend((self._source, record_id, start) for start in before)
        if states[-1][0] != record.states[-1]["valid_from"]:
            moved.append((states[-1][0], self._source, record_id))

    def _same(self, one: Mapping[str, StoredValue], other: Mapping[str, StoredValue]) -> bool:
        return self._compared(one) == self._compared(other)

    @cached_property
    def _compared(self) -> Callable[[Mapping[str, StoredValue]], tuple[StoredValue, ...]]:
        return itemgetter(*(name for name in self._names if name not in _BOOKKEEPING))

    def _compare_changes(
        self,
        record_id: str,
        record: _Stored,
        values: Mapping[str, Sequence[Value]],
        created: int | None,
        new: list[Change],
        old: list[tuple[int]],
    ) -> None:
        """Note the changes that are missing from the history and those that it holds wrongly."""
        for column, history in values.items():
            if not history or column in self._silent:
                continue
            first = history[0][0]
            stored = record.changes[column]
            kept = [change for change in stored if change[1] < first]
            wanted = differences(history, created, kept[-1][3] if kept else None, cut_off=bool(kept))
            there: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            for change in stored:
                if change[1] >= first:
                    there[change[1:]].append(change[0])
            for change in wanted:
                if there[change]:
                    there[change].pop(0)
                else:
                    new.append((record_id, column, *change))
            old.extend((change_id,) for ids in there.values() for change_id in ids)

    # ---- writing

    def _write(
        self,
        versions: list[tuple[StoredValue, ...]],
        outdated: list[tuple[StoredValue, ...]],
        moved: list[tuple[StoredValue, ...]],
        new: list[Change],
        old: list[tuple[int]],
    ) -> None:
        mark, name = self._mark, self._mirrored.name
        key = f"source = {mark} AND id = {mark}"
        # names are ours
        self._many(f'DELETE FROM "{name}_version" WHERE {key} AND valid_from = {mark}', outdated)  # noqa: S608
        names = ", ".join(f'"{each}"' for each in (*self._names, "valid_to"))
        marks = ", ".join([mark] * (len(self._names) + 1))
        self._many(f'INSERT INTO "{name}_version" ({names}) VALUES ({marks})', versions)  # noqa: S608
        self._many(f'UPDATE "{name}" SET valid_from = {mark} WHERE {key}', moved)  # noqa: S608
        self._many(f"DELETE FROM change WHERE id = {mark}", old)  # noqa: S608
        self._insert_changes(new)

    def _insert_changes(self, new: Sequence[Change]) -> None:
        fixed: dict[str, StoredValue] = {"object": self._mirrored.name, "source": self._source, "run_id": self._run_id}
        insert_rows(self._connection, "change", ("record_id", "field", "at", "old", "new", "by"), new, fixed)

    def _many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._connection.exec_driver_sql(statement, list(rows))

    # ---- records that are new here

    def begin(self, rows: Iterable[NewRow], histories: Mapping[str, ColumnHistory]) -> Beginning:
        """Work out the past of records that are about to be inserted; nothing is written.

        The states before the present one differ from it in tracked columns alone, so the database makes them out of
        the present row; only what differs travels.
        """
        found = Beginning()
        columns, nothing, source, silent = self.columns, (), self._source, self._silent
        versions, changes = found.versions, found.changes
        for record_id, since, modified, born, present in rows:
            history = histories.get(record_id)
            if history is None:
                found.since.append(since)
                continue
            until = FOREVER if modified is None else modified
            values: list[Sequence[Value]] = []
            instants: set[int] = set()
            for column, now in zip(columns, present, strict=True):
                entries = history.get(column, nothing)
                if len(entries) == 1:  # mostly: it was never changed
                    at, value, by = entries[0]
                    if value == now and at <= until:
                        instants.add(at)
                        values.append(entries)
                        if value is not None and born is not None and at > born and column not in silent:
                            changes.append((record_id, column, at, None, as_text(value), by))
                        continue
                entries = settled(entries, now, modified)
                instants.update(map(start_of, entries))
                values.append(entries)
                if column not in silent:
                    changes += [(record_id, column, *each) for each in differences(entries, born, None, cut_off=False)]
            if born is not None and (not instants or born < min(instants)):
                instants.add(born if instants else min(born, since))
            states = states_of(values, sorted(instants), present) if instants else [(since, present)]
            for (start, state), (end, _) in pairwise(states):
                said = None if modified is None else min(modified, start)
                versions.append((*state, start, said, end, source, record_id))
            found.since.append(states[-1][0])
        return found

    def write(self, beginning: Beginning) -> None:
        """Write the past of records that were just inserted."""
        self._many(self._begin_statement, beginning.versions)
        self._insert_changes(beginning.changes)

    def _begin(self, histories: Mapping[str, ColumnHistory], created: Mapping[str, int | None]) -> set[str]:
        """Write the whole past of records that were just inserted and have none yet."""
        rows = self._present(list(histories), created)
        beginning = self.begin(rows, histories)
        self.write(beginning)
        moved = [
            (since, self._source, row.id)
            for row, since in zip(rows, beginning.since, strict=True)
            if since != row.since
        ]
        key = f"source = {self._mark} AND id = {self._mark}"
        # names are ours
        self._many(f'UPDATE "{self._mirrored.name}" SET valid_from = {self._mark} WHERE {key}', moved)  # noqa: S608
        return set(histories)

    def _present(self, ids: Sequence[str], created: Mapping[str, int | None]) -> list[NewRow]:
        """What of the present rows is needed: the tracked columns and their instants."""
        names = ("id", "valid_from", "modified_at", *self.columns)
        selected = ", ".join(self._readable(name) for name in names)
        found: list[NewRow] = []
        for start in range(0, len(ids), CHUNK):
            condition, parameters = self._among("id", ids[start : start + CHUNK])
            # names are ours
            here = f"source = {self._mark} AND {condition}"
            query = f'SELECT {selected} FROM "{self._mirrored.name}" WHERE {here}'  # noqa: S608
            for record_id, since, modified, *values in rows_of(self._connection, query, parameters):
                found.append(NewRow(record_id, since, modified, created.get(record_id), values))
        return found

    @cached_property
    def _begin_statement(self) -> str:
        """A past state out of the present row: the tracked columns are given, `modified_at` is the state's start."""
        given = {*self.columns, "valid_from", "modified_at"}
        rest = [name for name in self._names if name not in given]
        names = ", ".join(f'"{each}"' for each in (*self.columns, "valid_from", "modified_at", "valid_to", *rest))
        typed = [self._typed(name) for name in (*self.columns, "valid_from", "modified_at", "valid_from")]
        copied = [f'"{name}"' for name in rest]
        return (
            f'INSERT INTO "{self._mirrored.name}_version" ({names}) '  # noqa: S608  # names are ours
            f"SELECT {', '.join([*typed, *copied])} "
            f'FROM "{self._mirrored.name}" WHERE source = {self._mark} AND id = {self._mark}'
        )

    def _typed(self, name: str) -> str:
        """A parameter as PostgreSQL wants it where nothing else tells its type."""
        if self._sqlite:
            return "?"
        return f"CAST(%s AS {self._mirrored.table.columns[name].type.compile(self._connection.dialect)})"


def splice(
    connection: Connection,
    mirrored: MirroredObject,
    source: str,
    histories: Mapping[str, ColumnHistory],
    *,
    created: Mapping[str, int | None],
    run_id: int | None,
    fresh: bool = False,
    silent: frozenset[str] = frozenset(),
) -> set[str]:
    """Splice the histories of records of one object; see `Timeline.splice`. All may hold the same columns."""
    columns = tracked_columns(histories.values())
    if not columns:
        return set()
    timeline = Timeline(connection, mirrored, source, columns, run_id=run_id, silent=silent)
    return timeline.splice(histories, created, fresh=fresh)


def _values(record: _Stored, column: str) -> list[Value]:
    """The values of a column since the first stored state, with who set them where the change history says so."""
    setters = {change[1]: change[4] for change in record.changes[column]}
    values: list[Value] = []
    for state in record.states:
        at = int(state["valid_from"])  # type: ignore[arg-type]  # an instant is an int
        if not values or values[-1][1] != state[column]:
            values.append((at, state[column], setters.get(at)))
    return values
