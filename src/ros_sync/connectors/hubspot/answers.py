"""HubSpot's answers as they come over the wire: read, checked for their shape, and made whole where that can be done."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

Json = dict[str, Any]


class MalformedError(ValueError):
    """An answer that is no success in disguise: it lacks what every answer of its kind has."""


def parsed(data: bytes) -> Json:
    """An answer's body; ValueError for what is no JSON object.

    A text cut in the middle of a character (half an emoji) is no JSON to orjson. One record's text must not keep all the
    others away, so such a body is read once more, and what is broken in it becomes a replacement character.
    """
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        body = _whole(json.loads(data.decode("utf-8", "replace")))
    if not isinstance(body, dict):
        raise MalformedError("it is no JSON object")
    return body


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return value


def _is_record(each: Any) -> bool:
    return isinstance(each, dict) and each.get("id") is not None and isinstance(each.get("properties"), dict)


def _is_linked(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and isinstance(each.get("from"), dict)
        and each["from"].get("id") is not None
        and isinstance(each.get("to"), list)
    )


_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "list": _is_record,
    "search": _is_record,
    "batch_read": _is_record,
    "associations": _is_linked,
}
# Categories of a batch's errors that say what is so, not what went wrong (HubSpot, "Error handling", 207).
SETTLED = re.compile("NOT_FOUND|NO_ASSOCIATIONS|VALIDATION")


def check(kind: str, body: Json) -> None:
    """Raise MalformedError where an answer with records is not what it has to be, or tells of a part that failed."""
    fits = _SHAPES.get(kind)
    if fits is None:
        return
    results = body.get("results")
    if not isinstance(results, list) or not all(map(fits, results)):
        raise MalformedError("it lacks the records that it was asked for")
    if kind == "search" and not str(body.get("total")).isdigit():
        raise MalformedError("it does not say how many records there are")
    for error in body.get("errors") or ():
        told = (
            {str(error.get(name) or "") for name in ("category", "subCategory")} if isinstance(error, dict) else set()
        )
        if not any(map(SETTLED.search, told)):
            raise MalformedError(
                f"a part of it failed ({', '.join(sorted(filter(None, told))) or 'without a category'})"
            )


def as_texts(results: Sequence[Json]) -> list[Json]:
    """The records with every property as a text, and without entries of histories that cannot be read.

    HubSpot gives texts. Where something between it and us did not, nothing is to fail over it.
    """
    return [
        {
            **each,
            "properties": {name: _text(value) for name, value in each["properties"].items()},
            **(
                {
                    "propertiesWithHistory": {
                        name: _entries(told) for name, told in each["propertiesWithHistory"].items()
                    }
                }
                if isinstance(each.get("propertiesWithHistory"), dict)
                else {}
            ),
        }
        for each in results
    ]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else orjson.dumps(value).decode()


def _entries(told: Any) -> list[Json]:
    usable = (each for each in told if isinstance(each, dict)) if isinstance(told, list) else ()
    return [
        {**{name: _text(held) for name, held in each.items()}, "timestamp": str(each["timestamp"])}
        for each in usable
        if re.fullmatch(r"-?\d+|\d{4}-.+", str(each.get("timestamp")))
    ]


def broken(error: Exception) -> str:
    """Why a connection broke, in a few words; urllib3 wraps the reason, and puts addresses of objects around it."""
    reason = getattr(error, "reason", None) or error
    words = " ".join(re.findall("[A-Z][a-z]+|[A-Z]+(?![a-z])", type(reason).__name__.removesuffix("Error"))).lower()
    told = re.search(r"\[Errno -?\d+\] ([\w ,]+)", str(reason))
    words = {"new connection": "nothing answers there", "max retry": "it was given up"}.get(words, words)
    return f"{words} ({told[1]})" if told else words
