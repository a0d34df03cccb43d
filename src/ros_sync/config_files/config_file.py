"""One YAML file being read: typed values out of its nodes, with every problem noted at its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from collections.abc import Mapping as Dictionary
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from ros_sync.config_files import parsing
from ros_sync.config_files.nodes import Mapping, Node, Scalar, ScalarKind, Sequence, path_to
from ros_sync.errors import ProblemsError, RosSyncError, Where
from ros_sync.fields import did_you_mean

Word = TypeVar("Word", bound=StrEnum)
Read = TypeVar("Read")

_HINTS = {
    "a list": "write each entry on a line of its own, after `- `",
    "a value": "put text that begins with { or [ in double quotes",
    "a text": "put text that begins with { or [, or is true or false, in double quotes",
}


class ConfigFile:
    """The file's name and its problems so far, each an `error` (a class of `ros_sync.errors`).

    `content` is what the file holds, where that was read already; without it the file at `path` is read.

    The readers below give the value of a node, or none after noting what is wrong with it; where there is no node they
    give none and note nothing, since an optional value may be left out.
    """

    def __init__(
        self, path: Path, error: type[RosSyncError], *, shown_as: str | None = None, content: bytes | None = None
    ) -> None:
        self.path = path
        self._content = content
        self.file = shown_as or str(path)
        self.problems: list[RosSyncError] = []
        self._error = error

    def root(self) -> Node | None:
        """The whole file; None after noting why it cannot be read."""
        try:
            return parsing.read(self.path, self.file, self._error, self._content)
        except self._error as error:
            self.problems.append(error)
            return None

    def close(self) -> None:
        """Raise ProblemsError with all problems in reading order, if there are any."""
        if self.problems:
            raise ProblemsError(in_reading_order(self.problems))

    def where(self, node: Node | None, key: str | None = None) -> Where:
        """The place of a node (None: the file as a whole); `key` goes before the node's own path."""
        if node is None:
            return Where(self.file, key=key)
        return Where(self.file, node.line, node.column, key or node.path or None)

    def problem(self, node: Node | None, message: str, hint: str | None = None, *, key: str | None = None) -> None:
        """Note a problem at a node (None: of the file as a whole)."""
        self.problems.append(self._error(message, where=self.where(node, key), hint=hint))

    def pairs(self, node: Node | None) -> dict[str, tuple[Scalar, Node]]:
        """The keys and values of a mapping by name; a key that comes again is noted and left out."""
        if node is None:
            return {}
        if not isinstance(node, Mapping):
            self._unexpected(node, "`key: value` pairs")
            return {}
        found: dict[str, tuple[Scalar, Node]] = {}
        before: Node | None = None
        for key, value in node.items:
            torn = _torn(before, key, value)
            before = value
            if torn:
                hint = "write numbers without separators, such as 20000, or put text in quotes"
                self.problem(key, f"the comma in {torn} begins another key", hint)
            elif key.value in found:
                hint = f"first in line {found[key.value][0].line}; keep one of them"
                self.problem(key, f"duplicate key {key.value!r}", hint)
            else:
                found[key.value] = (key, value)
        return found

    def named(self, node: Node | None) -> dict[str, Node]:
        """The values of a mapping whose keys are names that the file gives."""
        return {name: value for name, (_, value) in self.pairs(node).items()}

    def entries(
        self, node: Node | None, known: Collection[str], required: Dictionary[str, str | None] | None = None
    ) -> dict[str, Node]:
        """The values of a mapping by key, less those with nothing there.

        A key that comes twice, or is none of the `known`, is noted and left out. `required` has a hint for each key
        that must have a value.
        """
        found = self.pairs(node)
        for name, (key, _) in found.items():
            if name not in known:
                self.problem(key, f"unknown key {name!r}", did_you_mean(name, known))
        values = {name: value for name, (_, value) in found.items() if name in known}
        if isinstance(node, Mapping):
            for name, hint in (required or {}).items():
                if name not in values or values[name].is_missing:
                    self.lacks(node, name, hint, at=values.get(name))
        return {name: value for name, value in values.items() if not value.is_missing}

    def lacks(self, node: Node, name: str, hint: str | None = None, *, at: Node | None = None) -> None:
        """Note that a map lacks a key; `at`: where nothing stands behind it."""
        if isinstance(at, Scalar) and at.comment and not at.comment[1:2].isspace():
            message = f"`{name}` has no value: {at.comment} is a comment"
            self.problem(at, message, f'put it in quotes: "{at.comment}"', key=path_to(node, name))
            return
        self.problem(at or node, f"`{name}` is missing", hint, key=path_to(node, name))

    def version(self, node: Node | None, known: int) -> None:
        """Note a version of the format that is not the `known` one."""
        text = self.written(node)
        if text is not None and text != str(known):
            self.problem(node, f"version {text!r} is not known", f"this ros-sync reads version {known}")

    def items(self, node: Node | None) -> list[Node]:
        """The items of a list."""
        if isinstance(node, Sequence):
            return node.items
        if node is not None:
            self._unexpected(node, "a list")
        return []

    def written(self, node: Node | None, *, exact: bool = False, wanted: str = "a value") -> str | None:
        """A value as it is written, whatever it stands for, without blanks around it; `exact`: with them."""
        if node is None:
            return None
        if not isinstance(node, Scalar):
            self._unexpected(node, wanted)
            return None
        text = node.value if exact else node.value.strip()
        if node.is_missing or not text:
            self.problem(node, "value missing", 'one that begins with # needs quotes: "#channel"')
            return None
        return text

    def text(self, node: Node | None, *, exact: bool = False) -> str | None:
        """A text; a number or a day counts as what is written, so that `0123` keeps its nought."""
        if isinstance(node, Scalar) and node.kind is ScalarKind.TRUTH:
            self._unexpected(node, "a text")
            return None
        return self.written(node, exact=exact, wanted="a text")

    def texts(self, node: Node | None) -> list[tuple[Scalar, str]]:
        """A list of texts, each with its place."""
        read = [(item, self.text(item)) for item in self.items(node)]
        return [(item, text) for item, text in read if text is not None and isinstance(item, Scalar)]

    def choice(self, node: Node | None, known: Iterable[str], *, exact: bool = False) -> str | None:
        """A text that is one of `known`."""
        text, names = self.text(node, exact=exact), [str(name) for name in known]
        if text is not None and text not in names:
            self.problem(node, f"{text!r} is not allowed here", did_you_mean(text, names))
            return None
        return text

    def word(self, node: Node | None, words: type[Word], default: Word) -> Word:
        """One of a few words; `default` where there is none."""
        text = self.choice(node, words)
        return default if text is None else words(text)

    def whole(self, node: Node | None) -> int | None:
        """A whole number in decimal digits."""
        if node is None:
            return None
        if isinstance(node, Scalar) and node.kind is ScalarKind.WHOLE:
            try:
                return int(node.value)
            except ValueError:  # 0x1F, or thousands of digits
                pass
        self._unexpected(node, "a whole number")
        return None

    def flag(self, node: Node | None) -> bool | None:
        """Either true or false."""
        if node is None:
            return None
        if isinstance(node, Scalar) and node.kind is ScalarKind.TRUTH:
            return node.value.lower() == "true"
        self._unexpected(node, "true or false")
        return None

    def read(self, node: Node | None, reader: Callable[[str], Read]) -> Read | None:
        """What `reader` makes of a value as written; its ValueError becomes a problem at the place."""
        text = self.written(node)
        if text is None:
            return None
        try:
            return reader(text)
        except ValueError as error:
            self.problem(node, str(error))
            return None

    def read_each(self, nodes: Iterable[Node], reader: Callable[[str], Read]) -> list[Read]:
        """What `reader` makes of each node, less those with a problem."""
        read = (self.read(node, reader) for node in nodes)
        return [value for value in read if value is not None]

    def _unexpected(self, node: Node, wanted: str) -> None:
        hint = _HINTS.get(wanted)
        if isinstance(node, Scalar) and not node.quoted and re.match(r"-\S|[a-z_]+:\S", node.value):
            hint = "put a space after the `-`" if node.value.startswith("-") else "put a space after the colon"
        elif isinstance(node, Scalar) and wanted == "`key: value` pairs":
            hint = "write each key and its value, as in `to: owner`" if node.path.startswith("rules") else None
        self.problem(node, f"expected {wanted}, found {node}", hint)


def _torn(before: Node | None, key: Scalar, value: Node) -> str | None:
    """A number that its comma tore in two inside of `{…}`: `{floor: 20,000}`."""
    torn = isinstance(before, Scalar) and before.value[-1:].isdigit() and not before.quoted and value.is_missing
    if torn and isinstance(before, Scalar) and re.fullmatch(r"\d+(?:\.\d+)?(?: ?[A-Za-z]{1,3}|[€$£%])?", key.value):
        return f"{before.value},{key.value}"
    return None


def in_reading_order(problems: Iterable[RosSyncError]) -> list[RosSyncError]:
    """The problems by file, line and column."""
    return sorted(problems, key=_place)


def _place(problem: RosSyncError) -> tuple[str, int, int]:
    where = problem.where or Where()
    return (where.file or "", where.line or 0, where.column or 0)
