"""What fields a condition may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ros_sync.fields import Field


@dataclass(frozen=True, slots=True)
class Schema:
    """Fields by name, which of the money fields are in the company's own currency, and that currency where known.

    `name` is what messages call the object (`deal`). Without `home_currency`, a condition that names another
    currency is refused when it is run instead of when it is parsed. `several` are texts of several options, parted by
    `;`.
    """

    name: str
    fields: Mapping[str, Field]
    home_money: frozenset[str] = field(default_factory=frozenset)
    home_currency: str | None = None
    several: frozenset[str] = field(default_factory=frozenset)
