"""What people stumble over in YAML: found around the place where the parser gave up, and told where it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""")
_COMMENT_FOR_VALUE = re.compile(r"(?::|,|\[|^\s*-)\s+(#(?=[^\s#])\S*?)(?=[\s,\]}]|$)")
_TWO_COLONS = re.compile(r"^\s*(?:- )?[\w.-]+:\s+(?P<text>\S.*)")
_TYPED_INSIDE = re.compile(r"""^\s*-\s+(?P<text>(?P<quote>["']).*?(?P=quote)\s*\S.*)$""")
_RESERVED = re.compile(r"[:\-,\[{]\s+(?P<sign>[@`%])")
_KEY_WITH_VALUE = re.compile(r"^\s*(?:- )?[\w.-]+:\s+[^\s#|>&!]")
_NO_SPACE = re.compile(r"^\s*(?:- )?(?P<key>[a-z_]+):(?P<value>[^\s:/].*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stumble:
    """What is wrong at line and column (from 1), and what to do."""

    line: int
    column: int
    message: str
    hint: str


def stumble(lines: list[str], first: int, last: int) -> Stumble | None:
    """What the parser stumbled over between two lines (from 0, both included).

    None where nothing is known that fits.
    """
    span = range(max(first, 0), min(last + 1, len(lines)))
    if span and (found := _indented(lines, span[-1])):
        return found
    for look in (_comment, _list_behind_key, _reserved, _quoted_start, _colon, _no_space):
        for number in (*reversed(span), span.start - 1):
            if 0 <= number < len(lines) and (found := look(lines[number], number)):
                return found
    return None


def comment_after(line: str, column: int) -> str | None:
    """The comment that stands in a line behind a column (from 0), where it may have been meant as a value."""
    match = re.compile(r"\s+(#\S.*|#$)").match(line, column)
    return match[1].rstrip() if match else None


def _indented(lines: list[str], number: int) -> Stumble | None:
    """A line that stands at no level of those above it, or deeper than a key that has its value already."""
    own, is_item = _depth(lines[number]), lines[number].lstrip().startswith("- ")
    above = [line for line in lines[:number] if line.strip() and not line.lstrip().startswith("#")]
    # Of the lines that this one may stand beside: how deep they are, and whether they are items of a list.
    levels: list[tuple[int, bool]] = []
    bound = len(lines[number]) + max(map(len, above), default=0)
    for line in reversed(above):
        depth, begins_item = _depth(line), line.lstrip().startswith("- ")
        if depth < bound:
            if begins_item and depth + 2 < bound:
                levels.append((depth + 2, False))
            levels.append((depth, begins_item))
            bound = depth
    if not levels or own in [depth for depth, _ in levels]:
        return None
    if own > levels[0][0] and not _KEY_WITH_VALUE.match(above[-1]):
        return None  # the first line of a deeper level
    beside = [depth for depth, of_items in levels if of_items == is_item] or [depth for depth, _ in levels]
    nearest = min(beside, key=lambda depth: abs(depth - own))
    message = f"this line is indented by {_spaces(own)}, and those that it belongs to by {nearest}"
    return Stumble(number + 1, own + 1, message, f"indent it by {_spaces(nearest)}")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _spaces(number: int) -> str:
    return f"{number} space{'' if number == 1 else 's'}"


def _comment(line: str, number: int) -> Stumble | None:
    match = _COMMENT_FOR_VALUE.search(_without_texts(line))
    if match is None:
        return None
    name = match[1]
    message = f"{name} begins a comment, so the rest of the line is not read"
    return Stumble(number + 1, match.start(1) + 1, message, f'put it in quotes: "{name}"')


def _reserved(line: str, number: int) -> Stumble | None:
    match = _RESERVED.search(_without_texts(line))
    if match is None:
        return None
    sign = match["sign"]
    hint = f"put text that begins with {sign} in double quotes"
    return Stumble(number + 1, match.start("sign") + 1, f"no value begins with {sign} in YAML", hint)


def _list_behind_key(line: str, number: int) -> Stumble | None:
    match = re.match(r"\s*(?:- )?[\w.-]+:\s+(?=- )", line)
    if match is None:
        return None
    hint = "begin it on the next line, or write it in [ ]"
    return Stumble(number + 1, match.end() + 1, "a list does not begin behind its key", hint)


def _quoted_start(line: str, number: int) -> Stumble | None:
    match = _TYPED_INSIDE.match(line)
    if match is None:
        return None
    other = "'" if match["quote"] == '"' else '"'
    hint = f"put the whole line in {'single' if other == chr(39) else 'double'} quotes: {other}{match['text']}{other}"
    return Stumble(number + 1, match.start("text") + 1, "a value that begins with a quote ends at the next one", hint)


def _colon(line: str, number: int) -> Stumble | None:
    match = _TWO_COLONS.match(line)
    if match is None or ": " not in f"{_without_texts(match['text'])} ":
        return None
    hint = "put it in double quotes"
    if match["text"].startswith("{"):
        message = "a value that begins with { is read as `key: value` pairs"
        return Stumble(number + 1, match.start("text") + 1, message, hint)
    column = match.start("text") + _without_texts(match["text"]).index(":") + 1
    return Stumble(number + 1, column, "a colon and a space within a value need quotes around it", hint)


def _no_space(line: str, number: int) -> Stumble | None:
    match = _NO_SPACE.match(line)
    if match is None:
        return None
    hint = f"write `{match['key']}: {match['value']}`"
    return Stumble(number + 1, match.end("key") + 1, "a colon needs a space after it", hint)


def _without_texts(line: str) -> str:
    """The line with what is quoted blanked out."""
    return _QUOTED.sub(lambda match: "x" * len(match[0]), line)
