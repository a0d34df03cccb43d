"""The condition language: one line of a rule, parsed once, run as SQL on both databases or over one record.

It knows no table: it is given a schema of fields, and columns or values under those names. What it means:

- A comparison with a missing value is false, `is not` and `!=` included; `not` turns that round; `is missing` asks.
- Texts are compared exactly, capitals included; they have no order.
- Arithmetic with a missing operand is missing.
- A day is a day of the company's time zone; a fixed day compared with an instant means that whole day.
"""

from ros_sync.rules.language.condition import Condition, parse
from ros_sync.rules.language.explain import ClauseSeen, Seen
from ros_sync.rules.language.moment import Moment
from ros_sync.rules.language.parameters import Parameters, Variant, parameter_value
from ros_sync.rules.language.schema import Schema
from ros_sync.rules.language.syntax import ConditionError

__all__ = [
    "ClauseSeen",
    "Condition",
    "ConditionError",
    "Moment",
    "Parameters",
    "Schema",
    "Seen",
    "Variant",
    "parameter_value",
    "parse",
]
