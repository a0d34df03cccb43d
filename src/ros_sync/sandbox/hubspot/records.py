"""One record of the sandbox's HubSpot: its properties, their history, its associations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

Properties = dict[str, str | None]


class Entry(NamedTuple):
    """One value that a property had from `at` (milliseconds) on, and who set it."""

    at: int
    value: str
    source_type: str
    source_id: str | None
    user_id: int | None


@dataclass(slots=True)
class Record:
    """A record. Instants are milliseconds since 1970 UTC, as HubSpot keeps them; `links` are labels by type and id.

    What search knows of a record are its properties as they were: whoever changes them lays in a new dictionary first.
    """

    object_type: str
    id: str
    created_at: int
    updated_at: int
    properties: Properties = field(default_factory=dict)
    history: dict[str, list[Entry]] = field(default_factory=dict)
    archived_at: int | None = None
    links: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The id as HubSpot compares it."""
        return int(self.id)

    def set(self, name: str, value: str | None, entry: Entry) -> bool:
        """Give a property a value; False where it had it already."""
        if (self.properties.get(name) or "") == (value or ""):
            return False
        self.properties[name] = value
        self.history.setdefault(name, []).append(entry)
        return True


def iso(at: int) -> str:
    """Milliseconds as HubSpot writes an instant: `2026-03-02T09:00:00.123Z`."""
    return f"{_seconds(at // 1000)}.{at % 1000:03}Z"


@lru_cache(maxsize=65_536)
def _seconds(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def millis(at: datetime) -> int:
    """An aware instant as whole milliseconds."""
    return int(at.timestamp() * 1000 + 0.0005)


def read_instant(text: str) -> int:
    """Milliseconds or ISO 8601 (UTC where it names no zone) as milliseconds; ValueError for anything else."""
    if text.lstrip("-").isdigit():
        return int(text)
    at = datetime.fromisoformat(text)
    return millis(at if at.tzinfo else at.replace(tzinfo=UTC))


def joined(ids: Iterable[str]) -> str:
    """Ids as `hs_merged_object_ids` lists them."""
    return ";".join(sorted(ids, key=int))
