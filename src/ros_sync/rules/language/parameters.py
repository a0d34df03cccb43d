"""Parameters: the numbers that RevOps tunes, and how they vary from record to record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ros_sync.durations import Duration
from ros_sync.money import Money, is_currency
from ros_sync.rules.language.advice import value_advice
from ros_sync.rules.language.folding import MAX_NUMBER
from ros_sync.rules.language.numerals import FACTORS, check_one_reading
from ros_sync.rules.language.tree import Clause, Constant, Sort

MAX_SPAN_DAYS = 3_660  # ours: ten years; beyond it a duration is a slip of the pen
FIRST_YEAR, LAST_YEAR = 1900, 2999  # ours: beyond lies a slip of the pen
MAX_DECIMALS = 6  # ours

_SHOWN = 40  # characters
_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?)([km]?)")
_LONGEST = {"minute": 1440, "hour": 24, "day": 1, "week": 1 / 7, "business hour": 24, "business day": 1}


@dataclass(frozen=True, slots=True)
class Variant:
    """Other values for some parameters, for records on which `clause` holds. The clause itself names no parameter."""

    clause: Clause
    values: Mapping[str, Constant]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Values by name, and variants of which the first whose clause holds wins."""

    defaults: Mapping[str, Constant] = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()

    @property
    def environments(self) -> tuple[Mapping[str, Constant], ...]:
        """The values under each variant, in order, and last those of every other record."""
        return (*({**self.defaults, **variant.values} for variant in self.variants), self.defaults)

    def possible(self, name: str) -> tuple[Constant, ...]:
        """Every value that the parameter can have."""
        return tuple(environment[name] for environment in self.environments)


def cut(text: str) -> str:
    """A value as a message quotes it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def sort_of(value: Constant) -> Sort:
    """What a constant is."""
    match value:
        case bool():
            return Sort.BOOLEAN
        case Decimal():
            return Sort.NUMBER
        case Money():
            return Sort.MONEY
        case Duration():
            return Sort.DURATION
        case date():
            return Sort.DATE
        case _:
            return Sort.TEXT


def parameter_value(text: str) -> Constant:
    """Read a value as people write it under `params:`; what is nothing else is a text.

    Raises ValueError for a number, duration, date or amount that is out of bounds.
    """
    word = text.strip()
    if word in ("true", "false"):
        return word == "true"
    if _NUMBER.fullmatch(word):
        return read_number(word)
    if re.fullmatch(r"\d+\s+[a-z]+(\s+[a-z]+)?", word):
        return read_duration(word)
    if re.fullmatch(r"[+-]?\d+(\.\d+)?[km]?\s+[A-Z]{3}", word):
        return read_money(word)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word):
        return read_date(word)
    advice = value_advice(word) if len(word) <= _SHOWN and re.match(r"[\d€$£¥+-]", word) else None
    if advice:
        raise ValueError(f"{word!r} is not understood; {advice}")
    return text


def read_number(text: str, currency: str | None = None) -> Decimal:
    """`14`, `0.15`, `20k`, `1.5m`; ValueError where it is none, out of bounds, or can be read in two ways."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        advice = value_advice(text) if len(text) <= _SHOWN else None
        raise ValueError(f"{cut(text)!r} is not a number; {advice or 'write it like 14, 0.15, 20k or 1.5m'}")
    number = Decimal(match[1]) * FACTORS[match[2]]
    if abs(number) > MAX_NUMBER:
        raise ValueError(f"{cut(text)} is too large; at most {MAX_NUMBER:,}")
    shown = f"{text} {currency}" if currency else text
    check_one_reading(shown, match[1], FACTORS[match[2]], currency)
    if len(match[1].partition(".")[2]) > MAX_DECIMALS:
        raise ValueError(f"{cut(text)} has more than {MAX_DECIMALS} decimals")
    return number


def read_money(text: str) -> Money:
    """`20000 EUR`, `20k EUR`; ValueError where it is none, or can be read in two ways."""
    number, _, currency = text.strip().rpartition(" ")
    if not is_currency(currency) or not _NUMBER.fullmatch(number.strip()):
        advice = value_advice(text.strip()) if len(text) <= _SHOWN else None
        raise ValueError(f"{cut(text)!r} is not an amount of money; {advice or 'write it like 20000 EUR'}")
    return Money.of(read_number(number.strip(), currency), currency)


def read_date(text: str) -> date:
    """`2026-03-01`; ValueError names a day that the calendar does not have."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        advice = value_advice(text.strip()) if len(text) <= _SHOWN else None
        raise ValueError(f"{cut(text)} is not a day of the calendar; {advice or 'write it like 2026-03-01'}") from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{text} is out of range; the years {FIRST_YEAR} to {LAST_YEAR} can be asked about")
    return day


def read_duration(text: str) -> Duration:
    """`14 days`, `24 business hours`; ValueError where it is none or longer than ten years."""
    match = re.match(r"\d+", text.strip())
    if match is not None and len(match[0]) > len(str(MAX_NUMBER)):
        raise ValueError(f"{cut(text)} is too long; at most ten years")
    try:
        span = Duration.parse(text)
    except ValueError as error:
        advice = value_advice(text.strip()) if len(text) <= _SHOWN else None
        if advice is None:
            raise
        raise ValueError(f"{text!r} is not a duration; {advice}") from error
    if span.count / _LONGEST[span.unit] > MAX_SPAN_DAYS:
        raise ValueError(f"{text} is too long; at most ten years")
    return span
