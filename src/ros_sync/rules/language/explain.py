"""What each clause of a condition saw in one record, in words a seller understands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ros_sync.fields import PythonValue
from ros_sync.rules.language import tree, wording
from ros_sync.rules.language.interpret import Record, holds, value_of
from ros_sync.rules.language.moment import Moment
from ros_sync.rules.language.thresholds import Environment, constant, span_of
from ros_sync.rules.language.tree import How, Sort

_OPERATORS = {"=": "is", "!=": "is not", "<": "below", "<=": "at most", ">": "above", ">=": "at least"}
_ON_DAYS = {"=": "on", "!=": "not on", "<": "before", "<=": "not after", ">": "after", ">=": "not before"}
_DENIED = {"is not": "is", "not on": "on", "not after": "after", "not before": "before", "is": "is not"}


@dataclass(frozen=True, slots=True)
class ClauseSeen:
    """One clause: the field it asked, the value it found there, the threshold in words, and its verdict."""

    field: str
    value: PythonValue
    threshold: str
    holds: bool
    words: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A whole condition: its text, its verdict, every clause, and those clauses that decided it, in words."""

    text: str
    holds: bool
    clauses: tuple[ClauseSeen, ...]
    words: str


def explain(text: str, clause: tree.Clause, record: Record, environment: Environment, moment: Moment) -> Seen:
    """Tell what the condition saw, and why it holds or does not."""
    witness = _Witness(record, environment, moment)
    decisive = witness.decisive(clause)
    words = "; ".join(dict.fromkeys(seen.words for seen in decisive))
    leaves = [node for node in tree.walk(clause) if isinstance(node, tree.LEAVES)]
    return Seen(text, witness.holds(clause), tuple(witness.leaf(leaf) for leaf in leaves), words)


class _Witness:
    """Looks at one record at one moment."""

    def __init__(self, record: Record, environment: Environment, moment: Moment) -> None:
        self._record = record
        self._environment = environment
        self._moment = moment

    def holds(self, clause: tree.Clause) -> bool:
        return holds(clause, self._record, self._environment, self._moment)

    def decisive(self, clause: tree.Clause) -> list[ClauseSeen]:
        """The clauses that made it hold or fail: of alternatives those that hold, of demands those that fail."""
        match clause:
            case tree.Not(part):
                return self.decisive(part)
            case tree.All(clauses) | tree.Any(clauses):
                wanted = isinstance(clause, tree.Any)
                some = [part for part in clauses if self.holds(part) is wanted]
                return [seen for part in some or clauses for seen in self.decisive(part)]
            case _:
                return [self.leaf(clause)]

    def leaf(self, leaf: tree.Leaf) -> ClauseSeen:
        """One clause: `last buyer activity 1 Mar 2026, 15 days ago: older than 14 days`."""
        subject = leaf.left if isinstance(leaf, tree.CompareFields) else leaf.subject
        value = value_of(subject, self._record, self._environment, self._moment)
        verdict = self.holds(leaf)
        threshold = self._threshold(leaf)
        name = self._name(subject)
        if value is None and not isinstance(leaf, tree.Missing):
            words = f"{name}{self._in_home_currency(subject.sort)} is missing"
        elif isinstance(leaf, tree.Missing):
            words = (
                f"{name}{self._in_home_currency(subject.sort)} is missing"
                if verdict
                else f"{name} {self._shown(value, subject.sort)}: not missing"
            )
        elif subject.sort is Sort.BOOLEAN:
            words = f"{name}: {wording.plain(value, self._moment)}"
        else:
            words = f"{name} {self._shown(value, subject.sort)}: {threshold if verdict else _denied(threshold)}"
        return ClauseSeen(name, value, threshold, verdict, words)

    def _in_home_currency(self, sort: Sort) -> str:
        """An amount that is missing in the company's currency may well stand there in another one, without a rate."""
        return f" in {self._moment.home_currency}" if sort is Sort.HOME_MONEY else ""

    def _threshold(self, leaf: tree.Leaf) -> str:  # noqa: PLR0911  # one for each kind of clause
        match leaf:
            case tree.Missing():
                return "missing"
            case tree.Truth():
                return "yes"
            case tree.CompareFields(operator, _, right):
                value = value_of(right, self._record, self._environment, self._moment)
                return f"{self._operator(operator, right.sort)} {self._name(right)} ({self._shown(value, right.sort)})"
            case tree.Compare(operator, subject, threshold):
                return f"{self._operator(operator, subject.sort)} {self._constant(threshold, subject.sort)}"
            case tree.Relative(how, _, span):
                words = "within the next" if how is How.WITHIN_NEXT else str(how)
                return f"{words} {span_of(span, self._environment, self._moment)}" if span is not None else words
            case tree.TextMatch(subject, needle, at_start):
                return f"{'starts with' if at_start else 'contains'} {self._constant(needle, subject.sort)}"
            case tree.OneOf(subject, values, negated):
                listed = ", ".join(self._constant(value, subject.sort) for value in values)
                return f"{'is not' if negated else 'is'} one of {listed}"

    def _operator(self, operator: str, sort: Sort) -> str:
        return (_ON_DAYS if sort in (Sort.DATE, Sort.INSTANT) else _OPERATORS)[operator]

    def _constant(self, expression: tree.Expression, sort: Sort) -> str:
        value = constant(expression, self._environment, self._moment)
        match value:
            case str():
                return f"“{value}”"
            case Decimal():
                shown = wording.number(float(value))
                return f"{self._moment.home_currency} {shown}" if sort is Sort.HOME_MONEY else shown
            case bool() | date():
                return wording.plain(value, self._moment)
            case _:
                return str(value)

    def _name(self, expression: tree.Expression) -> str:
        match expression:
            case tree.FieldValue(name):
                return wording.field_name(name)
            case tree.Arithmetic(operator, left, right):
                return f"{self._name(left)} {operator} {self._name(right)}"
            case _:
                return self._constant(expression, expression.sort)

    def _shown(self, value: PythonValue, sort: Sort) -> str:
        currency = None
        if sort is Sort.HOME_MONEY:
            currency = self._moment.home_currency
        elif sort is Sort.OWN_MONEY:
            currency = str(self._record.get("currency") or self._moment.home_currency)
        return wording.seen_value(value, sort, self._moment, currency)


def _denied(threshold: str) -> str:
    """`not older than 14 days`, without doubling a `not`."""
    for start, turned in _DENIED.items():
        if threshold.startswith(f"{start} "):
            return turned + threshold.removeprefix(start)
    return f"not {threshold}"
