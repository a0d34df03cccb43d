"""A clock's definition laid on the mirror's columns at one moment, and how what happened to clocks is written down."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    bindparam,
    func,
    insert,
    null,
    or_,
    true,
    update,
)
from sqlmodel import Session

from ros_sync.mirror import catalogue
from ros_sync.mirror.portions import PORTION
from ros_sync.mirror.records import records_of
from ros_sync.organisation.people import Directory
from ros_sync.sla.clock_definitions import ClockDefinition, Terms
from ros_sync.sla.tables import SlaClock, SlaClockEvent, SlaOwnerClock, What

CLOCK = SlaClock.metadata.tables["sla_clock"]
OWNER_CLOCK = SlaOwnerClock.metadata.tables["sla_owner_clock"]
EVENT = SlaClockEvent.metadata.tables["sla_clock_event"]
OPEN = CLOCK.c.stopped_at.is_(None)
OWNER_OPEN = OWNER_CLOCK.c.stopped_at.is_(None)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClockCounts:
    """How many clocks, of teams and of owners, something happened to."""

    started: int = 0
    met: int = 0
    breached: int = 0
    stopped: int = 0
    withdrawn: int = 0
    restated: int = 0
    resumed: int = 0

    def __add__(self, other: ClockCounts) -> ClockCounts:
        return ClockCounts(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __bool__(self) -> bool:
        return any(astuple(self))


class Laid:
    """One definition, laid on the mirror's columns, at one moment."""

    def __init__(
        self,
        on: Connection | Session,
        definition: ClockDefinition,
        directory: Directory,
        now: datetime,
        stale: Collection[str],
        portion_done: Callable[[], None],
    ) -> None:
        self._on = on
        self._portion_done = portion_done
        self.definition = definition
        self.directory = directory
        self.now = now
        self.stale = stale
        mirrored = catalogue.objects()[definition.object]
        self.record = records_of(definition.object)
        self.mine = and_(of(definition), CLOCK.c.source.not_in(stale) if stale else true())
        self.judged = self.record.c.source.not_in(stale) if stale else true()
        self.column = {name: self.record.c[of_table] for name, of_table in mirrored.columns.items()}
        self.starts = self.column[definition.starts]
        self.stops = [self.column[name] for name in definition.stops]
        self.owner: ColumnElement[Any] = null()
        if "owner" in self.column:
            # Where nobody is known by the owner that the CRM names, the name stands for the id.
            self.owner = func.coalesce(self.column["owner"], self.record.c.owner_named)
        self.conditions = [(self.column[name], values) for name, values in definition.only_if]
        self.joined = and_(CLOCK.c.source == self.record.c.source, CLOCK.c.record_id == self.record.c.id)
        assigned = self.record.c.get("assigned_at", null())
        key = (CLOCK.c.id, CLOCK.c.source, CLOCK.c.record_id, CLOCK.c.started_at)
        self.hands = (*key, self.owner.label("owner"), assigned.label("assigned"))
        self.changed_hands = CLOCK.c.held_by.is_distinct_from(self.owner)
        self.handed_over: list[RowMapping] = []  # `hands` of team's clocks whose record has another owner by now

    @property
    def connection(self) -> Connection:
        """The connection of the transaction that is open now."""
        return self._on.connection() if isinstance(self._on, Session) else self._on

    def portions(self, rows: Sequence[T]) -> Iterator[Sequence[T]]:
        """As many rows at a time as are written in one transaction, which ends when they have been dealt with."""
        for start in range(0, len(rows), PORTION):
            yield rows[start : start + PORTION]
            self._portion_done()

    def moved(self, start: datetime | None, started: datetime) -> bool:
        """Whether a clock that started at `started` no longer belongs to its record's `start`.

        The team's clock runs on over a re-assignment, so a later assignment, or one taken back, moves nothing.
        """
        if self.definition.by_assignment:
            return start is not None and start < started
        return start != started

    @property
    def start_moved(self) -> ColumnElement[bool]:
        """`moved`, as the database asks it of its open clocks."""
        if self.definition.by_assignment:
            return self.starts < CLOCK.c.started_at
        return self.starts.is_distinct_from(CLOCK.c.started_at)

    @property
    def belongs(self) -> ColumnElement[bool]:
        """Whether a clock, open or stopped, is that of its record's present start.

        With an assignment it is, unless the record was assigned anew after the clock had stopped.
        """
        if self.definition.by_assignment:
            within = or_(OPEN, CLOCK.c.stopped_at >= self.starts)
            return and_(CLOCK.c.started_at <= self.starts, within)
        return CLOCK.c.started_at == self.starts

    def event(
        self,
        clock_id: int,
        what: What,
        why: str | None = None,
        old_due: datetime | None = None,
        new_due: datetime | None = None,
        *,
        owner_clock_id: int | None = None,
    ) -> dict[str, Any]:
        """Something that happened to a team's clock, or to an owner's beside it, as it is kept."""
        return {
            "clock_id": clock_id,
            "owner_clock_id": owner_clock_id,
            "at": self.now,
            "what": what,
            "why": why,
            "old_due_at": old_due,
            "new_due_at": new_due,
        }

    def write(
        self,
        changes: Sequence[dict[str, Any]],
        events: Sequence[dict[str, Any]],
        table: Table = CLOCK,
        *,
        stopped: bool = False,
    ) -> None:
        """Write changes of open clocks (or of `stopped` ones; `of` is a clock's id) and what happened to them."""
        if changes:
            names = [name for name in changes[0] if name != "of"]
            self.connection.execute(
                update(table)
                .where(
                    table.c.id == bindparam("of"),
                    table.c.stopped_at.is_not(None) if stopped else table.c.stopped_at.is_(None),
                )
                .values({name: bindparam(f"new_{name}") for name in names}),
                [{"of": values["of"], **{f"new_{name}": values[name] for name in names}} for values in changes],
            )
        if events:
            self.connection.execute(insert(EVENT), list(events))


def of(definition: ClockDefinition) -> ColumnElement[bool]:
    """The team's clocks of a definition."""
    return and_(CLOCK.c.clock == definition.id, CLOCK.c.object == definition.object)


def columns_of(terms: Terms) -> dict[str, str | None]:
    """The terms of a clock, under the names of its columns."""
    return {"within": terms.within, "calendar": terms.calendar, "calendar_version": terms.calendar_version}
