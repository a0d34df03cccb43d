"""Message templates: `{field}` and `{field:age}` in plain text, checked when the rule file is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ros_sync.fields import Field, Kind, PythonValue, did_you_mean
from ros_sync.rules.language import ConditionError, Moment, Schema, wording

MAX_CHARS = 1_000  # ours: a message is one line that a person reads
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
AGE = "age"


@dataclass(frozen=True, slots=True)
class Slot:
    """A field to be filled in; `age` asks for its distance from now instead of the day."""

    field: Field
    in_home_currency: bool
    age: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A message with its slots."""

    text: str
    pieces: tuple[str | Slot, ...]

    @property
    def fields(self) -> frozenset[str]:
        """The fields it names."""
        return frozenset(piece.field.name for piece in self.pieces if isinstance(piece, Slot))

    def render(self, record: Mapping[str, PythonValue], moment: Moment) -> str:
        """The message for one record: values by field name, money in minor units; what is missing is a dash.

        `owner` and the like print the person's or record's name where the record offers `owner_name`.
        """
        return "".join(piece if isinstance(piece, str) else _filled(piece, record, moment) for piece in self.pieces)


def parse_template(text: str, schema: Schema) -> Template:
    """Read a template; ConditionError says at which column what is wrong, and what to write instead."""
    if not text.strip():
        raise ConditionError("the message is empty", column=1)
    if len(text) > MAX_CHARS:
        raise ConditionError(f"the message has {len(text):,} characters; at most {MAX_CHARS:,} are allowed", column=1)
    pieces: list[str | Slot] = []
    for match in _PIECE.finditer(text):
        piece, column = match[0], match.start() + 1
        if piece in ("{{", "}}"):
            pieces.append(piece[0])
        elif piece in ("{", "}"):
            raise ConditionError(
                f"a `{piece}` stands alone", column=column, hint=f"write `{piece * 2}` for a brace itself"
            )
        elif match[1] is not None:
            pieces.append(_slot(match[1], column + 1, schema))
        else:
            pieces.append(piece)
    return Template(text, tuple(pieces))


def _slot(inside: str, column: int, schema: Schema) -> Slot:
    name, colon, form = inside.partition(":")
    if not _NAME.fullmatch(name):
        raise ConditionError(
            f"{{{inside}}} names no field", column=column, hint="write a field's name alone, as in {name}"
        )
    field = schema.fields.get(name)
    if field is None:
        raise ConditionError(
            f"a {schema.name} has no field {name!r}", column=column, hint=did_you_mean(name, schema.fields)
        )
    if colon and form != AGE:
        raise ConditionError(f"there is no form {form!r}", column=column, hint="the one form is {last_activity:age}")
    if colon and field.kind not in (Kind.DATE, Kind.INSTANT):
        raise ConditionError(
            f"{name!r} is a {field.kind} and has no age", column=column, hint="only dates and instants have"
        )
    return Slot(field, name in schema.home_money, bool(colon))


def _filled(slot: Slot, record: Mapping[str, PythonValue], moment: Moment) -> str:
    name = slot.field.name
    value = record.get(f"{name}_name") if record.get(f"{name}_name") is not None else record.get(name)
    if value is None:
        return wording.MISSING
    if slot.age:
        assert not isinstance(value, str | int | float)
        return wording.age(value, moment)
    currency = None
    if slot.field.kind is Kind.MONEY:
        currency = (
            moment.home_currency if slot.in_home_currency else str(record.get("currency") or moment.home_currency)
        )
    return wording.plain(value, moment, currency)
