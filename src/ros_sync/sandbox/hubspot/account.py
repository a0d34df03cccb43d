"""The records of the sandbox's HubSpot account, and what can happen to them.

All in memory, guarded by one lock. Each change of a property moves the record's modified date and is kept in the
property's history; archiving, restoring and associations move nothing, as in the real one. Search has indexes of its
own (`index`) that learn of changes `search_lag_seconds` later.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ros_sync.sandbox.hubspot.definitions import OBJECT_TYPES, PRIMARY, created_property, modified_property
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.index import Index
from ros_sync.sandbox.hubspot.limits import Limits, Meter
from ros_sync.sandbox.hubspot.records import Entry, Properties, Record, iso, joined, millis
from ros_sync.sandbox.hubspot.schema import Schema
from ros_sync.sandbox.hubspot.taking_over import Automations
from ros_sync.sandbox.hubspot.tokens import Tokens

ARCHIVE_KEPT = timedelta(days=90)  # HubSpot knowledge base, "Restore deleted records"
UNLABELLED = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a record, as webhooks tell of it."""

    kind: str
    object_type: str
    object_id: str
    at: datetime
    property: str | None = None
    value: str | None = None
    source: str = "CRM_UI"
    merged_from: tuple[str, ...] = ()
    new_id: str | None = None
    to_type: str | None = None
    to_id: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call as it was answered, `seconds` by the clock that limits go by.

    `kind` is list, search, batch_read, associations, write, describe or other.
    """

    at: datetime
    seconds: float
    method: str
    path: str
    kind: str
    object_type: str
    status: int
    policy: str | None = None


class HubSpotAccount(Schema):
    """One account: `now` is its clock, `limits` are its rate limits (none unless given).

    `history_versions` is how many values of a property's history the API tells at most, the newest ones (None: all).
    """

    def __init__(
        self,
        portal_id: int = 62515001,
        *,
        now: Callable[[], datetime],
        time_zone: str = "Europe/Berlin",
        currency: str = "EUR",
        limits: Limits | None = None,
        search_lag_seconds: float = 0.0,
    ) -> None:
        super().__init__()
        self.portal_id = portal_id
        self.now = now
        self.time_zone = time_zone
        self.currency = currency
        self.search_lag_seconds = search_lag_seconds
        self.history_versions: int | None = None
        self.meter = Meter(limits or Limits(), time_zone)
        self.tokens = Tokens(now)
        self.automations = Automations()
        self.listeners: list[Callable[[Happening], None]] = []
        self.calls: list[ApiCall] = []
        self.live_ids: dict[str, list[int]] = {kind: [] for kind in OBJECT_TYPES}  # ascending: lists go by them
        self.archived_ids: dict[str, list[int]] = {kind: [] for kind in OBJECT_TYPES}
        self.labels: dict[tuple[str, str], set[str]] = {}  # that associations of two kinds of records have had
        self.merged: dict[str, dict[str, str]] = {kind: {} for kind in OBJECT_TYPES}
        self.indexes: dict[str, Index] = {kind: Index() for kind in OBJECT_TYPES}
        self._last_id = 1_000_000

    @property
    def token(self) -> str:
        """A private-app token with every scope."""
        return self.tokens.private_app

    def set_time_zone(self, time_zone: str) -> None:
        """Move the account to another zone: its day, and with it the daily limit, ends at another moment."""
        with self.lock:
            ZoneInfo(time_zone)
            self.time_zone = self.meter.time_zone = time_zone

    # ---- records

    def find(self, object_type: str, object_id: str) -> Record | None:
        """The record, or the one that it was merged into; None where there is none. Archived ones count."""
        merged, records = self.merged[object_type], self.records[object_type]
        while object_id in merged:
            object_id = merged[object_id]
        return records.get(object_id)

    def find_by(self, object_type: str, name: str, value: str) -> Record | None:
        """The record that is not archived and has this value, however it is written."""
        known, wanted = self.records[object_type], value.lower()
        for number in self.live_ids[object_type]:
            if (known[str(number)].properties.get(name) or "").lower() == wanted:
                return known[str(number)]
        return None

    def next_id(self) -> str:
        """An id that nothing has yet."""
        self._last_id += 1
        return str(self._last_id)

    def live(self, object_type: str, object_id: str) -> Record:
        """The record; HubSpotError (404) where there is none, or an archived one."""
        record = self.find(object_type, object_id)
        if record is None or record.archived_at is not None:
            raise HubSpotError.not_found()
        return record

    def create(
        self,
        object_type: str,
        properties: Mapping[str, str | None],
        *,
        at: datetime | None = None,
        by: str | None = None,
        source: str = "CRM_UI",
        object_id: str | None = None,
    ) -> str:
        """Create a record and give its id."""
        with self.lock:
            moment = millis(at or self.now())
            record = Record(object_type, object_id or self.next_id(), moment, moment)
            self._insert(record)
            record.properties["hs_object_id"] = record.id
            self._set_all(record, {created_property(object_type): iso(moment), **properties}, moment, by, source)
            self._index(record, moment)
            self._tell("creation", record, moment, source)
            return record.id

    def update(
        self,
        object_type: str,
        object_id: str,
        properties: Mapping[str, str | None],
        *,
        at: datetime | None = None,
        by: str | None = None,
        source: str = "CRM_UI",
    ) -> Record:
        """Set properties of a record; nothing moves where they had these values."""
        with self.lock:
            record = self.live(object_type, object_id)
            moment = max(millis(at or self.now()), record.updated_at)
            changed = self._set_all(record, properties, moment, by, source)
            if changed:
                self._index(record, moment)
                for name in changed:
                    self._tell("propertyChange", record, moment, source, property=name, value=record.properties[name])
            return record

    def recalculate(self, object_type: str, object_id: str, properties: Mapping[str, str | None]) -> None:
        """HubSpot works calculated properties out anew: the modified date stays, and nobody is told."""
        with self.lock:
            record = self.live(object_type, object_id)
            moment = millis(self.now())
            for name, value in properties.items():
                record.set(name, value, Entry(moment, value or "", "CALCULATED", None, None))

    def move_bulk(
        self, object_type: str, ids: Iterable[str], properties: Mapping[str, str | None], *, at: datetime
    ) -> None:
        """A bulk edit: every record gets the very same modified millisecond."""
        for object_id in ids:
            self.update(object_type, object_id, properties, at=at, source="BATCH_UPDATE")

    def archive(self, object_type: str, object_id: str, *, at: datetime | None = None) -> None:
        """Move a record to the recycling bin; its modified date stays. Archiving what is archived does nothing."""
        with self.lock:
            record = self.find(object_type, object_id)
            if record is None or record.archived_at is not None:
                return
            record.archived_at = millis(at or self.now())
            _take_out(self.live_ids[object_type], record.number)
            insort(self.archived_ids[object_type], record.number)
            self._index(record, record.archived_at)
            self._tell("deletion", record, record.archived_at)

    def restore(self, object_type: str, object_id: str, *, at: datetime | None = None) -> None:
        """Take a record out of the recycling bin; its modified date stays."""
        with self.lock:
            record = self.find(object_type, object_id)
            if record is None or record.archived_at is None:
                return
            moment = millis(at or self.now())
            record.archived_at = None
            _take_out(self.archived_ids[object_type], record.number)
            insort(self.live_ids[object_type], record.number)
            self._index(record, moment)
            self._tell("restore", record, moment)

    def merge(self, object_type: str, primary_id: str, other_id: str, *, at: datetime | None = None) -> str:
        """Merge two records into a new one; reading either of them gives the new one from now on."""
        with self.lock:
            primary, other = self.live(object_type, primary_id), self.live(object_type, other_id)
            if primary is other:
                raise HubSpotError(400, "Cannot merge a record with itself", "VALIDATION_ERROR")
            moment = max(millis(at or self.now()), primary.updated_at, other.updated_at)
            record = Record(object_type, self.next_id(), min(primary.created_at, other.created_at), moment)
            record.properties = dict(primary.properties)
            record.history = {name: list(entries) for name, entries in primary.history.items()}
            for name, value in other.properties.items():
                if value and not record.properties.get(name):
                    record.set(name, value, Entry(moment, value, "MERGE_OBJECTS", None, None))
            before = {primary.id, other.id}
            for each in (primary, other):
                before |= set(filter(None, (each.properties.get("hs_merged_object_ids") or "").split(";")))
            record.properties["hs_merged_object_ids"] = joined(before)
            record.properties["hs_object_id"] = record.id
            record.properties[modified_property(object_type)] = iso(moment)
            self._insert(record)
            for each in (primary, other):
                self._take_over(record, each, before, moment)
            self._index(record, moment)
            told: dict[str, Any] = {"merged_from": (primary.id, other.id), "new_id": record.id}
            self._tell("merge", record, moment, **told)
            return record.id

    def erase(self, object_type: str, object_id: str, *, at: datetime | None = None) -> None:
        """Delete a record for good, for privacy's sake: it is nowhere any more."""
        with self.lock:
            record = self.find(object_type, object_id)
            if record is None:
                return
            moment = millis(at or self.now())
            self._unlink_all(record)
            self._remove(record, moment)
            for old in (record.properties.get("hs_merged_object_ids") or "").split(";"):
                self.merged[object_type].pop(old, None)
            self._tell("privacyDeletion", record, moment)

    # ---- associations

    def associate(self, from_type: str, from_id: str, to_type: str, to_id: str, *, label: str | None = None) -> None:
        """Associate two records, both ways; a label comes beside the unlabelled association.

        A record has one primary association with a kind of records: another one takes its place.
        """
        with self.lock:
            one, two = self.live(from_type, from_id), self.live(to_type, to_id)
            there = one.links.setdefault(to_type, {})
            new = {UNLABELLED, *([label] if label else [])} - there.get(two.id, set())
            if PRIMARY in new:
                for labels in there.values():
                    labels.discard(PRIMARY)
            there.setdefault(two.id, set()).update(new)
            two.links.setdefault(from_type, {}).setdefault(one.id, set()).update(new)
            if label:
                self.labels.setdefault((from_type, to_type), set()).add(label)
                self.labels.setdefault((to_type, from_type), set()).add(label)
            if new:
                self._tell("associationChange", one, millis(self.now()), to_type=to_type, to_id=two.id, label=label)

    def take_label(self, from_type: str, from_id: str, to_type: str, to_id: str, label: str) -> None:
        """Take a label off an association; the association stays."""
        with self.lock:
            one, two = self.live(from_type, from_id), self.live(to_type, to_id)
            for here, there in ((one, two), (two, one)):
                here.links.get(there.object_type, {}).get(there.id, set()).discard(label)

    def dissociate(self, from_type: str, from_id: str, to_type: str, to_id: str) -> None:
        """Take the association of two records away, labels and all."""
        with self.lock:
            one, two = self.find(from_type, from_id), self.find(to_type, to_id)
            if one is None or two is None or two.id not in one.links.get(to_type, {}):
                return
            del one.links[to_type][two.id]
            two.links.get(from_type, {}).pop(one.id, None)
            gone = "associationChange"
            self._tell(gone, one, millis(self.now()), source="REMOVED", to_type=to_type, to_id=two.id)

    def links_of(self, record: Record, to_type: str) -> list[tuple[str, set[str]]]:
        """The associations of a record with records that are not archived, by id."""
        found = record.links.get(to_type, {})
        others = self.records[to_type]
        return [(each, found[each]) for each in sorted(found, key=int) if others[each].archived_at is None]

    # ---- for tests

    def snapshot(self, object_type: str) -> dict[str, Properties]:
        """The properties of every record that is not archived."""
        with self.lock:
            records = self.records[object_type].values()
            return {record.id: dict(record.properties) for record in records if record.archived_at is None}

    def history_of(self, object_type: str, object_id: str, name: str) -> list[Entry]:
        """The history of a property, oldest first."""
        with self.lock:
            return list(self.live(object_type, object_id).history.get(name, ()))

    def associations_of(self, object_type: str, object_id: str, to_type: str) -> list[str]:
        """The ids of the associated records."""
        with self.lock:
            return [each for each, _ in self.links_of(self.live(object_type, object_id), to_type)]

    # ---- inside

    def _insert(self, record: Record) -> None:
        if record.id in self.records[record.object_type]:
            raise HubSpotError(409, f"There is a record {record.id} already", "CONFLICT")
        self._last_id = max(self._last_id, record.number)
        self.records[record.object_type][record.id] = record
        insort(self.live_ids[record.object_type], record.number)

    def _remove(self, record: Record, moment: int) -> None:
        """Take a record away; search goes on telling of it for a while."""
        del self.records[record.object_type][record.id]
        ids = self.live_ids if record.archived_at is None else self.archived_ids
        _take_out(ids[record.object_type], record.number)
        now = millis(self.now())
        self.indexes[record.object_type].forget(record, self._learnt_at(moment, now), now)

    def _set_all(
        self, record: Record, properties: Mapping[str, str | None], moment: int, by: str | None, source: str
    ) -> list[str]:
        user = int(by) if by and by.isdigit() else None
        source_id = f"userId:{by}" if user is not None else by
        changed = []
        record.properties = dict(record.properties)  # search may know the old ones
        for name, value in (dict(properties) | self._consequences(record, properties, moment)).items():
            if record.set(name, value, Entry(moment, value or "", source, source_id, user)):
                changed.append(name)
        if changed:
            record.updated_at = moment
            record.properties[modified_property(record.object_type)] = iso(moment)
        return changed

    def _consequences(self, record: Record, given: Mapping[str, str | None], moment: int) -> Properties:
        """What HubSpot itself sets with these properties."""
        more: Properties = {}
        stage = given.get("lifecyclestage")
        if record.object_type == "contacts" and stage:
            name = f"hs_lifecyclestage_{stage}_date"
            if name in self.properties["contacts"] and not record.properties.get(name):
                more[name] = iso(moment)
        owner = given.get("hubspot_owner_id")
        if owner and owner != record.properties.get("hubspot_owner_id"):
            more["hubspot_owner_assigneddate"] = iso(moment)
        deal_stage = given.get("dealstage")
        pipeline = given.get("pipeline") or record.properties.get("pipeline") or ""
        if deal_stage and deal_stage != record.properties.get("dealstage"):
            stage_there = self.stage(pipeline, deal_stage)
            if stage_there is not None and stage_there.is_closed:
                more["closedate"] = iso(moment)
        return {name: value for name, value in more.items() if name not in given}

    def _index(self, record: Record, moment: int) -> None:
        """Let search learn of the record's state, now or later."""
        now = millis(self.now())
        self.indexes[record.object_type].learn(record, self._learnt_at(moment, now), now)

    def _learnt_at(self, moment: int, now: int) -> int:
        """When search learns of what happened at `moment` (milliseconds)."""
        return min(moment, now) + int(self.search_lag_seconds * 1000)

    def _take_over(self, record: Record, merged: Record, gone: set[str], moment: int) -> None:
        """Let the new record have the associations of one that was merged into it."""
        for to_type, links in list(merged.links.items()):
            for to_id, labels in list(links.items()):
                if to_type == merged.object_type and to_id in gone:
                    continue  # the two of them were associated with each other
                other = self.records[to_type][to_id]
                back = other.links.get(merged.object_type, {}).pop(merged.id, {UNLABELLED})
                record.links.setdefault(to_type, {}).setdefault(to_id, set()).update(labels)
                other.links.setdefault(record.object_type, {}).setdefault(record.id, set()).update(back)
        self._remove(merged, moment)
        self.merged[record.object_type][merged.id] = record.id

    def _unlink_all(self, record: Record) -> None:
        for to_type, links in record.links.items():
            for to_id in links:
                self.records[to_type][to_id].links.get(record.object_type, {}).pop(record.id, None)

    def _tell(self, kind: str, record: Record, moment: int, source: str = "CRM_UI", **more: Any) -> None:
        if self.listeners:
            happening = Happening(kind, record.object_type, record.id, _instant(moment), source=source, **more)
            for listener in self.listeners:
                listener(happening)


def _instant(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC)


def _take_out(ids: list[int], number: int) -> None:
    """Take a number out of a sorted list."""
    del ids[bisect_left(ids, number)]
