"""A YAML file as nodes that know their place: scalars stay as written, and nothing is expanded or guessed.

Built from the parser's events, so that neither deep nesting nor aliases can make it run away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from ros_sync.errors import RuleError, Where

MAX_FILE_BYTES = 1_000_000  # ours: a thousand rules with their tests
MAX_DEPTH = 20  # ours: the shape of a rule file needs 7


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value as written; `quoted` tells `"true"` from `true`. Line and column count from 1, at the first character."""

    value: str
    quoted: bool
    line: int
    column: int

    @property
    def missing(self) -> bool:
        """Whether nothing stands here (YAML 1.2 core schema, null)."""
        return not self.quoted and self.value in ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """`key: value` pairs in order, a key that comes twice included."""

    line: int
    column: int
    items: list[tuple[Scalar, Node]] = field(default_factory=list)


Node = Scalar | Sequence | Mapping


def read(path: Path) -> Node:
    """The root of a YAML 1.2 file; RuleError says at which place it cannot be read, and what to do."""
    text = _text(path)
    _check_tabs(text, path)
    try:
        root = _Composer(path).compose(text)
    except MarkedYAMLError as error:
        raise _broken(error, path) from error
    except YAMLError as error:
        raise RuleError("this is no YAML", where=Where(str(path)), hint=" ".join(str(error).split())) from error
    if root is None or (isinstance(root, Scalar) and root.missing):
        raise RuleError("the file is empty", where=Where(str(path)), hint="it needs `version: 1` and `rules:`")
    return root


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise RuleError(f"the file cannot be read: {error.strerror}", where=Where(str(path))) from error
    if len(content) > MAX_FILE_BYTES:
        raise RuleError(
            f"the file has more than {MAX_FILE_BYTES:,} bytes",
            where=Where(str(path)),
            hint="split it into several files",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        where = Where(str(path), line, column)
        raise RuleError("the file is not UTF-8", where=where, hint="save it as UTF-8") from error


def _check_tabs(text: str, path: Path) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        if "\t" in indent and line.strip():
            where = Where(str(path), number, indent.index("\t") + 1)
            raise RuleError("there is a tab", where=where, hint="indent with spaces")


class _Composer:
    """Puts events together into nodes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []
        self._root: Node | None = None
        self._documents = 0

    def compose(self, text: str) -> Node | None:
        reader = YAML(typ="rt", pure=True)
        reader.version = (1, 2)
        for event in reader.parse(text):
            self._take(event)
        return self._root

    def _take(self, event: Event) -> None:
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._error(event, "a second document begins here", "one file holds one document; remove `---`")
        elif isinstance(event, CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, NodeEvent):
            self._node(event)

    def _node(self, event: NodeEvent) -> None:
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise self._error(event, "anchors and aliases are not used in rule files", "write the value out")
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, ScalarEvent):
            self._place(event, Scalar(event.value, event.style is not None, line, column))
            return
        assert isinstance(event, MappingStartEvent | SequenceStartEvent)
        node = Mapping(line, column) if isinstance(event, MappingStartEvent) else Sequence(line, column)
        self._place(event, node)
        self._open.append(node)
        self._keys.append(None)
        if len(self._open) > MAX_DEPTH:
            raise self._error(event, f"this is nested more than {MAX_DEPTH} deep", "check the brackets and indentation")

    def _place(self, event: Event, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        holder, key = self._open[-1], self._keys[-1]
        if isinstance(holder, Sequence):
            holder.items.append(node)
        elif key is not None:
            holder.items.append((key, node))
            self._keys[-1] = None
        elif isinstance(node, Scalar):
            self._keys[-1] = node
        else:
            raise self._error(event, "a key must be a word", "quote a text that begins with [ or {")

    def _error(self, event: Event, message: str, hint: str) -> RuleError:
        mark = event.start_mark
        return RuleError(message, where=Where(str(self._path), mark.line + 1, mark.column + 1), hint=hint)


def _broken(error: MarkedYAMLError, path: Path) -> RuleError:
    mark = error.problem_mark or error.context_mark
    where = Where(str(path), mark.line + 1, mark.column + 1) if mark else Where(str(path))
    said = " ".join(str(error.problem or error.context).split())
    return RuleError(f"this is no YAML: {said}", where=where, hint="check quotes, brackets and indentation here")
