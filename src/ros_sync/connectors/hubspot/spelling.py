"""Whether HubSpot holds what was to be set: it writes instants, days, numbers, booleans and options in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ros_sync.connectors.hubspot.definitions import UNKNOWN, PropertyDefinition
from ros_sync.connectors.hubspot.values import instant

DAY_MICROS = 86_400_000_000
_TRUTHS: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def alike(held: Any, wanted: str, definition: PropertyDefinition | None) -> bool:
    """Whether both are one value of the property.

    Where nothing is known of it, of any type that both can be read as.
    """
    one, other = _text(held), _text(wanted)
    if one == other:
        return True
    if not one or not other:
        return False
    if definition is None or definition.type == UNKNOWN:
        return any(_same(reading, one, other) for reading in (_number, instant))
    reading = _READINGS.get(definition.type)
    return reading is not None and _same(reading, one, other)


def _text(value: Any) -> str:
    """Without what HubSpot takes off: blanks at the ends, and the two ways to end a line."""
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return "\n".join(text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n"))


def _same(reading: Callable[[str], object], one: str, other: str) -> bool:
    try:
        return reading(one) == reading(other)
    except (ValueError, InvalidOperation, KeyError):
        return False


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def _day(text: str) -> int:
    return int(instant(text) or 0) // DAY_MICROS


def _options(text: str) -> frozenset[str]:
    """Several are written one after the other, in any order: `A;B`, `;B;A`."""
    return frozenset(each.strip().casefold() for each in text.split(";") if each.strip())


def _truth(text: str) -> bool:
    return _TRUTHS[text.casefold()]


_READINGS: Mapping[str, Callable[[str], object]] = {
    "number": _number,
    "date": _day,
    "datetime": instant,
    "enumeration": _options,
    "bool": _truth,
}
