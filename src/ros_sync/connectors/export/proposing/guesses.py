"""What the values of a column say: which form dates have, how numbers are written, what the stages of deals mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from ros_sync import money
from ros_sync.connectors.export import dates, values
from ros_sync.connectors.export.date_forms import swapped
from ros_sync.connectors.export.dates import DateStyle
from ros_sync.connectors.export.proposing.sample import ColumnSample
from ros_sync.connectors.export.values import NumberStyle
from ros_sync.fields import StoredValue

_ENOUGH = 0.9  # of the values: a column with a few slips of the pen is still one of dates
_LOOKED_AT = 200  # different values that are tried in every form
ISO = ""

_DAYS = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%b %d, %Y",
         "%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%y")  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %I:%M %p")
FORMATS = (
    ISO,
    *(day + time for time, day in product(_TIMES, _DAYS)),
    "epoch_milliseconds",
    "epoch_seconds",
    "excel_days",
)

NUMBERS = (
    NumberStyle(".", ",", declared=True), NumberStyle(",", ".", declared=True), NumberStyle(",", " ", declared=True),
    NumberStyle(".", " ", declared=True), NumberStyle(".", "'", declared=True),
)  # fmt: skip

MISSING = (
    "n/a",
    "na",
    "-",
    "--",
    "none",
    "null",
    "-none-",
    "select",
    "(none)",
    "(blank)",
    "not set",
    "k. a.",
    "unknown",
)

_WON = re.compile(
    r"won\b|closed ?won|gewonnen|gagné|ganad|vinto|signed|renewed$|abgeschlossen|contract received", re.IGNORECASE
)
_LOST = re.compile(
    (
        r"lost\b|closed ?lost|verloren|perdu|perdid|perso\b|dead|disqualif|abandon|cancel|not "
        r"renewed|churn|rejected|abgelehnt"
    ),
    re.IGNORECASE,
)
# Words of stages in the order in which deals usually go through them.
_ORDER = (
    r"lead|prospect|incoming|new\b|neu\b|appointment", r"contact|qualif|erstgespr",
    r"engag|discover|needs|analysis|bedarf",
    r"presentation|demo|value prop|pilot|trial|test", r"decision maker|perception|evaluat|buy|bought",
    r"proposal|quote|angebot|offer",
    r"negotiat|review|verhandl|legal", r"contract|verbal|commit|procure|vertrag",
)  # fmt: skip


class Guess(NamedTuple):
    """What was found, and what else it could be."""

    value: str
    others: tuple[str, ...] = ()


def date_format(columns: Iterable[ColumnSample]) -> Guess | None:
    """The format in which most values of these columns are written.

    Empty for ISO 8601, None where they are no dates.
    """
    cells = [text for column in columns for text in list(column.values)[:_LOOKED_AT]]
    real = [text for text in cells if text.casefold() not in MISSING]
    if not real:
        return Guess(ISO) if not cells else None
    right = [form for form in FORMATS if _share(real, _date_reader(form)) >= _ENOUGH]
    if not right:
        return None
    if ISO in right:
        return Guess(ISO)
    first = max(right, key=lambda form: _share(real, _date_reader(form)))
    best = [form for form in right if _share(real, _date_reader(form)) == _share(real, _date_reader(first))]
    return Guess(best[0], tuple(form for form in best[1:] if swapped(form) == best[0]))


def day_first(form: str) -> bool | None:
    """Whether a format has the day before the month; None where its order is never in doubt."""
    day, month, year = form.find("%d"), form.find("%m"), form.find("%Y")
    return None if min(day, month) < 0 or 0 <= year < min(day, month) else day < month


def _date_reader(form: str) -> Callable[[str], StoredValue]:
    return dates.date_parser(DateStyle((form,), iso=False) if form else DateStyle())


class NumberGuess(NamedTuple):
    """How amounts are written.

    Whether any of them says so, and whether another style reads them just as well and otherwise.
    """

    style: NumberStyle
    said: bool
    doubtful: bool


def number_style(columns: Sequence[ColumnSample], currency: str) -> NumberGuess:
    """The style that reads most amounts.

    Those without any sign, such as 1200, say nothing of how the next ones are written.
    """
    cells = [text for column in columns for text in list(column.values)[:_LOOKED_AT]]

    def reader(style: NumberStyle) -> Callable[[str], StoredValue]:
        return lambda text: values.read_amount(text, currency_in(text) or currency, style)

    best = max(NUMBERS, key=lambda style: _share(cells, reader(style)))
    doubtful = any(
        _share(cells, reader(style)) == _share(cells, reader(best)) and _differ(cells, reader(style), reader(best))
        for style in NUMBERS
    )
    said = any(_differ(cells, reader(style), reader(best)) for style in NUMBERS)
    return NumberGuess(best, said, doubtful)


def _differ(cells: Iterable[str], one: Callable[[str], StoredValue], other: Callable[[str], StoredValue]) -> bool:
    return any(_read(text, one) != _read(text, other) for text in cells)


def is_number(column: ColumnSample, style: NumberStyle, *, percent: bool = False) -> bool:
    """Whether most values are numbers of that style."""
    return (
        _share(list(column.values)[:_LOOKED_AT], lambda text: values.read_number(text, style, percent=percent))
        >= _ENOUGH
    )


def is_share(text: str, style: NumberStyle) -> bool:
    """Whether a number lies between 0 and 1."""
    number = _read(text, lambda each: values.read_number(each, style))
    return number is None or 0 <= float(number) <= 1


def is_amount(column: ColumnSample, style: NumberStyle, currency: str) -> bool:
    """Whether most values are amounts of that style, in the currency or in the one that they carry."""
    cells = list(column.values)[:_LOOKED_AT]
    return (
        _share(cells, lambda text: values.read_amount(text, currency_in(text) or currency, style, round_off=True))
        >= _ENOUGH
    )


def is_boolean(column: ColumnSample) -> bool:
    """Whether all values are true/false, yes/no or 1/0."""
    return bool(column.values) and all(text.lower() in values.BOOLEANS for text in column.values)


def currency_in(text: str) -> str | None:
    """The currency whose sign or code stands beside an amount."""
    found = re.search(rf"[{re.escape(''.join(money.SYMBOLS))}]|\b[A-Z]{{3}}\b", text)
    return None if found is None else money.SYMBOLS.get(found[0], found[0])


def are_currencies(column: ColumnSample) -> bool:
    """Whether all values are codes of currencies."""
    return bool(column.values) and all(money.is_currency(text.upper()) for text in column.values)


def are_people(column: ColumnSample) -> bool:
    """Whether the values are names or e-mail addresses, not ids."""
    cells = list(column.values)[:_LOOKED_AT]
    return sum("@" in text or " " in text for text in cells) > len(cells) / 2


def missing_markers(column: ColumnSample) -> list[str]:
    """The values that stand for none."""
    return [text for text in column.values if text.casefold() in MISSING]


def stage_kind(name: str) -> str:
    """Open, won or lost, by the words of a stage's name."""
    if _LOST.search(name):
        return "lost"
    return "won" if _WON.search(name) else "open"


def stage_order(names: Mapping[str, float | None]) -> list[str]:
    """Stages in the order in which deals go through them: by probability where it is known, else by their words."""

    def key(place_and_name: tuple[int, str]) -> tuple[int, float, int]:
        place, name = place_and_name
        kind = ("open", "won", "lost").index(stage_kind(name))
        chance = names[name]
        if chance is not None:
            return kind, chance, place
        rank = next(
            (number for number, words in enumerate(_ORDER) if re.search(words, name, re.IGNORECASE)), len(_ORDER) / 2
        )
        return kind, float(rank), place

    return [name for _, name in sorted(enumerate(names), key=key)]


def _read(text: str, reader: Callable[[str], StoredValue]) -> StoredValue:
    try:
        return reader(text)
    except ValueError:
        return None


def _share(cells: Sequence[str], reader: Callable[[str], StoredValue]) -> float:
    """The share of cells that can be read, those that stand for nothing left out."""
    real = [text for text in cells if text.casefold() not in MISSING]
    return sum(_read(text, reader) is not None for text in real) / len(real) if real else 0.0
