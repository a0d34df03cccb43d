"""A rule file being read: what is particular to rules beside what every sheet can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from ros_sync.durations import Duration
from ros_sync.errors import RuleError, Where
from ros_sync.rules.language import ConditionError
from ros_sync.rules.language.parameters import read_duration
from ros_sync.rules.vocabulary import Key
from ros_sync.sheets import Node, Scalar, Sheet

Read = TypeVar("Read")

EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class RuleSheet(Sheet):
    """A sheet whose maps have a vocabulary, and whose texts can be conditions."""

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        super().__init__(path, RuleError, content=content)

    def words(self, node: Node | None, vocabulary: Mapping[str, Key]) -> dict[str, Node]:
        """The values of a mapping by the keys of a vocabulary; missing required ones are noted."""
        return self.entries(node, vocabulary, {name: key.doc for name, key in vocabulary.items() if key.required})

    def duration(self, node: Node | None) -> Duration | None:
        """A span of time."""
        return self.read(node, read_duration)

    def email(self, node: Node | None) -> str | None:
        """An e-mail address."""
        text = self.text(node)
        if text is not None and not EMAIL.fullmatch(text):
            self.problem(node, f"this must be an e-mail address; it is {text!r}")
            return None
        return text

    def read(self, node: Node | None, reader: Callable[[str], Read]) -> Read | None:
        """What `reader` makes of a value; a ConditionError becomes a problem at its own column."""
        try:
            return super().read(node, reader)
        except ConditionError as error:
            assert isinstance(node, Scalar)
            column = node.column + error.column - 1 + (1 if node.quoted else 0)
            where = Where(self.file, node.line, column, node.path)
            self.problems.append(RuleError(error.message, where=where, hint=error.hint))
            return None
