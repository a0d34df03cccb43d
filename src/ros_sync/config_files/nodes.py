"""The values of a YAML file with their places: scalars stay as they are written, and nothing is expanded or guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class ScalarKind(StrEnum):
    """What a scalar stands for; the value says what a person calls it."""

    NOTHING = "nothing"
    TRUTH = "true or false"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXT = "a text"


# YAML 1.2.2, 10.3.2 (core schema): how plain scalars are told apart. 10.2 is a number, 10% and 2026-12-24 are texts.
_KINDS = {
    ScalarKind.NOTHING: re.compile(r"|~|null|Null|NULL"),
    ScalarKind.TRUTH: re.compile(r"true|True|TRUE|false|False|FALSE"),
    ScalarKind.WHOLE: re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    ScalarKind.NUMBER: re.compile(
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    ),
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value as written; `quoted` tells `"true"` from `true`.

    Line and column count from 1, at the first character. `path` is how a person names the place: `people[3].manager`,
    lists counted from 1. A key has the path of its value. `comment` is what stands behind it as one, as in
    `to: #sales`.
    """

    value: str
    quoted: bool
    line: int
    column: int
    path: str = ""
    comment: str | None = field(default=None, compare=False)

    @property
    def kind(self) -> ScalarKind:
        """What it stands for; in quotes, always a text."""
        if self.quoted:
            return ScalarKind.TEXT
        return next((kind for kind, shape in _KINDS.items() if shape.fullmatch(self.value)), ScalarKind.TEXT)

    @property
    def is_missing(self) -> bool:
        """Whether nothing stands here: no value, `~` or `null`."""
        return self.kind is ScalarKind.NOTHING

    def __str__(self) -> str:
        """What is found there, for messages."""
        return "nothing" if self.is_missing else repr(self.value)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    column: int
    path: str = ""
    items: list[Node] = field(default_factory=list)

    @property
    def is_missing(self) -> bool:
        """A list is something, even without items."""
        return False

    def __str__(self) -> str:
        """What is found there, for messages."""
        return "a list"


@dataclass(frozen=True, slots=True)
class Mapping:
    """`key: value` pairs in order, a key that comes twice included."""

    line: int
    column: int
    path: str = ""
    items: list[tuple[Scalar, Node]] = field(default_factory=list)

    @property
    def is_missing(self) -> bool:
        """A map is something, even without keys."""
        return False

    def __str__(self) -> str:
        """What is found there, for messages."""
        return "`key: value` pairs"


Node = Scalar | Sequence | Mapping


def path_to(holder: Node, key: str) -> str:
    """The path of a key in a map."""
    return f"{holder.path}.{key}" if holder.path else key
