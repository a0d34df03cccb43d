"""The condition as SQL for SQLite and PostgreSQL, with every value a bound parameter.

SQL knows three truth values, a condition two. A comparison with NULL is NULL, which WHERE, AND, OR and CASE treat as
false; only under a negation must it be said, so COALESCE stands there and nowhere else, and positive clauses are the
plain comparisons that an index can serve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Float, String, and_, case, cast, func, literal, not_, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeEngine

from ros_sync.rules.language import tree
from ros_sync.rules.language.folding import LARGEST_OPERAND, LEAST_OPERAND
from ros_sync.rules.language.interpret import COMPARE
from ros_sync.rules.language.moment import Moment
from ros_sync.rules.language.parameters import Parameters
from ros_sync.rules.language.thresholds import Threshold, bounds, threshold

Columns = Mapping[str, ColumnElement[Any]]

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
}


class PlaceOf(GenericFunction[int]):
    """Where a text first stands in another, from 1; 0 where it does not. Exact, unlike SQLite's LIKE."""

    type = BigInteger()
    inherit_cache = True
    name = "instr"


@compiles(PlaceOf, "postgresql")
def _place_in_postgresql(element: PlaceOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


class Compiler:
    """Compiles the clauses of one condition for given columns at a moment."""

    def __init__(self, columns: Columns, parameters: Parameters, moment: Moment) -> None:
        self._columns = columns
        self._moment = moment
        self._environments = parameters.environments
        self._variants = parameters.variants

    def clause(self, clause: tree.Clause) -> ColumnElement[bool]:  # noqa: PLR0911  # one for each kind of clause
        """The clause as an expression that is true where it holds, and false or NULL elsewhere."""
        match clause:
            case tree.All(clauses):
                return and_(*(self.clause(part) for part in clauses))
            case tree.Any(clauses):
                return or_(*(self.clause(part) for part in clauses))
            case tree.Not(part):
                return self._negated(part)
            case tree.Missing(subject):
                return self._expression(subject).is_(None)
            case tree.Truth(subject):
                return self._columns[subject.name]
            case tree.CompareFields(operator, left, right):
                return self._compared(operator, *_alike(self._expression(left), self._expression(right), left.sort))
            case tree.TextMatch():
                return self._text_match(clause)
            case tree.OneOf():
                return self._one_of(clause)
            case _:
                return self._bounded(clause)

    def _negated(self, clause: tree.Clause) -> ColumnElement[bool]:
        """True where the clause is false, a missing value included; pushed down to the leaves, where it is said."""
        match clause:
            case tree.All(clauses):
                return or_(*(self._negated(part) for part in clauses))
            case tree.Any(clauses):
                return and_(*(self._negated(part) for part in clauses))
            case tree.Not(part):
                return self.clause(part)
            case tree.Missing(subject):
                return self._expression(subject).is_not(None)
            case _:
                return not_(func.coalesce(self.clause(clause), literal(value=False, type_=Boolean)))

    def _bounded(self, leaf: tree.Compare | tree.Relative) -> ColumnElement[bool]:
        subject = self._expression(leaf.subject)
        per_environment = [bounds(leaf, environment, self._moment) for environment in self._environments]
        return and_(
            *(
                self._compared(each[0].operator, subject, self._varied([b.threshold for b in each], subject.type))
                for each in zip(*per_environment, strict=True)
            )
        )

    def _one_of(self, leaf: tree.OneOf) -> ColumnElement[bool]:
        subject = self._expression(leaf.subject)
        choices = [self._constant(choice, subject.type, leaf.subject.sort) for choice in leaf.values]
        return subject.not_in(choices) if leaf.negated else subject.in_(choices)

    def _text_match(self, leaf: tree.TextMatch) -> ColumnElement[bool]:
        subject = self._expression(leaf.subject)
        needle = self._constant(leaf.needle, subject.type, leaf.needle.sort)
        if leaf.at_start:
            return func.substr(subject, 1, func.length(needle)) == needle
        if leaf.whole:
            end = _bound(tree.OPTION_END, String())
            return PlaceOf(end + subject + end, end + needle + end) > 0
        return PlaceOf(subject, needle) > 0

    def _expression(self, expression: tree.Expression) -> ColumnElement[Any]:
        if isinstance(expression, tree.FieldValue):
            return self._columns[expression.name]
        if isinstance(expression, tree.Arithmetic) and not tree.is_constant(expression):
            left, right = (self._operand(side) for side in (expression.left, expression.right))
            # SQLAlchemy's operators are Any here
            return _ARITHMETIC[expression.operator](left, right)  # type: ignore[no-any-return]
        return self._constant(expression, Float(), expression.sort)

    def _operand(self, expression: tree.Expression) -> ColumnElement[Any]:
        """In floating point, since whole numbers overflow at different sizes in the two databases.

        Fields within bounds.
        """
        number = cast(self._expression(expression), Float)
        if not isinstance(expression, tree.FieldValue):
            return number
        largest, least = _bound(LARGEST_OPERAND, Float()), _bound(LEAST_OPERAND, Float())
        return case(
            (number > largest, largest),
            (number < -largest, -largest),
            (and_(number < least, number > -least), _bound(0.0, Float())),
            else_=number,
        )

    def _constant(self, expression: tree.Expression, type_: TypeEngine[Any], sort: tree.Sort) -> ColumnElement[Any]:
        values = [threshold(sort, expression, environment, self._moment) for environment in self._environments]
        return self._varied(values, type_)

    def _varied(self, values: Sequence[Threshold], type_: TypeEngine[Any]) -> ColumnElement[Any]:
        """The value under each variant in order, the default last: one bound parameter, or a CASE where they differ."""
        *varied, default = values
        while varied and varied[-1] == default:
            varied.pop()
        if not varied:
            return _bound(default, type_)
        without_parameters = Compiler(self._columns, Parameters(), self._moment)
        conditions = (without_parameters.clause(variant.clause) for variant in self._variants)
        return case(
            *((condition, _bound(value, type_)) for condition, value in zip(conditions, varied, strict=False)),
            else_=_bound(default, type_),
        )

    def _compared(self, operator: str, left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
        compared = COMPARE[operator](left, right)
        assert isinstance(compared, ColumnElement)
        return compared


def compile_condition(
    clause: tree.Clause, parameters: Parameters, columns: Columns, moment: Moment
) -> ColumnElement[bool]:
    """The condition as an expression over `columns`, true where it holds and false or NULL elsewhere."""
    return Compiler(columns, parameters, moment).clause(clause)


def _alike(
    left: ColumnElement[Any], right: ColumnElement[Any], sort: tree.Sort
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Two values of one sort, so that both databases compare them alike.

    A day may be a DATE here and ISO text in JSON there; a whole number beside a fraction is a fraction.
    """
    if type(left.type) is not type(right.type) and sort in (tree.Sort.DATE, tree.Sort.NUMBER):
        alike = String if sort is tree.Sort.DATE else Float
        return cast(left, alike), cast(right, alike)
    return left, right


def _bound(value: Threshold, type_: TypeEngine[Any]) -> ColumnElement[Any]:
    """A bound parameter. A number brings its own type, lest a fraction be rounded to a column of whole numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return literal(value, Float if isinstance(value, float) else BigInteger)
    return literal(value, type_)


__all__ = ["Columns", "compile_condition"]
