"""What became of records that were asked for by their id and did not come: archived, merged, or not there any more.

Each of these ends a record in the mirror, so each asks for evidence that agrees. A record is archived where its own
answer says so, merged where the record that took its place names it or where it is led there twice, and not there where
HubSpot says that by its id. What an answer merely leaves out is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ros_sync.connectors.hubspot.answers import is_id
from ros_sync.connectors.hubspot.client import HubSpotClient, Json
from ros_sync.connectors.hubspot.failures import NotFoundError
from ros_sync.connectors.hubspot.mapping import MERGED_IDS, OBJECT_ID
from ros_sync.connectors.hubspot.values import instant
from ros_sync.connectors.source import Page

ASKED_SINGLY = 20  # of a batch; where it leaves out more than these, nothing is concluded
NOT_FOUND = "NOT_FOUND"  # HubSpot, "Error handling": the category of a batch's error about ids that are not there


def settle(
    client: HubSpotClient, stream: str, page: Page, asked: Sequence[str], answer: Json, properties: Sequence[str]
) -> list[Json]:
    """Note in the page what became of the records that did not come under their id; gives those that are there.

    `answer` is that to a batch read of them, by these properties.
    """
    found = [each for each in answer["results"] if each.get("archived") is not True]
    there = {str(each["id"]): each for each in found}
    page.merged |= {old: new for old, new in merged_in(found).items() if old in asked and old not in there}
    led, alive = _led_elsewhere(
        client, stream, page, [each for each in asked if each not in there], there, asked, properties
    )
    page.merged |= led
    there |= alive
    missing = [each for each in asked if each not in there and each not in page.merged and each not in page.doubted]
    if missing:
        there |= _missing(client, stream, page, missing, unknown_in(answer), properties)
    return [each for name, each in there.items() if name in asked or name in page.merged.values()]


def _led_elsewhere(
    client: HubSpotClient,
    stream: str,
    page: Page,
    missing: Sequence[str],
    there: Mapping[str, Json],
    asked: Sequence[str],
    properties: Sequence[str],
) -> tuple[dict[str, str], dict[str, Json]]:
    """Of records that may have come under another id: where each leads, and those that are there after all.

    A record may know those that it was made of, and not theirs; or the property that tells is hidden from us. Then two
    answers about the record alone have to lead to the same one.
    """
    if there.keys() <= set(asked):
        return {}, {}
    led, alive = dict[str, str](), dict[str, Json]()
    for each in missing:
        if each in page.merged:
            continue
        told = client.batch_read(stream, [each], [OBJECT_ID, MERGED_IDS])["results"]
        other = str(told[0]["id"]) if told else each
        if other == each:
            continue
        if merged_in(told).get(each) == other:
            led[each] = other
            continue
        record = _singly(client, stream, each, properties)
        if record is not None and str(record["id"]) == other:
            led[each] = other
        elif record is not None and str(record["id"]) == each:
            alive[each] = record
        else:
            page.doubted.append(each)
    return led, alive


def _missing(
    client: HubSpotClient,
    stream: str,
    page: Page,
    missing: Sequence[str],
    unknown: set[str],
    properties: Sequence[str],
) -> dict[str, Json]:
    """Look for records that are not there among the archived ones; gives those that are there after all."""
    answer = client.batch_read(stream, missing, [OBJECT_ID, MERGED_IDS], archived=True)
    archived = [each for each in answer["results"] if each.get("archived") is True]
    page.doubted += [str(each["id"]) for each in answer["results"] if each.get("archived") is not True]
    page.deleted |= {str(each["id"]): archived_at(each) for each in archived}
    merged = merged_in(archived)
    page.merged |= {each: merged[each] for each in missing if each not in page.deleted and each in merged}
    rest = [
        each for each in missing if each not in page.deleted and each not in page.merged and each not in page.doubted
    ]
    unknown &= unknown_in(answer)
    page.gone += [each for each in rest if each in unknown]
    left_out = [each for each in rest if each not in unknown]
    if len(left_out) > ASKED_SINGLY:
        page.doubted += left_out
        return {}
    return _left_out(client, stream, page, left_out, properties)


def _left_out(
    client: HubSpotClient, stream: str, page: Page, ids: Sequence[str], properties: Sequence[str]
) -> dict[str, Json]:
    """Ask for records by themselves that a batch left out without a word."""
    there: dict[str, Json] = {}
    for each in ids:
        record = _singly(client, stream, each, properties)
        if record is None:
            record = _singly(client, stream, each, [OBJECT_ID, MERGED_IDS], archived=True)
            if record is None:
                page.gone.append(each)
            elif str(record["id"]) == each and record.get("archived") is True:
                page.deleted[each] = archived_at(record)
            else:
                page.doubted.append(each)
        elif str(record["id"]) == each:
            there[each] = record
        elif merged_in([record]).get(each) is not None:
            page.merged[each] = str(record["id"])
        else:
            page.doubted.append(each)
    return there


def _singly(
    client: HubSpotClient, stream: str, record_id: str, properties: Sequence[str], *, archived: bool = False
) -> Json | None:
    """A record by its id; None where HubSpot says that it is not there."""
    try:
        return client.read_one(stream, record_id, properties, archived=archived)
    except NotFoundError:
        return None


def unknown_in(answer: Json) -> set[str]:
    """The ids of which the answer to a batch says that they are not there."""
    found: set[str] = set()
    for error in answer.get("errors") or ():
        context = error.get("context")
        if NOT_FOUND in str(error.get("category")) and isinstance(context, dict):
            ids = context.get("ids")
            found |= {str(each) for each in ids} if isinstance(ids, list) else set()
    return found


def archived_at(record: Mapping[str, Any]) -> int | None:
    """When a record was archived (microseconds); None where the answer does not say."""
    for told in (record.get("archivedAt"), record.get("updatedAt")):
        try:
            return int(instant(str(told)) or 0)
        except ValueError:
            continue
    return None


def merged_in(results: Sequence[Json]) -> dict[str, str]:
    """Which records ended in these (old id -> id), but for those of which several say so."""
    into: dict[str, set[str]] = {}
    for record in results:
        olds = record["properties"].get(MERGED_IDS)
        record_id = str(record["id"])
        for old in str(olds).split(";") if olds else ():
            if is_id(old) and old != record_id:
                into.setdefault(old, set()).add(record_id)
    return {old: next(iter(ids)) for old, ids in into.items() if len(ids) == 1}
