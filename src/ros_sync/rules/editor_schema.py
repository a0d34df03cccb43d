"""The JSON Schema that gives completion and checking in the editor, made from the loader's own vocabulary.

Written to `rules/schema/rules.json` by `python -m ros_sync.rules.editor_schema`; a test holds the two together.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping

from ros_sync.fields import Field, Kind
from ros_sync.mirror import catalogue
from ros_sync.rules import editor_shapes as shapes
from ros_sync.rules import vocabulary
from ros_sync.rules.editor_shapes import Schema
from ros_sync.rules.model import Expectation, Mode, RuleAction, RuleSeverity, Status
from ros_sync.rules.object_schema import OBJECTS, schema_of


def editor_schema() -> Schema:
    """The whole schema (JSON Schema, draft 7, which editors know best)."""
    rules = {"type": "array", "items": {"anyOf": [_rule(name) for name in OBJECTS]}}
    whole = _object(vocabulary.FILE, {"version": {"const": 1}, "rules": rules})
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "ros-sync rule file", **whole}


def _rule(name: str) -> Schema:
    every = list(schema_of(name).fields.values())
    own = catalogue.objects()[name].fields.values()
    instants = [field.name for field in own if field.kind is Kind.INSTANT]
    texts = [field.name for field in own if field.kind is Kind.TEXT]
    condition = shapes.condition(every)
    route = _object(vocabulary.ROUTE, {"to": shapes.RECIPIENT, "mode": _enum(Mode), "after": shapes.DURATION})
    whole = _object(
        vocabulary.RULE,
        {
            "id": shapes.ID,
            "title": shapes.TEXT,
            "applies_to": {"const": name},
            "status": _enum(Status),
            "owner": shapes.EMAIL,
            "params": shapes.VALUES,
            "vary": {"type": "array", "items": _object(vocabulary.VARY, {"if": condition, "params": shapes.VALUES})},
            "when": {"type": "array", "items": condition, "minItems": 1},
            "clock": _clock(instants, texts),
            "for": shapes.DURATION,
            "severity": _enum(RuleSeverity),
            "inhibited_by": {"type": "array", "items": shapes.ID},
            "notify": {"type": "array", "items": route, "uniqueItems": True},
            "message": shapes.message(every),
            "actions": {"type": "array", "items": _enum(RuleAction)},
            "tests": {"type": "array", "items": _test(own)},
        },
    )
    return {**whole, "anyOf": [{"required": ["when"]}, {"required": ["clock"]}], "dependencies": {"vary": ["params"]}}


def _clock(instants: list[str], texts: list[str]) -> Schema:
    only_if = {
        "type": "object",
        "propertyNames": _enum(texts),
        "additionalProperties": {"type": "array", "items": shapes.TEXT},
    }
    return _object(
        vocabulary.CLOCK,
        {
            "starts": _enum(instants),
            "stops": {"type": "array", "items": _enum(instants), "minItems": 1},
            "within": shapes.DURATION,
            "calendar": shapes.TEXT,
            "only_if": only_if,
            "since": shapes.PLAIN_DURATION,
        },
    )


def _test(fields: Iterable[Field]) -> Schema:
    given = {
        "type": "object",
        "properties": {field.name: shapes.given(field) for field in fields},
        "patternProperties": {r"^custom\.": {"type": ["string", "number", "boolean", "null"]}},
        "additionalProperties": False,
    }
    return _object(
        vocabulary.TEST,
        {"name": shapes.TEXT, "now": shapes.MOMENT, "given": given, "expect": _enum(Expectation)},
    )


def _object(words: Mapping[str, vocabulary.Key], values: Mapping[str, Schema]) -> Schema:
    """An object with exactly the keys of the vocabulary."""
    return {
        "type": "object",
        "properties": {name: {**values[name], "description": key.doc} for name, key in words.items()},
        "required": [name for name, key in words.items() if key.required],
        "additionalProperties": False,
    }


def _enum(words: Iterable[str]) -> Schema:
    return {"enum": [str(word) for word in words]}


def as_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(editor_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_text())
