"""Fixed numbers, worked out and bounded where a condition is read, so that nothing is left to fail when it runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal

from ros_sync.money import Money
from ros_sync.rules.language import tree
from ros_sync.rules.language.tree import Constant

MAX_NUMBER = 10**14  # ours: so that no amount in minor units leaves 64 bits (ISO 4217 has up to 4 decimals)
MAX_WORKED_OUT_DECIMALS = 12  # ours: those of two numbers as people write them, multiplied

# What arithmetic reads of a field: beyond it the nearest of these two, and 0 where it is nearer to 0 than the least.
LARGEST_OPERAND = 2.0**53  # IEEE 754 double: whole numbers are exact up to here
LEAST_OPERAND = 2.0**-53
_FIELD = (53, -105)  # a double of that size has its last bit at 2**-105
_DOUBLE = (1023, -1022)  # IEEE 754: beyond these powers of two PostgreSQL refuses a result, and SQLite rounds it

_EXACT = Context(prec=2 * (15 + MAX_WORKED_OUT_DECIMALS))  # holds every product of two numbers within the bounds
_ARITHMETIC = {"+": _EXACT.add, "-": _EXACT.subtract, "*": _EXACT.multiply}


def number_of(expression: tree.Expression, environment: Mapping[str, Constant]) -> Decimal:
    """The number that an expression without a field is; ValueError where it, or a part of it, is out of bounds."""
    match expression:
        case tree.Fixed(Decimal() as value):
            return value
        case tree.ParameterValue(name):
            varied = environment[name]
            assert isinstance(varied, Decimal), varied
            return varied
        case tree.Arithmetic(operator, left, right):
            return _bounded(_ARITHMETIC[operator](number_of(left, environment), number_of(right, environment)))
        case _:
            raise AssertionError(expression)


def _bounded(number: Decimal) -> Decimal:
    if abs(number) > MAX_NUMBER:
        raise ValueError(f"this makes {number:.3e}, which is too large; at most {MAX_NUMBER:,}")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if -exponent > MAX_WORKED_OUT_DECIMALS and number != round(number, MAX_WORKED_OUT_DECIMALS):
        raise ValueError(f"this makes {number}, with more than {MAX_WORKED_OUT_DECIMALS} decimals")
    return number


def check_sizes(expression: tree.Arithmetic, environments: Iterable[Mapping[str, Constant]]) -> None:
    """Refuse arithmetic on fields whose result could leave what both databases can hold, whatever the record has.

    Raises ValueError. Its parts must have been checked before.
    """
    for environment in environments:
        top, grain = _size(expression, environment)
        if top > _DOUBLE[0] or grain < _DOUBLE[1]:
            raise ValueError("too much is multiplied here: the result could be too large or too small to be compared")


def _size(expression: tree.Expression, environment: Mapping[str, Constant]) -> tuple[int, int]:
    """Powers of two: the value is at most 2**top, and a multiple of 2**grain."""
    if isinstance(expression, tree.FieldValue):
        return _FIELD
    if tree.is_constant(expression):
        number = float(number_of(expression, environment))
        return math.frexp(number)[1], 1 - number.as_integer_ratio()[1].bit_length()
    assert isinstance(expression, tree.Arithmetic), expression
    (top, grain), (other_top, other_grain) = (_size(side, environment) for side in (expression.left, expression.right))
    if expression.operator == "*":
        return top + other_top, grain + other_grain
    return max(top, other_top) + 1, min(grain, other_grain)


def operand(value: float) -> float:
    """A field's number as arithmetic reads it; the SQL says the same."""
    number = float(value)
    if abs(number) < LEAST_OPERAND:
        return 0.0
    return min(max(number, -LARGEST_OPERAND), LARGEST_OPERAND)


def in_home_minor(value: object, home: str) -> int:
    """Minor units of the company's currency for a number of major units or an amount in that currency.

    Raises ValueError for another currency and for more decimals than the currency has.
    """
    if isinstance(value, Money):
        if value.currency != home:
            raise ValueError(f"{value} is compared with an amount in the company's currency, {home}")
        return value.minor
    assert isinstance(value, Decimal), value
    return Money.of(value, home).minor
