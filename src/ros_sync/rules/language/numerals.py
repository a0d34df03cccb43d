"""Numbers and amounts as people write them, and what to write instead where that can be read in two ways or in none."""

from __future__ import annotations

import re
from decimal import Decimal

from ros_sync.money import SYMBOLS, exponent

FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}
_SPELT_FACTORS = {
    **FACTORS,
    "thousand": 1_000,
    "mn": 1_000_000,
    "mio": 1_000_000,
    "mm": 1_000_000,
    "million": 1_000_000,
    "millions": 1_000_000,
    "b": 1_000_000_000,
    "bn": 1_000_000_000,
    "billion": 1_000_000_000,
}
_SPELT_CURRENCIES = {"euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD", "pounds": "GBP", "yen": "JPY"}

_SPACES = " \u00a0\u2009\u202f"  # plain, no-break, thin, narrow no-break: all of them stand inside of numbers
_GROUPERS = ("", ",", ".", "'", "\u2019", "_", *_SPACES)
_DIGITS = rf"(?:\d[\d.,'\u2019_{_SPACES}]*\d|\d|[.,]\d+)"
# A number with whatever people put before and behind it.
WRITTEN = re.compile(
    rf"(?P<sign>[+-]?)(?P<before>[€$£¥]|(?-i:[A-Z]{{3}})(?=[ \d]))?\s?(?P<digits>{_DIGITS})"
    rf"(?:(?P<percent>\s?(?:%|percent\b|per "
    rf"cent\b))|\s?(?P<factor>{'|'.join(sorted(_SPELT_FACTORS, key=len, reverse=True)[:-1])})(?![a-z]))?"
    r"(?:\s?(?P<after>[€$£¥]|(?-i:[A-Z]{3})(?![A-Za-z])|(?:euros?|dollars?|pounds|yen|eur|usd|gbp|chf|jpy|cad|aud"
    r"|sek|nok|dkk|pln)\b))?",
    re.IGNORECASE,
)


def readings(digits: str) -> tuple[Decimal, ...]:
    """The numbers that digits with separators can stand for in some country: 20 and 20,000 for `20.000`."""
    found: dict[Decimal, None] = {}
    for decimal in (".", ","):
        whole, separator, fraction = digits.rpartition(decimal) if decimal in digits else (digits, "", "")
        if separator and not (fraction.isdigit() and (whole or "0").strip() != ""):
            continue
        for grouper in _GROUPERS:
            plain = _ungrouped(whole or "0", grouper, decimal)
            if plain is not None:
                found[Decimal(f"{plain}.{fraction or 0}")] = None
    return tuple(sorted(found))


def _ungrouped(whole: str, grouper: str, decimal: str) -> str | None:
    """The digits without their thousands separator; None where they are not grouped by it."""
    if not grouper:
        return whole if whole.isdigit() else None
    groups = whole.split(grouper)
    if grouper == decimal or len(groups) == 1 or not all(group.isdigit() for group in groups):
        return None
    first, *middle, last = groups
    grouped = all(len(group) == 3 for group in (*middle, last)) and len(first) <= 3  # noqa: PLR2004  # thousands
    # lakhs
    indian = middle and all(len(group) == 2 for group in middle) and len(last) == 3 and len(first) <= 2  # noqa: PLR2004
    return "".join(groups) if (grouped or indian) and not first.startswith("0") else None


def check_one_reading(text: str, number: str, factor: int = 1, currency: str | None = None) -> None:
    """Refuse a number that can be read in two ways; ValueError names both, and how to write either.

    An amount cannot have more decimals than its currency: `1.234 EUR` can only mean 1,234, and is refused with that.
    """
    sign, digits = ("-" if number.startswith("-") else ""), number.lstrip("+-")
    possible = [Decimal(f"{sign}{reading * factor}") for reading in readings(digits)]
    if len(possible) == 1:
        return
    fitting = [amount for amount in possible if currency is None or _fits(amount, currency)]
    if len(fitting) == 1 and currency is not None:
        least = f"{text} has more decimals than {currency} has ({exponent(currency)})"
        raise ValueError(f"{least}; if it means {_shortened(fitting[0]):,f}, write {_choice(fitting, currency)}")
    either = " or as ".join(f"{_shortened(amount):,f}" for amount in possible)
    raise ValueError(f"{text} can be read as {either}; write {_choice(possible, currency)}")


def rewritten(match: re.Match[str]) -> str | None:
    """How to write what `WRITTEN` found, as a sentence; None where nothing better is known."""
    possible = readings(match["digits"].strip())
    factor = _SPELT_FACTORS.get((match["factor"] or "").lower(), 1)
    numbers = [Decimal(f"{match['sign']}{number * factor}") for number in possible]
    if not numbers:
        return None
    if match["percent"]:
        shares = " or ".join(f"{_shortened(number / 100):f}" for number in numbers)
        return f"write a share as a number: `{shares}`"
    currency = _currency(match)
    fitting = [number for number in numbers if currency is None or _fits(number, currency)]
    advice = f"write {_choice(fitting or numbers, currency)}"
    if len(fitting) > 1:
        return f"{match[0].strip()} can be read as {' or as '.join(f'{_shortened(n):,f}' for n in fitting)}; {advice}"
    return advice


def _currency(match: re.Match[str]) -> str | None:
    name = match["before"] or match["after"]
    if not name:
        return None
    return SYMBOLS.get(name) or _SPELT_CURRENCIES.get(name.lower()) or name.upper()


def _fits(number: Decimal, currency: str) -> bool:
    return number.scaleb(exponent(currency)) == number.scaleb(exponent(currency)).to_integral_value()


def _choice(numbers: list[Decimal], currency: str | None) -> str:
    """How each number is written so that it has one reading: `20` or `20000`, `1.2340` or `1234`."""
    behind = f" {currency}" if currency else ""
    return " or ".join(f"`{_unmistakable(number)}{behind}`" for number in numbers)


def _unmistakable(number: Decimal) -> str:
    plain = f"{_shortened(number):f}"
    return f"{plain}0" if len(readings(plain.lstrip("+-"))) > 1 else plain


def _shortened(number: Decimal) -> Decimal:
    """Without noughts at the end of its decimals, and without an exponent."""
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()
