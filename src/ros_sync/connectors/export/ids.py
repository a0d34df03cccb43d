"""Ids as files write them: what a spreadsheet made of them, lines that are no records, and Salesforce's two forms.

An id is how a record is found again. One that was rounded, or that is a sum's label, would be a record of its own for
ever, so it is refused by name instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

# By object and by field that holds an id: the first three characters of Salesforce's ids ("Standard Field Record ID
# Prefix Decoder", Salesforce Help), and those of custom objects.
_PREFIXES: dict[str, tuple[str, ...]] = {
    "owner": ("005", "00G"),
    "manager": ("005",),
    "account": ("001",),
    "contact": ("003",),
    "lead": ("00Q",),
    "deal": ("006",),
    "activity": ("00T", "00U", "02s"),
}
_CUSTOM_OBJECT = re.compile(r"a[0-9A-Za-z]{4}0[0-9A-Za-z]{9}(?:[0-9A-Za-z]{3})?")
REFERENCES = frozenset(_PREFIXES) - {"activity"}  # fields that name another record by its id, where no `find` says more
_SHORT, _LONG, _CHUNK = 15, 18, 5
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"  # of each five characters, which are capitals, the first the lowest bit
_CAPITALS = {ord(letter): "1" if letter.isupper() else "0" for letter in map(chr, range(128))}
_BITS = {f"{number:05b}"[::-1]: letter for number, letter in enumerate(_CHECKSUM)}
_CASES = {letter: bits for bits, letter in _BITS.items()}

_ROUNDED = re.compile(r"[-+]?\d+(?:[.,]\d+[eE][-+]?\d+|[eE]\+\d+)")
_DECIMALS = re.compile(r"[-+]?\d+[.,]0+")
_GROUPED = re.compile(r"\d{1,3}(?:([.,' \u00a0\u202f])\d{3})(?:\1\d{3})+")
_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|NV|WERT!|BEZUG!|SPILL!|CALC!|#*)")
_TOTAL = re.compile(
    r"(?:(?:grand|sub|report)[ -]?)?totals?(?:[ :(].*)?|sum(?: of .*)?:?|(?:zwischen|gesamt)?summe:?|gesamt:?|somme:?|"
    r"suma:?|totale:?|totaal:?|合計|总计|average:?|count:?|record count:?|anzahl:?|durchschnitt:?",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"null|none|nan|n/a|undefined|-+|\(blank\)|\(leer\)|\(null\)", re.IGNORECASE)
_INVISIBLE = re.compile("[\u0000-\u0008\u000e-\u001f\u007f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")

_HAS_DIGIT = re.compile(r"\d").search

# One search through many ids at once; what it finds is looked at one by one.
_NUMBER_LIKE = r"[-+]?\d+(?:[.,]\d*)?[eE][-+]?\d+|[-+]?\d+[.,]0+|\d{1,3}(?:[.,' \u00a0\u202f]\d{3}){2,}|[#=].*"
_ODD_REFERENCE = re.compile(rf"^(?:{_NUMBER_LIKE})$|{_INVISIBLE.pattern}", re.MULTILINE)
_ODD = re.compile(
    rf"^(?:{_NUMBER_LIKE}|{_TOTAL.pattern}|{_PLACEHOLDER.pattern})$|{_INVISIBLE.pattern}", re.MULTILINE | re.IGNORECASE
)


def wrong_reference(text: str) -> str | None:
    """Why a text is no id that could be trusted to name another record; None where it is one."""
    if _ROUNDED.fullmatch(text):
        return "is in scientific notation: a spreadsheet rounded the id; export the column as text"
    if _DECIMALS.fullmatch(text):
        return "has decimals: a program took the id for a number; export the column as text"
    if _GROUPED.fullmatch(text):
        return "has signs between thousands: a spreadsheet took the id for a number; export the column as text"
    if _ERROR.fullmatch(text):
        return "is an error value of a spreadsheet, not an id"
    if text.startswith("="):
        return "is a formula of a spreadsheet, not an id"
    found = _INVISIBLE.search(text)
    return f"holds a character that cannot be seen, U+{ord(found[0]):04X}; remove it" if found else None


def wrong_id(text: str) -> str | None:
    """Why a text is not the id of a record; None where it is one."""
    if _TOTAL.fullmatch(text):
        return "stands where the id belongs: this is a line of totals, not a record"
    if _PLACEHOLDER.fullmatch(text):
        return "stands for a missing value, and the id is needed"
    return wrong_reference(text)


def any_wrong(ids: Sequence[str], *, references: bool = False) -> bool:
    """Whether a closer look at these ids pays; quick, as it runs over every row."""
    bare = "".join(ids).replace("-", "").replace("_", "")
    if bare.isascii() and bare.isalnum():  # nothing of what makes an id odd, but a word such as Total may stand there
        return not references and not all(map(_HAS_DIGIT, ids))
    return (_ODD_REFERENCE if references else _ODD).search("\n".join(ids)) is not None


def canonical_by(name: str) -> Callable[[str], str] | None:
    """What brings an id of that object, or in that field, into the one form in which it is kept; None where it stands.

    Salesforce's reports write ids of 15 characters in which capitals matter, its API and Data Loader 18, of which the
    last three are a checksum of the capitals. Both name one record; the long form is kept. In a long form whose
    capitals were lost, the checksum gives them back.
    """
    prefixes = _PREFIXES.get(name)
    if prefixes is None:
        return None

    def canonical(text: str) -> str:
        length = len(text)
        if length not in (_SHORT, _LONG) or not text.isascii() or not text.isalnum():
            return text
        if not text.upper().startswith(prefixes) and _CUSTOM_OBJECT.fullmatch(text) is None:
            return text
        return _long(text) if length == _SHORT else _restored(text)

    return canonical


def short_form(text: str) -> str | None:
    """Salesforce's 15 characters of an id that `canonical_by` may have made longer; None where it is no such id."""
    short = text[:_SHORT]
    return short if len(text) == _LONG and short.isalnum() and _long(short) == text else None


def _long(short: str) -> str:
    bits = short.translate(_CAPITALS)
    return short + "".join(_BITS[bits[start : start + _CHUNK]] for start in range(0, _SHORT, _CHUNK))


def _restored(text: str) -> str:
    """A long form with the capitals that its checksum names; as it stands where the checksum names a digit."""
    short, checksum = text[:_SHORT], text[_SHORT:].upper()
    if any(letter not in _CASES for letter in checksum):
        return text
    bits = "".join(_CASES[letter] for letter in checksum)
    restored = "".join(
        letter.upper() if bit == "1" else letter.lower() for letter, bit in zip(short, bits, strict=True)
    )
    return _long(restored) if restored.translate(_CAPITALS) == bits else text
