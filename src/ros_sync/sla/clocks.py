"""Making the clocks match the mirror.

Each step is a set difference worked out by the database (records without a clock, open clocks whose record has a stop,
…); only what differs is looked at here, and a mirror in which nothing changed costs no write. Killing it anywhere
loses nothing: the caller's transaction holds all of it, and the next call does what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlmodel import Session

from ros_sync.errors import RuleError, Where
from ros_sync.mirror import catalogue
from ros_sync.organisation.people import Directory
from ros_sync.sla import definitions
from ros_sync.sla.definitions import ClockDefinition, Terms, due_at, first_stop, state_at
from ros_sync.sla.tables import SlaClock, SlaClockEvent, State, What

START_BATCH = 20_000  # clocks started at a time, so that a first import of a million records stays flat in memory

_CLOCK = SlaClock.metadata.tables["sla_clock"]
_EVENT = SlaClockEvent.metadata.tables["sla_clock_event"]
_OPEN = _CLOCK.c.stopped_at.is_(None)


@dataclass(frozen=True, slots=True)
class ClockCounts:
    """How many clocks something happened to."""

    started: int = 0
    met: int = 0
    breached: int = 0
    stopped: int = 0
    withdrawn: int = 0
    restated: int = 0

    def __add__(self, other: ClockCounts) -> ClockCounts:
        return ClockCounts(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __bool__(self) -> bool:
        return any(astuple(self))


def advance(
    on: Connection | Session,
    clocks: Iterable[ClockDefinition],
    directory: Directory,
    now: datetime,
    *,
    stale: Collection[str] = (),
) -> ClockCounts:
    """Start, stop, restate, withdraw and breach clocks until they match the mirror as of `now`.

    In this order: what has stopped is stopped (met where it stopped by its due instant, also when that is learnt
    late), what lost its record or its start is withdrawn, running clocks whose owner, calendar or deadline changed are
    restated, those past their due instant are breached, and records without a clock get one. A breached clock keeps
    the terms that it was breached under, and nothing that has stopped is opened again. Clocks of the sources named in
    `stale` stay as they are: a response that has not been read yet is no breach.

    Writes in the caller's transaction. Raises RuleError for a definition that cannot be used.
    """
    connection = on.connection() if isinstance(on, Session) else on
    counts = ClockCounts()
    for definition in clocks:
        wrong = definitions.problems(definition, directory.organisation)
        if wrong:
            raise RuleError(wrong[0], where=Where(key=f"{definition.id}.clock"))
        step = _Step(connection, definition, directory, now, stale)
        for act in (step.stop, step.withdraw, step.restate, step.breach, step.start):
            counts += act()
    return counts


def breached(definition: ClockDefinition, now: datetime | ColumnElement[Any]) -> Select[tuple[str, str]]:
    """The (source, record_id) of records whose clock is past its due instant and has not stopped.

    It compares instants, so a breach shows at its due instant, whether or not `advance` has run since.
    """
    return select(_CLOCK.c.source, _CLOCK.c.record_id).where(_of(definition), _OPEN, _CLOCK.c.due_at <= now)


def _of(definition: ClockDefinition) -> ColumnElement[bool]:
    return and_(_CLOCK.c.clock == definition.id, _CLOCK.c.object == definition.object)


class _Step:
    """One definition, laid on the mirror's columns, at one moment."""

    def __init__(
        self,
        connection: Connection,
        definition: ClockDefinition,
        directory: Directory,
        now: datetime,
        stale: Collection[str],
    ) -> None:
        self.connection = connection
        self.definition = definition
        self.directory = directory
        self.now = now
        mirrored = catalogue.objects()[definition.object]
        self.record: Table = mirrored.table
        self.mine = and_(_of(definition), _CLOCK.c.source.not_in(stale) if stale else true())
        self.judged = self.record.c.source.not_in(stale) if stale else true()
        column = {name: self.record.c[of_table] for name, of_table in mirrored.columns.items()}
        self.starts = column[definition.starts]
        self.stops = [column[name] for name in definition.stops]
        self.owner: ColumnElement[Any] = null()
        if "owner" in column:
            # Where nobody is known by the owner that the CRM names, the name stands for the id.
            self.owner = func.coalesce(column["owner"], self.record.c.owner_named)
        self.conditions = [(column[name], values) for name, values in definition.only_if]
        self.joined = and_(_CLOCK.c.source == self.record.c.source, _CLOCK.c.record_id == self.record.c.id)

    def stop(self) -> ClockCounts:
        """Stop the open clocks whose record has a stop; they are met or breached by its instant."""
        c = _CLOCK.c
        rows = self.connection.execute(
            select(c.id, c.started_at, c.due_at, c.state, self.starts.label("start"), *self.stops)
            .join(self.record, self.joined)
            .where(self.mine, _OPEN, or_(*(stop <= self.now for stop in self.stops)))
        ).all()
        changes, events, met, late = [], [], 0, 0
        for clock_id, started, due, state, start, *stops in rows:
            stopped = first_stop(stops, self.now)
            assert stopped is not None
            if start is not None and start != started and stopped >= start:
                continue  # the stop belongs to the clock of the new start; this one is withdrawn
            outcome = state_at(due, stopped, self.now)
            changes.append({"of": clock_id, "state": outcome, "stopped_at": max(started, stopped)})
            if outcome is State.MET:
                met += 1
                why = "the stop was learnt of late" if state == State.BREACHED else None
                events.append(self._event(clock_id, What.MET, why))
                continue
            if state != State.BREACHED:
                late += 1
                events.append(self._event(clock_id, What.BREACHED))
            events.append(self._event(clock_id, What.STOPPED))
        self._write(changes, events)
        return ClockCounts(met=met, breached=late, stopped=len(changes) - met)

    def withdraw(self) -> ClockCounts:
        """Stop the open clocks whose record is deleted or no longer has the start, or the values, that they rest on."""
        c, record = _CLOCK.c, self.record.c
        unfit = [or_(column.is_(None), column.not_in(values)) for column, values in self.conditions]
        rows = self.connection.execute(
            select(c.id, c.state, c.started_at, record.id, record.deleted_at, self.starts.label("start"))
            .join(self.record, self.joined, isouter=True)
            .where(
                self.mine,
                _OPEN,
                or_(
                    record.id.is_(None),
                    record.deleted_at.is_not(None),
                    self.starts.is_distinct_from(c.started_at),
                    *unfit,
                ),
            )
        ).all()
        changes, events, withdrawn = [], [], 0
        for clock_id, state, started, record_id, deleted, start in rows:
            stands = state == State.BREACHED
            withdrawn += not stands
            stopped = max(started, min(deleted or self.now, self.now))
            outcome = State.BREACHED if stands else State.WITHDRAWN
            changes.append({"of": clock_id, "state": outcome, "stopped_at": stopped})
            why = _why_withdrawn(gone=record_id is None or deleted is not None, moved=start != started)
            events.append(self._event(clock_id, What.STOPPED if stands else What.WITHDRAWN, why))
        self._write(changes, events)
        return ClockCounts(withdrawn=withdrawn, stopped=len(changes) - withdrawn)

    def restate(self) -> ClockCounts:
        """Work out anew when running clocks are due whose owner, calendar or deadline changed."""
        c = _CLOCK.c
        running = select().join(self.record, self.joined).where(self.mine, _OPEN, c.state == State.RUNNING)
        group = (c.source, c.owner_id, self.owner, c.within, c.calendar, c.calendar_version)
        restated = 0
        for key in self.connection.execute(running.add_columns(*group).distinct()).all():
            source, old_owner, owner, *old = key
            calendar = definitions.calendar_for(self.definition, self.directory, source, owner)
            old_terms, new = Terms(*old), definitions.terms(self.definition, calendar)
            if old_owner == owner and old_terms == new:
                continue
            why = definitions.why_restated(old_terms, new, owner_moved=old_owner != owner)
            same = (column.is_not_distinct_from(value) for column, value in zip(group, key, strict=True))
            changes, events = [], []
            for clock_id, started, due in self.connection.execute(
                running.add_columns(c.id, c.started_at, c.due_at).where(*same)
            ):
                new_due = due_at(started, self.definition.within, calendar)
                changes.append({"of": clock_id, "owner_id": owner, "due_at": new_due, **_columns(new)})
                events.append(self._event(clock_id, What.RESTATED, why, due, new_due))
            self._write(changes, events)
            restated += len(changes)
        return ClockCounts(restated=restated)

    def breach(self) -> ClockCounts:
        """Mark the running clocks whose due instant has come."""
        c = _CLOCK.c
        late = self.connection.scalars(
            select(c.id).where(self.mine, _OPEN, c.state == State.RUNNING, c.due_at <= self.now)
        ).all()
        self._write(
            [{"of": clock_id, "state": State.BREACHED} for clock_id in late],
            [self._event(clock_id, What.BREACHED) for clock_id in late],
        )
        return ClockCounts(breached=len(late))

    def start(self) -> ClockCounts:
        """Start a clock for each record that has a start, and none for that start yet."""
        counts, rows = ClockCounts(), self.connection.execute(self._without_clock()).all()
        while rows:
            counts += self._start(rows)
            rows = self.connection.execute(self._without_clock()).all() if len(rows) == START_BATCH else []
        return counts

    def _without_clock(self) -> Select[Any]:
        c, record = _CLOCK.c, self.record.c
        same_record = and_(self.mine, self.joined)
        earlier = select(func.count()).select_from(_CLOCK).where(same_record).correlate(self.record).scalar_subquery()
        query = (
            select(record.source, record.id, self.owner, self.starts, earlier, *self.stops)
            .where(self.judged, record.deleted_at.is_(None), self.starts <= self.now)
            .where(*(column.in_(values) for column, values in self.conditions))
            .where(~select(c.id).where(same_record, c.started_at == self.starts).correlate(self.record).exists())
            .limit(START_BATCH)
        )
        if self.definition.since is None:
            return query
        return query.where(
            self.starts >= self.directory.organisation.calendar().subtract(self.now, self.definition.since)
        )

    def _start(self, rows: Sequence[Sequence[Any]]) -> ClockCounts:
        started, met, late, stopped_late = [], 0, 0, 0
        for row in rows:
            source, record_id, owner, start, earlier, *stops = row
            calendar = definitions.calendar_for(self.definition, self.directory, source, owner)
            due = due_at(start, self.definition.within, calendar)
            stopped = first_stop(stops, self.now)
            state = state_at(due, stopped, self.now)
            met += state is State.MET
            late += state is State.BREACHED
            stopped_late += state is State.BREACHED and stopped is not None
            started.append(
                {
                    "clock": self.definition.id,
                    "object": self.definition.object,
                    "source": source,
                    "record_id": record_id,
                    "owner_id": owner,
                    "started_at": start,
                    "due_at": due,
                    "stopped_at": None if stopped is None else max(start, stopped),
                    "state": state,
                    "episode": earlier + 1,
                    **_columns(definitions.terms(self.definition, calendar)),
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
        decided = select(c.id, at, c.state, null()).where(new, c.state != State.RUNNING)
        ended = select(c.id, at, literal(What.STOPPED.value), null()).where(
            new, c.state == State.BREACHED, c.stopped_at.is_not(None)
        )
        columns = ["clock_id", "at", "what", "new_due_at"]
        self.connection.execute(insert(_EVENT).from_select(columns, union_all(begun, decided, ended)))

    def _event(
        self,
        clock_id: int,
        what: What,
        why: str | None = None,
        old_due: datetime | None = None,
        new_due: datetime | None = None,
    ) -> dict[str, Any]:
        return {
            "clock_id": clock_id,
            "at": self.now,
            "what": what,
            "why": why,
            "old_due_at": old_due,
            "new_due_at": new_due,
        }

    def _write(self, changes: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
        if changes:
            names = [name for name in changes[0] if name != "of"]
            change = update(_CLOCK).where(_CLOCK.c.id == bindparam("of"), _OPEN)
            self.connection.execute(
                change.values({name: bindparam(f"new_{name}") for name in names}),
                [{"of": values["of"], **{f"new_{name}": values[name] for name in names}} for values in changes],
            )
        if events:
            self.connection.execute(insert(_EVENT), events)


def _columns(terms: Terms) -> dict[str, str | None]:
    return {"within": terms.within, "calendar": terms.calendar, "calendar_version": terms.calendar_version}


def _why_withdrawn(*, gone: bool, moved: bool) -> str:
    if gone:
        return "record deleted"
    return "start moved" if moved else "no longer applies"
