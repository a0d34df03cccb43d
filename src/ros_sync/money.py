"""Money: whole minor units with a currency, never a float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

# ISO 4217, "minor unit" column: the currencies that do not have two decimals.
_EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}


def exponent(currency: str) -> int:
    """How many decimals the currency has (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def is_currency(code: str) -> bool:
    """Whether `code` has the form of an ISO 4217 code: three capital letters."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()  # noqa: PLR2004  # ISO 4217


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units (cents) of one currency."""

    minor: int
    currency: str

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Money:
        """Build from an amount in major units; ValueError where it has more decimals than the currency."""
        scaled = Decimal(amount).scaleb(exponent(currency))
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{amount} has more decimals than {currency} has ({exponent(currency)})")
        return cls(int(scaled), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        """`EUR 20,000` or `EUR 1,234.50`: decimals only where there are any."""
        amount = self.amount
        decimals = 0 if amount == amount.to_integral_value() else exponent(self.currency)
        return f"{self.currency} {amount:,.{decimals}f}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """Turns minor units of one currency into minor units of another: times `numerator`, divided by `denominator`."""

    numerator: int
    denominator: int

    @classmethod
    def between(cls, currency: str, home: str, rates: Mapping[str, Decimal]) -> Exchange | None:
        """From `currency` to `home`; None where there is no rate.

        `rates[c]` is what one major unit of `c` is worth in major units of `home`.
        """
        if currency == home:
            return cls(1, 1)
        rate = rates.get(currency)
        return None if rate is None else cls(*rate.scaleb(exponent(home) - exponent(currency)).as_integer_ratio())

    def convert(self, minor: int) -> int:
        """The amount on the other side, exact halves rounded to even."""
        whole, rest = divmod(minor * self.numerator, self.denominator)
        twice = 2 * rest
        return whole + (twice > self.denominator or (twice == self.denominator and whole % 2 == 1))


def convert(minor: int, currency: str, home: str, rates: Mapping[str, Decimal]) -> int | None:
    """Minor units of `home` for minor units of `currency`, half even; None where `rates` lacks the currency."""
    exchange = Exchange.between(currency, home, rates)
    return exchange.convert(minor) if exchange else None
