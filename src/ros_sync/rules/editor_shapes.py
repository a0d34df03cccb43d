"""The shapes of values in the editor's schema: patterns that refuse what the loader refuses, as far as patterns can.

They are read by editors (ECMAScript) and by Python alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ros_sync.fields import Field, Kind
from ros_sync.rules.language.syntax import MAX_CHARS
from ros_sync.rules.template import MAX_CHARS as MAX_MESSAGE_CHARS
from ros_sync.rules.vocabulary import PEOPLE

Schema = dict[str, Any]

_DAY_SHAPE = r"(?:19|2\d)\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
# A third decimal of a number from 1 to 999 may be one, or stand behind a thousands separator.
_NUMBER_SHAPE = r"[+-]?(?:\d{1,15}|\d{1,15}\.(?:\d{1,2}|\d{4,6})|(?:0\d*|\d{4,15})\.\d{3})[km]?"
_TWO_READINGS = r"(?<![\w.,])[1-9]\d{0,2}[.,]\d{3}(?![\d.,])"
_PLAIN_SPANS = r"\d{1,7}\s+minutes?|\d{1,5}\s+hours?|\d{1,4}\s+days?|\d{1,3}\s+weeks?"
_BUSINESS_SPANS = r"\d{1,5}\s+business\s+hours?|\d{1,4}\s+business\s+days?"

TEXT: Schema = {"type": ["string", "number"], "minLength": 1, "pattern": r"\S"}
EMAIL: Schema = {"type": "string", "pattern": r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"}
ID: Schema = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}
DURATION: Schema = {
    "type": "string",
    "pattern": rf"^\s*(?:{_PLAIN_SPANS}|{_BUSINESS_SPANS})\s*$",
    "examples": ["14 days", "48 hours", "24 business hours", "5 business days"],
}
PLAIN_DURATION: Schema = {"type": "string", "pattern": rf"^\s*(?:{_PLAIN_SPANS})\s*$", "examples": ["30 days"]}
MOMENT: Schema = {
    "type": "string",
    "pattern": rf"^{_DAY_SHAPE}(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d{{2}}:\d{{2}})?)?$",
    "examples": ["2026-03-16 09:00"],
}
RECIPIENT: Schema = {
    "anyOf": [{"enum": list(PEOPLE)}, EMAIL, {"type": "string", "pattern": r"^#[^\s#@,]{1,80}$"}],
    "examples": [*PEOPLE, "ada@example.com", "#revops"],
}
_GIVEN: dict[Kind, Schema] = {
    Kind.TEXT: {"type": ["string", "number", "boolean", "null"]},
    Kind.NUMBER: {"type": ["number", "string", "null"], "pattern": f"^{_NUMBER_SHAPE}$"},
    Kind.BOOLEAN: {"type": ["boolean", "null"]},
    Kind.DATE: {"type": ["string", "null"], "pattern": f"^{_DAY_SHAPE}$"},
    Kind.INSTANT: {**MOMENT, "type": ["string", "null"]},
    Kind.MONEY: {"type": ["number", "string", "null"], "pattern": rf"^{_NUMBER_SHAPE}(?:\s+[A-Z]{{3}})?$"},
}

# What a value under `params` may not look like: it would be meant as a number, an amount, a day or a span.
_SLIPS = (
    _TWO_READINGS.replace(r"(?<![\w.,])", "^[+-]?"),
    r"^[+-]?\d{1,3}(?:[.,'_ ]\d{3})+(?:[.,]\d+)?(?:\s*[A-Z]{3})?$",
    r"^[+-]?\d+,\d+$",
    r"^[€$£¥]\s?\d",
    r"^[+-]?\d[\d.,]*\s?[km]?\s?(?:[€$£¥%]|percent|eur|usd|gbp)$",
    r"^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}$",
    r"^\d{4}/\d{1,2}/\d{1,2}$",
    r"^\d+\s*(?:d|w|h|hrs?|mins?|mo|months?|years?|y|quarters?|workdays?)$",
    r"^\d+(?:days?|weeks?|hours?)$",
    r"^\d+(?:\.\d+)?[eE][+-]?\d+$",
)
VALUE: Schema = {
    "type": ["string", "number", "boolean"],
    "minLength": 1,
    "not": {"type": "string", "pattern": "|".join(f"(?:{s})" for s in _SLIPS)},
}
VALUES: Schema = {
    "type": "object",
    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    "additionalProperties": VALUE,
}

# What stands outside of the texts of a condition and cannot be read there.
_OUTSIDE = r"""^(?:[^"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*?"""
_HABITS = (
    r"==|&|\||;|~|\^|%|`|:|/|<>|=>|=<|!(?!=)|\t",
    r"[“”„‟«»\u2018\u2019€£¥≥≤≠\u00d7]",
    r"\$\s?\d",
    _TWO_READINGS,
    r"\d,\d|\d'\d{3}|\d\s+\d{3}\b|\d_\d",
    r"\b\d{1,2}\.\d{1,2}\.\d{2,4}",
    r"\b\d+(?:d|w|h|hrs?|mins?|days?|weeks?|hours?)\b",
    r"\b\d+\s+(?:months?|years?|quarters?|d|w|h)\b",
    r"\b(?:is|not)\s+(?:empty|null|none|blank|yes|no|set)\b|[=]\s*(?:null|none|yes|no)\b",
    r"\b(?:then|greater|more|less|fewer|between|like|matches|includes?|has|equals?|exceeds?|overdue|exists)\b",
    r"\b(?:in|within)\s+(?:the\s+)?(?:last|past|next)\s(?!\d+\s|\$)|\bin\s+(?:the\s+)?next\b|\blast\s+\d|\bthe\b",
    r"\bone\s+of\s*[^\[\s]|\bone\s+of\s*$",
    r"\b(?:AND|OR|NOT|IS|Is|Not|And|Or)\b",
    r"\b(?:and|or|not|is|than|contains|with)\s*$|[=<>!+*-]\s*$",
    r"[A-Za-z_]\w*\(",
    r"\bdoes\s|n't\b",
)
_NO_QUOTE_LEFT_OPEN = r"""^(?:[^"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*$"""


def condition(fields: Iterable[Field]) -> Schema:
    """A condition: it begins with a field of the object (or a value), and holds nothing that no condition does."""
    names = "|".join(sorted((field.name for field in fields), key=len, reverse=True))
    begins = (
        rf"^\s*(?:not\b\s*|\(\s*|-\s*)*(?:(?:{names}|custom\.[\w.]+)\b(?!\s*\()|\$\w|\d|[\x22']|now\b|today\b"
        rf"|true\b|false\b)"
    )
    refused = "|".join(f"(?:{habit})" for habit in _HABITS)
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_CHARS,
        "allOf": [
            {"pattern": begins},
            {"pattern": _NO_QUOTE_LEFT_OPEN},
            {"not": {"pattern": f"{_OUTSIDE}(?:{refused})"}},
        ],
    }


def message(fields: Iterable[Field]) -> Schema:
    """A message, whose `{…}` name fields of the object, `:age` those that have one."""
    every = list(fields)
    aged = "|".join(field.name for field in every if field.kind in (Kind.DATE, Kind.INSTANT))
    named = "|".join(field.name for field in every)
    slot = rf"\{{(?:(?:{named})|(?:{aged}):age|custom\.[\w.]+(?::age)?)\}}"
    return {**TEXT, "maxLength": MAX_MESSAGE_CHARS, "pattern": rf"^(?=[\s\S]*\S)(?:[^{{}}]|\{{\{{|\}}\}}|{slot})*$"}


def given(field: Field) -> Schema:
    """A value that a test gives a field."""
    return {**_GIVEN[field.kind], "description": f"{field.doc} ({field.kind})"}
