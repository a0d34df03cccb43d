"""Deciding who is told of an alert: when a route comes due, whom it leads to, and whether they know already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ros_sync.durations import Duration
from ros_sync.organisation.people import Directory
from ros_sync.organisation.routing import Recipient, RecordOwner, route
from ros_sync.rules.language import Moment

NOBODY = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who is noted as told of an alert by a route, and why: a recipient's key, or NOBODY where it leads to none.

    `needs_message` says that they do not know of it yet, `found` that the route led to nobody until now.
    """

    recipient: str
    reason: str
    needs_message: bool = False
    found: bool = False


def decide(route_key: str, recipient: Recipient, told: Mapping[str, Collection[str]]) -> Decision | None:
    """What a route that is due means for an alert; None where nothing is new. `told` is who knows of it, by route."""
    before = told.get(route_key, ())
    if recipient.key is None:
        return None if NOBODY in before else Decision(NOBODY, recipient.reason)
    if recipient.key in before:
        return None
    knows = any(recipient.key in people for people in told.values())
    reason = f"{recipient.reason}; already notified" if knows else recipient.reason
    return Decision(recipient.key, reason, needs_message=not knows, found=NOBODY in before)


@dataclass(slots=True)
class RouteCache:
    """Whom routes lead to and when they come due at a moment, each worked out once."""

    directory: Directory
    moment: Moment
    _recipients: dict[tuple[str, RecordOwner | None], Recipient] = field(default_factory=dict)
    _due_at: dict[tuple[datetime, Duration], datetime] = field(default_factory=dict)

    def recipient(self, to: str, owner: RecordOwner | None) -> Recipient:
        """Whom a route leads to; worked out once for each owner."""
        key = (to, owner)
        if key not in self._recipients:
            self._recipients[key] = route(to, owner, self.directory)
        return self._recipients[key]

    def comes_due(self, opened_at: datetime, after: Duration | None) -> datetime:
        """When a route comes due; worked out once for each instant, as many alerts open at one."""
        if after is None:
            return opened_at
        key = (opened_at, after)
        if key not in self._due_at:
            self._due_at[key] = self.moment.shift(opened_at, after, 1)
        return self._due_at[key]
