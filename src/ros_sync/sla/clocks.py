"""Making the clocks match the mirror.

Each step is a set difference worked out by the database (records without a clock, open clocks whose record has a stop,
…); only what differs is looked at here, and a mirror in which nothing changed costs no write. Killing it anywhere
loses nothing: what happens to a team's clock and to the owner's beside it is one transaction, and the next call does
what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlmodel import Session

from ros_sync.errors import RuleError, Where
from ros_sync.organisation.people import Directory
from ros_sync.sla import clock_definitions
from ros_sync.sla.clock_definitions import ClockDefinition, Overdue, Terms, due_at, first_stop, state_at
from ros_sync.sla.laid import CLOCK as _CLOCK
from ros_sync.sla.laid import EVENT as _EVENT
from ros_sync.sla.laid import OPEN as _OPEN
from ros_sync.sla.laid import OWNER_CLOCK, OWNER_OPEN, ClockCounts, Laid, columns_of
from ros_sync.sla.laid import of as _of
from ros_sync.sla.owner_clocks import OwnerClocks
from ros_sync.sla.tables import ClockState, What

__all__ = ["ClockCounts", "advance", "breached", "overdue"]

START_BATCH = 20_000  # clocks started at a time, so that a first import of a million records stays flat in memory


def advance(
    on: Connection | Session,
    clocks: Iterable[ClockDefinition],
    directory: Directory,
    now: datetime,
    *,
    stale: Collection[str] = (),
    portion_done: Callable[[], None] = lambda: None,
) -> ClockCounts:
    """Start, stop, restate, withdraw and breach clocks until they match the mirror as of `now`.

    In this order: what has stopped is stopped (met where it stopped by its due instant, also when that is learnt
    late), what lost its record or its start is withdrawn, what is no longer stopped runs on and records without a
    clock get one, records that changed hands get a clock of the new owner's beside the team's, running clocks whose
    calendar or deadline changed, or whose record has its first owner, are restated, and those past their due instant
    are breached. A breached clock keeps the terms that it was breached under. Clocks of the sources named in `stale`
    stay as they are: a response that has not been read yet is no breach.

    Writes in the caller's transaction, and calls `portion_done` where that may end, after a thousand clocks at most.
    Raises RuleError for a definition that cannot be used.
    """
    counts = ClockCounts()
    for definition in clocks:
        wrong = clock_definitions.problems(definition, directory.organisation)
        if wrong:
            raise RuleError(wrong[0], where=Where(key=f"{definition.id}.clock"))
        step = _Step(on, definition, directory, now, stale, portion_done)
        owners = OwnerClocks(on, definition, directory, now, stale, portion_done)
        for stopped in step.stop():
            counts += stopped + owners.stop()
        for withdrawn in step.withdraw():
            counts += withdrawn + owners.withdraw()
        for begun, resumed in step.begin():
            counts += begun + owners.resume(resumed)
        counts += owners.hand_over(step.handed_over)
        for act in (step.restate, owners.restate, step.breach, owners.breach):
            counts += act()
    return counts


def breached(definition: ClockDefinition, now: datetime | ColumnElement[Any]) -> Select[tuple[str, str]]:
    """The (source, record_id) of records whose clock, the team's or an owner's, is past its due instant and still open.

    It compares instants, so a breach shows at its due instant, whether or not `advance` has run since. A record may
    come more than once.
    """
    o = OWNER_CLOCK.c
    teams = select(_CLOCK.c.source, _CLOCK.c.record_id).where(_of(definition), _OPEN, _CLOCK.c.due_at <= now)
    owners = select(o.source, o.record_id).where(
        o.clock == definition.id, o.object == definition.object, OWNER_OPEN, o.due_at <= now
    )
    both = union_all(teams, owners).subquery()
    # SQLite walks all records past the list of a compound select, and finds those of a plain one by their key.
    return select(both.c.source, both.c.record_id)


def overdue(
    connection: Connection, definition: ClockDefinition, source: str, ids: Sequence[str], now: datetime
) -> dict[str, Overdue]:
    """By record, the clock by which it is late at `now`: where several are, the one that was due first."""
    found: dict[str, Overdue] = {}
    for table in (_CLOCK, OWNER_CLOCK):
        c = table.c
        query = select(c.record_id, c.started_at, c.due_at).where(
            c.clock == definition.id, c.object == definition.object, c.source == source, c.record_id.in_(ids)
        )
        for record_id, *instants in connection.execute(query.where(c.stopped_at.is_(None), c.due_at <= now)):
            clock = Overdue(*instants)
            found[record_id] = min(found.get(record_id, clock), clock, key=lambda each: each.due_at)
    return found


class _Step(Laid):
    """The team's clocks of one definition."""

    def stop(self) -> Iterator[ClockCounts]:
        """Stop the open clocks whose record has a stop, in portions; they are met or breached by its instant."""
        c = _CLOCK.c
        rows = self.connection.execute(
            select(c.id, c.started_at, c.due_at, c.state, self.starts.label("start"), *self.stops)
            .join(self.record, self.joined)
            .where(self.mine, _OPEN, or_(*(stop <= self.now for stop in self.stops)))
        ).all()
        for portion in self.portions(rows):
            yield self._stop(portion)

    def _stop(self, rows: Sequence[Sequence[Any]]) -> ClockCounts:
        changes, events, met, late = [], [], 0, 0
        for clock_id, started, due, state, start, *stops in rows:
            stopped = first_stop(stops, self.now)
            assert stopped is not None
            if start is not None and self.moved(start, started) and stopped >= start:
                continue  # the stop belongs to the clock of the new start; this one is withdrawn
            outcome = state_at(due, stopped, self.now)
            changes.append({"of": clock_id, "state": outcome, "stopped_at": max(started, stopped)})
            if outcome is ClockState.MET:
                met += 1
                why = "the stop was learnt of late" if state == ClockState.BREACHED else None
                events.append(self.event(clock_id, What.MET, why))
                continue
            if state != ClockState.BREACHED:
                late += 1
                events.append(self.event(clock_id, What.BREACHED))
            events.append(self.event(clock_id, What.STOPPED))
        self.write(changes, events)
        return ClockCounts(met=met, breached=late, stopped=len(changes) - met)

    def withdraw(self) -> Iterator[ClockCounts]:
        """Stop, in portions, the open clocks whose record is deleted or has no longer the start or values they rest on.

        Those whose record has only changed hands are noted in `handed_over`.
        """
        c, record = _CLOCK.c, self.record.c
        unfit = or_(
            record.deleted_at.is_not(None),
            self.start_moved,
            *(or_(column.is_(None), column.not_in(values)) for column, values in self.conditions),
        )
        there = (
            select(*self.hands, c.state, record.deleted_at, self.starts.label("start"), unfit.label("unfit"))
            .join(self.record, self.joined)
            .where(self.mine, _OPEN, or_(unfit, self.changed_hands))
        )
        # Asked apart: joined from the left, SQLite would read every record there is to find those that are not there.
        is_there = select(record.id).where(self.joined).correlate(_CLOCK).exists()
        gone = select(c.id, c.source, c.record_id, c.started_at, c.state).where(self.mine, _OPEN, ~is_there)
        rows: list[RowMapping] = list(self.connection.execute(gone).mappings())
        for row in self.connection.execute(there).mappings():
            (rows if row["unfit"] else self.handed_over).append(row)
        for portion in self.portions(rows):
            yield self._withdraw(portion)

    def _withdraw(self, rows: Sequence[RowMapping]) -> ClockCounts:
        changes, events, withdrawn = [], [], 0
        for row in rows:
            stands, deleted = row["state"] == ClockState.BREACHED, row.get("deleted_at")
            withdrawn += not stands
            stopped = max(row["started_at"], min(deleted or self.now, self.now))
            outcome = ClockState.BREACHED if stands else ClockState.WITHDRAWN
            changes.append({"of": row["id"], "state": outcome, "stopped_at": stopped})
            gone = "start" not in row or deleted is not None
            why = _why_withdrawn(gone=gone, moved=not gone and self.moved(row["start"], row["started_at"]))
            events.append(self.event(row["id"], What.STOPPED if stands else What.WITHDRAWN, why))
        self.write(changes, events)
        return ClockCounts(withdrawn=withdrawn, stopped=len(changes) - withdrawn)

    def begin(self) -> Iterator[tuple[ClockCounts, list[tuple[int, datetime]]]]:
        """See to it, in portions, that a clock runs for each record that has a start and no stop.

        With each portion come its clocks that run on: (id, when it had stopped). A record that has none yet for that
        start, stopped or not, gets one; where its clock has stopped and there is no stop any more, the clock runs on:
        an acceptance that is taken back is asked about again, by the instant that it was due at.
        """
        full = True
        while full:
            rows = self.connection.execute(self._without_running_clock()).mappings().all()
            full = len(rows) == START_BATCH
            for portion in self.portions(self._stopped(rows)):
                yield self._resume(portion), [(row["id"], row["stopped_at"]) for row in portion]
            for portion in self.portions([row for row in rows if not row["stopped_clock"]]):
                yield self._start(portion), []

    def _without_running_clock(self) -> Select[Any]:
        """The records that have a start and lack the clock that they should have.

        One look for both kinds, as it goes over every record: one that has no stop lacks a running clock, any other
        lacks a clock.
        """
        c, record = _CLOCK.c, self.record.c
        same_record = and_(self.mine, self.joined)
        silent = and_(true(), *(or_(stop.is_(None), stop > self.now) for stop in self.stops))

        def clock(*which: ColumnElement[bool]) -> ColumnElement[bool]:
            return select(c.id).where(same_record, self.belongs, *which).correlate(self.record).exists()

        earlier = select(func.count()).select_from(_CLOCK).where(same_record).correlate(self.record).scalar_subquery()
        query = (
            select(record.source, record.id, self.owner.label("owner"), self.starts.label("start"))
            .add_columns(earlier.label("earlier"), clock().label("stopped_clock"))
            .add_columns(*(stop.label(f"stop_{number}") for number, stop in enumerate(self.stops)))
            .where(self.judged, record.deleted_at.is_(None))
            .where(*(column.in_(values) for column, values in self.conditions))
            .where(~case((silent, clock(_OPEN)), else_=clock()))
            .limit(START_BATCH)
        )
        if self.definition.since is None:
            # Nearly every record has started by now. Asked so, SQLite walks the table in its own order; through an
            # index on the start, it would jump about in it.
            return query.where((self.starts <= self.now).is_(true()))
        since = self.directory.organisation.calendar().subtract(self.now, self.definition.since)
        return query.where(self.starts <= self.now, or_(self.starts >= since, clock()))

    def _stopped(self, rows: Sequence[RowMapping]) -> list[RowMapping]:
        """The last stopped clock of each of these records' present start, where there is one."""
        c, last = _CLOCK.c, {}
        asked = select(*self.hands, c.state, c.stopped_at, c.held_by).join(self.record, self.joined)
        asked = asked.where(self.mine, ~_OPEN, self.belongs).order_by(c.started_at)
        for row in rows:
            if row["stopped_clock"]:
                of_record = asked.where(c.source == row["source"], c.record_id == row["id"])
                last.update({clock["id"]: clock for clock in self.connection.execute(of_record).mappings().all()[-1:]})
        return list(last.values())

    def _resume(self, rows: Sequence[RowMapping]) -> ClockCounts:
        changes, events = [], []
        for row in rows:
            state = ClockState.BREACHED if row["state"] == ClockState.BREACHED else ClockState.RUNNING
            changes.append({"of": row["id"], "state": state, "stopped_at": None})
            why = "applies again" if row["state"] == ClockState.WITHDRAWN else "no longer stopped"
            events.append(self.event(row["id"], What.RESUMED, why))
            if row["held_by"] != row["owner"]:
                self.handed_over.append(row)
        self.write(changes, events, stopped=True)
        return ClockCounts(resumed=len(changes))

    def _start(self, rows: Sequence[RowMapping]) -> ClockCounts:
        started, met, late, stopped_late = [], 0, 0, 0
        for row in rows:
            owner, start = row["owner"], row["start"]
            calendar = clock_definitions.calendar_for(self.definition, self.directory, row["source"], owner)
            due = due_at(start, self.definition.within, calendar)
            stopped = first_stop([row[f"stop_{number}"] for number in range(len(self.stops))], self.now)
            state = state_at(due, stopped, self.now)
            met += state is ClockState.MET
            late += state is ClockState.BREACHED
            stopped_late += state is ClockState.BREACHED and stopped is not None
            started.append(
                {
                    "clock": self.definition.id,
                    "object": self.definition.object,
                    "source": row["source"],
                    "record_id": row["id"],
                    "owner_id": owner,
                    "held_by": owner,
                    "started_at": start,
                    "due_at": due,
                    "stopped_at": None if stopped is None else max(start, stopped),
                    "state": state,
                    "episode": row["earlier"] + 1,
                    **columns_of(clock_definitions.terms(self.definition, calendar)),
                }
            )
        last = self.connection.scalar(select(func.max(_CLOCK.c.id))) or 0
        self.connection.execute(insert(_CLOCK), started)
        self._tell_started(last)
        return ClockCounts(started=len(started), met=met, breached=late, stopped=stopped_late)

    def _tell_started(self, last: int) -> None:
        """Write the events of the clocks that were just started, whose ids lie above `last`."""
        c = _CLOCK.c
        told = select(_EVENT.c.id).where(_EVENT.c.clock_id == c.id).exists()
        new = and_(c.id > last, self.mine, ~told)
        at = literal(self.now, _EVENT.c.at.type)
        begun = select(c.id, at, literal(What.STARTED.value), c.due_at).where(new)
        decided = select(c.id, at, c.state, null()).where(new, c.state != ClockState.RUNNING)
        ended = select(c.id, at, literal(What.STOPPED.value), null()).where(
            new, c.state == ClockState.BREACHED, c.stopped_at.is_not(None)
        )
        columns = ["clock_id", "at", "what", "new_due_at"]
        self.connection.execute(insert(_EVENT).from_select(columns, union_all(begun, decided, ended)))

    def restate(self) -> ClockCounts:
        """Work out anew when clocks are due whose calendar or deadline changed, or whose record has its first owner.

        A clock keeps the owner by whose calendar it is due: given to somebody in another zone, it runs on as it did.
        """
        c = _CLOCK.c
        running = select().join(self.record, self.joined).where(self.mine, _OPEN, c.state == ClockState.RUNNING)
        first_owner = func.coalesce(c.owner_id, self.owner)
        group = (c.source, c.owner_id, first_owner, c.within, c.calendar, c.calendar_version)
        # Who has an owner needs no look at its record; asked for distinct owners, SQLite would read every record.
        owned = select(c.source, c.owner_id, c.owner_id, c.within, c.calendar, c.calendar_version).distinct()
        owned = owned.where(self.mine, _OPEN, c.state == ClockState.RUNNING, c.owner_id.is_not(None))
        keys = [tuple(row) for row in self.connection.execute(owned)]
        unowned = running.add_columns(*group).where(c.owner_id.is_(None))
        keys += dict.fromkeys(tuple(row) for row in self.connection.execute(unowned))
        restated = 0
        for key in keys:
            source, old_owner, owner, *old = key
            calendar = clock_definitions.calendar_for(self.definition, self.directory, source, owner)
            old_terms, new = Terms(*old), clock_definitions.terms(self.definition, calendar)
            if old_owner == owner and old_terms == new:
                continue
            why = clock_definitions.why_restated(old_terms, new, owner_moved=old_owner != owner)
            same = (column.is_not_distinct_from(value) for column, value in zip(group, key, strict=True))
            rows = self.connection.execute(running.add_columns(c.id, c.started_at, c.due_at).where(*same)).all()
            for portion in self.portions(rows):
                changes, events = [], []
                for clock_id, started, due in portion:
                    new_due = due_at(started, self.definition.within, calendar)
                    changes.append({"of": clock_id, "owner_id": owner, "due_at": new_due, **columns_of(new)})
                    events.append(self.event(clock_id, What.RESTATED, why, due, new_due))
                self.write(changes, events)
            restated += len(rows)
        return ClockCounts(restated=restated)

    def breach(self) -> ClockCounts:
        """Mark the running clocks whose due instant has come."""
        c = _CLOCK.c
        late = self.connection.scalars(
            select(c.id).where(self.mine, _OPEN, c.state == ClockState.RUNNING, c.due_at <= self.now)
        ).all()
        for portion in self.portions(late):
            self.write(
                [{"of": clock_id, "state": ClockState.BREACHED} for clock_id in portion],
                [self.event(clock_id, What.BREACHED) for clock_id in portion],
            )
        return ClockCounts(breached=len(late))


def _why_withdrawn(*, gone: bool, moved: bool) -> str:
    if gone:
        return "record deleted"
    return "start moved" if moved else "no longer applies"
