"""One edit of a HubSpot record that a person asked for, made only where nobody else changed the same meanwhile.

HubSpot knows no conditional write. So the record is read before and after, with the history of what is written: what
stood before our own entry has to be what the person saw. Where it is not, somebody was in between, and what they set is
put back.

Nor does its 200 say that a value was taken over: a lifecycle stage does not move backwards, a workflow may set back at
once. So what was asked for is compared with the answer and with the record as it is read afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Any

import orjson

from ros_sync import clock
from ros_sync.connectors.hubspot.answers import as_texts
from ros_sync.connectors.hubspot.client import CLOCKS_AGREE, HubSpotClient, Json
from ros_sync.connectors.hubspot.definitions import Definitions
from ros_sync.connectors.hubspot.mapping import CUSTOM, StreamMapping
from ros_sync.connectors.hubspot.properties import to_properties
from ros_sync.connectors.hubspot.records import RecordReader
from ros_sync.connectors.hubspot.spelling import alike
from ros_sync.connectors.hubspot.values import instant
from ros_sync.connectors.source import Lack, Page, WriteConflictError, WriteRequest, WriteResult
from ros_sync.errors import (
    AmbiguousError,
    DailyLimitError,
    PermanentError,
    RateLimitedError,
    RosSyncError,
    StoppedError,
    TransientError,
    Where,
)
from ros_sync.fields import StoredValue

NOTE_TYPES = {
    "deals": 214,
    "contacts": 202,
    "companies": 190,
}  # HubSpot, associations v4: note to …, association type ids
ATTEMPTS = 4  # of a write whose outcome nobody knows; each one is looked for before the next
# HubSpot, property history: sourceType of what a person set by hand.
BY_PEOPLE = frozenset(("CRM_UI", "CRM_UI_BULK_ACTION", "MOBILE_IOS", "MOBILE_ANDROID", "CONTACTS", "BCC_TO_CRM"))
OUR_SOURCES = frozenset(("INTEGRATION", "API"))  # HubSpot, property history: sourceType of what an app set
NOTES_READ = 100  # HubSpot, objects API, batch read


class RecordWrite:
    """Makes edits of one stream's records.

    `asked` are the properties by which they are read, `notes_of` a record's notes.
    """

    def __init__(
        self,
        client: HubSpotClient,
        mapping: StreamMapping,
        definitions: Definitions,
        reader: RecordReader,
        asked: Sequence[str],
        notes_of: Callable[[str, str], list[str]],
    ) -> None:
        self._client = client
        self._mapping = mapping
        self._definitions = definitions
        self._reader = reader
        self._asked = asked
        self._notes_of = notes_of

    def make(self, request: WriteRequest, now: datetime, *, currency: str | None) -> WriteResult:
        """Make it; WriteConflictError where somebody was quicker, PermanentError where HubSpot refuses it."""
        names = self._written(request)
        before = self._look(request, names, perhaps_written=request.again)
        since = self._since(request)
        wanted = to_properties(
            self._mapping, request.changes, self._definitions, before["properties"], currency=currency
        )
        already_set = self._says(before, wanted)
        if request.again and (
            already_set or self._ours(before, wanted, since)
        ):  # by an attempt that did not see who else was at it
            page = self._judge(request, names, wanted, before, since)
            result = WriteResult(page, already_set, lacking=self._lacking(request, wanted, before, page, since))
        elif already_set:
            result = WriteResult(self._page(before), already_set)
        else:
            result = self._write(request, names, wanted, before, since)
        # Where nobody of ours set it, there is nothing that a note could tell of.
        unchanged = already_set and not (request.again and self._ours(before, wanted, since))
        result = replace(result, already_set=unchanged)
        taken = [name for name in request.changes if name not in result.lacking]
        if request.note and taken and result.page is not None and not unchanged:
            try:
                self._leave_note(request, request.note(taken), now)
            except StoppedError:
                raise
            except RosSyncError as error:  # the value stands all the same
                return replace(result, trouble=error)
        return result

    def _write(
        self, request: WriteRequest, names: Sequence[str], wanted: Mapping[str, str], record: Json, since: int | None
    ) -> WriteResult:
        """Set the properties, and look who else was at it.

        After a call that broke, it is looked before it is made again.
        """
        failure: TransientError | AmbiguousError | None = None
        answer: Json = {}
        for _ in range(ATTEMPTS):
            page = self._page(record)
            if self._fields(page, request.expected) != dict(request.expected):
                words = _who(record, names) + "; nothing was written"
                raise WriteConflictError(words, found=self._fields(page, request.changes), page=page)
            written = False
            try:
                answer = self._client.update(self._mapping.name, request.record_id, wanted)
                written = True
            except (TransientError, AmbiguousError) as error:
                if isinstance(error, RateLimitedError | DailyLimitError):
                    raise
                failure = error
            try:
                record = self._look(request, names, perhaps_written=not written)
            except StoppedError:
                raise
            except RosSyncError as error:
                if not written:
                    raise
                return WriteResult(None, trouble=error)
            if written or self._says(record, wanted) or self._ours(record, wanted, since):
                page = self._judge(request, names, wanted, record, since)
                return WriteResult(page, lacking=self._lacking(request, wanted, record, page, since, answer))
        assert failure is not None
        raise failure

    def _judge(
        self, request: WriteRequest, names: Sequence[str], wanted: Mapping[str, str], record: Json, since: int | None
    ) -> Page:
        """Whether what we wrote took the place of what the person saw; else what was there is put back."""
        lost = self._overwritten(request, wanted, record, since)
        if not lost:
            return self._page(record)
        back = {
            name: value
            for name, value in lost.items()
            if self._alike(name, record["properties"].get(name), wanted[name])
        }
        words = "later changes were kept"
        if back:
            try:
                self._client.update(self._mapping.name, request.record_id, back)
                words = "their change was restored"
            except PermanentError as error:
                words = f"their change couldn't be restored: {error}"
            record = self._read(request.record_id, names)
        page = self._page(record)
        raise WriteConflictError(
            f"someone changed it at the same moment, and {words}",
            found=self._fields(page, request.changes),
            page=page,
        )

    def _lacking(
        self,
        request: WriteRequest,
        wanted: Mapping[str, str],
        record: Json,
        page: Page,
        since: int | None,
        answer: Json | None = None,
    ) -> dict[str, Lack]:
        """The fields that the record does not say as they were written, and why, as far as its history tells.

        What a person set after us is theirs, and no refusal of ours.
        """
        places = self._ours(record, wanted, since)
        found, lacking = self._fields(page, request.changes), dict[str, Lack]()
        for entry in self._mapping.objects:
            for field in request.changes:
                if found[field] == request.changes[field] or field not in entry.write:
                    continue
                for name in entry.write[field]:
                    held, known = _held(record, answer or {}, name)
                    if not known or self._alike(name, held, wanted[name]):
                        continue
                    newer = _history(record, name)[: places[name]] if name in places else ()
                    if newer and _is_a_persons(newer[-1]):
                        continue
                    lacking[field] = Lack(_why(newer, name in places), found[field])
        return lacking

    def _alike(self, name: str, held: Any, wanted: str) -> bool:
        return alike(held, wanted, self._definitions.properties.get(self._mapping.name, {}).get(name))

    def _says(self, record: Json, wanted: Mapping[str, str]) -> bool:
        return all(self._alike(name, record["properties"].get(name), value) for name, value in wanted.items())

    def _ours(self, record: Json, wanted: Mapping[str, str], since: int | None) -> dict[str, int]:
        """By property the place of the newest entry of its history that we made.

        An integration's, with the value wanted. Those from before `since` (microseconds) are none of ours; they may say
        the same.
        """
        places = {}
        for name, value in wanted.items():
            for place, entry in enumerate(_history(record, name)):
                if since is not None and _is_older(entry, since):
                    break
                if str(entry.get("sourceType")).upper() in OUR_SOURCES and self._alike(name, entry.get("value"), value):
                    places[name] = place
                    break
        return places

    def _since(self, request: WriteRequest) -> int | None:
        """From when on by HubSpot's clock an entry may be this edit's (microseconds).

        An older one of ours is another's.
        """
        if request.asked_at is None:
            return None
        return clock.to_micros(request.asked_at + self._client.ahead - CLOCKS_AGREE)

    def _overwritten(
        self, request: WriteRequest, wanted: Mapping[str, str], record: Json, since: int | None
    ) -> dict[str, str]:
        """By property, what stood before our own entries and is not what the person saw."""
        places = self._ours(record, wanted, since)
        before: dict[str, str | None] = {}
        for name, place in places.items():
            older = _history(record, name)[place + 1 :]
            before[name] = str(older[0].get("value") or "") if older else None
        then = {**record, "properties": {**record["properties"], **before}}
        fields = self._fields(self._page(then), request.expected)
        # A field that HubSpot fills by itself, such as when a stage was entered, has no history of what we wrote.
        ours = {
            field.name for entry in self._mapping.objects for field in entry.fields if field.from_property in before
        }
        differing = {name for name in request.expected if name in ours and fields[name] != request.expected[name]}
        theirs = {key for entry in self._mapping.objects for name in differing for key in entry.write.get(name, {})}
        return {name: value or "" for name, value in before.items() if name in theirs}

    def _written(self, request: WriteRequest) -> list[str]:
        """The properties that the edit sets and that have a history, so far as the account shows them."""
        names: dict[str, None] = {}
        for entry in self._mapping.objects:
            for field in request.changes:
                names |= dict.fromkeys(entry.write.get(field, {}))
        return self._definitions.known(self._mapping.name, names)

    def _look(self, request: WriteRequest, names: Sequence[str], *, perhaps_written: bool) -> Json:
        """The record; where it cannot be had and the edit may have been made before that, the error says so."""
        try:
            return self._read(request.record_id, names)
        except PermanentError as error:
            if not perhaps_written:
                raise
            words = f"{error.message}; it may have been written before"
            raise PermanentError(words, where=error.where, hint=error.hint) from error

    def _read(self, record_id: str, names: Sequence[str]) -> Json:
        found = self._client.batch_read(self._mapping.name, [record_id], self._asked, names)["results"]
        if not found or str(found[0]["id"]) != record_id:
            gone = "no longer exists" if not found else f"was merged into {found[0]['id']}"
            raise PermanentError(
                f"{self._mapping.name} {record_id} {gone}", where=Where(record=record_id), hint="check it in HubSpot"
            )
        return as_texts(found)[0]

    def _page(self, record: Json) -> Page:
        return Page(self._mapping.name, batches=self._reader.batches([record]))

    def _fields(self, page: Page, names: Mapping[str, StoredValue]) -> dict[str, StoredValue]:
        """What the record says in these fields."""
        held = {field: values[0] for batch in page.batches for field, values in batch.columns.items() if values}
        own = orjson.loads(str(held.get("custom") or "{}"))
        held |= {CUSTOM + name: value for name, value in own.items()}
        return {name: held.get(name) for name in names}

    # ---- the note

    def _leave_note(self, request: WriteRequest, note: str, now: datetime) -> None:
        """A note of this text on the record, once: where it may be there already, it is looked for."""
        text = escape(note, quote=False)
        if request.again and self._has_note(request.record_id, text):
            return
        kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TYPES[self._mapping.name]}
        body = {
            "properties": {"hs_note_body": text, "hs_timestamp": str(clock.to_micros(now) // 1_000)},
            "associations": [{"to": {"id": request.record_id}, "types": [kind]}],
        }
        try:
            self._client.create("notes", body)
        except AmbiguousError:
            if not self._has_note(request.record_id, text):
                self._client.create("notes", body)

    def _has_note(self, record_id: str, text: str) -> bool:
        """Whether the record has a note of that text. Search lags behind, so the associations are asked."""
        notes = sorted(self._notes_of(self._mapping.name, record_id), key=int, reverse=True)
        for start in range(0, len(notes), NOTES_READ):  # newest first: it was left a moment ago
            found = self._client.batch_read("notes", notes[start : start + NOTES_READ], ["hs_note_body"])["results"]
            if any(each["properties"].get("hs_note_body") == text for each in found):
                return True
        return False


def _held(record: Json, answer: Json, name: str) -> tuple[Any, bool]:
    """What the record says in a property, and whether that can be seen.

    In the record, its history, or the answer to the write.
    """
    if name in record["properties"]:
        return record["properties"][name], True
    newest = _history(record, name)[:1]
    if newest:
        return newest[0].get("value"), True
    told = answer.get("properties") or {}
    return told.get(name), isinstance(told, dict) and name in told


def _is_a_persons(entry: Json) -> bool:
    return entry.get("updatedByUserId") is not None or str(entry.get("sourceType")).upper() in BY_PEOPLE


def _why(newer: Sequence[Json], was_set: bool) -> str:
    """Why a property does not say what was written. `newer` are the entries after ours, the newest first."""
    if newer:
        return f"it was set and immediately changed again{_by(newer[-1])}"
    return "HubSpot saved a different value" if was_set else "HubSpot left it unchanged"


def _is_older(entry: Json, since: int) -> bool:
    try:
        return int(instant(str(entry.get("timestamp"))) or since) < since
    except ValueError:
        return False


def _history(record: Json, name: str) -> Sequence[Json]:
    """Newest first."""
    return (record.get("propertiesWithHistory") or {}).get(name) or ()


def _who(record: Json, names: Sequence[str]) -> str:
    """Who changed one of these properties last, and when."""
    entries = [each for name in names for each in _history(record, name)]
    if not entries:
        return "it was changed in the meantime"
    last = max(entries, key=lambda each: str(each["timestamp"]))
    at = clock.from_micros(int(instant(str(last["timestamp"])) or 0))
    return f"it was changed{_by(last)} on {at:%Y-%m-%d at %H:%M} UTC"


def _by(entry: Json) -> str:
    user = entry.get("updatedByUserId")
    return f" by user {user}" if user else f" ({str(entry.get('sourceType') or 'unknown').lower().replace('_', ' ')})"
