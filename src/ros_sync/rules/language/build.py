"""From the syntax tree to the typed tree: names are looked up, and only what can be compared is compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from lark import Token, Tree

from ros_sync.durations import Duration, Unit
from ros_sync.fields import Kind, did_you_mean
from ros_sync.rules.language import parameters as constants
from ros_sync.rules.language import tree
from ros_sync.rules.language.folding import check_sizes, in_home_minor, number_of
from ros_sync.rules.language.parameters import Parameters
from ros_sync.rules.language.schema import Schema
from ros_sync.rules.language.syntax import ConditionError, Syntax, UnreadableError
from ros_sync.rules.language.tree import How, Sort

MAX_DEPTH = 40  # ours: of clauses and sums in one another; keeps every walk of the tree far from Python's own limit
_FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ORDERED = (Sort.NUMBER, Sort.DATE, Sort.INSTANT, Sort.HOME_MONEY, Sort.OWN_MONEY)
_WHOLE_DAYS = (Unit.DAY, Unit.WEEK)
_WORDS = {"equal": "=", "unequal": "!=", "before": "<", "after": ">"}
_OF_DAYS = ("before", "after")
_RELATIVE = {"older": How.OLDER, "newer": How.NEWER, "within_next": How.WITHIN_NEXT}


class Builder:
    """Builds the typed tree of one condition. Each method raises ConditionError at the column it is about."""

    def __init__(self, schema: Schema, parameters: Parameters) -> None:
        self._schema = schema
        self._parameters = parameters

    def condition(self, syntax: Syntax) -> tree.Clause:
        """The clause that the whole condition is."""
        return self._clause(syntax.children[0], 0)

    def _clause(self, node: Syntax | Token, depth: int) -> tree.Clause:
        assert isinstance(node, Tree)
        self._check_depth(node, depth)
        children = node.children
        match _rule(node):
            case "either":
                return tree.Any(tuple(self._clause(child, depth + 1) for child in children))
            case "both":
                return tree.All(tuple(self._clause(child, depth + 1) for child in children))
            case "negated":
                return tree.Not(self._clause(children[0], depth + 1))
            case _:
                return self._leaf(node, depth)

    def _leaf(self, node: Syntax, depth: int) -> tree.Clause:  # noqa: PLR0911  # one for each kind of clause
        rule, children = _rule(node), node.children
        match rule:
            case "compare":
                return self._compare(node, str(children[1]), children[0], children[2], depth)
            case "equal" | "unequal" | "before" | "after":
                return self._compare(node, _WORDS[rule], children[0], children[1], depth)
            case "one_of" | "not_one_of":
                return self._one_of(children[0], children[1], depth, negated=rule == "not_one_of")
            case "contains" | "starts_with":
                return self._text_match(children[0], children[1], depth, at_start=rule == "starts_with")
            case "missing" | "present":
                missing = tree.Missing(self._subject(children[0], depth))
                return missing if rule == "missing" else tree.Not(missing)
            case "past":
                return tree.Relative(How.PAST, self._moment_subject(children[0], depth), None)
            case "older" | "newer" | "within_next":
                return self._relative(_RELATIVE[rule], children[0], children[1], depth)
            case _:
                return self._truth(node, depth)

    def _truth(self, node: Syntax, depth: int) -> tree.Clause:
        value = self._value(node, depth)
        if isinstance(value, tree.FieldValue) and value.sort is Sort.BOOLEAN:
            return tree.Truth(value)
        if tree.is_constant(value):
            raise UnreadableError(
                "this is a value without a field to compare",
                column=_column(node),
                hint="start with a field, as in `stage is …`",
            )
        name = value.name if isinstance(value, tree.FieldValue) else "this"
        raise _error(
            node,
            f"`{name}` is {value.sort}, which isn't true or false by itself",
            f"compare it: {_example(value)}",
        )

    def _compare(self, node: Syntax, operator: str, one: object, other: object, depth: int) -> tree.Clause:
        left, right = self._value(one, depth + 1), self._value(other, depth + 1)
        one_value = left
        if _rule(node) in _OF_DAYS and left.sort not in (Sort.DATE, Sort.INSTANT):
            raise _error(node, f"`before` and `after` are for dates and instants; this is {left.sort}", "use < or >")
        if tree.is_constant(left):
            if tree.is_constant(right):
                raise _error(node, "this compares two fixed values, without a field", "start with a field")
            left, right, operator = right, left, _FLIPPED[operator]
        self._check_operator(node, operator, left.sort)
        if not tree.is_constant(right):
            self._check_fields(node, left, right)
            return tree.CompareFields(operator, left, right)
        self._check_constant(node, operator, left, right, other if right is not one_value else one)
        if operator == "=" and isinstance(left, tree.FieldValue) and right == tree.Fixed(value=True, sort=Sort.BOOLEAN):
            return tree.Truth(left)
        return tree.Compare(operator, left, right)

    def _check_operator(self, node: Syntax, operator: str, sort: Sort) -> None:
        if operator not in ("=", "!=") and sort not in _ORDERED:
            hint = "use is, is one of, contains or starts with" if sort is Sort.TEXT else "use `is true` or `not`"
            raise _error(node, f"`{operator}` needs an ordered value; {sort} isn't", hint)

    def _check_fields(self, node: Syntax, left: tree.Expression, right: tree.Expression) -> None:
        if left.sort is not right.sort:
            raise _error(node, f"{left.sort} can't be compared with {right.sort}")
        if left.sort is Sort.OWN_MONEY:
            raise _error(node, _OWN_MONEY, self._own_money_hint())

    def _check_constant(
        self, node: Syntax, operator: str, subject: tree.Expression, threshold: tree.Expression, at: object
    ) -> None:
        """Refuse a fixed value, written at node `at`, that the subject cannot be compared with."""
        wrong = f"{subject.sort} can't be compared with {threshold.sort}"
        match subject.sort, threshold.sort:
            case (one, Sort.DURATION):
                hint = "write `older than`, `newer than` or `within next`" if one in (Sort.DATE, Sort.INSTANT) else None
                raise _error(node, wrong, hint)
            case (Sort.DATE, Sort.INSTANT):
                raise _error(node, wrong, "a date is compared with a day: write `today`")
            case (Sort.INSTANT, Sort.DATE):
                if operator == "!=":
                    raise _error(
                        node, "an instant can't be compared with `is not` a day", "write `not (… is 2026-03-01)`"
                    )
            case (Sort.HOME_MONEY, Sort.NUMBER | Sort.MONEY) | (Sort.OWN_MONEY, _):
                self._check_amounts(node, subject.sort, self._values(threshold))
            case (one, another) if one is not another:
                hint = _mismatch_hint(subject, threshold)
                raise UnreadableError(wrong, column=_column(node), hint=hint, place=_column(at))
            case (Sort.TEXT, _) if "" in self._values(threshold):
                raise _never_empty(node, "present" if operator == "!=" else "missing")

    def _check_amounts(self, node: Syntax, subject: Sort, values: tuple[object, ...]) -> None:
        if subject is Sort.OWN_MONEY and any(value != 0 for value in values):
            raise _error(node, _OWN_MONEY, self._own_money_hint())
        home = self._schema.home_currency
        if subject is Sort.OWN_MONEY or home is None:
            return
        try:
            for value in values:
                in_home_minor(value, home)
        except ValueError as error:
            raise _error(node, str(error)) from error

    def _values(self, threshold: tree.Expression) -> tuple[object, ...]:
        """The values that a constant can have, whatever the record; None for a moment, which now decides."""
        match threshold:
            case tree.Fixed(value):
                return (value,)
            case tree.ParameterValue(name):
                return self._parameters.possible(name)
            case tree.Arithmetic():
                return tuple(number_of(threshold, each) for each in self._parameters.environments)
            case _:
                return (None,)

    def _own_money_hint(self) -> str:
        fields = ", ".join(f"`{name}`" for name in sorted(self._schema.home_money))
        return f"compare {fields}" if fields else "ask whether it is 0 or missing"

    def _one_of(self, subject: object, choices: object, depth: int, *, negated: bool) -> tree.Clause:
        assert isinstance(choices, Tree)
        value = self._subject(subject, depth)
        if value.sort not in (Sort.TEXT, Sort.NUMBER, Sort.DATE):
            raise _error(choices, f"`is one of` is for texts, numbers and dates; this is {value.sort}")
        values = tuple(self._value(choice, depth + 1) for choice in choices.children)
        for choice, node in zip(values, choices.children, strict=True):
            if not tree.is_constant(choice):
                name = choice.name if isinstance(choice, tree.FieldValue) else "…"
                raise _error(node, "a list holds fixed values, not fields", f'for a text write "{name}"')
            if choice.sort is not value.sort:
                wrong = f"{value.sort} can't be compared with {choice.sort}"
                raise _error(node, wrong, _mismatch_hint(value, choice))
            if choice.sort is Sort.TEXT and "" in self._values(choice):
                raise _never_empty(node, "missing")
        return tree.OneOf(value, values, negated)

    def _text_match(self, subject: object, needle: object, depth: int, *, at_start: bool) -> tree.Clause:
        value, wanted = self._subject(subject, depth), self._value(needle, depth + 1)
        words = "starts with" if at_start else "contains"
        for side, node in ((value, subject), (wanted, needle)):
            if side.sort is not Sort.TEXT:
                raise _error(node, f"`{words}` is for texts; this is {side.sort}")
        if not tree.is_constant(wanted):
            raise _error(needle, f"`{words}` needs a fixed text", 'write it in quotes: "…"')
        if any(value == "" for value in self._values(wanted)):
            raise _error(needle, "every text contains the empty text", "write what to look for, or `is present`")
        several = isinstance(value, tree.FieldValue) and value.name in self._schema.several and not at_start
        if several and any(tree.OPTION_END in str(value) for value in self._values(wanted)):
            # a field
            hint = f'write `{value.name} contains "A" and {value.name} contains "B"`'  # type: ignore[union-attr]
            raise _error(needle, "only one option can be checked at a time", hint)
        return tree.TextMatch(value, wanted, at_start, several)

    def _relative(self, how: How, subject: object, span: object, depth: int) -> tree.Clause:
        value, duration = self._moment_subject(subject, depth), self._value(span, depth + 1)
        if duration.sort is not Sort.DURATION:
            raise _error(span, f"`{how}` needs a duration; this is {duration.sort}", "such as `14 days`")
        return tree.Relative(how, value, duration)

    def _moment_subject(self, node: object, depth: int) -> tree.Expression:
        value = self._subject(node, depth)
        if value.sort not in (Sort.DATE, Sort.INSTANT):
            raise _error(node, f"this needs a date or an instant; this is {value.sort}")
        return value

    def _subject(self, node: object, depth: int) -> tree.Expression:
        value = self._value(node, depth + 1)
        if tree.is_constant(value):
            raise _error(node, "a field is needed here, not a fixed value")
        return value

    def _value(self, node: object, depth: int) -> tree.Expression:  # noqa: PLR0911  # one for each kind of value
        assert isinstance(node, Tree)
        self._check_depth(node, depth)
        rule = _rule(node)
        match rule:
            case "field":
                return self._field(node)
            case "parameter":
                return self._parameter(node)
            case "add" | "subtract" | "multiply" | "negative":
                return self._arithmetic(node, rule, depth)
            case "now":
                return tree.Now()
            case "today":
                return tree.Today()
            case "true" | "false":
                return tree.Fixed(rule == "true", Sort.BOOLEAN)
            case "text" | "number" | "money" | "date" | "duration":
                return self._literal(node, rule)
            case _:
                raise _error(node, "a value is needed here, not a condition")

    def _literal(self, node: Syntax, rule: str) -> tree.Expression:
        text = str(node.children[0])
        try:
            value = _READERS[rule](text)
        except ValueError as error:
            raise _error(node, str(error)) from error
        return tree.Fixed(value, constants.sort_of(value))

    def _field(self, node: Syntax) -> tree.Expression:
        name = str(node.children[0])
        field = self._schema.fields.get(name)
        if field is None:
            hint = did_you_mean(name, self._schema.fields)
            if not hint.startswith("did you mean"):
                hint = f'for a text write "{name}" in quotes' if "." not in name else "is it in a mapping file?"
            message = f"a {self._schema.name} has no field {name!r}"
            raise UnreadableError(message, column=_column(node), hint=hint)
        if field.kind is Kind.MONEY and name in self._schema.home_money:
            return tree.FieldValue(name, Sort.HOME_MONEY)
        return tree.FieldValue(name, tree.SORTS[field.kind])

    def _parameter(self, node: Syntax) -> tree.Expression:
        name = str(node.children[0]).removeprefix("$")
        value = self._parameters.defaults.get(name)
        if value is None:
            known = (
                did_you_mean(name, self._parameters.defaults)
                if self._parameters.defaults
                else "give it under `params:`"
            )
            raise _error(node, f"unknown parameter ${name}", known)
        return tree.ParameterValue(name, constants.sort_of(value))

    def _arithmetic(self, node: Syntax, rule: str, depth: int) -> tree.Expression:
        operands = [self._value(child, depth + 1) for child in node.children]
        if rule == "negative":
            operands = [tree.Fixed(Decimal(0), Sort.NUMBER), *operands]
        left, right = operands
        operator = {"add": "+", "multiply": "*"}.get(rule, "-")
        if left.sort in (Sort.DATE, Sort.INSTANT) and right.sort is Sort.DURATION and operator != "*":
            return self._shifted(node, left, 1 if operator == "+" else -1, right)
        for side in operands:
            if side.sort is not Sort.NUMBER:
                hint = "for dates write `older than 14 days`" if side.sort in (Sort.DATE, Sort.INSTANT) else None
                raise _error(node, f"`{operator}` is for numbers; this is {side.sort}", hint)
        worked_out = tree.Arithmetic(operator, left, right)
        try:
            if tree.is_constant(worked_out):
                self._values(worked_out)
            else:
                check_sizes(worked_out, self._parameters.environments)
        except ValueError as error:
            raise _error(node, str(error), "compare with a number you calculated beforehand") from error
        return worked_out

    def _shifted(self, node: Syntax, base: tree.Expression, sign: int, span: tree.Expression) -> tree.Expression:
        if not tree.is_constant(base):
            raise _error(
                node, "a field can't be shifted in time", "write `older than 14 days` or compare with `today - 14 days`"
            )
        if base.sort is Sort.DATE:
            for value in self._values(span):
                if not isinstance(value, Duration) or value.unit not in _WHOLE_DAYS:
                    raise _error(node, "a day can only be shifted by whole days or weeks", "or begin with `now`")
        return tree.Shifted(base, sign, span)

    def _check_depth(self, node: Syntax, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise _error(node, f"the condition is nested more than {MAX_DEPTH} deep", "split it into several lines")


_OWN_MONEY = "amounts in different currencies can't be compared; such a field can only be 0 or missing"
_READERS: dict[str, Callable[[str], tree.Constant]] = {
    "text": lambda text: re.sub(r"\\(.)", r"\1", text[1:-1]),
    "number": constants.read_number,
    "money": constants.read_money,
    "date": constants.read_date,
    "duration": constants.read_duration,
}


def _rule(node: Syntax) -> str:
    return str(node.data)


def _error(node: object, message: str, hint: str | None = None) -> ConditionError:
    return ConditionError(message, column=_column(node), hint=hint)


def _column(node: object) -> int:
    return getattr(node.meta, "start_pos", 0) + 1 if isinstance(node, Tree) else 1


def _never_empty(node: object, instead: str) -> ConditionError:
    return _error(node, "text is never empty: an empty text counts as missing", f"write `is {instead}`")


def _mismatch_hint(  # noqa: PLR0911  # one for each pair
    subject: tree.Expression, other: tree.Expression
) -> str | None:
    """What to write where a field is compared with a value of another sort."""
    name = subject.name if isinstance(subject, tree.FieldValue) else "it"
    match subject.sort, other.sort:
        case (Sort.TEXT, _):
            return "write a text in quotes"
        case (Sort.BOOLEAN, _):
            return f"write `{name}` or `not {name}`"
        case (Sort.DATE | Sort.INSTANT, Sort.TEXT):
            return "write a day without quotes, like 2026-03-01"
        case (Sort.DATE | Sort.INSTANT, Sort.NUMBER):
            return "write a date like 2026-03-01"
        case (_, Sort.TEXT):
            return "write a number without quotes"
        case (Sort.NUMBER, Sort.MONEY):
            return "write the number alone"
        case _:
            return None


def _example(value: tree.Expression) -> str:
    name = value.name if isinstance(value, tree.FieldValue) else "…"
    match value.sort:
        case Sort.TEXT:
            return f'{name} is "…"'
        case Sort.DATE | Sort.INSTANT:
            return f"{name} older than 14 days, or {name} is missing"
        case _:
            return f"{name} > 0"
