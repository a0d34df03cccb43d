"""One edit of a HubSpot record that a person asked for, made only where nobody else changed the same meanwhile.

HubSpot knows no conditional write. So the record is read before and after, with the history of what is written: an entry
between the two that is not ours is somebody else's, and what they set is put back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

import orjson

from ros_sync import clock
from ros_sync.connectors.hubspot.client import HubSpotClient, Json
from ros_sync.connectors.hubspot.definitions import Definitions
from ros_sync.connectors.hubspot.mapping import CUSTOM, StreamMapping
from ros_sync.connectors.hubspot.records import RecordReader
from ros_sync.connectors.hubspot.values import instant
from ros_sync.connectors.hubspot.writing import to_properties
from ros_sync.connectors.source import ChangedMeanwhileError, Edit, Page, Receipt
from ros_sync.errors import AmbiguousError, PermanentError, Where
from ros_sync.fields import Carried

NOTE_TYPES = {
    "deals": 214,
    "contacts": 202,
    "companies": 190,
}  # HubSpot, associations v4: note to …, association type ids
NOTES_READ = 100  # HubSpot, objects API, batch read


class Editing:
    """Makes edits of one stream's records. `asked` are the properties by which they are read."""

    def __init__(
        self,
        client: HubSpotClient,
        mapping: StreamMapping,
        definitions: Definitions,
        reader: RecordReader,
        asked: Sequence[str],
    ) -> None:
        self._client = client
        self._mapping = mapping
        self._definitions = definitions
        self._reader = reader
        self._asked = asked

    def make(self, edit: Edit, now: datetime, *, currency: str | None) -> Receipt:
        """Make it; ChangedMeanwhileError where somebody was quicker, PermanentError where HubSpot refuses it."""
        names = self._written(edit)
        before = self._read(edit.record_id, names)
        wanted = to_properties(self._mapping, edit.changes, self._definitions, before["properties"], currency=currency)
        page = self._page(before)
        found = self._fields(page, edit.expected)
        was_so = all(_alike(before["properties"].get(name), value) for name, value in wanted.items())
        if not was_so:
            if found != dict(edit.expected):
                raise ChangedMeanwhileError(
                    _who(before, names) + "; nothing was written", found=self._fields(page, edit.changes), page=page
                )
            page = self._write(edit, names, wanted, before)
        if edit.note:
            self._leave_note(edit, edit.note, now)
        return Receipt(page, was_so)

    def _write(self, edit: Edit, names: Sequence[str], wanted: Mapping[str, str], before: Json) -> Page:
        """Set the properties and look who else was at it."""
        self._client.update(self._mapping.name, edit.record_id, wanted)
        after = self._read(edit.record_id, names)
        theirs = _overwritten(before, after, wanted)
        if not theirs:
            return self._page(after)
        back = {name: value for name, value in theirs.items() if _alike(after["properties"].get(name), wanted[name])}
        if back:  # what somebody set after us stands anyway
            self._client.update(self._mapping.name, edit.record_id, back)
            after = self._read(edit.record_id, names)
        page = self._page(after)
        raise ChangedMeanwhileError(
            "somebody changed it in the very moment, and what they set was put back",
            found=self._fields(page, edit.changes),
            page=page,
        )

    def _written(self, edit: Edit) -> list[str]:
        """The properties that the edit sets and that have a history, so far as the account shows them."""
        names: dict[str, None] = {}
        for entry in self._mapping.objects:
            for field in edit.changes:
                names |= dict.fromkeys(entry.write.get(field, {}))
        return self._definitions.known(self._mapping.name, names)

    def _read(self, record_id: str, names: Sequence[str]) -> Json:
        found = self._client.batch_read(self._mapping.name, [record_id], self._asked, names)["results"]
        if not found or str(found[0]["id"]) != record_id:
            gone = "is no more" if not found else f"was merged into {found[0]['id']}"
            raise PermanentError(
                f"{self._mapping.name} {record_id} {gone}", where=Where(record=record_id), hint="look at it in HubSpot"
            )
        return dict(found[0])

    def _page(self, record: Json) -> Page:
        return Page(self._mapping.name, batches=self._reader.batches([record]))

    def _fields(self, page: Page, names: Mapping[str, Carried]) -> dict[str, Carried]:
        """What the record says in these fields."""
        held = {field: values[0] for batch in page.batches for field, values in batch.columns.items() if values}
        own = orjson.loads(str(held.get("custom") or "{}"))
        held |= {CUSTOM + name: value for name, value in own.items()}
        return {name: held.get(name) for name in names}

    # ---- the note

    def _leave_note(self, edit: Edit, note: str, now: datetime) -> None:
        """A note of this text on the record, once: where it may be there already, it is looked for."""
        text = escape(note, quote=False)
        if edit.again and self._has_note(edit.record_id, text):
            return
        kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TYPES[self._mapping.name]}
        body = {
            "properties": {"hs_note_body": text, "hs_timestamp": str(clock.to_micros(now) // 1_000)},
            "associations": [{"to": {"id": edit.record_id}, "types": [kind]}],
        }
        try:
            self._client.create("notes", body)
        except AmbiguousError:
            if not self._has_note(edit.record_id, text):
                self._client.create("notes", body)

    def _has_note(self, record_id: str, text: str) -> bool:
        """Whether the record has a note of that text. Search lags behind, so the associations are asked."""
        answer = self._client.associations(self._mapping.name, "notes", [{"id": record_id}])
        ids = [str(to["toObjectId"]) for result in answer["results"] for to in result["to"]]
        newest = sorted(ids, key=int)[-NOTES_READ:]
        if not newest:
            return False
        notes = self._client.batch_read("notes", newest, ["hs_note_body"])["results"]
        return any(each["properties"].get("hs_note_body") == text for each in notes)


def _overwritten(before: Json, after: Json, wanted: Mapping[str, str]) -> dict[str, str]:
    """By property, what somebody set between our look and our write, so that it was lost."""
    lost: dict[str, str] = {}
    for name, value in wanted.items():
        known = {_entry(each) for each in _history(before, name)}
        new = [each for each in reversed(_history(after, name)) if _entry(each) not in known]
        ours = next((place for place, each in enumerate(new) if _alike(each.get("value"), value)), None)
        if ours:  # entries stand before ours
            lost[name] = str(new[ours - 1].get("value") or "")
    return lost


def _history(record: Json, name: str) -> Sequence[Json]:
    """Newest first."""
    return (record.get("propertiesWithHistory") or {}).get(name) or ()


def _entry(each: Json) -> tuple[str, str]:
    return str(each.get("timestamp")), str(each.get("value") or "")


def _who(record: Json, names: Sequence[str]) -> str:
    """Who changed one of these properties last, and when."""
    entries = [each for name in names for each in _history(record, name)]
    if not entries:
        return "it was changed meanwhile"
    last = max(entries, key=lambda each: str(each["timestamp"]))
    user = last.get("updatedByUserId")
    by = f" by user {user}" if user else f" ({str(last.get('sourceType') or 'unknown').lower().replace('_', ' ')})"
    at = clock.from_micros(int(instant(str(last["timestamp"])) or 0))
    return f"it was changed{by} on {at:%Y-%m-%d at %H:%M} UTC"


def _alike(held: Any, wanted: str) -> bool:
    """Whether HubSpot holds what was to be set: it writes instants, days and numbers in its own way."""
    one, other = str(held or ""), wanted
    if one == other:
        return True
    for reading in (float, instant):
        try:
            if reading(one) == reading(other):
                return True
        except ValueError:
            continue
    return False
