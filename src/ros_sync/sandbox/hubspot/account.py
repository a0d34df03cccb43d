"""The records of the sandbox's HubSpot account, and what can happen to them.

All in memory, guarded by one lock. Each change of a property moves the record's modified date and is kept in the
property's history; archiving, restoring and associations move nothing, as in the real one. Search has an index of its
own that learns of changes `search_lag_seconds` later.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from ros_sync.sandbox.hubspot.definitions import (
    OBJECT_TYPES,
    Owner,
    Pipeline,
    PipelineStage,
    PropertyDefinition,
    created_property,
    modified_property,
    standard_properties,
)
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.limits import Limits, Meter
from ros_sync.sandbox.hubspot.records import Entry, Properties, Record, iso, joined, millis
from ros_sync.sandbox.hubspot.tokens import Tokens

ARCHIVE_KEPT = timedelta(days=90)  # HubSpot knowledge base, "Restore deleted records"
UNLABELLED = ""
PRIMARY = "Primary"


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


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call as it was answered; `kind` is list, search, batch_read, associations, write, describe or other."""

    at: datetime
    seconds: float
    method: str
    path: str
    kind: str
    object_type: str
    status: int
    policy: str | None = None


class HubSpotAccount:
    """One account: `now` is its clock, `limits` are its rate limits (none unless given)."""

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
        self.portal_id = portal_id
        self.now = now
        self.time_zone = time_zone
        self.currency = currency
        self.search_lag_seconds = search_lag_seconds
        self.lock = RLock()
        self.meter = Meter(limits or Limits(), time_zone)
        self.tokens = Tokens(now)
        self.listeners: list[Callable[[Happening], None]] = []
        self.calls: list[ApiCall] = []
        self.properties = {kind: {each.name: each for each in standard_properties(kind)} for kind in OBJECT_TYPES}
        self.pipelines: dict[str, dict[str, Pipeline]] = {"deals": {}}
        self.owners: dict[str, Owner] = {}
        self.records: dict[str, dict[str, Record]] = {kind: {} for kind in OBJECT_TYPES}
        self.order: dict[str, list[int]] = {kind: [] for kind in OBJECT_TYPES}  # ids, ascending: lists go by them
        self.merged: dict[str, dict[str, str]] = {kind: {} for kind in OBJECT_TYPES}
        self.changed = 0  # counts every change of a record or definition, so that caches know when they are old
        self._closed = {"": frozenset[str]()}
        self._last_id = 1_000_000

    @property
    def token(self) -> str:
        """A private-app token with every scope."""
        return self.tokens.private_app

    # ---- definitions

    def define_property(
        self,
        object_type: str,
        name: str,
        type: str,  # noqa: A002  # HubSpot's own word
        field_type: str = "text",
        label: str | None = None,
        options: Sequence[str] = (),
        *,
        calculated: bool = False,
        hidden: bool = False,
    ) -> None:
        """Define a property of the company's own, or anew."""
        with self.lock:
            self.properties[object_type][name] = PropertyDefinition(
                name, type, field_type, label or name, tuple(options), calculated, hidden
            )
            self.changed += 1

    def remove_property(self, object_type: str, name: str) -> None:
        """Delete a property with all its values."""
        with self.lock:
            self.properties[object_type].pop(name, None)
            for record in self.records[object_type].values():
                record.properties.pop(name, None)
                record.history.pop(name, None)
            self.changed += 1

    def hide_property(self, object_type: str, name: str, *, hidden: bool = True) -> None:
        """Take the permission to see a property away, or give it back."""
        with self.lock:
            self.properties[object_type][name].hidden = hidden
            self.changed += 1

    def visible(self, object_type: str, name: str) -> bool:
        """Whether a property exists and may be seen."""
        definition = self.properties[object_type].get(name)
        return definition is not None and not definition.hidden

    def add_owner(
        self,
        owner_id: str,
        email: str,
        first_name: str,
        last_name: str,
        teams: Sequence[tuple[str, str]] = (),
        *,
        archived: bool = False,
    ) -> None:
        """Add a user; `teams` are (id, name), the primary one first."""
        with self.lock:
            self.owners[owner_id] = Owner(owner_id, email, first_name, last_name, teams, archived)

    def archive_owner(self, owner_id: str) -> None:
        """Let a user have left."""
        with self.lock:
            self.owners[owner_id].archived = True

    def add_pipeline(
        self, object_type: str, pipeline_id: str, label: str, stages: Iterable[tuple[str, str, int, Mapping[str, str]]]
    ) -> None:
        """Add a pipeline; stages are (id, label, display order, metadata)."""
        with self.lock:
            made = [PipelineStage(*stage) for stage in stages]
            self.pipelines.setdefault(object_type, {})[pipeline_id] = Pipeline(pipeline_id, label, made)
            self._closed[pipeline_id] = frozenset(stage.id for stage in made if stage.is_closed)

    # ---- records

    def find(self, object_type: str, object_id: str) -> Record | None:
        """The record, or the one that it was merged into; None where there is none. Archived ones count."""
        merged, records = self.merged[object_type], self.records[object_type]
        while object_id in merged:
            object_id = merged[object_id]
        return records.get(object_id)

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
            record = Record(object_type, object_id or self._next_id(), moment, moment)
            self._insert(record)
            self._set_all(record, {**properties, created_property(object_type): iso(moment)}, moment, by, source)
            record.properties["hs_object_id"] = record.id
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
            self._index(record, moment)
            self._tell("restore", record, moment)

    def merge(self, object_type: str, primary_id: str, other_id: str, *, at: datetime | None = None) -> str:
        """Merge two records into a new one; reading either of them gives the new one from now on."""
        with self.lock:
            primary, other = self.live(object_type, primary_id), self.live(object_type, other_id)
            if primary is other:
                raise HubSpotError(400, "Cannot merge a record with itself", "VALIDATION_ERROR")
            moment = max(millis(at or self.now()), primary.updated_at, other.updated_at)
            record = Record(object_type, self._next_id(), min(primary.created_at, other.created_at), moment)
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
                self._take_over(record, each)
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
            self._unlink_all(record)
            self._remove(record)
            for old in [old for old, new in self.merged[object_type].items() if new == record.id]:
                del self.merged[object_type][old]
            self._tell("privacyDeletion", record, millis(at or self.now()))

    # ---- associations

    def associate(self, from_type: str, from_id: str, to_type: str, to_id: str, *, label: str | None = None) -> None:
        """Associate two records, both ways; a label comes beside the unlabelled association."""
        with self.lock:
            one, two = self.live(from_type, from_id), self.live(to_type, to_id)
            known = one.links.setdefault(to_type, {}).setdefault(two.id, set())
            new = {UNLABELLED, *([label] if label else [])} - known
            known |= new
            two.links.setdefault(from_type, {}).setdefault(one.id, set()).add(UNLABELLED)
            if new:
                self.changed += 1
                self._tell("associationChange", one, millis(self.now()), to_type=to_type, to_id=two.id)

    def dissociate(self, from_type: str, from_id: str, to_type: str, to_id: str) -> None:
        """Take the association of two records away, labels and all."""
        with self.lock:
            one, two = self.find(from_type, from_id), self.find(to_type, to_id)
            if one is None or two is None or two.id not in one.links.get(to_type, {}):
                return
            del one.links[to_type][two.id]
            two.links.get(from_type, {}).pop(one.id, None)
            self.changed += 1
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

    def _next_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)

    def _insert(self, record: Record) -> None:
        if record.id in self.records[record.object_type]:
            raise HubSpotError(409, f"There is a record {record.id} already", "CONFLICT")
        self._last_id = max(self._last_id, record.number)
        self.records[record.object_type][record.id] = record
        order = self.order[record.object_type]
        if order and order[-1] > record.number:
            insort(order, record.number)
        else:
            order.append(record.number)

    def _remove(self, record: Record) -> None:
        del self.records[record.object_type][record.id]
        self.order[record.object_type].remove(record.number)
        self.changed += 1

    def _set_all(
        self, record: Record, properties: Mapping[str, str | None], moment: int, by: str | None, source: str
    ) -> list[str]:
        user = int(by) if by and by.isdigit() else None
        source_id = f"userId:{by}" if user is not None else by
        changed = []
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
        closes = deal_stage and deal_stage in self._closed.get(pipeline, ())
        if closes and "closedate" not in given and deal_stage != record.properties.get("dealstage"):
            more["closedate"] = iso(moment)
        return {name: value for name, value in more.items() if name not in given}

    def _index(self, record: Record, moment: int) -> None:
        """Let search learn of the record's state, now or later."""
        self.changed += 1
        if self.search_lag_seconds:
            record.remember(moment + int(self.search_lag_seconds * 1000))
        elif record.documents:
            record.documents.clear()

    def _take_over(self, record: Record, merged: Record) -> None:
        """Let the new record have the associations of one that was merged into it."""
        for to_type, links in list(merged.links.items()):
            for to_id, labels in list(links.items()):
                other = self.records[to_type][to_id]
                back = other.links.get(merged.object_type, {}).pop(merged.id, {UNLABELLED})
                record.links.setdefault(to_type, {}).setdefault(to_id, set()).update(labels)
                other.links.setdefault(record.object_type, {}).setdefault(record.id, set()).update(back)
        self._remove(merged)
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
