"""Whether any record at all can make conditions hold: false only where it is certain that none can.

A clause becomes alternatives of simple demands on one field each, by the two-valued logic of the language; an
alternative whose demands contradict each other falls away. Where there are too many, or a demand is beyond this, the
answer is that it can hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ros_sync.rules.language import tree
from ros_sync.rules.language.interpret import COMPARE
from ros_sync.rules.language.moment import Moment
from ros_sync.rules.language.thresholds import Environment, bounds, threshold
from ros_sync.rules.language.tree import Clause, Expression

MAX_ALTERNATIVES = 500  # ours: more than anybody writes
_INVERSE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


@dataclass(frozen=True, slots=True)
class Domain:
    """What a field can hold where it is filled: one of `values`, or a number from `least` to `most`."""

    values: frozenset[str] | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """One demand on one value.

    `how` is an operator, `in`, `not in`, `missing` or `present`; all but `missing` need a value.
    """

    subject: Expression
    how: str
    value: Any = None


Alternative = tuple[Demand, ...]
# Fields that follow from another: the field, and the values of it for which they are true.
Derived = Mapping[str, tuple[str, frozenset[str]]]


class TooManyError(Exception):
    """The condition has more alternatives than are looked at."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: under which values of parameters, at which moment, over which fields."""

    environment: Environment
    moment: Moment
    domains: Mapping[str, Domain] = field(default_factory=dict)
    derived: Derived = field(default_factory=dict)

    def can_hold(self, clauses: Sequence[Clause], *, turned: bool = False) -> bool:
        """Whether a record can make all of the clauses hold; `turned`: can make one of them fail."""
        whole: Clause = tree.All(tuple(clauses))
        try:
            return any(self._agrees(some) for some in self._alternatives(whole, holds=not turned))
        except TooManyError:
            return True

    def _alternatives(self, clause: Clause, *, holds: bool) -> list[Alternative]:
        match clause:
            case tree.Not(part):
                return self._alternatives(part, holds=not holds)
            case tree.All(clauses) | tree.Any(clauses):
                each = [self._alternatives(part, holds=holds) for part in clauses]
                if isinstance(clause, tree.Any) is holds:
                    return _few([one for some in each for one in some])
                joined: list[Alternative] = [()]
                for some in each:
                    if len(joined) * len(some) > MAX_ALTERNATIVES:
                        raise TooManyError
                    joined = [(*one, *other) for one in joined for other in some]
                return joined
            case _:
                return self._of_leaf(clause) if holds else self._of_failed(clause)

    def _of_leaf(self, leaf: tree.Leaf) -> list[Alternative]:  # noqa: PLR0911  # one for each kind of clause
        match leaf:
            case tree.Missing(subject):
                return [(Demand(subject, "missing"),)]
            case tree.Truth(subject):
                return [(self._truth(subject, value=True),)]
            case tree.CompareFields(operator, left, right):
                if left == right and operator in ("!=", "<", ">"):
                    return []
                return [(Demand(left, "present"), Demand(right, "present"))]
            case tree.OneOf(subject, values, negated):
                return [(Demand(subject, "not in" if negated else "in", self._choices(subject, values)),)]
            case tree.TextMatch(subject):
                return [(Demand(subject, "present"),)]
            case _:
                found = bounds(leaf, self.environment, self.moment)
                return [tuple(Demand(leaf.subject, bound.operator, bound.threshold) for bound in found)]

    def _of_failed(self, leaf: tree.Leaf) -> list[Alternative]:  # noqa: PLR0911  # one for each kind of clause
        match leaf:
            case tree.Missing(subject):
                return [(Demand(subject, "present"),)]
            case tree.Truth(subject):
                fails = self._truth(subject, value=False)
                return [(Demand(fails.subject, "missing"),), (fails,)]
            case tree.CompareFields(operator, left, right):
                if left == right and operator in ("=", "<=", ">="):
                    return [(Demand(left, "missing"),)]
                return [()]
            case tree.OneOf(subject, values, negated):
                demand = Demand(subject, "in" if negated else "not in", self._choices(subject, values))
                return [(Demand(subject, "missing"),), (demand,)]
            case tree.TextMatch():
                return [()]
            case _:
                found = bounds(leaf, self.environment, self.moment)
                turned = [(Demand(leaf.subject, _INVERSE[bound.operator], bound.threshold),) for bound in found]
                return [(Demand(leaf.subject, "missing"),), *turned]

    def _truth(self, subject: tree.FieldValue, *, value: bool) -> Demand:
        if subject.name not in self.derived:
            return Demand(subject, "=", value)
        source, values = self.derived[subject.name]
        return Demand(tree.FieldValue(source, tree.Sort.TEXT), "in" if value else "not in", values)

    def _choices(self, subject: Expression, values: Sequence[Expression]) -> frozenset[Any]:
        return frozenset(threshold(subject.sort, value, self.environment, self.moment) for value in values)

    def _agrees(self, alternative: Alternative) -> bool:
        by_subject: dict[Expression, list[Demand]] = {}
        for demand in alternative:
            by_subject.setdefault(demand.subject, []).append(demand)
        return all(_possible(demands, self._domain(subject)) for subject, demands in by_subject.items())

    def _domain(self, subject: Expression) -> Domain:
        return self.domains.get(subject.name, Domain()) if isinstance(subject, tree.FieldValue) else Domain()


def _few(alternatives: list[Alternative]) -> list[Alternative]:
    if len(alternatives) > MAX_ALTERNATIVES:
        raise TooManyError
    return alternatives


def _possible(demands: Sequence[Demand], domain: Domain) -> bool:
    """Whether one value (or none) meets all demands on it."""
    if any(demand.how == "missing" for demand in demands):
        return all(demand.how == "missing" for demand in demands)
    allowed: set[Any] | None = None if domain.values is None else set(domain.values)
    for demand in demands:
        wanted = {demand.value} if demand.how == "=" else set(demand.value) if demand.how == "in" else None
        if wanted is not None:
            allowed = wanted if allowed is None else allowed & wanted
    refused = {value for demand in demands for value in _refused(demand)}
    limits = [(demand.how, demand.value) for demand in demands if demand.how in ("<", "<=", ">", ">=")]
    limits += [(how, edge) for how, edge in ((">=", domain.least), ("<=", domain.most)) if edge is not None]
    if allowed is not None:
        return any(all(COMPARE[how](value, edge) for how, edge in limits) for value in allowed - refused)
    return all(_overlap(one, other) for one in limits for other in limits)


def _refused(demand: Demand) -> tuple[Any, ...]:
    if demand.how == "not in":
        return tuple(demand.value)
    return (demand.value,) if demand.how == "!=" else ()


def _overlap(lower: tuple[str, Any], upper: tuple[str, Any]) -> bool:
    """Whether a value can be above one edge and below the other."""
    if not (lower[0].startswith(">") and upper[0].startswith("<")):
        return True
    strict = lower[0] == ">" or upper[0] == "<"
    return bool(lower[1] < upper[1] if strict else lower[1] <= upper[1])
