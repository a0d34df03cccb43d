"""Reading HubSpot's values: every property comes as a text, an empty one as null or "".

Each function gives the stored form (`ros_sync.fields`) and raises ValueError with a reason for people.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, DecimalException
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from ros_sync import money
from ros_sync.fields import MAX_WHOLE, Kind, StoredValue

MILLISECOND = 1_000  # in microseconds
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999, in microseconds
REMEMBERED = 20_000  # texts whose meaning is remembered; forgotten beyond, so that memory stays flat
_WHOLE_DIGITS = 15  # a whole number of so many digits fits in 64 bits
_MIDNIGHT = (0, 0, 0, 0)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(dict[K, V], Generic[K, V]):
    """What texts mean, each worked out once by `read`: looking up what repeats itself is quicker than any parsing."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[K], V]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: K) -> V:
        """Work it out and keep it."""
        if len(self) >= REMEMBERED:
            self.clear()
        value = self[key] = self._read(key)
        return value


def text(value: str) -> StoredValue:
    """A text; one of blanks alone is missing. Nought bytes, which PostgreSQL refuses, are left out."""
    return value.replace("\0", "").strip() or None


def number(value: str) -> StoredValue:
    """A number; a whole one as int."""
    try:
        if value.isdecimal() and value.isascii():
            return _whole(int(value))
        found = float(value)
    except ValueError:
        raise ValueError("is not a number") from None
    if not math.isfinite(found) or "_" in value:
        raise ValueError("is not a number")
    return found


def _whole(found: int) -> int:
    if abs(found) > MAX_WHOLE:
        raise ValueError("is too large a number")
    return found


def texts(cells: Sequence[str | None]) -> list[StoredValue]:
    """`text` of many at once; None stays None."""
    try:
        joined = "".join(cells)  # type: ignore[arg-type]  # a column without gaps is read without looking at each cell
    except TypeError:
        joined = "".join(filter(None, cells))
        found = [cell.strip() or None if cell else None for cell in cells]
    else:
        found = list(map(str.strip, cells))  # type: ignore[arg-type]  # as above
        if "" in found:
            found = [each or None for each in found]
    return [text(cell) if cell else None for cell in cells] if "\0" in joined else list(found)


def numbers(cells: Sequence[str | None]) -> list[StoredValue]:
    """`number` of many at once; None stays None, and so does an empty text."""
    if cells and all(cells):  # a column of nothing but short whole numbers is read without looking at each cell
        joined = "".join(cells)  # type: ignore[arg-type]  # no cell is None
        if joined.isascii() and joined.isdecimal() and max(map(len, cells)) <= _WHOLE_DIGITS:  # type: ignore[arg-type]
            return list(map(int, cells))  # type: ignore[arg-type]
    return [
        (int(cell) if len(cell) <= _WHOLE_DIGITS and cell.isdecimal() and cell.isascii() else number(cell))
        if cell
        else None
        for cell in cells
    ]


def boolean(value: str) -> StoredValue:
    """True or false."""
    lower = value.strip().lower()
    if lower not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return lower == "true"


def instant(value: str) -> StoredValue:
    """Milliseconds since 1970 UTC, or ISO 8601, as microseconds."""
    try:
        if value[-1:] == "Z" or not value.lstrip("-").isdigit():
            at = round(_aware(value).timestamp() * 1_000) * MILLISECOND
        else:
            at = int(value) * MILLISECOND
    except (ValueError, OverflowError):
        raise ValueError("is not a date and time") from None
    if not FIRST <= at <= LAST:
        raise ValueError("is not a date and time")
    return at


def _aware(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def day(zone: ZoneInfo) -> Callable[[str], StoredValue]:
    """A reader of days: midnight UTC is that day, any other instant the day that it falls on in the account's zone."""

    def read(value: str) -> StoredValue:
        try:
            if len(value) == 10:  # noqa: PLR2004  # 2026-03-31
                return datetime.fromisoformat(value).date().isoformat()
            if value.lstrip("-").isdigit():
                moment = datetime.fromtimestamp(int(value) / 1_000, UTC)
            else:
                moment = _aware(value).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            raise ValueError("is not a date") from None
        at_midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == _MIDNIGHT
        try:
            return (moment if at_midnight else moment.astimezone(zone)).date().isoformat()
        except OverflowError:  # the last day of the year 9999, in a zone that is ahead
            return moment.date().isoformat()

    return read


def minor_units(value: str, currency: str) -> StoredValue:
    """An amount in minor units of its currency; decimals beyond those of the currency are rounded half up."""
    if value.isdecimal() and value.isascii() and len(value) <= _WHOLE_DIGITS:
        return _whole(int(value) * int(10 ** money.exponent(currency)))
    try:
        # Numbers of more than 28 digits, NaN and infinities are refused here: nothing huge is ever built.
        scaled = Decimal(value).scaleb(money.exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    except DecimalException:
        raise ValueError("is not an amount") from None
    if not scaled.is_finite() or "_" in value:
        raise ValueError("is not an amount")
    return _whole(int(scaled))


def reader(kind: Kind, zone: ZoneInfo) -> Callable[[str], StoredValue]:
    """The reader for a kind of field other than money."""
    return {
        Kind.TEXT: text,
        Kind.NUMBER: number,
        Kind.BOOLEAN: boolean,
        Kind.INSTANT: instant,
        Kind.DATE: day(zone),
    }[kind]
