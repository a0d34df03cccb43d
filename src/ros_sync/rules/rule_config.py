"""A rule file being read: what is particular to rules beside what every config file can hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from pathlib import Path
from typing import TypeVar

from ros_sync.config_files import ConfigFile, Mapping, Node, Scalar
from ros_sync.durations import Duration, Unit
from ros_sync.errors import RosSyncError, RuleError, Where
from ros_sync.rules.doubts import Doubt
from ros_sync.rules.language import ConditionError
from ros_sync.rules.language.parameters import read_duration
from ros_sync.rules.vocabulary import Key

Read = TypeVar("Read")

_NAME = re.compile(r"[A-Za-z_][\w.]*")
# A year of working time: 52 weeks of five days and two days more, of eight hours each. It is walked day by day, for
# each record.
_MOST_WORKING = {Unit.BUSINESS_DAY: 262, Unit.BUSINESS_HOUR: 2_096}
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class RuleConfigFile(ConfigFile):
    """A config file whose maps have a vocabulary, and whose texts can be conditions."""

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        super().__init__(path, RuleError, content=content)
        self.warnings: list[RosSyncError] = []

    def doubt(self, node: Node, doubt: Doubt) -> None:
        """Note a warning at a node, or at a column of the text that it holds."""
        shift = doubt.column - 1 + (isinstance(node, Scalar) and node.quoted)
        where = Where(self.file, node.line, node.column + shift, node.path or None)
        self.warnings.append(RuleError(doubt.message, where=where, hint=doubt.hint))

    def words(self, node: Node | None, vocabulary: Dictionary[str, Key]) -> dict[str, Node]:
        """The values of a mapping by the keys of a vocabulary; missing required ones are noted."""
        return self.entries(node, vocabulary, {name: key.doc for name, key in vocabulary.items() if key.required})

    def duration(self, node: Node | None) -> Duration | None:
        """A span of time that is laid from a moment of each record: of working time at most a year."""
        return self.read(node, _read_span)

    def email(self, node: Node | None) -> str | None:
        """An e-mail address."""
        text = self.text(node)
        if text is not None and not EMAIL.fullmatch(text):
            self.problem(node, f"this must be an e-mail address; it is {text!r}")
            return None
        return text

    def condition(self, node: Node | None, reader: Callable[[str], Read]) -> Read | None:
        """What `reader` makes of a condition; one that YAML takes for a key and its value is told as such."""
        if isinstance(node, Mapping) and len(node.items) == 1:
            key, value = node.items[0]
            said = value.value if isinstance(value, Scalar) else None
            if said and _NAME.fullmatch(key.value):
                text = f"`{key.value}`" if said == "true" else f'`{key.value} is "{said}"`'
                self.problem(node, "a condition is not a `key: value` pair", f"write {text}")
            elif said:
                hint = f"put the whole line in single quotes: '{key.value}: {said}'"
                self.problem(node, "the colon makes YAML read this as a key and its value", hint)
            else:
                self.problem(node, "a condition is a text", "put a text that begins with { in single quotes")
            return None
        return self.read(node, reader)

    def read(self, node: Node | None, reader: Callable[[str], Read]) -> Read | None:
        """What `reader` makes of a value; a ConditionError becomes a problem at its own column."""
        try:
            return super().read(node, reader)
        except ConditionError as error:
            assert isinstance(node, Scalar)
            if node.comment and "never closed" in (error.hint or ""):
                message = f"{node.comment} begins a comment, so the rest of the line is not read"
                self.problem(node, message, "put the whole line in single quotes")
                return None
            column = node.column + error.column - 1 + (1 if node.quoted else 0)
            where = Where(self.file, node.line, column, node.path)
            self.problems.append(RuleError(error.message, where=where, hint=error.hint))
            return None


def _read_span(text: str) -> Duration:
    span = read_duration(text)
    if span.count > _MOST_WORKING.get(span.unit, span.count):
        days, hours = (f"{count:,} {unit}s" for unit, count in _MOST_WORKING.items())
        raise ValueError(f"{span} is too long; at most a year of working time, which is {days} or {hours}")
    return span
