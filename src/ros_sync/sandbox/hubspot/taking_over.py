"""What HubSpot makes of a write that it answers with 200: it may leave a value as it is, and workflows act at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ros_sync.sandbox.hubspot.records import Properties

LIFECYCLE = "lifecyclestage"
# HubSpot knowledge base, "Use lifecycle stages": the default ones in their order. Over the API a record moves forwards
# alone; to go back, the property is emptied first (developers' forum, "Update Lifecycle Stage Using API").
STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)


class Does(StrEnum):
    """What a workflow does when a property is written over the API."""

    IGNORE = "ignore"  # 200, and the value stays
    SET_BACK = "set_back"  # the value is written, and a workflow sets back what was there
    SET = "set"  # ... or another value


@dataclass(frozen=True, slots=True)
class Automation:
    """What happens when a property of a kind of records is written over the API; `value` is what is set instead."""

    does: Does
    value: str | None = None


class Automations:
    """The workflows of an account, by kind of record and property."""

    def __init__(self) -> None:
        self._by_property: dict[tuple[str, str], Automation] = {}

    def order(self, object_type: str, name: str, automation: Automation) -> None:
        """From now on let this happen when the property is written."""
        self._by_property[object_type, name] = automation

    def clear(self) -> None:
        """Let nothing happen any more."""
        self._by_property.clear()

    def taken_over(
        self, object_type: str, present: Properties, given: Properties, options: Mapping[str, int] | None = None
    ) -> Properties:
        """What of a write is taken over. `options` are the places of custom lifecycle stages, where there are any."""
        return {
            name: value
            for name, value in given.items()
            if not self._is_ignored(object_type, name)
            and not (name == LIFECYCLE and _is_backwards(present.get(name), value, options or {}))
        }

    def afterwards(self, object_type: str, before: Properties, given: Properties) -> Properties:
        """What workflows set once these properties have been written."""
        found: Properties = {}
        for name in given:
            automation = self._by_property.get((object_type, name))
            if automation is not None and automation.does is Does.SET_BACK:
                found[name] = before.get(name) or ""
            elif automation is not None and automation.does is Does.SET:
                found[name] = automation.value or ""
        return found

    def _is_ignored(self, object_type: str, name: str) -> bool:
        automation = self._by_property.get((object_type, name))
        return automation is not None and automation.does is Does.IGNORE


def _is_backwards(held: str | None, given: str | None, options: Mapping[str, int]) -> bool:
    places = options or {stage: place for place, stage in enumerate(STAGES)}
    if not held or not given or held not in places or given not in places:
        return False
    return places[given] < places[held]
