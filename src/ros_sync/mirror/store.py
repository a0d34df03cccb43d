"""Writing to the mirror: many rows at once, each change kept.

The unit is a batch of rows of one object and source, all with the same columns, in stored form. Rows that say what is
stored already cost a comparison and no write. A row that differs moves the state that ended to the version table,
updates the present, and adds a line to the change history for each property. The caller owns the transaction, so that
rows, history and cursor are kept or lost together.

The statements go to the driver as they are: at a hundred thousand rows a second, building each row's parameters anew
would cost more than the database does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import JSON, Connection, Date, select

from ros_sync import clock
from ros_sync.fields import StoredValue
from ros_sync.mirror.catalogue import MirroredObject
from ros_sync.mirror.tables import CHANGE
from ros_sync.mirror.touched import note

ROWS_A_STATEMENT = 8  # of short rows

Row = tuple[StoredValue, ...]
Columns = Mapping[str, Sequence[StoredValue]]
Initial = Callable[[Columns], Mapping[str, Iterable[StoredValue]]]  # further columns for records that are new


@dataclass(slots=True)
class Written:
    """What became of a batch. `created` and `updated` hold ids; `older` counts rows left alone as out of date."""

    created: list[str] = field(default_factory=list)
    updated: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unchanged: int = 0
    older: int = 0


class Upsert:
    """Writes batches of one object from one source, all with the columns `columns` (the first is `id`).

    `run_id` is kept with each state written. Where the mirror holds nothing of this object and source yet, pass
    `expect_empty` and nothing is looked up before the first insert. The `custom` column, where it is among them the
    last one, says everything of `custom_names`; others of the company's own properties are kept as they are. Of
    `silent` columns the past is kept in versions alone. `stream` is noted with each row, also with those that say what
    is stored already: rows of before there were streams learn theirs when they are next read. `cause` is kept with each
    change, where it is another than that the record was changed. `restated` are instants (microseconds) at which rows
    may have changed for such a cause: what a row says is not out of date because of that.
    """

    def __init__(  # noqa: PLR0913  # what every row of the batch shares
        self,
        connection: Connection,
        mirrored: MirroredObject,
        source: str,
        columns: Sequence[str],
        *,
        run_id: int | None,
        expect_empty: bool = False,
        custom_names: frozenset[str] = frozenset(),
        silent: frozenset[str] = frozenset(),
        stream: str | None = None,
        cause: str | None = None,
        restated: Collection[int] = (),
    ) -> None:
        assert columns[0] == "id"
        self._connection = connection
        self._mirrored = mirrored
        self._source = source
        self._columns = tuple(columns)
        self._run_id = run_id
        self._expect_empty = expect_empty
        self._custom_names = custom_names
        self._silent = silent
        self._stream = stream
        self._cause = cause
        self._restated = restated
        self._mark = "?" if connection.dialect.name == "sqlite" else "%s"

    @property
    def source(self) -> str:
        """The source whose records are written."""
        return self._source

    @property
    def run_id(self) -> int | None:
        """What is kept with each state written."""
        return self._run_id

    def again(self, *, silent: bool = False) -> Upsert:
        """The same upsert for records that are there by now; `silent` ones leave no change history."""
        return Upsert(
            self._connection,
            self._mirrored,
            self._source,
            self._columns,
            run_id=self._run_id,
            custom_names=self._custom_names,
            silent=frozenset(self._columns) if silent else self._silent,
            stream=self._stream,
            cause=self._cause,
            restated=self._restated,
        )

    def write(
        self,
        rows: Sequence[Row],
        as_of: int,
        *,
        stale: bool = False,
        derived: bool = False,
        initial: Initial | None = None,
    ) -> Written:
        """Make the mirror say what `rows` say; ids must be unique within the batch.

        `as_of` (microseconds) is since when the rows are true, unless a row carries its own `modified_at`. A row
        whose moment lies before the stored state's is left alone and counted, and so is every differing row when the
        whole batch is `stale`. What is `derived` from other records is never out of date: it is true from `as_of` on,
        or from the stored state's moment where that is later. `initial` gives further columns for the rows that are
        new.
        """
        written = Written()
        if not rows:
            return written
        stored = {} if self._expect_empty else self.stored([str(row[0]) for row in rows])
        if not stored:
            return self._insert(rows, as_of, initial)
        fresh, changed, touched, same = [], [], [], []
        # The cheapest question first: most rows of most batches say what is stored already.
        for row in rows:
            old = stored.get(row[0])  # type: ignore[arg-type]  # an id is a str
            if old is None:
                fresh.append(row)
            elif old[:-1] == row or (merged := self._merge_custom(old, row)) == old[:-1]:
                same.append(str(row[0]))
            elif self._only_touched(old, merged):
                # No state ended, so none is moved to the past; the instant alone follows, below.
                same.append(str(row[0]))
                touched.append(
                    (merged[self._modified_index or 0], self._source, row[0], merged[self._modified_index or 0])
                )
            elif not derived and (stale or self._is_older(row, old, as_of)):
                written.older += 1
            else:
                changed.append((old, merged))
        if fresh:
            written.created = self._insert(fresh, as_of, initial).created
        if changed:
            self._update(changed, as_of, written)
        written.unchanged = len(same)
        self._note_stream(same)
        note(self._connection, self._mirrored.name, self._source, [*written.updated, *(row[2] for row in touched)])
        mark = self._mark
        # Never backwards: an export of yesterday may tell of a record that a poll has read since.
        self._many(
            f"UPDATE {self._table} SET modified_at = {mark} "  # noqa: S608  # names are ours
            f"WHERE source = {mark} AND id = {mark} AND modified_at < {mark}",
            touched,
        )
        return written

    def _note_stream(self, ids: Sequence[str]) -> None:
        """Note the stream of rows that are not written for another reason; no new state, as the CRM changed nothing."""
        if self._stream is not None and ids:
            among, parameters = one_of(self._connection, ids)
            mark = self._mark
            self._connection.exec_driver_sql(
                # names are ours
                f"UPDATE {self._table} SET stream = {mark} WHERE source = {mark} AND id {among} "  # noqa: S608
                f"AND (stream IS NULL OR stream <> {mark})",
                (self._stream, self._source, *parameters, self._stream),
            )

    def stored(self, ids: Sequence[str]) -> dict[str, Row]:
        """The present rows of these ids: the columns of this upsert, then `valid_from`."""
        columns = ", ".join(self._readable(name) for name in (*self._columns, "valid_from"))
        among, parameters = one_of(self._connection, ids)
        # names are ours
        query = f"SELECT {columns} FROM {self._table} WHERE source = {self._mark} AND id {among}"  # noqa: S608
        return {row[0]: row for row in rows_of(self._connection, query, (self._source, *parameters))}

    @property
    def _table(self) -> str:
        return f'"{self._mirrored.name}"'

    @cached_property
    def _modified_index(self) -> int | None:
        return self._columns.index("modified_at") if "modified_at" in self._columns else None

    def _only_touched(self, old: Row, new: Row) -> bool:
        """Whether the CRM moved the modified instant and nothing that is mirrored: no new state."""
        at = self._modified_index
        return at is not None and old[:at] == new[:at] and old[at + 1 : -1] == new[at + 1 :]

    def _is_older(self, row: Row, stored: Row, as_of: int) -> bool:
        """Whether the row says what was true before the stored state.

        Where both say when the CRM last changed the record, that decides: `valid_from` may lie after it (what follows
        from other records was written later) and before it (the CRM's own history was spliced in).
        """
        if self._modified_index is not None:
            modified, known = row[self._modified_index], stored[self._modified_index]
            if modified is not None and known is not None:
                return int(modified) < int(known)
        moment, since = self._moment(row, as_of), int(stored[-1])  # type: ignore[arg-type]  # valid_from is an int
        return moment < since and (since not in self._restated or moment < self._last_said(str(row[0]), since))

    def _last_said(self, record_id: str, since: int) -> int:
        """Since when (microseconds) the record has said what it says, beside what changed for another cause.

        Its present state, true `since`, began at an instant at which rows were restated.
        """
        past, change = self._mirrored.version_table.c, CHANGE.c
        here = (past.source == self._source, past.id == record_id)
        starts = select(past.valid_from).where(*here).order_by(past.valid_from.desc())
        told = select(change.at).where(
            change.object == self._mirrored.name,
            change.source == self._source,
            change.record_id == record_id,
            change.cause.is_(None),
        )
        own = {clock.to_micros(at) for at in self._connection.execute(told).scalars()}
        begun = [since, *(clock.to_micros(at) for at in self._connection.execute(starts).scalars())]
        return next((at for at in begun if at in own or at not in self._restated), begun[-1])

    def compare(self, rows: Sequence[Row]) -> dict[str, tuple[str, ...] | None]:
        """What `write` would change, reading only: by id the columns that differ, None for a record that is new.

        Rows that say what is stored, and those that are older than it, are left out. Where the CRM moved the modified
        instant and nothing that is mirrored, that alone differs.
        """
        stored = self.stored([str(row[0]) for row in rows]) if rows and not self._expect_empty else {}
        found: dict[str, tuple[str, ...] | None] = {}
        for row in rows:
            old = stored.get(str(row[0]))
            if old is None:
                found[str(row[0])] = None
            elif old[:-1] != row and not self._is_older(row, old, int(old[-1])):  # type: ignore[arg-type]  # as above
                new = self._merge_custom(old, row)
                differing = tuple(name for name, a, b in zip(self._columns, old, new, strict=False) if a != b)
                if differing:
                    found[str(row[0])] = differing
        return found

    def _moment(self, row: Row, as_of: int) -> int:
        """Since when a row is true: its own modified instant where it has one."""
        modified = row[self._modified_index] if self._modified_index is not None else None
        return int(modified) if modified is not None else as_of

    def _readable(self, name: str) -> str:
        """A column as the driver gives it in stored form; PostgreSQL's dates and JSON are asked for as text."""
        column = self._mirrored.table.columns[name]
        if self._mark == "%s" and isinstance(column.type, Date | JSON):
            return f'"{name}"::text'
        return f'"{name}"'

    def _merge_custom(self, old: Row, new: Row) -> Row:
        """Keep the company's own properties that this batch does not speak of."""
        if self._columns[-1] != "custom" or old[-2] == new[-1]:
            return new
        before, after = orjson.loads(str(old[-2] or "{}")), orjson.loads(str(new[-1] or "{}"))
        merged = {name: value for name, value in before.items() if name not in self._custom_names} | after
        kept = old[-2] if merged == before else orjson.dumps(merged, option=orjson.OPT_SORT_KEYS).decode()
        return (*new[:-1], kept)

    def insert(
        self, columns: Columns, as_of: int, initial: Initial | None = None, since: Sequence[int] | None = None
    ) -> Written:
        """Store records that the mirror is known not to hold, given column by column in the order of this upsert.

        `since` says since when each is true, where that is known better than by `as_of` and `modified_at`.
        """
        if not columns["id"]:
            return Written()
        moments: list[StoredValue] = [as_of] * len(columns["id"])
        if since is not None:
            moments = list(since)
        elif "modified_at" in columns:
            moments = [modified if modified is not None else as_of for modified in columns["modified_at"]]
        more = dict(initial(columns)) if initial else {}
        fixed = (repeat(self._source), repeat(self._run_id), repeat(self._stream))
        names = [*columns, *more, "valid_from", "source", "run_id", "stream"]
        rows = zip(*columns.values(), *more.values(), moments, *fixed, strict=False)
        quoted = ", ".join(f'"{name}"' for name in names)
        marks = ", ".join([self._mark] * len(names))
        note(self._connection, self._mirrored.name, self._source, columns["id"])
        self._many(f"INSERT INTO {self._table} ({quoted}) VALUES ({marks})", list(rows))  # noqa: S608  # names are ours
        return Written(created=[str(record_id) for record_id in columns["id"]])

    def _insert(self, rows: Sequence[Row], as_of: int, initial: Initial | None) -> Written:
        return self.insert(dict(zip(self._columns, zip(*rows, strict=True), strict=True)), as_of, initial)

    def _update(self, changed: Sequence[tuple[Row, Row]], as_of: int, written: Written) -> None:
        mark, source = self._mark, self._source
        stream = () if self._stream is None else (self._stream,)
        history, moments, updates = [], [], []
        for old, new in changed:
            # as above
            record_id, moment = str(new[0]), max(self._moment(new, as_of), int(old[-1]))  # type: ignore[arg-type]
            differing = [each for each in zip(self._columns, old, new, strict=False) if each[1] != each[2]]
            written.updated[record_id] = tuple(name for name, *_ in differing)
            moments.append((moment, source, record_id, moment))
            updates.append((*new[1:], moment, self._run_id, *stream, source, record_id))
            for name, before, after in _told(differing):
                if name not in self._silent:
                    history.append((record_id, name, moment, before, after))
        self._many(self._end_statement, moments)
        named = ("stream",) if stream else ()
        assignments = ", ".join(f'"{name}" = {mark}' for name in (*self._columns[1:], "valid_from", "run_id", *named))
        update = f"UPDATE {self._table} SET {assignments} WHERE source = {mark} AND id = {mark}"  # noqa: S608
        self._many(update, updates)
        fixed = {"object": self._mirrored.name, "source": source, "run_id": self._run_id}
        if self._cause is not None:
            fixed["cause"] = self._cause
        insert_rows(self._connection, "change", ("record_id", "field", "at", "old", "new"), history, fixed)

    @cached_property
    def _end_statement(self) -> str:
        """Move the state that ended to the past; a state that never lasted leaves no version."""
        names = ", ".join(f'"{column.name}"' for column in self._mirrored.table.columns)
        mark = self._mark
        valid_to = mark if mark == "?" else "%s::bigint"
        return (
            f'INSERT INTO "{self._mirrored.name}_version" ({names}, valid_to) '  # noqa: S608  # names are ours
            f"SELECT {names}, {valid_to} FROM {self._table} WHERE source = {mark} AND id = {mark} AND valid_from < "
            f"{mark}"
        )

    def _many(self, statement: str, rows: Sequence[tuple[StoredValue, ...]]) -> None:
        if rows:
            self._connection.exec_driver_sql(statement, rows)


def _told(differing: Iterable[tuple[str, StoredValue, StoredValue]]) -> Iterable[tuple[str, str | None, str | None]]:
    """Columns that differ (name, before, after) as the change history tells them.

    Each own property is told of itself.
    """
    for name, before, after in differing:
        if name == "custom":
            was, now = orjson.loads(str(before or "{}")), orjson.loads(str(after or "{}"))
            for key in sorted(was.keys() | now.keys()):
                if was.get(key) != now.get(key):
                    yield f"custom.{key}", as_text(was.get(key)), as_text(now.get(key))
        elif name != "modified_at":
            yield name, as_text(before), as_text(after)


def one_of(connection: Connection, values: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
    """The condition that a column is one of these, to be put after its name, and its parameters."""
    if connection.dialect.name == "sqlite":
        return f"IN ({', '.join('?' * len(values))})", tuple(values)
    return "= ANY(%s)", (list(values),)


def rows_of(connection: Connection, query: str, parameters: tuple[Any, ...]) -> list[Any]:
    """What a query gives, as the driver gives it: SQLAlchemy's own rows cost more than many a comparison."""
    result = connection.exec_driver_sql(query, parameters)
    assert result.cursor is not None
    rows = list(result.cursor.fetchall())
    result.close()
    return rows


def insert_rows(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[tuple[StoredValue, ...]],
    fixed: Mapping[str, StoredValue] = MappingProxyType({}),
) -> None:
    """Insert rows in stored form into a table that keeps no past; `fixed` columns are the same in each row.

    Several rows a statement: for short rows, beginning and ending a statement costs more than what it writes.
    """
    names = ", ".join(f'"{name}"' for name in (*columns, *fixed))
    more = tuple(fixed.values())
    whole = len(rows) - len(rows) % ROWS_A_STATEMENT
    for part, count in ((rows[:whole], ROWS_A_STATEMENT), (rows[whole:], 1)):
        if part:
            marks, parameters = _together(part, len(columns), more, count, connection.dialect.name)
            statement = f"INSERT INTO {table} ({names}) VALUES {marks}"  # noqa: S608  # names are ours
            connection.exec_driver_sql(statement, parameters)


def _together(
    rows: Sequence[tuple[StoredValue, ...]], width: int, more: tuple[StoredValue, ...], count: int, dialect: str
) -> tuple[str, list[tuple[StoredValue, ...]]]:
    """What stands after VALUES, and the parameters: `count` rows a statement, each followed by `more`."""
    groups = (rows[at : at + count] for at in range(0, len(rows), count))
    if dialect != "sqlite":
        marks = ", ".join([f"({', '.join(['%s'] * (width + len(more)))})"] * count)
        return marks, [tuple(chain.from_iterable((*row, *more) for row in group)) for group in groups]
    # SQLite's parameters have numbers, so that what is the same in each row is bound once.
    shared = [f"?{number}" for number in range(1, len(more) + 1)]
    own = ([f"?{len(more) + place * width + number}" for number in range(1, width + 1)] for place in range(count))
    marks = ", ".join(f"({', '.join((*each, *shared))})" for each in own)
    return marks, [(*more, *chain.from_iterable(group)) for group in groups]


def as_text(value: object) -> str | None:
    """A carried value as the change history keeps it; whole numbers without a fraction, truth as true and false."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def is_empty(connection: Connection, mirrored: MirroredObject, source: str) -> bool:
    """Whether the mirror holds no record of this object from this source."""
    table = mirrored.table
    return connection.execute(table.select().where(table.c.source == source).limit(1)).first() is None
