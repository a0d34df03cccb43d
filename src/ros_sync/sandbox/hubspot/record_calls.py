"""Calls about records: lists, reads, batches, search, writes, merges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ros_sync.sandbox.hubspot import answers
from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.calls import (
    CREATED,
    MAX_BATCH,
    MAX_BATCH_WITH_HISTORY,
    NO_CONTENT,
    OK,
    Answer,
    Call,
    Json,
    object_type,
    wrong,
)
from ros_sync.sandbox.hubspot.definitions import OBJECT_TYPES, SINGULAR, association_type
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.records import Record
from ros_sync.sandbox.hubspot.search import SearchIndex
from ros_sync.sandbox.hubspot.taking_over import LIFECYCLE
from ros_sync.sandbox.hubspot.writing import check_creation, writable

MAX_LIST, MAX_LIST_WITH_HISTORY, DEFAULT_LIST = 100, 50, 10  # HubSpot, objects API: limit


class RecordCalls:
    """Answers calls about the records of one account."""

    def __init__(self, account: HubSpotAccount) -> None:
        self.account = account
        self.index = SearchIndex(account)

    def list_records(self, call: Call) -> Answer:
        """GET /crm/v3/objects/{type}."""
        kind, account = call.object_type, self.account
        with_history = self._seen(kind, call.names("propertiesWithHistory"))
        limit = call.limit(DEFAULT_LIST, MAX_LIST_WITH_HISTORY if with_history else MAX_LIST)
        after = call.query.get("after") or "0"
        if not after.isdigit():
            raise wrong(f"Invalid after {after}")
        ids = answers.archived_ids(account, kind) if call.archived else account.live_ids[kind]
        start = bisect_right(ids, int(after))
        names = answers.asked_names(account, kind, call.names("properties"))
        to_types = [object_type(name) for name in call.names("associations")]
        page = [account.records[kind][str(number)] for number in ids[start : start + limit]]
        body: Json = {"results": [self._full(record, names, with_history, to_types) for record in page]}
        if start + limit < len(ids):
            body["paging"] = answers.paging(page[-1].id, f"crm/v3/objects/{kind}")
        return OK, body

    def get_record(self, call: Call) -> Answer:
        """GET /crm/v3/objects/{type}/{id}; `idProperty` names what the id is."""
        kind = call.object_type
        record = self._asked(kind, call.path["id"], call.query.get("idProperty"))
        if record is None or (record.archived_at is not None) is not call.archived:
            raise HubSpotError.not_found()
        names = answers.asked_names(self.account, kind, call.names("properties"))
        to_types = [object_type(name) for name in call.names("associations")]
        return OK, self._full(record, names, self._seen(kind, call.names("propertiesWithHistory")), to_types)

    def create_record(self, call: Call) -> Answer:
        """POST /crm/v3/objects/{type}."""
        return CREATED, self._create(call.object_type, call.mapping(), call.client)

    def update_record(self, call: Call) -> Answer:
        """PATCH /crm/v3/objects/{type}/{id}. The last writer wins: nothing asks what the record was before."""
        kind = call.object_type
        properties = writable(self.account, kind, call.mapping().get("properties"))
        record = self._asked(kind, call.path["id"], call.query.get("idProperty"))
        if record is None:
            raise HubSpotError.not_found()
        return OK, self._update(record, properties, call.client)

    def archive_record(self, call: Call) -> Answer:
        """DELETE /crm/v3/objects/{type}/{id}."""
        self.account.archive(call.object_type, call.path["id"])
        return NO_CONTENT, None

    def batch_read(self, call: Call) -> Answer:
        """POST /crm/v3/objects/{type}/batch/read. Two ids that lead to one record give it once."""
        kind, body = call.object_type, call.mapping()
        with_history = self._seen(kind, body.get("propertiesWithHistory") or ())
        inputs = (
            call.inputs(MAX_BATCH_WITH_HISTORY, " for property histories") if with_history else call.inputs(MAX_BATCH)
        )
        names = answers.asked_names(self.account, kind, body.get("properties") or ())
        found, missing = {}, []
        for given in inputs:
            record = self._asked(kind, str(given["id"]), body.get("idProperty"))
            if record is None or (record.archived_at is not None) is not call.archived:
                missing.append(str(given["id"]))
            else:
                found[record.id] = record
        results = [self._full(record, names, with_history, ()) for record in found.values()]
        return answers.batch(self.account, results, _missing(kind, missing))

    def batch_create(self, call: Call) -> Answer:
        """POST /crm/v3/objects/{type}/batch/create; nothing is created where one of them cannot be."""
        kind, inputs = call.object_type, call.inputs(MAX_BATCH)
        for given in inputs:
            check_creation(self.account, kind, writable(self.account, kind, given.get("properties")))
        results = [self._create(kind, given, call.client) for given in inputs]
        return answers.batch(self.account, results, status=CREATED)

    def batch_update(self, call: Call) -> Answer:
        """POST /crm/v3/objects/{type}/batch/update; nothing is changed where a property cannot be written."""
        kind, inputs = call.object_type, call.inputs(MAX_BATCH)
        _check_unique([str(given["id"]) for given in inputs])
        written = [writable(self.account, kind, given.get("properties")) for given in inputs]
        results, missing = [], []
        for given, properties in zip(inputs, written, strict=True):
            record = self._asked(kind, str(given["id"]), given.get("idProperty"))
            if record is None or record.archived_at is not None:
                missing.append(str(given["id"]))
            else:
                results.append(self._update(record, properties, call.client))
        return answers.batch(self.account, results, _missing(kind, missing))

    def batch_upsert(self, call: Call) -> Answer:
        """POST /crm/v3/objects/{type}/batch/upsert, by `idProperty`."""
        kind, inputs, results = call.object_type, call.inputs(MAX_BATCH), []
        _check_unique([str(given["id"]) for given in inputs])
        for given in inputs:
            name = given.get("idProperty")
            properties = writable(self.account, kind, given.get("properties"))
            record = self._asked(kind, str(given["id"]), name)
            if record is not None and record.archived_at is None:
                results.append(self._update(record, properties, call.client) | {"new": False})
            elif name and name != "hs_object_id":
                made = {"properties": {name: str(given["id"]), **given["properties"]}}
                results.append(self._create(kind, made, call.client) | {"new": True})
            else:
                raise HubSpotError.not_found()
        return answers.batch(self.account, results)

    def batch_archive(self, call: Call) -> Answer:
        """POST /crm/v3/objects/{type}/batch/archive."""
        for given in call.inputs(MAX_BATCH):
            self.account.archive(call.object_type, str(given["id"]))
        return NO_CONTENT, None

    def search(self, call: Call) -> Answer:
        """POST /crm/v3/objects/{type}/search."""
        kind, query = call.object_type, call.mapping()
        names = answers.asked_names(self.account, kind, query.get("properties") or ())
        found = self.index.find(kind, query)
        body: Json = {"total": found.total, "results": [answers.document_json(each, names) for each in found.rows]}
        if found.after:
            body["paging"] = {"next": {"after": found.after}}
        return OK, body

    def merge(self, call: Call) -> Answer:
        """POST /crm/v3/objects/{type}/merge."""
        body, kind = call.mapping(), call.object_type
        new = self.account.merge(kind, str(body["primaryObjectId"]), str(body["objectIdToMerge"]))
        return OK, answers.record_json(self.account.live(kind, new), answers.asked_names(self.account, kind, ()))

    def erase(self, call: Call) -> Answer:
        """POST /crm/v3/objects/{type}/gdpr-delete; by address where `idProperty` says so."""
        body, kind = call.mapping(), call.object_type
        record = self._asked(kind, str(body["objectId"]), body.get("idProperty"))
        if record is not None:
            self.account.erase(kind, record.id)
        return NO_CONTENT, None

    # ---- inside

    def _asked(self, kind: str, object_id: str, id_property: str | None) -> Record | None:
        if id_property in (None, "", "hs_object_id"):
            return self.account.find(kind, object_id)
        if not self.account.visible(kind, str(id_property)):
            raise wrong(f"{SINGULAR[kind]} has no unique property {id_property}")
        return self.account.find_by(kind, str(id_property), object_id)

    def _full(self, record: Record, names: Sequence[str], with_history: Sequence[str], to_types: Sequence[str]) -> Json:
        body = answers.record_json(record, names)
        if with_history:
            body["propertiesWithHistory"] = answers.history_json(record, with_history, self.account.history_versions)
        if to_types:
            links = answers.inline_links(self.account, record, to_types)
            if links:
                body["associations"] = links
        return body

    def _seen(self, kind: str, names: Sequence[str]) -> list[str]:
        return [name for name in names if self.account.visible(kind, name)]

    def _create(self, kind: str, given: Mapping[str, Any], client: str) -> Json:
        properties = writable(self.account, kind, given.get("properties"))
        check_creation(self.account, kind, properties)
        links = [(str(link["to"]["id"]), *_meant(self.account, kind, link)) for link in given.get("associations") or ()]
        for to_id, other, _ in links:
            if (there := self.account.find(other, to_id)) is None or there.archived_at is not None:
                raise wrong(f"The {SINGULAR[other]} {to_id} to associate with does not exist")
        object_id = self.account.create(kind, properties, by=client, source="INTEGRATION")
        for to_id, other, label in links:
            self.account.associate(kind, object_id, other, to_id, label=label)
        record = self.account.live(kind, object_id)
        return answers.record_json(record, answers.asked_names(self.account, kind, list(properties)))

    def _update(self, record: Record, properties: Mapping[str, str | None], client: str) -> Json:
        kind, account = record.object_type, self.account
        with account.lock:
            before = dict(record.properties)
            definition = account.properties[kind].get(LIFECYCLE)
            places = {stage: place for place, stage in enumerate(definition.options)} if definition else {}
            taken = account.automations.taken_over(kind, before, dict(properties), places)
            record = account.update(kind, record.id, taken, by=client, source="INTEGRATION")
            body = answers.record_json(record, answers.asked_names(account, kind, list(properties)))
            # The answer is given before workflows have run.
            then = account.automations.afterwards(kind, before, taken)
            if then:
                at = account.now() + timedelta(milliseconds=1)
                account.update(kind, record.id, then, at=at, source="AUTOMATION_PLATFORM")
        return body


def _meant(account: HubSpotAccount, kind: str, link: Mapping[str, Any]) -> tuple[str, str | None]:
    """The kind of the other record and the label that an association's type number stands for."""
    for given in link.get("types") or ():
        number = int(given["associationTypeId"])
        for other in OBJECT_TYPES:
            for label in ("", "Primary", *account.labels.get((kind, other), ())):
                if association_type(kind, other, label) == number:
                    return other, label or None
    raise wrong(f"Invalid association types for {SINGULAR[kind]}: {link.get('types')}")


def _missing(kind: str, ids: Sequence[str]) -> list[Json]:
    if not ids:
        return []
    words = (
        f"Could not get some {SINGULAR[kind].upper()} objects, they may be deleted or not exist. Check that ids "
        "are valid."
    )
    return [answers.batch_error("OBJECT_NOT_FOUND", words, {"ids": list(ids)})]


def _check_unique(ids: Sequence[str]) -> None:
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        words = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise wrong(words, context={"ids": twice})
