"""The clocks of owners that a record was handed over to, beside the team's (domain.md 4).

The team's clock runs on when a record changes hands; the new owner's starts when they got it. It ends with the team's
clock, or when the record goes to somebody else, and is kept either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, insert, select

from ros_sync.mirror.portions import chunks
from ros_sync.mirror.records import changes_of
from ros_sync.sla import clock_definitions
from ros_sync.sla.clock_definitions import Terms, due_at, handed_over_at, state_at
from ros_sync.sla.laid import CLOCK, OPEN, OWNER_CLOCK, OWNER_OPEN, ClockCounts, Laid, columns_of
from ros_sync.sla.tables import ClockState, What

OWNER_MOVED = "owner moved"
_OWNERS = ("owner_id", "owner_named")
_ASSIGNED = "assigned_at"
_TICK = timedelta(microseconds=1)  # two owners never got a record at one instant
_O = OWNER_CLOCK.c


class _Seen(NamedTuple):
    """When a record was last seen to change hands, and to be assigned."""

    owner: datetime | None = None
    assigned: datetime | None = None


class OwnerClocks(Laid):
    """The owners' clocks of one definition."""

    @property
    def owners(self) -> ColumnElement[bool]:
        """The owners' clocks of this definition, less those of stale sources."""
        mine = and_(_O.clock == self.definition.id, _O.object == self.definition.object)
        return and_(mine, _O.source.not_in(self.stale)) if self.stale else mine

    def stop(self) -> ClockCounts:
        """Stop the clocks whose team's clock was stopped by its record: each by its own due instant."""
        changes, events, met, late = [], [], 0, 0
        for row in self._ended():
            stopped = max(row["started_at"], row["team_stopped_at"])
            outcome = state_at(row["due_at"], stopped, self.now)
            changes.append({"of": row["id"], "state": outcome, "stopped_at": stopped})
            if outcome is ClockState.MET:
                met += 1
                events.append(self._happened(row, What.MET))
                continue
            if row["state"] != ClockState.BREACHED:
                late += 1
                events.append(self._happened(row, What.BREACHED))
            events.append(self._happened(row, What.STOPPED))
        self.write(changes, events, OWNER_CLOCK)
        return ClockCounts(met=met, breached=late, stopped=len(changes) - met)

    def withdraw(self) -> ClockCounts:
        """Stop the clocks whose team's clock was withdrawn."""
        return self._withdraw(self._ended(), None)

    def resume(self, stopped: Sequence[tuple[int, datetime]]) -> ClockCounts:
        """Let the clocks run on that stopped with a team's clock (its id, when it had stopped) that runs on.

        Where the record has another owner by now, the last one's stays as it ended.
        """
        changes, events = [], []
        for team_id, stopped_at in stopped:
            query = select(_O.id, _O.team_clock_id, _O.state).join(CLOCK, CLOCK.c.id == _O.team_clock_id)
            query = query.join(self.record, self.joined)
            same = and_(
                _O.team_clock_id == team_id,
                _O.stopped_at >= stopped_at,
                _O.owner_id == CLOCK.c.held_by,
                _O.owner_id == self.owner,
            )
            for row in self.connection.execute(query.where(same).order_by(_O.started_at.desc()).limit(1)).mappings():
                state = ClockState.BREACHED if row["state"] == ClockState.BREACHED else ClockState.RUNNING
                changes.append({"of": row["id"], "state": state, "stopped_at": None})
                events.append(self._happened(row, What.RESUMED))
        self.write(changes, events, OWNER_CLOCK, stopped=True)
        return ClockCounts(resumed=len(changes))

    def hand_over(self, moved: Sequence[RowMapping]) -> ClockCounts:
        """End the clocks of owners whose record went to somebody else, whose own clock starts.

        `moved` are the open clocks of teams (`Laid.hands`) whose record has another owner than at the last look.
        """
        counts = ClockCounts()
        for portion in self.portions(moved):
            teams = [int(row["id"]) for row in portion]
            counts += self._withdraw(self._of_teams(teams, OWNER_OPEN), OWNER_MOVED)
            counts += self._begin(portion, self._last_starts(teams), self._seen(portion))
            self.write([{"of": row["id"], "held_by": row["owner"]} for row in portion], [])
        return counts

    def restate(self) -> ClockCounts:
        """Work out anew when running clocks are due whose calendar or deadline changed."""
        group = (_O.source, _O.owner_id, _O.within, _O.calendar, _O.calendar_version)
        running = select().where(self.owners, OWNER_OPEN, _O.state == ClockState.RUNNING)
        restated = 0
        for key in self.connection.execute(running.add_columns(*group).distinct()).all():
            source, owner, *old = key
            calendar = clock_definitions.calendar_for(self.definition, self.directory, source, owner)
            old_terms, new = Terms(*old), clock_definitions.terms(self.definition, calendar)
            if old_terms == new:
                continue
            why = clock_definitions.why_restated(old_terms, new, owner_moved=False)
            same = (column.is_not_distinct_from(value) for column, value in zip(group, key, strict=True))
            asked = running.add_columns(_O.id, _O.team_clock_id, _O.started_at, _O.due_at).where(*same)
            rows = self.connection.execute(asked).mappings().all()
            for portion in self.portions(rows):
                changes, events = [], []
                for row in portion:
                    due = due_at(row["started_at"], self.definition.within, calendar)
                    changes.append({"of": row["id"], "due_at": due, **columns_of(new)})
                    events.append(self._happened(row, What.RESTATED, why, row["due_at"], due))
                self.write(changes, events, OWNER_CLOCK)
            restated += len(rows)
        return ClockCounts(restated=restated)

    def breach(self) -> ClockCounts:
        """Mark the running clocks whose due instant has come."""
        query = select(_O.id, _O.team_clock_id).where(self.owners, OWNER_OPEN, _O.state == ClockState.RUNNING)
        late = self.connection.execute(query.where(_O.due_at <= self.now)).mappings().all()
        for portion in self.portions(late):
            changes = [{"of": row["id"], "state": ClockState.BREACHED} for row in portion]
            self.write(changes, [self._happened(row, What.BREACHED) for row in portion], OWNER_CLOCK)
        return ClockCounts(breached=len(late))

    # ---- what these are made of

    def _ended(self) -> Sequence[RowMapping]:
        """The open clocks whose team's clock has stopped."""
        return self.connection.execute(self._asked().where(self.owners, OWNER_OPEN, ~OPEN)).mappings().all()

    def _of_teams(self, teams: Sequence[int], which: ColumnElement[bool]) -> Iterable[RowMapping]:
        for chunk in chunks(teams):
            query = self._asked().where(_O.team_clock_id.in_(chunk), which)
            yield from self.connection.execute(query).mappings().all()

    @staticmethod
    def _asked() -> Select[Any]:
        columns = (
            _O.id,
            _O.team_clock_id,
            _O.state,
            _O.started_at,
            _O.due_at,
            CLOCK.c.stopped_at.label("team_stopped_at"),
        )
        return select(*columns).join(CLOCK, CLOCK.c.id == _O.team_clock_id)

    def _withdraw(self, rows: Iterable[RowMapping], why: str | None) -> ClockCounts:
        """Stop clocks that are neither met nor breached by that; a breach stands."""
        changes, events, withdrawn = [], [], 0
        for row in rows:
            stands = row["state"] == ClockState.BREACHED
            withdrawn += not stands
            stopped = max(row["started_at"], row["team_stopped_at"] or self.now)
            changes.append(
                {"of": row["id"], "state": row["state"] if stands else ClockState.WITHDRAWN, "stopped_at": stopped}
            )
            events.append(self._happened(row, What.STOPPED if stands else What.WITHDRAWN, why))
        self.write(changes, events, OWNER_CLOCK)
        return ClockCounts(withdrawn=withdrawn, stopped=len(changes) - withdrawn)

    def _begin(
        self, moved: Sequence[RowMapping], last: dict[int, datetime], seen: dict[tuple[str, str], _Seen]
    ) -> ClockCounts:
        """Start a clock for each record's new owner; nobody's has none, and the first owner's is the team's."""
        rows, late = [], 0
        for row in moved:
            source, owner = row["source"], row["owner"]
            if owner is None:
                continue
            since = last.get(row["id"], row["started_at"])
            told = seen.get((source, row["record_id"]), _Seen())
            assigned = row["assigned"] if _moved_along(told) else None
            start = handed_over_at(assigned, told.owner, since, self.now)
            if start == row["started_at"]:
                continue
            if start <= since:  # of the hand-over before: nobody dated this one
                start = max(self.now, since + _TICK)
            calendar = clock_definitions.calendar_for(self.definition, self.directory, source, owner)
            due = due_at(start, self.definition.within, calendar)
            state = state_at(due, None, self.now)
            late += state is ClockState.BREACHED
            of_record = {"clock": self.definition.id, "object": self.definition.object, "record_id": row["record_id"]}
            of_owner = {"team_clock_id": row["id"], "source": source, "owner_id": owner, "started_at": start}
            terms = columns_of(clock_definitions.terms(self.definition, calendar))
            rows.append({**of_record, **of_owner, "due_at": due, "state": state, **terms})
        if rows:
            before = self.connection.scalar(select(func.max(_O.id))) or 0
            self.connection.execute(insert(OWNER_CLOCK), rows)
            self._tell_started(before)
        return ClockCounts(started=len(rows), breached=late)

    def _tell_started(self, before: int) -> None:
        """Write the events of the clocks that were just started, whose ids lie above `before`."""
        asked = select(_O.id, _O.team_clock_id, _O.state, _O.due_at)
        events = []
        for row in self.connection.execute(asked.where(self.owners, _O.id > before).order_by(_O.id)).mappings():
            events.append(self._happened(row, What.STARTED, OWNER_MOVED, None, row["due_at"]))
            if row["state"] == ClockState.BREACHED:
                events.append(self._happened(row, What.BREACHED))
        self.write([], events)

    def _last_starts(self, teams: Sequence[int]) -> dict[int, datetime]:
        """When the last owner's clock beside each of these team's clocks started, where there was one."""
        last: dict[int, datetime] = {}
        for chunk in chunks(teams):
            query = select(_O.team_clock_id, func.max(_O.started_at)).where(_O.team_clock_id.in_(chunk))
            last.update((row[0], row[1]) for row in self.connection.execute(query.group_by(_O.team_clock_id)))
        return last

    def _seen(self, moved: Sequence[RowMapping]) -> dict[tuple[str, str], _Seen]:
        """By source and record, when it was last seen to change hands and to be assigned."""
        by_source: dict[str, list[str]] = {}
        for row in moved:
            by_source.setdefault(row["source"], []).append(row["record_id"])
        found: dict[tuple[str, str], _Seen] = {}
        change = changes_of(self.definition.object).c
        for source, ids in by_source.items():
            for chunk in chunks(ids):
                query = select(change.record_id, change.field, func.max(change.at)).where(
                    change.source == source,
                    change.record_id.in_(chunk),
                    change.field.in_((*_OWNERS, _ASSIGNED)),
                    change.at <= self.now,
                )
                for record_id, field, at in self.connection.execute(query.group_by(change.record_id, change.field)):
                    told = found.get((source, record_id), _Seen())
                    if field == _ASSIGNED:
                        told = told._replace(assigned=at)
                    else:
                        told = told._replace(owner=max(filter(None, (told.owner, at))))
                    found[source, record_id] = told
        return found

    def _happened(
        self,
        row: RowMapping,
        what: What,
        why: str | None = None,
        old_due: datetime | None = None,
        new_due: datetime | None = None,
    ) -> dict[str, Any]:
        return self.event(row["team_clock_id"], what, why, old_due, new_due, owner_clock_id=row["id"])


def _moved_along(seen: _Seen) -> bool:
    """Whether the CRM's assignment was set anew with the owner, or nobody saw either change."""
    return seen.owner is None or (seen.assigned is not None and seen.assigned >= seen.owner)
