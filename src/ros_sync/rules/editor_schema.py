"""The JSON Schema that gives completion and checking in the editor, made from the loader's own vocabulary.

Written to `rules/schema/rules.json` by `python -m ros_sync.rules.editor_schema`; a test holds the two together.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ros_sync.mirror import catalogue
from ros_sync.rules import vocabulary
from ros_sync.rules.model import Action, Expectation, Mode, Severity, Status
from ros_sync.rules.schema import OBJECTS, schema_of

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_DURATION: Schema = {
    "type": "string",
    "pattern": r"^\s*\d+\s+(business\s+(hour|day)s?|minutes?|hours?|days?|weeks?)\s*$",
    "examples": ["14 days", "48 hours", "4 business hours", "5 business days"],
}
_VALUES: Schema = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}


def editor_schema() -> Schema:
    """The whole schema (JSON Schema, draft 7, which editors know best)."""
    rules = {"type": "array", "items": {"anyOf": [_rule(name) for name in OBJECTS]}}
    whole = _object(vocabulary.FILE, {"version": {"const": 1}, "rules": rules})
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "ros-sync rule file", **whole}


def _rule(name: str) -> Schema:
    fields = catalogue.objects()[name].fields
    instants = [field.name for field in fields.values() if field.kind == "instant"]
    given = {
        field.name: {"description": f"{field.doc} ({field.kind})"}
        for field in schema_of(name).fields.values()
        if field.name in fields
    }
    route = _object(vocabulary.ROUTE, {"to": _TEXT, "mode": _enum(Mode), "after": _DURATION})
    only_if = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
    clock = _object(
        vocabulary.CLOCK,
        {
            "starts": _enum(instants),
            "stops": {"type": "array", "items": _enum(instants), "minItems": 1},
            "within": _DURATION,
            "calendar": _TEXT,
            "only_if": only_if,
            "since": _DURATION,
        },
    )
    test = _object(
        vocabulary.TEST,
        {
            "name": _TEXT,
            "now": _TEXT,
            "given": {
                "type": "object",
                "properties": given,
                "patternProperties": {r"^custom\.": {}},
                "additionalProperties": False,
            },
            "expect": _enum(Expectation),
        },
    )
    whole = _object(
        vocabulary.RULE,
        {
            "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
            "title": _TEXT,
            "applies_to": {"const": name},
            "status": _enum(Status),
            "owner": {"type": "string", "format": "email"},
            "params": _VALUES,
            "vary": {"type": "array", "items": _object(vocabulary.VARY, {"if": _TEXT, "params": _VALUES})},
            "when": {"type": "array", "items": _TEXT, "minItems": 1},
            "clock": clock,
            "for": _DURATION,
            "severity": _enum(Severity),
            "inhibited_by": {"type": "array", "items": _TEXT},
            "notify": {"type": "array", "items": route},
            "message": _TEXT,
            "actions": {"type": "array", "items": _enum(Action)},
            "tests": {"type": "array", "items": test},
        },
    )
    return {**whole, "anyOf": [{"required": ["when"]}, {"required": ["clock"]}]}


def _object(words: Mapping[str, vocabulary.Key], shapes: Mapping[str, Schema]) -> Schema:
    """An object with exactly the keys of the vocabulary."""
    return {
        "type": "object",
        "properties": {name: {**shapes[name], "description": key.doc} for name, key in words.items()},
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
