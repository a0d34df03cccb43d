"""Reading a YAML file strictly: every value knows its place, and all problems are collected before any is raised."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ros_sync.errors import OrganisationError, ProblemsError, RosSyncError, Where
from ros_sync.fields import did_you_mean

MAX_FILE_BYTES = 4_000_000  # tens of thousands of people; beyond that a file is something else, put here by mistake
MAX_OPEN_BRACKETS = 100  # the file's own shape needs 4; the parser's time grows with the square of the depth
_SMALLEST, _LARGEST = Decimal("1e-12"), Decimal("1e12")  # no exchange rate lies outside; 1e999999 would cost a gigabyte
_BRACKET = re.compile(r"[\[{]|[\]}]")


class Sheet:
    """One file being read: its name and what was found wrong so far.

    The readers below give the value of a node, or None after noting what is wrong with it; `key` is the path that a
    person reads, such as `people[3].manager`.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[RosSyncError] = []

    def problem(self, node: Node | None, key: str | None, message: str, hint: str | None = None) -> None:
        """Note a problem at a node (None: of the file as a whole)."""
        line, column = (node.start_mark.line + 1, node.start_mark.column + 1) if node is not None else (None, None)
        self.problems.append(OrganisationError(message, where=Where(self.file, line, column, key), hint=hint))

    def close(self) -> None:
        """Raise ProblemsError with all problems in reading order, if there are any."""
        if self.problems:
            self.problems.sort(key=_place)
            raise ProblemsError(self.problems)

    def root(self, path: Path) -> Node | None:
        """Parse the file; None after noting why that is not possible."""
        content = self._content(path)
        if content is None:
            return None
        if _open_brackets(content) > MAX_OPEN_BRACKETS:
            self._nested()
            return None
        reader = YAML(typ="rt", pure=True)
        reader.version = (1, 2)
        try:
            node: Node | None = reader.compose(content)
        except MarkedYAMLError as error:
            self._broken(error)
            return None
        except RecursionError:
            self._nested()
            return None
        except YAMLError as error:
            self.problem(None, None, f"it is no YAML: {' '.join(str(error).split())}", "remove the character it names")
            return None
        if node is None:
            self.problem(None, None, "it is empty", "it needs at least `version: 1` and `company: {name: …}`")
        return node

    def _content(self, path: Path) -> str | None:
        try:
            raw = path.read_bytes()
        except OSError as error:
            self.problem(None, None, f"it cannot be read: {error.strerror}", "`ros-sync init` lays one out")
            return None
        if len(raw) > MAX_FILE_BYTES:
            self.problem(
                None, None, f"it has {len(raw):,} bytes; at most {MAX_FILE_BYTES:,} are read", "is it the right file?"
            )
            return None
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            column = error.start - raw.rfind(b"\n", 0, error.start)
            where = Where(self.file, line, column)
            self.problems.append(OrganisationError("it is not UTF-8", where=where, hint="save it as UTF-8"))
            return None

    def _nested(self) -> None:
        self.problem(None, None, "it is nested too deeply", "write it as shown in the shipped organisation.yaml")

    def _broken(self, error: MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        where = Where(self.file, mark.line + 1, mark.column + 1) if mark else Where(self.file)
        said = " ".join(str(error.problem or error.context).split())
        tab = "\\t" in said
        hint = "indent with spaces, not with a tab" if tab else "check the brackets, quotes and indentation here"
        self.problems.append(OrganisationError(f"it is no YAML: {said}", where=where, hint=hint))

    def mapping(self, node: Node, key: str, known: Collection[str] | None = None) -> dict[str, Node]:
        """The values of a mapping by key; a key that comes twice, or is none of the `known`, is noted and left out."""
        if _is_missing(node):
            return {}
        if not isinstance(node, MappingNode):
            self._wrong_kind(node, key, "`key: value` pairs")
            return {}
        entries: dict[str, Node] = {}
        for name_node, value in node.value:
            name = str(name_node.value) if isinstance(name_node, ScalarNode) else "?"
            path = f"{key}.{name}" if key else name
            if name in entries:
                self.problem(name_node, path, f"{name!r} stands here twice", "keep one of them")
            elif known is not None and name not in known:
                self.problem(name_node, path, f"there is no key {name!r} here", did_you_mean(name, known))
            else:
                entries[name] = value
        return entries

    def sequence(self, node: Node, key: str) -> list[Node]:
        """The items of a list."""
        if _is_missing(node):
            return []
        if not isinstance(node, SequenceNode):
            self._wrong_kind(node, key, "a list")
            return []
        return list(node.value)

    def text(self, node: Node | None, key: str) -> str | None:
        """A text; a number is none, so that `0123` is not lost to its quotes."""
        if node is None or _is_missing(node):
            return None
        if not isinstance(node, ScalarNode) or _kind(node) != "str":
            self._wrong_kind(node, key, "a text")
            return None
        return str(node.value).strip() or None

    def whole(self, node: Node | None, key: str) -> int | None:
        """A whole number."""
        if node is None or _is_missing(node):
            return None
        if isinstance(node, ScalarNode) and _kind(node) == "int" and str(node.value).isascii():
            try:
                return int(node.value)
            except ValueError:
                pass
        self._wrong_kind(node, key, "a whole number")
        return None

    def decimal(self, node: Node, key: str) -> Decimal | None:
        """A number above 0 (from 1e-12 to 1e12), read exactly as written, in quotes or not."""
        if isinstance(node, ScalarNode):
            try:
                value = Decimal(str(node.value))
            except InvalidOperation:
                pass
            else:
                if value.is_finite() and _SMALLEST <= value <= _LARGEST:
                    return value
        self._wrong_kind(node, key, "a number above 0, such as 0.92")
        return None

    def day(self, node: Node, key: str) -> date | None:
        """A day, ISO 8601."""
        if isinstance(node, ScalarNode):
            try:
                return date.fromisoformat(str(node.value))
            except ValueError:
                pass
        self._wrong_kind(node, key, "a day such as 2026-12-24")
        return None

    def flag(self, node: Node | None, key: str) -> bool | None:
        """Either true or false."""
        if node is None or _is_missing(node):
            return None
        if isinstance(node, ScalarNode) and _kind(node) == "bool":
            return str(node.value).lower() == "true"
        self._wrong_kind(node, key, "true or false")
        return None

    def _wrong_kind(self, node: Node, key: str, wanted: str) -> None:
        if isinstance(node, MappingNode):
            found = "`key: value` pairs"
        elif isinstance(node, SequenceNode):
            found = "a list"
        else:
            found = f"{node.value!r}"
        self.problem(node, key, f"expected {wanted}, found {found}")


def _open_brackets(content: str) -> int:
    """How deep brackets stand in each other at most; those in texts and comments count too, which does no harm."""
    depth = deepest = 0
    for bracket in _BRACKET.finditer(content):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _kind(node: ScalarNode) -> str:
    """The kind that YAML gives a plain or quoted value: str, int, float, bool, null, timestamp."""
    return str(node.tag).rsplit(":", 1)[-1]


def _is_missing(node: Node) -> bool:
    return isinstance(node, ScalarNode) and _kind(node) == "null"


def _place(problem: RosSyncError) -> tuple[int, int]:
    where = problem.where
    return (where.line or 0, where.column or 0) if where else (0, 0)
