"""Where the threshold of a clause lies at a moment: worked out once, for SQL, interpreter and explanation alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ros_sync.durations import Duration, Unit
from ros_sync.errors import RuleError
from ros_sync.rules.language import tree
from ros_sync.rules.language.folding import in_home_minor, number_of
from ros_sync.rules.language.moment import Moment
from ros_sync.rules.language.tree import Constant, How, Sort

_ONE_DAY = Duration(1, Unit.DAY)

# What a field's value is compared with: money as minor units, instants aware, numbers as both databases know them.
Threshold = str | int | float | bool | date | datetime
Environment = Mapping[str, Constant]


@dataclass(frozen=True, slots=True)
class Bound:
    """`value operator threshold`."""

    operator: str
    threshold: Threshold


def bounds(leaf: tree.Compare | tree.Relative, environment: Environment, moment: Moment) -> tuple[Bound, ...]:
    """What the subject's value must satisfy, all of it. The operators depend on the clause alone, never on values."""
    if isinstance(leaf, tree.Relative):
        return _relative(leaf, environment, moment)
    if leaf.subject.sort is Sort.INSTANT and leaf.threshold.sort is Sort.DATE:
        day = constant(leaf.threshold, environment, moment)
        assert isinstance(day, date)
        return _within_day(leaf.operator, day, moment)
    return (Bound(leaf.operator, threshold(leaf.subject.sort, leaf.threshold, environment, moment)),)


def threshold(sort: Sort, expression: tree.Expression, environment: Environment, moment: Moment) -> Threshold:
    """The constant as a value of a field of that sort is compared with it.

    Raises RuleError for money of another currency than the company's.
    """
    value = constant(expression, environment, moment)
    if sort is Sort.HOME_MONEY:
        try:
            return in_home_minor(value, moment.home_currency)
        except ValueError as error:
            raise RuleError(str(error)) from error
    if isinstance(value, Decimal):
        return _plain(value)
    assert isinstance(value, str | bool | date | datetime), value
    return value


def constant(expression: tree.Expression, environment: Environment, moment: Moment) -> Constant | datetime:
    """The value of an expression that reads no field."""
    match expression:
        case tree.Fixed(value):
            return value
        case tree.ParameterValue(name):
            return environment[name]
        case tree.Now():
            return moment.now
        case tree.Today():
            return moment.today
        case tree.Shifted(base, sign, span):
            return _shifted(constant(base, environment, moment), span_of(span, environment, moment), sign, moment)
        case tree.Arithmetic():
            return number_of(expression, environment)
        case tree.FieldValue():
            raise AssertionError(expression)


def span_of(expression: tree.Expression, environment: Environment, moment: Moment) -> Duration:
    """The duration that a constant is."""
    span = constant(expression, environment, moment)
    assert isinstance(span, Duration), span
    return span


def _shifted(base: Constant | datetime, span: Duration, sign: int, moment: Moment) -> date | datetime:
    if isinstance(base, datetime):
        return moment.threshold(base, span, sign)
    assert isinstance(base, date), base
    return moment.shift_day(base, span, sign)


def _plain(number: Decimal) -> int | float:
    """As both databases know it; the bounds of `folding` keep whole ones exact."""
    return int(number) if number == number.to_integral_value() else float(number)


def _relative(leaf: tree.Relative, environment: Environment, moment: Moment) -> tuple[Bound, ...]:
    by_day = leaf.subject.sort is Sort.DATE
    present: Threshold = moment.today if by_day else moment.now
    if leaf.span is None:
        return (Bound("<", present),)
    span = span_of(leaf.span, environment, moment)
    sign = 1 if leaf.how is How.WITHIN_NEXT else -1
    edge: Threshold = moment.day_at(span, sign) if by_day else moment.threshold(moment.now, span, sign)
    if leaf.how is How.WITHIN_NEXT:
        return (Bound(">=", present), Bound("<=", edge))
    return (Bound("<" if leaf.how is How.OLDER else ">", edge),)


def _within_day(operator: str, day: date, moment: Moment) -> tuple[Bound, ...]:
    """An instant against a whole day of the company's zone."""
    begins, ends = moment.start_of(day), moment.start_of(moment.shift_day(day, _ONE_DAY, 1))
    match operator:
        case "<":
            return (Bound("<", begins),)
        case "<=":
            return (Bound("<", ends),)
        case ">":
            return (Bound(">=", ends),)
        case ">=":
            return (Bound(">=", begins),)
        case _:
            return (Bound(">=", begins), Bound("<", ends))
