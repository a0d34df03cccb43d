"""One small company behind every sandbox: a seeded, dated list of events, and its state as of any instant."""

from __future__ import annotations

from ros_sync.sandbox.world.company import START, STORY_MONDAY, WEEK_LATER, World
from ros_sync.sandbox.world.events import Change, Event, Row, Value, WorldState
from ros_sync.sandbox.world.exports import write_exports
from ros_sync.sandbox.world.names import COMPANY
from ros_sync.sandbox.world.people import Person

__all__ = [
    "COMPANY",
    "START",
    "STORY_MONDAY",
    "WEEK_LATER",
    "Change",
    "Event",
    "Person",
    "Row",
    "Value",
    "World",
    "WorldState",
    "write_exports",
]
