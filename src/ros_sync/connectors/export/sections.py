"""Parts of a YAML file with the place of each key, and the problems found while reading them.

Reading never stops at the first problem: each is noted with file, line, column and key, and all are raised together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ros_sync.errors import MappingError, ProblemsError, RosSyncError, Where
from ros_sync.fields import did_you_mean


@dataclass(slots=True)
class Problems:
    """What was found wrong in one file, in the order of finding."""

    file: str
    found: list[RosSyncError] = field(default_factory=list)

    def raise_all(self) -> None:
        """Raise the one problem as MappingError, several as ProblemsError in reading order, and nothing where none."""
        ordered = sorted(self.found, key=_reading_order)
        if len(ordered) == 1:
            raise ordered[0]
        if ordered:
            raise ProblemsError(ordered)


def _reading_order(problem: RosSyncError) -> tuple[int, int]:
    where = problem.where or Where()
    return (where.line or 0, where.column or 0)


class Section:
    """One YAML map: its values by key, where each stands, and a note of what is wrong with them.

    `path` is the section's own dotted key, such as `files[0].fields.amount`; empty for the whole file.
    """

    def __init__(self, content: Mapping[Any, Any], path: str, where: Where, problems: Problems) -> None:
        self.content = content
        self.path = path
        self._where = where
        self._problems = problems

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def __iter__(self) -> Iterator[Any]:
        return iter(self.content)

    def get(self, key: str) -> Any:
        """The raw value, None where the key is absent."""
        return self.content.get(key)

    def key(self, key: object) -> str:
        """The dotted key of a value in this section."""
        return f"{self.path}.{key}" if self.path else str(key)

    def where(self, key: object | None = None, *, value: bool = False) -> Where:
        """Where a key (or its value) stands; without a key, where the section does."""
        if key is None:
            return self._where
        line, column = self._where.line, self._where.column
        if isinstance(self.content, CommentedMap):
            with suppress(KeyError, TypeError):  # a key that a merge brought in has no place of its own
                line, column = (part + 1 for part in (self.content.lc.value if value else self.content.lc.key)(key))
        return Where(self._problems.file, line, column, self.key(key))

    def problem(self, key: object | None, message: str, hint: str | None = None, *, value: bool = False) -> None:
        """Note a problem at a key of this section."""
        self._problems.found.append(MappingError(message, where=self.where(key, value=value), hint=hint))

    def allow(self, *known: str) -> None:
        """Note every key that is not among `known`."""
        for key in self.content:
            if key not in known:
                self.problem(key, f"unknown key {key!r}", did_you_mean(str(key), known))

    def text(self, key: str, default: str | None = None) -> str | None:
        """A text that is not empty; a number or day counts as what is written. `default` where absent or wrong."""
        if key not in self.content:
            return default
        value = plain_text(self.content[key])
        if value is None or value == "":
            self.problem(key, f"{key} must be a text", value=True)
            return default
        return value

    def required(self, key: str, what: str) -> str | None:
        """A text that must be there; a note that names what it is for where it is not."""
        if key not in self.content:
            self.problem(None, f"{key} is missing: {what}")
            return None
        return self.text(key)

    def choice(self, key: str, known: Iterable[str]) -> str | None:
        """A text that is one of `known`."""
        value, names = self.text(key), list(known)
        if value is not None and value not in names:
            self.problem(key, f"{value!r} is no {key}", did_you_mean(value, names), value=True)
            return None
        return value

    def flag(self, key: str) -> bool:
        """True or false; false where absent or wrong."""
        value = self.content.get(key, False)
        if not isinstance(value, bool):
            self.problem(key, f"{key} must be true or false", value=True)
            return False
        return value

    def section(self, key: object, what: str) -> Section | None:
        """The map at `key`; a note where it is something else."""
        value = self.content.get(key)
        if not isinstance(value, Mapping):
            self.problem(key, f"{what} must be a map of `key: value` lines", value=True)
            return None
        return Section(value, self.key(key), self.where(key), self._problems)

    def sections(self, key: str, what: str) -> list[Section]:
        """The maps of the list at `key`; a note for all that is something else."""
        value = self.content.get(key)
        if not isinstance(value, list):
            self.problem(key, f"{key} must be a list; each of its lines, beginning with `-`, is {what}", value=True)
            return []
        found = []
        for place, part in enumerate(value):
            path, where = f"{self.key(key)}[{place}]", self.where(key)
            if isinstance(value, CommentedSeq):
                line, column = value.lc.item(place)
                where = Where(self._problems.file, line + 1, column + 1, path)
            if isinstance(part, Mapping):
                found.append(Section(part, path, where, self._problems))
            else:
                self._problems.found.append(MappingError(f"this must be {what}", where=where))
        return found


def plain_text(value: object) -> str | None:
    """A YAML scalar as it would be written; None for maps, lists, nothing, and for true and false."""
    if value is None or isinstance(value, bool | Mapping | list):
        return None
    return str(value)


def load(path: Path) -> tuple[Section, Problems]:
    """Read a YAML 1.2 file whose whole is a map.

    Raises MappingError with file, line and column where it is not readable, not YAML, or no map.
    """
    problems = Problems(str(path))
    whole = Where(str(path), 1, 1)
    try:
        content = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        raise MappingError(_said(error), where=_marked(error, str(path)), hint=_yaml_hint(error)) from error
    except (YAMLError, RecursionError, ValueError) as error:
        raise MappingError(f"this is no YAML: {error}", where=whole) from error
    except OSError as error:
        raise MappingError(f"the file cannot be read: {error.strerror}", where=Where(str(path))) from error
    if not isinstance(content, CommentedMap):
        raise MappingError("a mapping file is a map that begins with `version: 1`", where=whole)
    return Section(content, "", whole, problems), problems


def _said(error: MarkedYAMLError) -> str:
    return " ".join(str(part) for part in (error.context, error.problem) if part)


def _marked(error: MarkedYAMLError, file: str) -> Where:
    mark = error.problem_mark or error.context_mark
    return Where(file) if mark is None else Where(file, mark.line + 1, mark.column + 1)


def _yaml_hint(error: MarkedYAMLError) -> str | None:
    said = _said(error)
    if r"\t" in said or "tab" in said:
        return "YAML indents with spaces; replace the tab"
    if "duplicate key" in said:
        return "each key may stand there once; remove one of the two"
    return None
