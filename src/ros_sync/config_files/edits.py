"""Changes to a YAML file that somebody wrote: only the lines in question change; comments, order and layout stay.

The file is composed by ruamel for the places of its parts, and edited as a text. A line that is taken out is commented
out, and one that is wanted and stands there commented out is brought back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

STEP = 2  # blanks that a new block goes further in
_DAY_OR_BASE = re.compile(r"[0-9]{4}-[0-9]|0[box]", re.IGNORECASE)  # YAML reads 2026-03-01 as a day, 0x1F as a number
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ ./()&+-]*(?<! )")
_SPECIAL = frozenset(("true", "false", "null", "yes", "no", "on", "off", "~"))


class Edits:
    """The text of a file, and what is to be changed in it. Places are those of the text as it was given."""

    def __init__(self, text: str) -> None:
        reader = YAML(typ="rt", pure=True)
        reader.version = (1, 2)
        self._text = text
        self._changes: list[tuple[int, int, str]] = []
        root = reader.compose(text)
        assert isinstance(root, MappingNode)
        self.root = root

    def text(self) -> str:
        """The text with every change made."""
        text = self._text
        placed = [(start, end, place, words) for place, (start, end, words) in enumerate(self._changes)]
        for start, end, _, words in sorted(placed, reverse=True):  # what comes to stand in one place, in its order
            text = text[:start] + words + text[end:]
        return text

    # ---- changes

    def add(self, node: MappingNode, key: str, value: str, *, until: int | None = None) -> None:
        """Add a key with its value (as YAML).

        A commented line of that key inside the map, or up to `until`, is used.
        """
        pair = f"{scalar(key)}: {value}" if value else f"{scalar(key)}:"
        if node.flow_style:
            self._insert_in_flow(node, pair)
            return
        commented = self._commented(node, key, until)
        if commented is not None:
            start, end, indent, note = commented
            self._changes.append((start, end, f"{indent}{pair}{note}"))
            return
        place = self._line_end(last_index(node))
        indent = " " * node.value[0][0].start_mark.column if node.value else " " * (node.start_mark.column + STEP)
        self._changes.append((place, place, f"\n{indent}{pair}"))

    def drop(self, node: MappingNode, key: str, why: str) -> None:
        """Comment a key out and say why; inside `{…}` it is taken away."""
        place = next(place for place, (each, _) in enumerate(node.value) if each.value == key)
        name, value = node.value[place]
        if node.flow_style:
            after = place + 1 < len(node.value)
            start = name.start_mark.index if after or not place else last_index(node.value[place - 1][1])
            end = node.value[place + 1][0].start_mark.index if after else last_index(value)
            self._changes.append((start, end, ""))
            return
        start, end = self._line_start(name.start_mark.index), self._line_end(last_index(value))
        lines = self._text[start:end].split("\n")
        column = name.start_mark.column
        out = [line if not line.strip() else f"{line[:column]}# {line[column:]}" for line in lines]
        out[0] += f"   # {why}"
        self._changes.append((start, end, "\n".join(out)))

    def set(self, node: MappingNode, key: str, value: str) -> None:
        """Give a key another value, which stands in its line."""
        held = value_of(node, key)
        assert held is not None
        self._changes.append((held.start_mark.index, last_index(held), value))

    def relist(self, node: SequenceNode, *, without: Iterable[str] = (), more: Iterable[str] = ()) -> None:
        """Take values out of a list, and add others at its end."""
        gone, new = set(without), [scalar(each) for each in more]
        left = [each for each in node.value if each.value not in gone]
        if len(left) == len(node.value) and not new:
            return
        if node.flow_style or not left:
            kept = [self._text[each.start_mark.index : last_index(each)] for each in left]
            start, end = int(node.start_mark.index), last_index(node)
            self._changes.append((start, end, f"[{', '.join([*kept, *new])}]"))
            return
        for each in node.value:
            if each.value in gone:
                start, end = self._line_start(each.start_mark.index), self._line_end(last_index(each))
                self._changes.append((start, min(end + 1, len(self._text)), ""))
        place = self._line_end(last_index(left[-1]))
        self._changes += [(place, place, f"\n{' ' * node.start_mark.column}- {each}") for each in new]

    # ---- places

    def _insert_in_flow(self, node: MappingNode, words: str) -> None:
        place = last_index(node) - 1
        if node.value:
            place = last_index(node.value[-1][1])
            words = f", {words}"
        self._changes.append((place, place, words))

    def _commented(self, node: MappingNode, key: str, until: int | None) -> tuple[int, int, str, str] | None:
        """Where a line `# key: …` stands in the map's lines: start, end, its indent, and the note behind it."""
        if not node.value:
            return None
        column = node.value[0][0].start_mark.column
        start = self._line_start(node.value[0][0].start_mark.index)
        end = self._block_end(last_index(node), column) if until is None else until
        wanted = re.compile(rf"^( {{{column}}})#\s*{re.escape(key)}:([^\n]*)$", re.MULTILINE)
        found = wanted.search(self._text, start, end)
        if found is None:
            return None
        note = re.search(r"\s+#\s.*$", found[2])
        return found.start(), found.end(), found[1], note[0] if note else ""

    def _block_end(self, index: int, column: int) -> int:
        """The end of the comments and blank lines that follow a block at its own column."""
        place = self._line_end(index)
        while place < len(self._text):
            end = self._line_end(place + 1)
            line = self._text[place + 1 : end]
            inside = line.startswith(" " * column) and line.strip().startswith("#")
            if not inside:
                break
            place = end
        return place

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        found = self._text.find("\n", index)
        return len(self._text) if found < 0 else found


def value_of(node: Node | None, key: str) -> Node | None:
    """The value at a key of a map; None where there is none."""
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def map_at(node: Node | None, key: str) -> MappingNode | None:
    """The map at a key; None where there is none."""
    found = value_of(node, key)
    return found if isinstance(found, MappingNode) else None


def last_index(node: Node) -> int:
    """Where a node's own text ends: a block ends with its last part, not with the comments that follow."""
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    key, value = last if isinstance(node, MappingNode) else (last, last)
    return last_index(value) if value.end_mark.index > value.start_mark.index else int(key.end_mark.index) + 1


def scalar(text: str) -> str:
    """A text as YAML writes it, in quotes where it would mean something else without."""
    if _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL and not _looks_like_a_number(text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '\\"':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _looks_like_a_number(text: str) -> bool:
    if _DAY_OR_BASE.match(text):
        return True
    try:
        float(text.replace("_", ""))
    except ValueError:
        return False
    return True
