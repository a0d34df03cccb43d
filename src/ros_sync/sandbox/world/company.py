"""The world itself: what has happened in the company so far, and what its CRM holds at any instant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from ros_sync.sandbox.world import events as happenings
from ros_sync.sandbox.world.events import Change, Event, WorldState
from ros_sync.sandbox.world.people import Person, cast, organisation_yaml
from ros_sync.sandbox.world.simulation import Simulation

START = date(2025, 8, 18)
STORY_MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
WEEK_LATER = STORY_MONDAY + timedelta(days=7)


class World:
    """The company from `start` on. Days are simulated when somebody asks for them, each one once.

    `scale` makes it smaller (0.1) or larger (3) in accounts, deals and leads; its people stay the same. The same
    arguments give the same events on every machine, and no event depends on how far the world has been asked for.
    """

    def __init__(self, seed: int = 7, start: date = START, *, scale: float = 1.0) -> None:
        self.start = start
        self._people = cast(start)
        self._simulation = Simulation(seed, start, scale, self._people)
        self._events = self._simulation.founding()
        self._next_day = start

    def people(self) -> tuple[Person, ...]:
        """Everybody who works here or did, managers first."""
        return self._people

    def organisation_yaml(self, at: datetime = STORY_MONDAY) -> str:
        """The company as a `rules/organisation.yaml`, as it is at that instant."""
        return organisation_yaml(self._people, at.date())

    def events(self, since: datetime | None = None, until: datetime = STORY_MONDAY) -> Iterator[Event]:
        """What happened after `since` (default: ever) and up to `until`, in order."""
        self._run_until(until)
        first = bisect_right(self._events, since, key=_instant) if since else 0
        return iter(self._events[first : bisect_right(self._events, until, key=_instant)])

    def changes(self, until: datetime = STORY_MONDAY) -> Iterator[Change]:
        """Every property change up to `until`, in order, with old and new value and its author."""
        return happenings.changes(self.events(until=until))

    def state(self, at: datetime = STORY_MONDAY) -> WorldState:
        """What the CRM holds at that instant."""
        return happenings.replay(self.events(until=at), at)

    def _run_until(self, instant: datetime) -> None:
        while self._next_day <= instant.astimezone(UTC).date():
            self._events += self._simulation.run(self._next_day)
            self._next_day += timedelta(days=1)


def _instant(event: Event) -> datetime:
    return event.at
