"""The condition over one record, in Python. The SQL of `sql.py` gives the same answers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from ros_sync.fields import PythonValue
from ros_sync.rules.language import tree
from ros_sync.rules.language.folding import operand
from ros_sync.rules.language.moment import Moment
from ros_sync.rules.language.parameters import Parameters
from ros_sync.rules.language.thresholds import Environment, bounds, constant, threshold

Record = Mapping[str, PythonValue]

# Values of one sort on both sides, which the builder has seen to.
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def environment_of(parameters: Parameters, record: Record, moment: Moment) -> Environment:
    """The parameters' values for this record: those of the first variant that holds."""
    environments = parameters.environments
    for variant, environment in zip(parameters.variants, environments, strict=False):
        if holds(variant.clause, record, {}, moment):
            return environment
    return environments[-1]


def value_of(expression: tree.Expression, record: Record, environment: Environment, moment: Moment) -> PythonValue:
    """The value of an expression for the record; None where a field it reads is missing."""
    match expression:
        case tree.FieldValue(name):
            return record.get(name)
        case tree.Arithmetic(sign, left, right) if not tree.is_constant(expression):
            one = value_of(left, record, environment, moment)
            other = value_of(right, record, environment, moment)
            if one is None or other is None:
                return None
            assert isinstance(one, int | float)
            assert isinstance(other, int | float)
            return _ARITHMETIC[sign](_operand(left, one), _operand(right, other))
        case _:
            return threshold(expression.sort, expression, environment, moment)


def holds(  # noqa: PLR0911  # one for each kind of clause
    clause: tree.Clause, record: Record, environment: Environment, moment: Moment
) -> bool:
    """Whether the clause is true of the record."""
    match clause:
        case tree.All(clauses):
            return all(holds(part, record, environment, moment) for part in clauses)
        case tree.Any(clauses):
            return any(holds(part, record, environment, moment) for part in clauses)
        case tree.Not(part):
            return not holds(part, record, environment, moment)
        case tree.Missing(subject):
            return value_of(subject, record, environment, moment) is None
        case tree.Truth(subject):
            return value_of(subject, record, environment, moment) is True
        case tree.CompareFields(sign, left, right):
            one = value_of(left, record, environment, moment)
            other = value_of(right, record, environment, moment)
            if isinstance(one, int) and isinstance(other, float):
                one = float(one)  # as the databases do, which Python's exact comparison would not
            if isinstance(one, float) and isinstance(other, int):
                other = float(other)
            return one is not None and other is not None and COMPARE[sign](one, other)
    value = value_of(clause.subject, record, environment, moment)
    return value is not None and _asked(clause, value, environment, moment)


def _operand(expression: tree.Expression, value: float) -> float:
    return operand(value) if isinstance(expression, tree.FieldValue) else float(value)


def _asked(
    clause: tree.Compare | tree.Relative | tree.OneOf | tree.TextMatch,
    value: str | float | date,
    environment: Environment,
    moment: Moment,
) -> bool:
    """A clause that asks about one value, which is there."""
    match clause:
        case tree.OneOf(subject, choices, negated):
            found = any(value == threshold(subject.sort, choice, environment, moment) for choice in choices)
            return found is not negated
        case tree.TextMatch(_, needle, at_start, whole):
            wanted = constant(needle, environment, moment)
            assert isinstance(value, str)
            assert isinstance(wanted, str)
            if whole:
                return wanted in value.split(tree.OPTION_END)
            return value.startswith(wanted) if at_start else wanted in value
        case _:
            return all(COMPARE[bound.operator](value, bound.threshold) for bound in bounds(clause, environment, moment))
