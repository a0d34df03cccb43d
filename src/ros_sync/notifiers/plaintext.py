"""Plain text from anywhere, made fit to be shown: cleaned of what steers a screen, and cut to a length."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlsplit

Thing = TypeVar("Thing")

ELLIPSIS = "…"

# Unicode's own names for what turns the direction of all text that follows: a name must not reorder its neighbours.
_BIDI_CONTROLS = "".join(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
_UNWANTED = re.compile(f"[{_BIDI_CONTROLS}]")
_UNSHOWN = ("Cc", "Cs", "Co", "Cn")  # control, half a character, private, unassigned
_SPACES = re.compile(r"\s+")
_LINK_SCHEMES = ("http", "https")


def clean(text: str) -> str:
    """Take out control characters (line breaks stay), direction overrides and broken halves of characters."""
    if text.isprintable():
        return text.strip()
    kept = "".join(
        character for character in text if character in "\n\t" or unicodedata.category(character) not in _UNSHOWN
    )
    return _UNWANTED.sub("", kept).replace("\t", " ").strip()


def one_line(text: str) -> str:
    """Clean the text and put it on a single line."""
    return _SPACES.sub(" ", clean(text.replace("\r", "\n"))).strip()


def length(text: str) -> int:
    """How long a text is in UTF-16 units: the longest of the ways in which a vendor may count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` UTF-16 units, ending in an ellipsis where something was left out."""
    if length(text) <= limit:
        return text
    room = limit - length(ELLIPSIS)
    kept: list[str] = []
    for character in text:
        room -= length(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + ELLIPSIS


def first(things: Sequence[Thing], limit: int) -> tuple[Sequence[Thing], int]:
    """Keep the first `limit` things, and say how many are left out."""
    return things[:limit], max(0, len(things) - limit)


def more(left_out: int) -> str:
    """Say that some are not shown: `… 17 more`."""
    return f"{ELLIPSIS} {left_out} more"


def web_link(url: str | None, limit: int) -> str | None:
    """The URL where it is a plain http(s) one of at most `limit` characters; None for any other."""
    if not url or len(url) > limit or not url.isprintable() or any(character in " <>|\"'`\\" for character in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme.lower() in _LINK_SCHEMES and parts.hostname else None
