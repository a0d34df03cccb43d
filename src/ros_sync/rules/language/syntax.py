"""From the text of a condition to a syntax tree, or an error a person can act on."""

from __future__ import annotations

import re
from functools import cache

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from ros_sync.errors import RuleError, Where
from ros_sync.fields import did_you_mean

MAX_CHARS = 2_000  # ours: a line that a person can still read; also bounds the parser's work
MAX_BRACKETS = 20  # ours: nested deeper than this, nobody can say what a condition means

Syntax = Tree[Token]

_GRAMMAR = r"""
start: either

?either: both ("or" both)*
?both: negation ("and" negation)*
?negation: "not" negation                  -> negated
         | clause

?clause: sum
       | sum OPERATOR sum                  -> compare
       | sum "is" sum                      -> equal
       | sum "is" "not" sum                -> unequal
       | sum "is" "one" "of" list          -> one_of
       | sum "is" "not" "one" "of" list    -> not_one_of
       | sum "contains" sum                -> contains
       | sum "starts" "with" sum           -> starts_with
       | sum "is" "missing"                -> missing
       | sum "is" "not" "missing"          -> present
       | sum "is" "present"                -> present
       | sum "is" "past"                   -> past
       | sum "is"? "older" "than" sum      -> older
       | sum "is"? "newer" "than" sum      -> newer
       | sum "is"? "before" sum            -> before
       | sum "is"? "after" sum             -> after
       | sum "is"? "within" "next" sum     -> within_next

list: "[" sum ("," sum)* "]"

?sum: product
    | sum "+" product                      -> add
    | sum "-" product                      -> subtract
?product: atom
        | product "*" atom                 -> multiply
?atom: "(" either ")"
     | "-" atom                            -> negative
     | NAME                                -> field
     | PARAM                               -> parameter
     | STRING                              -> text
     | DURATION                            -> duration
     | MONEY                               -> money
     | DATE                                -> date
     | NUMBER                              -> number
     | "true"                              -> true
     | "false"                             -> false
     | "now"                               -> now
     | "today"                             -> today

OPERATOR: "!=" | "<=" | ">=" | "=" | "<" | ">"
NAME: /[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*/
PARAM: /\$[A-Za-z_][A-Za-z0-9_]*/
STRING: /"([^"\\\n]|\\["\\])*"/ | /'([^'\\\n]|\\['\\])*'/
DURATION.4: /\d+\s+(business\s+)?(minute|hour|day|week)s?\b/
MONEY.3: /\d+(\.\d+)?[km]?\s+[A-Z]{3}\b/
DATE.2: /\d{4}-\d{2}-\d{2}(?![\w-])/
NUMBER: /\d+(\.\d+)?[km]?(?![\w.%]|,\d)/
%ignore /[ \n\r]+/
"""

KEYWORDS = frozenset(
    {
        "and",
        "or",
        "not",
        "is",
        "one",
        "of",
        "contains",
        "starts",
        "with",
        "missing",
        "present",
        "past",
        "older",
        "newer",
    }
    | {"than", "before", "after", "within", "next", "true", "false", "now", "today"}
)


class ConditionError(RuleError):
    """A condition cannot be used. `column` counts from 1 in the condition's text."""

    def __init__(self, message: str, *, column: int, where: Where | None = None, hint: str | None = None) -> None:
        self.column = column
        super().__init__(message, where=where or Where(column=column), hint=hint)


class UnreadableError(ConditionError):
    """What is written is not of the language: there may be advice on what its writer meant, looked for at `place`."""

    def __init__(self, message: str, *, column: int, hint: str | None = None, place: int | None = None) -> None:
        self.place = place or column
        super().__init__(message, column=column, hint=hint)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="basic", propagate_positions=True, maybe_placeholders=False)


def parse_syntax(text: str) -> Syntax:
    """The syntax tree of a condition; ConditionError names the column and what to write instead."""
    _check_characters(text)
    _check_brackets(text)
    if len(text) > MAX_CHARS:
        raise ConditionError(
            f"the condition has {len(text):,} characters; at most {MAX_CHARS:,} are allowed",
            column=MAX_CHARS + 1,
            hint="split it into several lines",
        )
    if not text.strip():
        raise ConditionError("the condition is empty", column=1)
    try:
        tree: Syntax = _parser().parse(text)
    except UnexpectedInput as error:
        raise _explain(error, text) from error
    return tree


def _check_characters(text: str) -> None:
    for index, character in enumerate(text):
        if character == "\t":
            raise ConditionError("tab character found", column=index + 1, hint="use spaces")
        if not character.isprintable() and character not in "\n\r":
            raise UnreadableError(
                f"there is an invisible character, {character!r}",
                column=index + 1,
                hint="type a plain space in its place" if character.isspace() else "remove it",
            )


def _check_brackets(text: str) -> None:
    """Refuse deep nesting before anything recurses into it."""
    depth = 0
    for match in re.finditer(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[(\[)\]]""", text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(match[0], 0)
        if depth > MAX_BRACKETS:
            raise ConditionError(
                f"brackets are nested more than {MAX_BRACKETS} deep",
                column=match.start() + 1,
                hint="split the condition into several lines",
            )


def _explain(error: UnexpectedInput, text: str) -> ConditionError:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return UnreadableError("the condition ends too early", column=len(text.rstrip()) + 1)
    place: int | None = error.pos_in_stream  # lark declares it as None alone
    position = place or 0
    found = str(error.token) if isinstance(error, UnexpectedToken) else _stray(text, position)
    column = position + 1
    before = re.search(r"([A-Za-z_]\w*)\s*$", text[:position])
    if found == "(" and before and before[1] not in KEYWORDS:
        return UnreadableError(
            f"`{before[1]}(…)` is a call, and conditions call nothing",
            column=before.start(1) + 1,
            hint="name a field; `older than`, `is one of` and the like do the rest",
        )
    return UnreadableError(f"`{found}` is not expected here", column=column, hint=_hint(found))


def _stray(text: str, position: int) -> str:
    """What stands where no token begins: a word as a whole, else the character."""
    match = re.compile(r"[A-Za-z0-9_.,%]+").match(text, position)
    return match[0] if match else text[position]


_SIGNS = {
    '"': "the quote is never closed",
    "'": "the quote is never closed",
    "$": "a parameter is written like $quiet",
    ",": "write `and` or `or`, or further conditions as lines of their own",
    "=": "write one `=` for equal, `<=` and `>=`; there is no assignment",
}


def _hint(found: str) -> str | None:
    if found in _SIGNS:
        return _SIGNS[found]
    if found.lower() in KEYWORDS:
        return f"write `{found.lower()}`" if found != found.lower() else "something is missing before it"
    if re.fullmatch(r"[A-Za-z]+", found):
        guess = did_you_mean(found, KEYWORDS)
        return (
            guess if guess.startswith("did you mean") else "words between field and value: is, contains, older than, …"
        )
    return None
