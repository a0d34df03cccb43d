"""A parsed condition: the one thing that callers of the language hold in their hands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement

from ros_sync.rules.language import explain, interpret, sql, tree
from ros_sync.rules.language.advice import advise
from ros_sync.rules.language.build import Builder
from ros_sync.rules.language.moment import Moment
from ros_sync.rules.language.parameters import Parameters
from ros_sync.rules.language.schema import Schema
from ros_sync.rules.language.syntax import ConditionError, UnreadableError, parse_syntax


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a rule: its text, its typed tree and the parameters it may name."""

    text: str
    clause: tree.Clause
    parameters: Parameters

    @property
    def fields(self) -> frozenset[str]:
        """The fields it reads, those that its parameters vary by included."""
        own = tree.fields_of(self.clause)
        if any(isinstance(node, tree.ParameterValue) for node in tree.walk(self.clause)):
            return own.union(*(tree.fields_of(variant.clause) for variant in self.parameters.variants))
        return own

    def without(self, fields: Collection[str]) -> Condition | None:
        """What is left of it where nothing fills these fields; None where it can never hold then."""
        clause = tree.without(self.clause, fields)
        return None if clause is None else replace(self, clause=clause)

    def to_sql(self, columns: sql.Columns, moment: Moment) -> ColumnElement[bool]:
        """An expression over `columns` (by field name, carried forms): true where it holds, else false or NULL.

        Raises RuleError for money of another currency than the company's.
        """
        return sql.compile_condition(self.clause, self.parameters, columns, moment)

    def holds(self, record: interpret.Record, moment: Moment) -> bool:
        """Whether it holds for one record: values by field name, money in minor units, None or absent where missing."""
        environment = interpret.environment_of(self.parameters, record, moment)
        return interpret.holds(self.clause, record, environment, moment)

    def explain(self, record: interpret.Record, moment: Moment) -> explain.Seen:
        """What each clause saw in the record."""
        environment = interpret.environment_of(self.parameters, record, moment)
        return explain.explain(self.text, self.clause, record, environment, moment)


def parse(text: str, schema: Schema, parameters: Parameters | None = None) -> Condition:
    """Read a condition; ConditionError says at which column what is wrong, and what to write instead."""
    known = parameters or Parameters()
    try:
        return Condition(text, Builder(schema, known).condition(parse_syntax(text)), known)
    except UnreadableError as error:
        advice = advise(text, error.place, schema, known.defaults)
        if advice is None:
            raise
        message = f"`{advice.found}` isn't understood here"
        raise ConditionError(message, column=advice.column, hint=advice.hint) from error
