"""Reading the cells of an export: numbers, amounts and booleans, strictly by the style that the mapping declares.

A cell that can be read in two ways is refused with what to set, never guessed. Every function takes text that is
stripped and not empty, returns the stored form (`ros_sync.fields`) and raises ValueError with a reason for people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from ros_sync import money
from ros_sync.fields import MAX_WHOLE, did_you_mean

MAX_NUMBER_CHARS = 100  # no honest number is longer, and int() of a very long text takes time
GROUP = 3  # digits between two signs of thousands
_FAST_DIGITS = 14  # so many digits stay below MAX_WHOLE also as minor units of four decimals

# What stands for one declared thousands separator in real files: typographic spaces and apostrophes.
_THOUSANDS_ALIKE = {" ": " \u00a0\u202f", "'": "'\u2019"}
_MINUS: Final = "\u2212"  # the typographic minus sign

# One to three digits, a sign, three digits: thousands in one half of the world, a fraction in the other.
_TWO_WAYS = re.compile(rf"[^\d.,]*(?P<whole>[1-9]\d{{0,2}})(?P<sign>[.,])(?P<part>\d{{{GROUP}}})[^\d.,]*", re.ASCII)
_SIGNS = {".": "point", ",": "comma"}

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How numbers are written: the decimal sign, and the sign between groups of three digits (None: no groups).

    Where nobody `declared` it, `1.234` and `1,234` can each be read in two ways.
    """

    decimal: str = "."
    thousands: str | None = ","
    declared: bool = False

    @property
    def example(self) -> str:
        """`1,234.50` in this style."""
        return f"1{self.thousands or ''}234{self.decimal}50"


ENGLISH = NumberStyle()  # of a file whose mapping says nothing
CONTINENTAL = NumberStyle(",", ".")
YAML = NumberStyle(".", None, declared=True)  # of what stands in the mapping file itself


@dataclass(frozen=True, slots=True)
class _Number:
    """`digits` divided by 10 ** `decimals`, exactly, and the currency sign or code that stood beside it."""

    digits: int
    decimals: int
    mark: str | None
    percent: bool


@cache
def _shape(style: NumberStyle) -> re.Pattern[str]:
    mark = rf"[A-Z]{{3}}|[{re.escape(''.join(money.SYMBOLS))}]"
    whole = r"\d+"
    if style.thousands:
        group = f"[{re.escape(_THOUSANDS_ALIKE.get(style.thousands, style.thousands))}]"
        whole = rf"\d{{1,3}}(?:{group}\d{{3}})+|\d+"
    return re.compile(
        rf"(?P<open>\()?\s*(?P<sign>[-+{_MINUS}])?\s*(?P<before>{mark})?\s*(?P<sign_after>[-+{_MINUS}])?"
        rf"(?P<whole>{whole})?(?:{re.escape(style.decimal)}(?P<part>\d+))?(?:[eE](?P<exponent>[-+]?\d{{1,2}}))?"
        rf"\s*(?P<after>{mark})?(?P<percent>\s*%)?\s*(?P<close>\))?",
        re.ASCII,
    )


def _match(text: str, style: NumberStyle) -> re.Match[str] | None:
    match = _shape(style).fullmatch(text)
    if match is None or (match["whole"] is None and match["part"] is None):
        return None
    signs = (match["open"], match["sign"], match["sign_after"])
    bracketed = bool(match["open"]) == bool(match["close"])
    marked_once = not (match["before"] and match["after"])
    return match if bracketed and marked_once and sum(sign is not None for sign in signs) <= 1 else None


def _read(text: str, style: NumberStyle) -> _Number:
    match = _match(text, style) if len(text) <= MAX_NUMBER_CHARS else None
    if match is None:
        raise ValueError(_why_not(text, style))
    whole = re.sub(r"\D", "", match["whole"] or "")
    part = match["part"] or ""
    digits = int(whole + part)
    if match["open"] or (match["sign"] or match["sign_after"] or "+") != "+":
        digits = -digits
    decimals = len(part) - int(match["exponent"] or 0)
    return _Number(digits, decimals, match["before"] or match["after"], bool(match["percent"]))


def _why_not(text: str, style: NumberStyle) -> str:
    """The reason why `text` is no number in this style, with what to set where another style would read it."""
    if len(text) > MAX_NUMBER_CHARS:
        return f"is longer than {MAX_NUMBER_CHARS} characters, too long for a number"
    for other in (ENGLISH, CONTINENTAL):
        if other.decimal != style.decimal and _match(text, other):
            sign = "comma" if other.decimal == "," else "point"
            return (
                f"is not a number of the form {style.example}; if the file writes a decimal {sign}, "
                f'set `number: {{decimal: "{other.decimal}"}}` in the mapping'
            )
    for thousands in (" ", "'", ",", "."):
        if thousands != style.decimal and _match(text, NumberStyle(style.decimal, thousands)):
            return (
                f"is not a number of the form {style.example}; if that is how the file parts thousands, "
                f'set `number: {{decimal: "{style.decimal}", thousands: "{thousands}"}}` in the mapping'
            )
    return f"is not a number of the form {style.example}"


def _two_readings(text: str) -> str | None:
    """Why `1.234` cannot be read as it stands: both readings and what to set. None for a text with one reading."""
    found = _TWO_WAYS.fullmatch(text)
    if found is None:
        return None
    whole, sign, part = found["whole"], found["sign"], found["part"]
    other = "," if sign == "." else "."
    return (
        f"can be read in two ways: as {whole}{part}, where the {_SIGNS[sign]} parts thousands, and as "
        f"{whole}.{part}, where "
        f'it begins the decimals; for the first set `number: {{decimal: "{other}", thousands: "{sign}"}}` in '
        "the mapping, "
        f'for the second `number: {{decimal: "{sign}", thousands: "{other}"}}`'
    )


def _scaled(number: _Number, decimals: int) -> tuple[int, bool]:
    """`number` as a whole count of 10 ** -`decimals`, half even, and whether that is exact."""
    shift = decimals - number.decimals
    if shift >= 0:
        return number.digits * 10**shift, True
    unit = 10**-shift
    whole, rest = divmod(number.digits, unit)
    if rest * 2 > unit or (rest * 2 == unit and whole % 2):
        whole += 1
    return whole, rest == 0


def read_number(text: str, style: NumberStyle = ENGLISH, *, percent: bool = False) -> int | float:
    """A number that is not money: an int where it is whole, else a float. `12%` is 0.12, as is `12` with `percent`."""
    if not percent and len(text) <= _FAST_DIGITS and text.isascii() and text.isdecimal():
        return int(text)
    number = _read(text, style)
    if not style.declared and not number.percent and not percent and (doubt := _two_readings(text)):
        raise ValueError(doubt)
    if number.mark:
        raise ValueError(f"carries the currency {number.mark!r}, but this field is a number and no amount")
    decimals = number.decimals + (2 if percent or number.percent else 0)
    whole, exact = _scaled(_Number(number.digits, decimals, None, percent=False), 0)
    if abs(whole) > MAX_WHOLE:
        raise ValueError("is beyond 64 bits, too large to be kept")
    return whole if exact else number.digits / 10**decimals


def read_amount(text: str, currency: str, style: NumberStyle = ENGLISH, *, round_off: bool = False) -> int:
    """An amount in minor units of `currency`.

    A currency sign or code is accepted where it agrees with `currency`; more decimals than the currency has only with
    `round_off` (half even).
    """
    whole, point, part = text.partition(style.decimal)
    if (
        len(text) <= _FAST_DIGITS
        and text.isascii()
        and whole.isdecimal()
        and (not point or part.isdecimal())
        and len(part) <= (decimals := money.exponent(currency))
        and (style.declared or len(part) != GROUP)
    ):
        return int(whole + part.ljust(decimals, "0"))
    number = _read(text, style)
    if number.percent:
        raise ValueError("is a percentage, but this field is an amount")
    if number.mark and money.SYMBOLS.get(number.mark, number.mark) != currency:
        raise ValueError(f"carries the currency {number.mark!r}, but the currency of this row is {currency}")
    exponent = money.exponent(currency)
    minor, exact = _scaled(number, exponent)
    doubt = _two_readings(text)
    # 1,234 of a currency with two decimals is a thousand: a fraction of that kind does not exist. 1.000 stays open.
    if doubt and not style.declared and (exponent >= GROUP or style.decimal in text):
        raise ValueError(doubt)
    if not exact and not round_off:
        way_out = "set `round: true` for this field to round it"
        if doubt:
            raise ValueError(f"{doubt}; if the file's decimals are right and {currency} has {exponent}, {way_out}")
        raise ValueError(f"has more decimals than {currency} has ({exponent}); {way_out}, or check `number:`")
    if abs(minor) > MAX_WHOLE:
        raise ValueError("is beyond 64 bits, too large to be kept")
    return minor


def read_plain_amounts(cells: Sequence[str], decimals: int, style: NumberStyle) -> list[int | None] | None:
    """The amounts of many cells in minor units, if all of them are plain: digits with all decimals, or empty.

    None where any cell is not; one by one, `read_amount` then gives the same amounts and names what is wrong.
    """
    joined = "\n".join(cells)
    if joined.count("\n") != len(cells) - 1 or not _plain_column(style.decimal, decimals).fullmatch(joined):
        return None
    return [int(digits) if digits else None for digits in joined.replace(style.decimal, "").split("\n")]


@cache
def _plain_column(decimal: str, decimals: int) -> re.Pattern[str]:
    part = rf"{re.escape(decimal)}\d{{{decimals}}}" if decimals else ""
    cell = rf"(?:-?\d{{1,{_FAST_DIGITS - decimals}}}{part})?"
    return re.compile(rf"{cell}(?:\n{cell})*", re.ASCII)


def read_boolean(text: str) -> bool:
    """True or false from true/false, yes/no, 1/0 in any case."""
    value = BOOLEANS.get(text.lower())
    if value is None:
        raise ValueError("is neither true/false, yes/no nor 1/0; say what it means with `values:`")
    return value


def read_currency(text: str) -> str:
    """An ISO 4217 code."""
    code = text.upper()
    if not money.is_currency(code):
        raise ValueError("is not a currency code of three letters such as EUR")
    return code


def unmapped(text: str, known: list[str]) -> str:
    """The reason for a value that a value map does not know."""
    return f"is not among the mapped `values`; {did_you_mean(text, known)}"
