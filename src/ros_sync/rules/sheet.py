"""One rule file being read: typed values out of its nodes, with every problem noted at its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from ros_sync.durations import Duration
from ros_sync.errors import RosSyncError, RuleError, Where
from ros_sync.fields import did_you_mean
from ros_sync.rules import reading
from ros_sync.rules.language import ConditionError
from ros_sync.rules.language.parameters import read_duration
from ros_sync.rules.reading import Node, Scalar, Sequence
from ros_sync.rules.vocabulary import Key

Word = TypeVar("Word", bound=StrEnum)
Read = TypeVar("Read")

EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class Sheet:
    """The file's name and its problems so far. Each reader gives a value, or None after noting what is wrong."""

    def __init__(self, path: Path) -> None:
        self.file = str(path)
        self.problems: list[RosSyncError] = []

    def where(self, node: Node, key: str | None = None) -> Where:
        """The place of a node."""
        return Where(self.file, node.line, node.column, key)

    def problem(self, node: Node, message: str, hint: str | None = None, key: str | None = None) -> None:
        """Note a problem at a node."""
        self.problems.append(RuleError(message, where=self.where(node, key), hint=hint))

    def entries(self, node: Node, vocabulary: Mapping[str, Key], what: str) -> dict[str, Node]:
        """The values of a mapping by key, less unknown and repeated keys; missing required ones are noted."""
        found = self.pairs(node, what)
        for name, (key, _) in found.items():
            if name not in vocabulary:
                self.problem(key, f"{what} has no key {name!r}", did_you_mean(name, vocabulary))
        if isinstance(node, reading.Mapping):
            for name, entry in vocabulary.items():
                if entry.required and name not in found:
                    self.problem(node, f"{what} lacks `{name}`", entry.doc)
        return {name: value for name, (_, value) in found.items() if name in vocabulary and not is_missing(value)}

    def pairs(self, node: Node, what: str) -> dict[str, tuple[Scalar, Node]]:
        """The keys and values of a mapping by name, less repeated ones."""
        if not isinstance(node, reading.Mapping):
            self.problem(node, f"{what} must be written as `key: value` lines")
            return {}
        found: dict[str, tuple[Scalar, Node]] = {}
        for key, value in node.items:
            if key.value in found:
                first = found[key.value][0].line
                self.problem(
                    key, f"the key {key.value!r} stands here twice", f"first in line {first}; keep one of them"
                )
            else:
                found[key.value] = (key, value)
        return found

    def items(self, node: Node | None, what: str) -> list[Node]:
        """The items of a list."""
        if node is None:
            return []
        if isinstance(node, Sequence):
            return node.items
        self.problem(node, f"{what} must be a list", "write each entry on a line of its own, after `- `")
        return []

    def text(self, node: Node | None, what: str) -> str | None:
        """A text."""
        if node is None:
            return None
        if not isinstance(node, Scalar):
            self.problem(node, f"{what} must be a text", "put a text that begins with { or [ in double quotes")
            return None
        if is_missing(node) or not node.value.strip():
            self.problem(node, f"{what} is empty", 'a value that begins with # needs quotes: "#channel"')
            return None
        return node.value.strip()

    def texts(self, node: Node | None, what: str) -> list[tuple[Scalar, str]]:
        """A list of texts, each with its place."""
        read = [(item, self.text(item, what)) for item in self.items(node, what)]
        return [(item, text) for item, text in read if text is not None and isinstance(item, Scalar)]

    def word(self, node: Node | None, words: type[Word], what: str, default: Word) -> Word:
        """One of a few words."""
        text = self.text(node, what)
        if node is None or text is None:
            return default
        try:
            return words(text)
        except ValueError:
            known = [str(word) for word in words]
            guess = did_you_mean(text, known)
            hint = guess if guess.startswith("did you mean") else f"it is one of {', '.join(known)}"
            self.problem(node, f"{what} cannot be {text!r}", hint)
            return default

    def duration(self, node: Node | None, what: str) -> Duration | None:
        """A span of time."""
        return self.read(node, what, read_duration)

    def email(self, node: Node | None, what: str) -> str | None:
        """An e-mail address."""
        text = self.text(node, what)
        if node is not None and text is not None and not EMAIL.fullmatch(text):
            self.problem(node, f"{what} must be an e-mail address; this is {text!r}")
            return None
        return text

    def read(self, node: Node | None, what: str, reader: Callable[[str], Read]) -> Read | None:
        """What `reader` makes of a text; its ValueError or ConditionError becomes a problem at the place."""
        text = self.text(node, what)
        if text is None:
            return None
        assert isinstance(node, Scalar)
        try:
            return reader(text)
        except ConditionError as error:
            column = node.column + error.column - 1 + (1 if node.quoted else 0)
            where = Where(self.file, node.line, column, what)
            self.problems.append(RuleError(error.message, where=where, hint=error.hint))
        except ValueError as error:
            self.problem(node, str(error), key=what)
        return None


def is_missing(node: Node) -> bool:
    """Whether nothing stands at the node."""
    return isinstance(node, Scalar) and node.missing
