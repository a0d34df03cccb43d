"""HubSpot's answers as they come over the wire.

Read, checked for their shape, and made whole where that can be done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from ros_sync import clock
from ros_sync.connectors.hubspot.values import instant
from ros_sync.fields import MAX_WHOLE

Json = dict[str, Any]


class MalformedError(ValueError):
    """An answer that is no success in disguise: it lacks what every answer of its kind has."""


def parsed(data: bytes) -> Json:
    """An answer's body; ValueError for what is no JSON object.

    A text cut in the middle of a character (half an emoji) is no JSON to orjson. One record's text must not keep all
    the others away, so such a body is read once more, and what is broken in it becomes a replacement character. Nought
    bytes, which PostgreSQL refuses in whatever text they stand, are left out.
    """
    try:
        try:
            body = orjson.loads(data)
        except orjson.JSONDecodeError:
            body = _whole(json.loads(data.decode("utf-8", "replace")))
        else:
            body = _whole(body) if b"\\u0000" in data else body
    except RecursionError:
        raise MalformedError("it is nested too deeply") from None
    if not isinstance(body, dict):
        raise MalformedError("it is not a JSON object")
    return body


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return value


_ID = re.compile(r"[1-9]\d{0,18}", re.ASCII)
_PLACE = re.compile(r"-?\d{1,15}", re.ASCII)


def is_id(value: Any) -> bool:
    """Whether it can be the id of something in HubSpot: a 64-bit number above nought, as a number or a text."""
    return isinstance(value, int | str) and _ID.fullmatch(str(value)) is not None and int(value) <= MAX_WHOLE


def _has_id(each: Any) -> bool:
    return isinstance(each, dict) and is_id(each.get("id"))


def _is_record(each: Any) -> bool:
    return _has_id(each) and isinstance(each.get("properties"), dict)


def _is_linked(each: Any) -> bool:
    if not isinstance(each, dict) or not _has_id(each.get("from")) or not isinstance(each.get("to"), list):
        return False
    following(each)
    return all(map(_is_target, each["to"]))


def _is_target(each: Any) -> bool:
    if not isinstance(each, dict) or not is_id(each.get("toObjectId")):
        return False
    kinds = each.get("associationTypes") or []
    return isinstance(kinds, list) and all(isinstance(kind, dict) for kind in kinds)


def _is_pipeline(each: Any) -> bool:
    return _is_labelled(each) and isinstance(each.get("stages"), list) and all(map(_is_stage, each["stages"]))


def _is_stage(each: Any) -> bool:
    return (
        _is_labelled(each)
        and isinstance(each.get("metadata") or {}, dict)
        and _PLACE.fullmatch(str(each.get("displayOrder") or 0)) is not None
    )


def _is_labelled(each: Any) -> bool:
    return isinstance(each, dict) and all(isinstance(each.get(name), str) and each[name] for name in ("id", "label"))


def _is_property(each: Any) -> bool:
    return isinstance(each, dict) and isinstance(each.get("name"), str) and bool(each["name"])


# What each result of an answer has to be. One that is not would be taken for missing, and what is missing for deleted.
_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "list": _is_record,
    "search": _is_record,
    "batch_read": _is_record,
    "associations": _is_linked,
    "owners": _has_id,
    "pipelines": _is_pipeline,
    "properties": _is_property,
}
DEFINITIONS = frozenset(("details", "owners", "pipelines", "properties"))  # what describes an account
# Categories of a batch's errors that say what is so, not what went wrong (HubSpot, "Error handling", 207).
SETTLED = re.compile("NOT_FOUND|NO_ASSOCIATIONS|VALIDATION")


def check(kind: str, body: Json) -> None:
    """Raise MalformedError where an answer is not what its kind has to be, or tells of a part that failed."""
    if kind == "details":
        _check_details(body)
    if kind == "read" and not _is_record(body):
        raise MalformedError("it lacks the record that it was asked for")
    fits = _SHAPES.get(kind)
    if fits is None:
        return
    results = body.get("results")
    if not isinstance(results, list) or not all(map(fits, results)):
        raise MalformedError("it lacks the records that it was asked for")
    following(body)
    if kind == "search" and re.fullmatch(r"\d{1,18}", str(body.get("total")), re.ASCII) is None:
        raise MalformedError("it does not say how many records there are")
    errors = body.get("errors") or []
    for error in errors if isinstance(errors, list) else [errors]:
        told = (
            {str(error.get(name) or "") for name in ("category", "subCategory")} if isinstance(error, dict) else set()
        )
        if not any(map(SETTLED.search, told)):
            raise MalformedError(
                f"a part of it failed ({', '.join(sorted(filter(None, told))) or 'without a category'})"
            )


def _check_details(body: Json) -> None:
    try:
        clock.zone(str(body.get("timeZone")))
    except ValueError:
        raise MalformedError("it names no time zone that is known here") from None
    if not is_id(body.get("portalId")) or not isinstance(body.get("companyCurrency") or "", str):
        raise MalformedError("it does not say which account this is")


def following(body: Json) -> str | None:
    """Where the next page begins (`after`), None on the last one; MalformedError where that cannot be told."""
    paging = body.get("paging")
    told = paging.get("next") if isinstance(paging, dict) else paging
    if told is None:
        return None
    after = told.get("after") if isinstance(told, dict) else None
    if not isinstance(after, int | str) or after == "":
        raise MalformedError("it does not say where the next page begins")
    return str(after)


def as_texts(results: Sequence[Json]) -> list[Json]:
    """The records with every property as a text, and without entries of histories that cannot be read.

    HubSpot gives texts. Where something between it and us did not, nothing is to fail over it.
    """
    return [
        {
            **each,
            "updatedAt": _text(each.get("updatedAt")),
            "properties": {name: _text(value) for name, value in each["properties"].items()},
            "propertiesWithHistory": _histories(each.get("propertiesWithHistory")),
        }
        for each in results
    ]


def _histories(told: Any) -> dict[str, list[Json]] | None:
    return {name: _entries(entries) for name, entries in told.items()} if isinstance(told, dict) else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nested too deeply to be anybody's value
        return None


def _entries(told: Any) -> list[Json]:
    usable = (each for each in told if isinstance(each, dict)) if isinstance(told, list) else ()
    return [
        {**{name: _text(held) for name, held in each.items()}, "timestamp": str(each["timestamp"])}
        for each in usable
        if _is_instant(str(each.get("timestamp")))
    ]


def _is_instant(told: str) -> bool:
    try:
        instant(told)
    except ValueError:
        return False
    return True


def broken(error: Exception) -> str:
    """Why a connection broke, in a few words; urllib3 wraps the reason, and puts addresses of objects around it."""
    reason = getattr(error, "reason", None) or error
    words = " ".join(re.findall("[A-Z][a-z]+|[A-Z]+(?![a-z])", type(reason).__name__.removesuffix("Error"))).lower()
    told = re.search(r"\[Errno -?\d+\] ([\w ,]+)", str(reason))
    words = {"new connection": "nothing answers there", "max retry": "it was given up"}.get(words, words)
    return f"{words} ({told[1]})" if told else words
