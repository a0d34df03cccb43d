"""Reading `rates` of organisation.yaml: what a unit of each currency is worth, from each day on that is named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from ros_sync.config_files import ConfigFile, Node, Sequence
from ros_sync.money import is_currency
from ros_sync.organisation.dated_entries import SINCE, DatedEntry, DatedReader, holding

# No exchange rate lies outside; reading 1e999999 as a whole number would cost a gigabyte.
_LEAST_RATE, _MOST_RATE = Decimal("1e-12"), Decimal("1e12")
_RATE = "rate"


class RatesReader:
    """Reads the rates of one file; `home` is the company's own currency."""

    def __init__(self, config: ConfigFile, home: str) -> None:
        self._config = config
        self._home = home
        self._dated = DatedReader(config)

    def read(self, node: Node | None) -> dict[date | None, dict[str, Decimal]]:
        """The rates by currency, before all days that are named (None) and from each of these days on."""
        entries = {
            currency: self._entries(currency, value)
            for currency, value in self._config.named(node).items()
            if self._is_known(currency, value)
        }
        days = {day for each in entries.values() for entry in each for day in entry.steps}
        return {day: _on(entries, day) for day in (None, *sorted(days))}

    def _is_known(self, currency: str, node: Node) -> bool:
        if not is_currency(currency):
            self._config.problem(node, f"{currency!r} isn't an ISO 4217 code", "write it like USD")
        return is_currency(currency)

    def _entries(self, currency: str, node: Node) -> list[DatedEntry]:
        """One rate that always holds, or a list of rates, each with the day from which on it holds."""
        if not isinstance(node, Sequence):
            rate = self._rate(currency, node)
            return [] if rate is None else [DatedEntry({_RATE: rate}, {_RATE: node})]
        found = []
        for item in node.items:
            entry = self._config.entries(item, (_RATE, SINCE), {_RATE: None})
            since, _ = self._dated.span(entry)
            rate = self._rate(currency, entry[_RATE]) if _RATE in entry else None
            if rate is not None:
                found.append(DatedEntry({_RATE: rate}, entry, since))
        twice = f"{currency} has another rate already", "say from when on this one holds: `since: 2026-05-01`"
        self._dated.in_order(found, _RATE, twice)
        return found

    def _rate(self, currency: str, node: Node) -> Decimal | None:
        rate = self._config.read(node, exchange_rate)
        if currency == self._home and rate not in (None, Decimal(1)):
            self._config.problem(node, f"{currency} is the company's own currency", "its rate is 1; leave it out")
            return None
        return rate


def _on(entries: Mapping[str, list[DatedEntry]], day: date | None) -> dict[str, Decimal]:
    held = {currency: holding(each, day) for currency, each in entries.items()}
    return {currency: each.values[_RATE] for currency, each in held.items() if each is not None}


def exchange_rate(text: str) -> Decimal:
    """An exchange rate, read exactly as written; ValueError where it is none."""
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite() or not _LEAST_RATE <= rate <= _MOST_RATE:
        raise ValueError(f"expected a number above 0, such as 0.92, found {text!r}")
    return rate
