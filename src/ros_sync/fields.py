"""What kinds of value a field can have, and how a value of each kind is carried.

One vocabulary for connectors (what a column is turned into), the mirror (how it is stored) and rules (what can
be asked of it). The *stored* form is what both databases store and compare:

    kind      carried as                         in Python
    TEXT      str, never empty                   str
    NUMBER    int or float                       int or float
    BOOLEAN   bool                               bool
    DATE      str, ISO `2026-03-01`              datetime.date
    INSTANT   int, microseconds since 1970 UTC   datetime, aware, UTC
    MONEY     int, minor units; the currency     Money
              stands in a field of its own

A missing value is None in every kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from enum import StrEnum
from unicodedata import category

from ros_sync import clock

PythonValue = str | int | float | bool | date | datetime | None
StoredValue = str | int | float | bool | None

MAX_WHOLE = 2**63 - 1  # both databases keep whole numbers in 64 bits


# Unicode, "Bidirectional Algorithm", explicit formatting characters: what is shown differs from what is written.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ALLOWED = "\n"  # a text of several lines


class Kind(StrEnum):
    """The kinds of value."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Field:
    """A named field of a canonical object. `doc` is one line for the person who writes rules.

    `options` are the only texts that it can hold, whatever the CRM calls them; empty where it may hold any.
    """

    name: str
    kind: Kind
    doc: str = ""
    options: frozenset[str] = frozenset()

    def no_option(self, value: StoredValue) -> str | None:
        """Why a value cannot stand in this field; None where it is one of its options."""
        if not self.options or value is None or value in self.options:
            return None
        return f"{self.name} must be one of {', '.join(sorted(self.options))}; found {value!r}"


def to_stored(kind: Kind, value: object) -> StoredValue:
    """The stored form of a Python value of that kind (money: give its minor units)."""
    if value is None:
        return None
    if kind is Kind.INSTANT and isinstance(value, datetime):
        return clock.to_micros(value)
    if kind is Kind.DATE and isinstance(value, date):
        return value.isoformat()
    assert isinstance(value, str | int | float | bool), value
    return value


def from_stored(kind: Kind, value: StoredValue) -> PythonValue:
    """The Python value of a carried one (money: its minor units)."""
    if value is None:
        return None
    if kind is Kind.INSTANT:
        return clock.from_micros(int(value))
    if kind is Kind.DATE:
        return date.fromisoformat(str(value))
    if kind is Kind.BOOLEAN:
        return bool(value)
    return value


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean 'stage'?`, or a list of what there is when nothing is close."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names)}" if names else "nothing is known here"


def unprintable(text: str) -> str | None:
    """The first character that must not be written where people read it, in words; None where all may.

    Control characters (they steer terminals, or end a text), those that turn the direction of writing, and halves of
    characters. A line break may, also as Windows writes it.
    """
    for place, letter in enumerate(text, start=1):
        if letter in _ALLOWED or text.startswith("\r\n", place - 1):
            continue
        if category(letter) in ("Cc", "Cs") or letter in _DIRECTIONS:
            return f"a control character (U+{ord(letter):04X}, character {place})"
    return None
