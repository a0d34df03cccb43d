"""A YAML 1.2 file to nodes.

Built from the parser's events, so that neither deep nesting nor aliases of aliases can make it run away.
"""

from __future__ import annotations

import re
from dataclasses import replace
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
from ruamel.yaml.reader import ReaderError

from ros_sync.config_files.nodes import Mapping, Node, Scalar, Sequence, path_to
from ros_sync.config_files.regular import open_regular
from ros_sync.config_files.yaml_advice import comment_after, stumble
from ros_sync.errors import RosSyncError, Where

MAX_FILE_BYTES = 4_000_000  # ours: tens of thousands of people; beyond that a file was put here by mistake
MAX_DEPTH = 20  # ours: the shape of a rule file, the deepest of all, needs 7
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL keeps no NUL, and UTF-8 no half of a pair


def read(path: Path, file: str, error: type[RosSyncError], content: bytes | None = None) -> Node:
    """The root of the file at `path`, which problems call `file`.

    `content`: what it holds, where that was read already. Raises `error` with line and column where it cannot be read,
    is no UTF-8, too large, empty, no YAML, nested too deeply, or holds what only programs need: anchors, aliases, tags,
    a second document.
    """
    reader = _Reader(file, error)
    return reader.read(reader.text(path) if content is None else reader.decoded(content))


class _Reader:
    """Puts the events of one file together into nodes."""

    def __init__(self, file: str, error: type[RosSyncError]) -> None:
        self._file = file
        self._error = error
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []
        self._root: Node | None = None
        self._documents = 0
        self._lines: list[str] = []

    def read(self, text: str) -> Node:
        self._lines = text.split("\n")
        self._check_tabs(text)
        reader = YAML(
            typ="safe", pure=True
        )  # the events are the same; that for round trips gathers comments, for as long again
        reader.version = (1, 2)
        try:
            for event in reader.parse(text):
                self._take(event)
        except MarkedYAMLError as error:
            raise self._broken(error) from error
        except ReaderError as error:
            raise self._unprintable(text, error) from error
        except YAMLError as error:
            said = " ".join(str(error).split())
            raise self._problem(f"invalid YAML: {said}", "check the whole file") from error
        if self._root is None or self._root.is_missing:
            raise self._problem("the file is empty", "it begins with `version: 1`")
        return self._root

    def text(self, path: Path) -> str:
        try:
            with open_regular(path) as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            raise self._problem(message, "`ros-sync init` creates one") from error
        return self.decoded(content)

    def decoded(self, content: bytes) -> str:
        if len(content) > MAX_FILE_BYTES:
            raise self._problem(f"the file is larger than {MAX_FILE_BYTES:,} bytes", "is it the right file?")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            column = error.start - content.rfind(b"\n", 0, error.start)
            raise self._problem("the file isn't UTF-8", "save it as UTF-8", line, column) from error

    def _check_tabs(self, text: str) -> None:
        for number, line in enumerate(text.split("\n"), start=1):
            indent = line[: len(line) - len(line.lstrip(" \t"))]
            if "\t" in indent and line.strip():
                raise self._problem("tab character found", "indent with spaces", number, indent.index("\t") + 1)

    def _take(self, event: Event) -> None:
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._at(event, "a second document starts here", "one file holds one document; remove `---`")
        elif isinstance(event, CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, NodeEvent):
            self._node(event)

    def _node(self, event: NodeEvent) -> None:
        if isinstance(event, AliasEvent) or event.anchor is not None:
            hint = "write out the value, or put text that begins with & or * in quotes"
            raise self._at(event, "anchors and aliases aren't supported here", hint)
        assert isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent)
        if event.tag is not None:
            raise self._at(
                event, "tags aren't supported here", "put text that begins with ! in quotes; in a condition use `not`"
            )
        if isinstance(event, ScalarEvent):
            self._place(event, self._scalar(event))
            return
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        shape = Mapping if isinstance(event, MappingStartEvent) else Sequence
        node = shape(line, column, self._path())
        self._place(event, node)
        self._open.append(node)
        self._keys.append(None)
        if len(self._open) > MAX_DEPTH:
            raise self._at(event, f"this is nested more than {MAX_DEPTH} deep", "check the brackets and indentation")

    def _scalar(self, event: ScalarEvent) -> Scalar:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        stray = _UNSTORABLE.search(event.value)
        if stray:  # out of an escape in double quotes; the file itself cannot hold one
            raise self._at(
                event, f"there is an invisible character, U+{ord(stray[0]):04X}", "remove its escape sequence"
            )
        key = self._keys[-1] if self._keys else None
        ends_line, ends_column = event.end_mark.line, event.end_mark.column
        if not event.value and key is not None and key.line != line:  # the parser finds nothing only at the next thing
            line, column = key.line, key.column
            ends_line, ends_column = line - 1, column + len(key.value)
        comment = None if event.style is not None else self._comment_after(ends_line, ends_column)
        if comment and not event.value and not comment[1:2].isspace():  # it was meant as the value: `to: #sales`
            line, column = ends_line + 1, self._lines[ends_line].index(comment, ends_column) + 1
        return Scalar(event.value, event.style is not None, line, column, self._path(), comment)

    def _comment_after(self, line: int, column: int) -> str | None:
        return comment_after(self._lines[line], column) if line < len(self._lines) else None

    def _path(self) -> str:
        """The path of the next node."""
        if not self._open:
            return ""
        holder, key = self._open[-1], self._keys[-1]
        if isinstance(holder, Sequence):
            return f"{holder.path}[{len(holder.items) + 1}]"
        return key.path if key is not None else holder.path

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
            self._keys[-1] = replace(node, path=path_to(holder, node.value))
        else:
            raise self._at(event, "a key must be a word", "quote text that begins with [ or {")

    def _problem(
        self, message: str, hint: str, line: int | None = None, column: int | None = None, key: str | None = None
    ) -> RosSyncError:
        return self._error(message, where=Where(self._file, line, column, key), hint=hint)

    def _at(self, event: Event, message: str, hint: str) -> RosSyncError:
        """A problem at an event."""
        return self._problem(message, hint, event.start_mark.line + 1, event.start_mark.column + 1)

    def _broken(self, error: MarkedYAMLError) -> RosSyncError:
        mark = error.problem_mark or error.context_mark
        opened = error.context_mark
        if opened and "quoted scalar" in str(error.context):
            hint = "close it with a quote of the same kind"
            return self._problem("this quote is never closed", hint, opened.line + 1, opened.column + 1)
        if mark:
            first = error.context_mark.line if error.context_mark else mark.line
            found = stumble(self._lines, min(first, mark.line), mark.line)
            if found:
                return self._problem(found.message, found.hint, found.line, found.column)
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        said = " ".join(str(error.problem or error.context).split())
        return self._problem(f"invalid YAML: {said}", "check quotes, brackets and indentation here", line, column)

    def _unprintable(self, text: str, error: ReaderError) -> RosSyncError:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        message = f"invalid YAML: a character that isn't allowed, U+{ord(text[error.position]):04X}"
        return self._problem(message, "remove it", line, column)
