"""The typed tree of a condition. Few kinds of clause, so that SQL, interpreter and explanation stay alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from ros_sync.durations import Duration
from ros_sync.fields import Kind
from ros_sync.money import Money

# What can be written down in a condition or as the value of a parameter.
Constant = Decimal | Money | str | bool | date | Duration


class Sort(StrEnum):
    """What a value is: the kinds of fields, with money told apart by currency, and durations."""

    TEXT = "a text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    DATE = "a date"
    INSTANT = "an instant"
    OWN_MONEY = "money in the record's own currency"
    HOME_MONEY = "money in the company's currency"
    MONEY = "an amount of money"
    DURATION = "a duration"


SORTS = {
    Kind.TEXT: Sort.TEXT,
    Kind.NUMBER: Sort.NUMBER,
    Kind.BOOLEAN: Sort.BOOLEAN,
    Kind.DATE: Sort.DATE,
    Kind.INSTANT: Sort.INSTANT,
    Kind.MONEY: Sort.OWN_MONEY,
}


@dataclass(frozen=True, slots=True)
class FieldValue:
    """What the record has in a field."""

    name: str
    sort: Sort


@dataclass(frozen=True, slots=True)
class Fixed:
    """A literal."""

    value: Constant
    sort: Sort


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """The value of a parameter, which may vary from record to record."""

    name: str
    sort: Sort


@dataclass(frozen=True, slots=True)
class Now:
    """The instant at which the condition is asked."""

    sort: Sort = Sort.INSTANT


@dataclass(frozen=True, slots=True)
class Today:
    """The day on which the condition is asked."""

    sort: Sort = Sort.DATE


@dataclass(frozen=True, slots=True)
class Shifted:
    """A fixed day or instant, moved by a duration; `sign` is 1 or -1."""

    base: Expression
    sign: int
    span: Expression

    @property
    def sort(self) -> Sort:
        """That of what is moved."""
        return self.base.sort


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+`, `-` or `*` on numbers."""

    operator: str
    left: Expression
    right: Expression
    sort: Sort = Sort.NUMBER


Expression = FieldValue | Fixed | ParameterValue | Now | Today | Shifted | Arithmetic


@dataclass(frozen=True, slots=True)
class Compare:
    """`subject` (which reads a field) against a fixed value: `=  != < <= > >=`."""

    operator: str
    subject: Expression
    threshold: Expression


@dataclass(frozen=True, slots=True)
class CompareFields:
    """Two values of one sort that both read a field."""

    operator: str
    left: Expression
    right: Expression


class How(StrEnum):
    """How a day or an instant stands to now."""

    OLDER = "older than"
    NEWER = "newer than"
    PAST = "past"
    WITHIN_NEXT = "within next"


@dataclass(frozen=True, slots=True)
class Relative:
    """A day or an instant against now; `span` is None for PAST."""

    how: How
    subject: Expression
    span: Expression | None


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text, number or date that is (not) among fixed values."""

    subject: Expression
    values: tuple[Expression, ...]
    negated: bool


OPTION_END = ";"  # what parts the options of a text of several, as CRMs do


@dataclass(frozen=True, slots=True)
class TextMatch:
    """A text that contains or starts with a fixed one; `whole`: it holds several options, of which that is one."""

    subject: Expression
    needle: Expression
    at_start: bool
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a value is missing; never missing itself."""

    subject: Expression


@dataclass(frozen=True, slots=True)
class Truth:
    """A field of true or false by itself."""

    subject: FieldValue


@dataclass(frozen=True, slots=True)
class Not:
    """Turned round: true where the clause is false, and also where it is false for a missing value."""

    clause: Clause


@dataclass(frozen=True, slots=True)
class All:
    """Every clause holds."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one clause holds."""

    clauses: tuple[Clause, ...]


Leaf = Compare | CompareFields | Relative | OneOf | TextMatch | Missing | Truth
Clause = Leaf | Not | All | Any
LEAVES = (Compare, CompareFields, Relative, OneOf, TextMatch, Missing, Truth)


def parts(  # noqa: PLR0911  # one for each kind of node
    node: Expression | Clause,
) -> tuple[Expression | Clause, ...]:
    """The nodes directly below."""
    match node:
        case All(clauses) | Any(clauses):
            return clauses
        case Not(clause):
            return (clause,)
        case Compare(_, one, other) | CompareFields(_, one, other) | Arithmetic(_, one, other) | Shifted(one, _, other):
            return (one, other)
        case Relative(_, subject, span):
            return (subject,) if span is None else (subject, span)
        case OneOf(subject, values, _):
            return (subject, *values)
        case TextMatch(subject, needle, _):
            return (subject, needle)
        case Missing(subject) | Truth(subject):
            return (subject,)
        case _:
            return ()


def walk(node: Expression | Clause) -> Iterator[Expression | Clause]:
    """The node and everything below it. The depth of a tree is limited when it is built."""
    yield node
    for part in parts(node):
        yield from walk(part)


def fields_of(node: Expression | Clause) -> frozenset[str]:
    """The fields that the node and everything below it read."""
    return frozenset(each.name for each in walk(node) if isinstance(each, FieldValue))


def is_constant(expression: Expression) -> bool:
    """Whether it reads no field."""
    return not fields_of(expression)


def without(clause: Clause, fields: Collection[str], *, negated: bool = False) -> Clause | None:
    """What can still hold (`negated`: can still be false) where nothing is known of these fields.

    None where nothing can. A leaf that reads one of them is neither true nor false; it is no reason for anything.
    """
    match clause:
        case Not(inner):
            left = without(inner, fields, negated=not negated)
            return None if left is None else Not(left)
        case All(clauses) | Any(clauses):
            parts_left = [without(each, fields, negated=negated) for each in clauses]
            known = tuple(each for each in parts_left if each is not None)
            one_is_enough = isinstance(clause, Any) is not negated
            if not known or (len(known) < len(clauses) and not one_is_enough):
                return None
            return known[0] if len(known) == 1 else type(clause)(known)
        case _:
            names = {node.name for node in walk(clause) if isinstance(node, FieldValue)}
            return None if names.intersection(fields) else clause
