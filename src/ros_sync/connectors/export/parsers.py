"""The function that reads one cell of a mapped field, made once for each field, since it runs for every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ros_sync import money
from ros_sync.connectors.base import AT_UNKNOWN_TIME, DELETED
from ros_sync.connectors.export import date_forms, dates, values
from ros_sync.connectors.export.mapping import ColumnMapping
from ros_sync.fields import Kind, StoredValue

Parser = Callable[[str], StoredValue]
Amount = tuple[StoredValue, str]  # a currency code and the cell of an amount

OPTION_END = ";"  # between the options of a multi-select picklist (Salesforce, HubSpot)
MODIFIED = "modified"  # the field that says when the CRM last changed a record
ZONE = "timezone"  # the field of a person's time zone

# Fields that hold a share of 1; an export that writes 10 for 10 % says so with `percent: true`.
SHARES = frozenset({"probability", "methodology_share"})


def parser(mapping: ColumnMapping) -> Parser:
    """What reads a cell of a field that is not money: the carried value, or ValueError with the reason."""
    read = _by_values(mapping, text_parser(mapping))
    return _each_option(read) if mapping.several else read


def _each_option(read: Parser) -> Parser:
    """Reads a cell of several options, `A;B` or `A; B`, each by itself."""

    def read_all(cell: str) -> StoredValue:
        found = dict.fromkeys(read(option) for option in cell.split(OPTION_END))
        return OPTION_END.join(str(each) for each in found if each is not None) or None

    return read_all


def text_parser(mapping: ColumnMapping) -> Parser:
    """What reads a stripped text that is not empty by the field's kind alone, without its value map."""
    match mapping.kind:
        case Kind.NUMBER:
            return _number_parser(mapping)
        case Kind.BOOLEAN:
            return values.read_boolean
        case Kind.DATE:
            return dates.date_parser(mapping.style.dates)
        case Kind.INSTANT:
            return _instant_parser(mapping.name, dates.InstantReader(mapping.style.dates).read)
        case _:
            return date_forms.zone_name if mapping.name == ZONE else str


def _instant_parser(name: str, read: Callable[[str], int | None]) -> Parser:
    if name == MODIFIED:
        return lambda text: dates.in_the_past(read(text))
    return _deletion(read) if name == DELETED else read


def _number_parser(mapping: ColumnMapping) -> Parser:
    numbers, percent = mapping.style.numbers, mapping.percent
    if mapping.name in SHARES:
        return lambda text: _share(text, values.read_number(text, numbers, percent=percent))
    return lambda text: values.read_number(text, numbers, percent=percent)


def _deletion(read: Parser) -> Parser:
    """What reads when a record was deleted, or only whether it was."""

    def read_either(text: str) -> StoredValue:
        truth = values.BOOLEANS.get(text.lower())
        if truth is None:
            return read(text)
        return AT_UNKNOWN_TIME if truth else None

    return read_either


def currency_parser(mapping: ColumnMapping) -> Parser:
    """What reads a cell of a currency column; an empty one means the currency declared for the file."""
    default = mapping.style.currency
    read = _by_values(mapping, values.read_currency)
    return lambda cell: read(cell) or default


def amount_parser(mapping: ColumnMapping) -> Callable[[Amount], StoredValue]:
    """What reads a cell of an amount together with the currency of its row, as minor units."""
    style, round_off = mapping.style.numbers, mapping.round_off
    if mapping.values is not None:
        return lambda amount: _by_values(mapping, lambda text: _minor(amount[0], text, style, round_off=round_off))(
            amount[1]
        )

    def read(amount: Amount) -> StoredValue:
        text = amount[1].strip()
        return _minor(amount[0], text, style, round_off=round_off) if text else None

    return read


def plain_amounts(
    mapping: ColumnMapping, codes: Sequence[StoredValue], cells: Sequence[str]
) -> Sequence[StoredValue] | None:
    """The amounts of many cells at once where all are written plainly; None where they must be read one by one."""
    exponents = {None if code is None else money.exponent(str(code)) for code in set(codes)}
    if mapping.values is not None or len(exponents) != 1:
        return None
    exponent = exponents.pop()
    doubtful = exponent == values.GROUP and not mapping.style.numbers.declared  # 1.234 may be a thousand
    return None if exponent is None or doubtful else values.read_plain_amounts(cells, exponent, mapping.style.numbers)


def _minor(code: StoredValue, text: str, style: values.NumberStyle, *, round_off: bool) -> int:
    if code is None:
        raise ValueError("has no currency: its column is empty in this row, and none is set for the file")
    return values.read_amount(text, str(code), style, round_off=round_off)


def _share(text: str, number: float) -> float:
    if not 0 <= number <= 1:
        raise ValueError(f"is not between 0 and 1; if {text} means {text} %, set `percent: true` for this field")
    return number


def _by_values(mapping: ColumnMapping, parse: Parser) -> Parser:
    """`parse` for a whole cell: stripped, nothing where it is empty, and by the value map where there is one."""
    known, has_otherwise, otherwise = mapping.values, mapping.has_otherwise, mapping.otherwise
    keeps_others = mapping.keeps_others
    if known is None:

        def read(cell: str) -> StoredValue:
            text = cell.strip()
            return parse(text) if text else None

        return read

    def look_up(cell: str) -> StoredValue:
        text = cell.strip()
        if text in known:
            return known[text]
        if not text or has_otherwise:
            return otherwise if text else None
        if keeps_others:
            return parse(text)
        raise ValueError(values.unmapped(text, list(known)))

    return look_up
