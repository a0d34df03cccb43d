"""What was changed, so that what follows from it can be worked out."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Applied:
    """What was changed that derived values may rest on: `rows` of the stream, and `ends` (stream, id) of links."""

    rows: set[str] = field(default_factory=set)
    ends: set[tuple[str, str]] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.rows or self.ends)
