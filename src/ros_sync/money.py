"""Money: whole minor units with a currency, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

# ISO 4217, "minor unit" column: the currencies that do not have two decimals.
_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
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


def convert(minor: int, currency: str, home: str, rates: dict[str, Decimal]) -> int | None:
    """Minor units of `home` for minor units of `currency`, half even; None where `rates` lacks the currency.

    `rates[c]` is what one major unit of `c` is worth in major units of `home`.
    """
    if currency == home:
        return minor
    rate = rates.get(currency)
    if rate is None:
        return None
    return int((Decimal(minor) * rate).scaleb(exponent(home) - exponent(currency)).to_integral_value())
