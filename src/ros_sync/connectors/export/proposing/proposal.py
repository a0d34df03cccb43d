"""A proposed mapping, and its text as a mapping file, with a comment wherever a person should look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ros_sync.connectors.export.date_forms import NUMBERS
from ros_sync.connectors.export.proposing.sample import FileSample

_PLAIN = re.compile(r"[A-Za-zÀ-ɏ][\wÀ-ɏ ./()+-]*(?<! )")
_WORDS = frozenset(["true", "false", "null", "yes", "no", "on", "off", "keep", "y", "n"])
_SHOWN_UNUSED = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a key and its column, further options (written already), and a note behind it."""

    name: str
    column: str | None
    options: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None


@dataclass(slots=True)
class Entry:
    """One file of the proposal: its lines under `fields`, what is declared for the file, and what is left over."""

    sample: FileSample
    object: str
    id: str
    fields: list[Line] = field(default_factory=list)
    style: list[Line] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def pattern(self) -> str:
        """The names of the files that are read so: what stands before a day or a number, and the ending."""
        name = self.sample.path.name
        before = re.split(r"[-_ .]*\d", name, maxsplit=1)[0]
        stem = before if before and before != name else name.split(".")[0]
        return f"{stem}*" if stem else name


@dataclass(slots=True)
class Proposal:
    """A whole mapping, and the files for which none could be proposed, with the reason."""

    source: str
    currency: str
    timezone: str
    entries: list[Entry] = field(default_factory=list)
    stages: dict[str, list[Line]] = field(default_factory=dict)
    left_out: dict[Path, str] = field(default_factory=dict)
    names_currencies: bool = True  # whether all amounts say what they are in

    @property
    def text(self) -> str:
        """The mapping file."""
        return "\n".join(_lines(self)) + "\n"


def quoted(text: str) -> str:
    """A text as YAML writes it: as it is, or in quotes where it could be taken for something else."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS and text not in NUMBERS:
        return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return (
        "\\t"
        if character == "\t"
        else f"\\u{ord(character):04x}"
        if ord(character) < 1 << 16
        else f"\\U{ord(character):08x}"
    )


def _lines(proposal: Proposal) -> Iterator[str]:
    yield (
        "# Proposed by `ros-sync mapping propose` from the headings and values of your files. Look through it: the "
        "names on the"
    )
    yield (
        "# left are ros-sync's own, those on the right your columns' headings. Every key: "
        "docs/reference/mapping-files.md"
    )
    yield "version: 1"
    yield (
        f"source: {quoted(proposal.source)}  # the first half of every record's key: never change it once data is "
        "imported"
    )
    yield f"timezone: {proposal.timezone}  # of dates and times that name no zone"
    check = "" if proposal.names_currencies else "CHECK: your files name none; "
    yield f"currency: {proposal.currency}  # {check}for amounts whose row names no currency"
    if proposal.stages:
        yield ""
        yield (
            "# CHECK the order of the stages, which are open, won and lost, and which are early, mid and late: "
            "rules rely on it."
        )
        yield "stages:"
        for pipeline, stages in proposal.stages.items():
            yield f"  {_key(pipeline)}:"
            for stage in stages:
                more = "".join(f", {key}: {value}" for key, value in stage.options.items())
                yield f"    - {{name: {quoted(stage.name)}, kind: {stage.column}{more}}}"
    yield ""
    yield "files:"
    for entry in proposal.entries:
        yield from _entry(entry)
    for path, reason in proposal.left_out.items():
        yield f"  # {path.name}: {reason}"


def _entry(entry: Entry) -> Iterator[str]:
    yield f"  - file: {_key(entry.pattern)}"
    yield f"    object: {entry.object}"
    yield f"    id: {quoted(entry.id)}"
    for line in entry.style:
        yield f"    {line.name}: {line.column}{_note(line)}"
    yield "    fields:" if entry.fields else "    fields: {}"
    for line in entry.fields:
        yield f"      {line.name}: {_column(line)}{_note(line)}"
    if entry.unused:
        shown = ", ".join(map(quoted, entry.unused[:_SHOWN_UNUSED])) + (
            ", …" if len(entry.unused) > _SHOWN_UNUSED else ""
        )
        yield f"      # not used: {shown}"
        yield (
            "      # a property of your own is `custom.<name>: {column: …, kind: text}` (or number, boolean, date, "
            "instant)"
        )


def _column(line: Line) -> str:
    if not line.options:
        return quoted(line.column or "")
    column = {"column": quoted(line.column)} if line.column is not None else {}
    return "{" + ", ".join(f"{key}: {value}" for key, value in {**column, **line.options}.items()) + "}"


def _note(line: Line) -> str:
    return f"  # {line.note}" if line.note else ""


def _key(text: str) -> str:
    return quoted(text)
