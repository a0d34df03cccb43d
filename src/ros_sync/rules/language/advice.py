"""What to write instead, where a condition or a value could not be read: looked for around the place of the error."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal

from ros_sync.fields import Kind
from ros_sync.rules.language.days_and_spans import DAY, SPAN, day_advice, span_advice
from ros_sync.rules.language.habits import HABITS
from ros_sync.rules.language.numerals import WRITTEN, rewritten
from ros_sync.rules.language.schema import Schema
from ros_sync.rules.language.syntax import KEYWORDS

_MOST_WORDS = 4  # of a field's label
_BLANK = "\x01"  # stands for what is inside of a text
_STRING = re.compile(r""""(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?""")
_APOSTROPHE = re.compile(r"(?<=[a-z]n)'(?=t\b)|(?<=\d)'(?=\d{3})", re.IGNORECASE)  # of isn't, and of 20'000
_SHORTENED_NOT = re.compile("(?<=[a-z])n\u2019t", re.IGNORECASE)
_ITEM = re.compile(r""""[^"]*"|'[^']*'|\d[\w.]*""")
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:\.\d+)?[eE][+-]?\d{1,2}(?!\w)")
_YES = r"(?:yes|y|on|ticked|checked|True|TRUE)"
_NO = r"(?:no|n|off|unticked|unchecked|False|FALSE)"
_YES_OR_NO = re.compile(
    rf"(?P<field>[A-Za-z_][\w.]*)\s*(?:(?P<not>\bis\s+not\b|!=|<>|isn't)|\bis\b|==?)\s*(?P<said>(?P<yes>{_YES})|{_NO})"
    r"(?![\w']|\s+(?:more|less|fewer|lower|smaller|greater|higher|larger|bigger|later|earlier|sooner)\b)"
)
_SIGNED = re.compile(r"(?<!\$)(?:\$\s+|\$?\{\s*|\[\s*|[@%:#&?<])?(?P<name>[A-Za-z_][\w.]*)(?:\s*[\]}]|[%>])?")
_WORDS = re.compile(r"[A-Za-z][\w.]*(?:[ -]+[A-Za-z][\w.]*)*")
_UNQUOTED = re.compile(
    r"(?:is\s+not|is|!=|=|contains|starts\s+with)\s+(?P<text>(?!not\b|one\b)[^\W\d_][\w&/.-]*(?:\s+(?!(?:and"
    r"|or)\b)[\w&/.-]+)*)"
)
_COMPARED = re.compile(
    r"(?P<field>[A-Za-z_][\w.]*)\s*(?:\bis\s+not\b|\bis\b|!=|=)\s*(?P<said>(?!not\b)[A-Za-z][\w&/.-]*)(?=\s*(?:$|\)"
    r"|(?:and|or)\b))"
)
_GOOD_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_GOOD_SPAN = re.compile(r"\d+\s+(?:business\s+(?:hour|day)|minute|hour|day|week)s?")
_GOOD_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?[km]?(\s+[A-Z]{3})?")


@dataclass(frozen=True, slots=True)
class Advice:
    """What was found, where (from 1), and what to write instead."""

    found: str
    column: int
    hint: str


def advise(text: str, column: int, schema: Schema, parameters: Collection[str]) -> Advice | None:
    """Advice for a condition that could not be read at a column; None where nothing is known that fits."""
    shown = _APOSTROPHE.sub("\u2019", text)  # else it opens a text
    masked = _STRING.sub(lambda match: _blanked(match[0]), shown)
    masked = _SHORTENED_NOT.sub("n't", masked)
    place = min(column - 1, len(text))
    for found in (
        *_of_values(text, masked, place),
        *_of_booleans(masked, place, schema),
        *_of_names(masked, place, schema, parameters),
        *_of_labels(masked, place, schema),
        *_of_habits(text, masked, place),
        *_of_capitals(masked, place),
        *_of_words(masked, place, schema),
        *_of_texts(masked, place),
    ):
        return found
    return None


def value_advice(text: str) -> str | None:
    """How to write a value that could not be read; None where nothing is known that fits."""
    if match := DAY.fullmatch(text):
        return None if _GOOD_DAY.match(text) else day_advice(match)
    if match := SPAN.fullmatch(text):
        return span_advice(match)
    if match := WRITTEN.fullmatch(text):
        return rewritten(match)
    return _written_out(text) if _SCIENTIFIC.fullmatch(text) else None


def _blanked(text: str) -> str:
    closed = len(text) > 1 and text[-1] == text[0]
    inside = len(text) - (2 if closed else 1)
    return f"{text[0]}{_BLANK * inside}{text[-1] if closed else ''}"


def _covering(pattern: re.Pattern[str], masked: str, place: int) -> Iterator[re.Match[str]]:
    """The matches that reach over a place, and do not begin or end inside of a word."""
    for match in pattern.finditer(masked):
        whole = not re.match(r"\w\w", masked[max(match.start() - 1, 0) : match.start() + 1] if match.start() else "")
        ends = not re.match(r"\w\w", masked[match.end() - 1 : match.end() + 1])
        reach = len(masked) - len(masked[match.end() :].lstrip())  # what is wrong may show at the next word only
        if match[0].strip() and match.start() <= place <= reach and whole and ends:
            yield match


def _of_values(text: str, masked: str, place: int) -> Iterator[Advice]:
    for pattern, good, advice in (
        (_SCIENTIFIC, _GOOD_NUMBER, lambda match: _written_out(match[0])),
        (DAY, _GOOD_DAY, day_advice),
        (SPAN, _GOOD_SPAN, span_advice),
        (WRITTEN, _GOOD_NUMBER, rewritten),
    ):
        for match in _covering(pattern, masked, place):
            found = match[0].strip()
            if good.fullmatch(found) or not re.search(r"\d|\s", found):
                continue
            hint = advice(match)
            if "," in found and masked.rfind("[", 0, match.start()) > masked.rfind("]", 0, match.start()):
                hint = "in a list, put a space after each comma, as in [1, 2]"
            if hint:
                yield Advice(text[match.start() : match.end()].strip(), _first_column(match), hint)


def _of_booleans(masked: str, place: int, schema: Schema) -> Iterator[Advice]:
    for match in _covering(_YES_OR_NO, masked, place):
        name, field = match["field"], schema.fields.get(match["field"])
        if field is not None and field.kind is Kind.BOOLEAN:
            holds = bool(match["yes"]) is not bool(match["not"])
            hint = f"write `{name}`" if holds else f"write `not {name}`"
        elif match["said"] in ("True", "TRUE", "False", "FALSE"):
            hint = f"write `{match['said'].lower()}`, in small letters"
        else:
            hint = f'for a text write "{match["said"]}" in quotes'
        yield Advice(match["said"], match.start("said") + 1, hint)


def _of_names(masked: str, place: int, schema: Schema, parameters: Collection[str]) -> Iterator[Advice]:
    """A parameter or a field with other signs around it."""
    for match in _covering(_SIGNED, masked, place):
        name = match["name"]
        if name in parameters:
            yield Advice(match[0], match.start() + 1, f"a parameter is written `${name}`")
        elif name in schema.fields and match[0] != name:
            yield Advice(match[0], match.start() + 1, f"a field is written without any sign: `{name}`")


def _of_capitals(masked: str, place: int) -> Iterator[Advice]:
    """A word of the language that is not in small letters."""
    for match in _covering(re.compile(r"[A-Za-z]+"), masked, place):
        if match[0] != match[0].lower() and match[0].lower() in KEYWORDS:
            yield Advice(match[0], match.start() + 1, f"write `{match[0].lower()}`")


def _of_labels(masked: str, place: int, schema: Schema) -> Iterator[Advice]:
    """A field as the CRM labels it: `Close Date`, `Deal Stage`, `closedate`."""
    names = {_squashed(name): name for name in schema.fields}
    for match in _covering(_WORDS, masked, place):
        words = [(word[0], match.start() + word.start()) for word in re.finditer(r"[\w.]+", match[0])]
        for count in range(min(_MOST_WORDS, len(words)), 0, -1):
            for first in range(len(words) - count + 1):
                some = words[first : first + count]
                begins, ends = some[0][1], some[-1][1] + len(some[-1][0])
                name = _name_of("".join(word for word, _ in some), schema.name, names)
                if name and begins <= place <= ends and masked[begins:ends] != name:
                    yield Advice(masked[begins:ends], begins + 1, f"write `{name}`")


def _name_of(label: str, of: str, names: dict[str, str]) -> str | None:
    squashed = _squashed(label)
    for prefix in ("", of, "hs", "hubspot", f"{of}s"):
        if squashed.startswith(prefix):
            rest = squashed.removeprefix(prefix)
            name = names.get(rest) or (names.get(rest[:-2]) if label.endswith(("_id", "_at")) else None)
            if name:
                return name
    return None


def _squashed(name: str) -> str:
    return re.sub(r"[_. -]", "", name).lower()


def _of_habits(text: str, masked: str, place: int) -> Iterator[Advice]:
    for pattern, advice in HABITS:
        for match in _covering(pattern, masked, place):
            begins = _first_column(match) - 1
            found = text[begins : match.end()].strip()
            groups = {
                name: "" if group is None else _shown(text[match.start(name) : match.end(name)], name)
                for name, group in match.groupdict().items()
            }
            hint = _filled(advice, groups)
            if hint not in (
                f"write `{found}`",
                f"write `{found}]`",
            ):  # this is right as it stands; the fault is elsewhere
                yield Advice(found, begins + 1, hint)


def _shown(found: str, name: str) -> str:
    return ", ".join(_ITEM.findall(found)) if name.endswith("items") else found


def _filled(advice: str, groups: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: groups.get(match[1], match[0]), advice)


def _first_column(match: re.Match[str]) -> int:
    """Where what is meant begins: behind the field that a pattern begins with."""
    start = match.start()
    if match.re.groupindex.get("field") and match.start("field") == start and match.end("field") < match.end():
        start = match.end("field")
    return start + len(match.string[start:]) - len(match.string[start:].lstrip()) + 1


def _of_words(masked: str, place: int, schema: Schema) -> Iterator[Advice]:
    """A word that a field of texts is compared with, whatever field's name it resembles."""
    for match in _covering(_COMPARED, masked, place):
        field = schema.fields.get(match["field"])
        if field is not None and field.kind is Kind.TEXT and match["said"].lower() not in KEYWORDS:
            yield Advice(match["said"], match.start("said") + 1, f'for a text write "{match["said"]}" in quotes')


def _of_texts(masked: str, place: int) -> Iterator[Advice]:
    for match in _covering(_UNQUOTED, masked, place):
        if " " in match["text"]:
            yield Advice(match["text"], match.start("text") + 1, f'for a text write "{match["text"]}" in quotes')


def _written_out(text: str) -> str:
    return f"write it out: `{Decimal(text):f}`"
