"""The account's API: each method answers one kind of call. Paths, tokens, limits and faults are `app`'s."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ros_sync.sandbox.hubspot import answers
from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.answers import Json
from ros_sync.sandbox.hubspot.definitions import OBJECT_TYPES, TYPE_IDS, PropertyDefinition
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.records import Record, iso, millis, read_instant
from ros_sync.sandbox.hubspot.search import SearchIndex

MAX_LIST, MAX_LIST_WITH_HISTORY, DEFAULT_LIST = 100, 50, 10  # HubSpot, objects API: limit
MAX_BATCH, MAX_BATCH_WITH_HISTORY = 100, 50
MAX_ASSOCIATION_INPUTS = 1_000  # HubSpot, associations v4, batch read
ASSOCIATIONS_A_PAGE = 100
MULTI_STATUS = 207


@dataclass(slots=True)
class Call:
    """One call as the API sees it: the parts of its path, its query and its body."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    form: dict[str, str] = field(default_factory=dict)
    client: str = "integration"

    @property
    def object_type(self) -> str:
        """The object type of the path, under any of its names; HubSpotError (404) for one that is not here."""
        return object_type(self.path["type"])

    def names(self, key: str) -> list[str]:
        """A comma-separated query parameter."""
        return [name for name in self.query.get(key, "").split(",") if name]

    def mapping(self) -> Mapping[str, Any]:
        """The body as an object; HubSpotError (400) for another one."""
        if not isinstance(self.body, dict):
            raise HubSpotError(400, "Invalid input JSON", "VALIDATION_ERROR")
        return self.body

    def inputs(self, most: int) -> list[Any]:
        """The `inputs` of a batch; HubSpotError (400) where they are too many."""
        inputs = list(self.mapping().get("inputs") or ())
        if len(inputs) > most:
            raise HubSpotError(400, f"the maximum number of inputs is {most}, got {len(inputs)}", "VALIDATION_ERROR")
        return inputs


def object_type(name: str) -> str:
    """An object type under any of its names; HubSpotError (404) for one that is not here."""
    for known in OBJECT_TYPES:
        if name.lower() in (known, TYPE_IDS[known], known.rstrip("s"), known[:-3] + "y"):
            return known
    raise HubSpotError(404, f"Unable to infer object type from: {name}", "OBJECT_NOT_FOUND")


class Api:
    """Answers calls. Every method gives (status, body) or raises HubSpotError; the caller holds the account's lock."""

    def __init__(self, account: HubSpotAccount) -> None:
        self.account = account
        self.index = SearchIndex(account)

    # ---- records

    def list_records(self, call: Call) -> tuple[int, Json]:
        """GET /crm/v3/objects/{type}."""
        kind, account = call.object_type, self.account
        with_history = self._seen(kind, call.names("propertiesWithHistory"))
        limit = int(call.query.get("limit", DEFAULT_LIST))
        most = MAX_LIST_WITH_HISTORY if with_history else MAX_LIST
        if not 0 < limit <= most:
            raise HubSpotError(400, f"limit must be between 1 and {most}", "VALIDATION_ERROR")
        archived = call.query.get("archived", "false").lower() == "true"
        order = answers.archived_page(account, kind) if archived else account.order[kind]
        after = call.query.get("after", "0")
        start = bisect_right(order, int(after)) if after.isdigit() else 0
        names = answers.asked_names(account, kind, call.names("properties"))
        to_types = [object_type(name) for name in call.names("associations")]
        results: list[Json] = []
        place, records = start, account.records[kind]
        while place < len(order) and len(results) < limit:
            record = records[str(order[place])]
            place += 1
            if archived == (record.archived_at is not None):
                results.append(self._full(record, names, with_history, to_types))
        body: Json = {"results": results}
        if any(archived == (records[str(order[at])].archived_at is not None) for at in range(place, len(order))):
            last = results[-1]["id"]
            body["paging"] = {
                "next": {"after": last, "link": f"https://api.hubapi.com/crm/v3/objects/{kind}?after={last}"}
            }
        return 200, body

    def get_record(self, call: Call) -> tuple[int, Json]:
        """GET /crm/v3/objects/{type}/{id}."""
        kind = call.object_type
        archived = call.query.get("archived", "false").lower() == "true"
        record = self.account.find(kind, call.path["id"])
        if record is None or (record.archived_at is not None) is not archived:
            raise HubSpotError.not_found()
        names = answers.asked_names(self.account, kind, call.names("properties"))
        with_history = self._seen(kind, call.names("propertiesWithHistory"))
        to_types = [object_type(name) for name in call.names("associations")]
        return 200, self._full(record, names, with_history, to_types)

    def create_record(self, call: Call) -> tuple[int, Json]:
        """POST /crm/v3/objects/{type}."""
        return 201, self._create(call.object_type, call.mapping(), call.client)

    def update_record(self, call: Call) -> tuple[int, Json]:
        """PATCH /crm/v3/objects/{type}/{id}."""
        properties = self._writable(call.object_type, call.mapping().get("properties"))
        record = self.account.update(
            call.object_type, call.path["id"], properties, by=call.client, source="INTEGRATION"
        )
        return 200, answers.record_json(record, answers.asked_names(self.account, call.object_type, list(properties)))

    def archive_record(self, call: Call) -> tuple[int, None]:
        """DELETE /crm/v3/objects/{type}/{id}."""
        self.account.archive(call.object_type, call.path["id"])
        return 204, None

    def batch_read(self, call: Call) -> tuple[int, Json]:
        """POST /crm/v3/objects/{type}/batch/read."""
        kind, body = call.object_type, call.mapping()
        with_history = self._seen(kind, body.get("propertiesWithHistory") or ())
        inputs = call.inputs(MAX_BATCH_WITH_HISTORY if with_history else MAX_BATCH)
        archived = call.query.get("archived", "false").lower() == "true"
        names = answers.asked_names(self.account, kind, body.get("properties") or ())
        found, missing = {}, []
        for given in inputs:
            record = self.account.find(kind, str(given.get("id")))
            if record is None or (record.archived_at is not None) is not archived:
                missing.append(str(given.get("id")))
            else:
                found[record.id] = record  # two ids that lead to one record give it once
        results = [self._full(record, names, with_history, ()) for record in found.values()]
        return self._batch(results, missing)

    def batch_create(self, call: Call) -> tuple[int, Json]:
        """POST /crm/v3/objects/{type}/batch/create."""
        results = [self._create(call.object_type, given, call.client) for given in call.inputs(MAX_BATCH)]
        return 201, self._batch(results, [])[1]

    def batch_update(self, call: Call) -> tuple[int, Json]:
        """POST /crm/v3/objects/{type}/batch/update."""
        kind, results, missing = call.object_type, [], []
        for given in call.inputs(MAX_BATCH):
            properties = self._writable(kind, given.get("properties"))
            try:
                record = self.account.update(kind, str(given["id"]), properties, by=call.client, source="INTEGRATION")
            except HubSpotError:
                missing.append(str(given["id"]))
            else:
                results.append(answers.record_json(record, answers.asked_names(self.account, kind, list(properties))))
        return self._batch(results, missing)

    def batch_archive(self, call: Call) -> tuple[int, None]:
        """POST /crm/v3/objects/{type}/batch/archive."""
        for given in call.inputs(MAX_BATCH):
            self.account.archive(call.object_type, str(given["id"]))
        return 204, None

    def search(self, call: Call) -> tuple[int, Json]:
        """POST /crm/v3/objects/{type}/search."""
        kind, query = call.object_type, call.mapping()
        names = answers.asked_names(self.account, kind, query.get("properties") or ())
        found = self.index.find(kind, query)
        results = [
            answers.record_json(record, names, properties=known, updated_at=updated) | {"archived": False}
            for record, known, updated in found.rows
        ]
        body: Json = {"total": found.total, "results": results}
        if found.after:
            body["paging"] = {"next": {"after": found.after}}
        return 200, body

    def merge(self, call: Call) -> tuple[int, Json]:
        """POST /crm/v3/objects/{type}/merge."""
        body, kind = call.mapping(), call.object_type
        new = self.account.merge(kind, str(body.get("primaryObjectId")), str(body.get("objectIdToMerge")))
        return 200, answers.record_json(self.account.live(kind, new), answers.asked_names(self.account, kind, ()))

    def erase(self, call: Call) -> tuple[int, None]:
        """POST /crm/v3/objects/{type}/gdpr-delete."""
        self.account.erase(call.object_type, str(call.mapping().get("objectId")))
        return 204, None

    # ---- associations

    def read_associations(self, call: Call) -> tuple[int, Json]:
        """POST /crm/v4/associations/{from}/{to}/batch/read; each `from` goes on at its own `after`."""
        one, other = object_type(call.path["type"]), object_type(call.path["to"])
        results, missing = [], []
        for given in call.inputs(MAX_ASSOCIATION_INPUTS):
            record = self.account.find(one, str(given.get("id")))
            links = [] if record is None or record.archived_at is not None else self.account.links_of(record, other)
            if not links:
                missing.append(str(given.get("id")))
                continue
            assert record is not None
            results.append(
                {"from": {"id": record.id}} | _association_page(links, str(given.get("after") or ""), one, other)
            )
        status, body = self._batch(results, missing)
        return status, body

    def list_associations(self, call: Call) -> tuple[int, Json]:
        """GET /crm/v4/objects/{type}/{id}/associations/{to}."""
        one, other = call.object_type, object_type(call.path["to"])
        links = self.account.links_of(self.account.live(one, call.path["id"]), other)
        page = _association_page(links, call.query.get("after", ""), one, other)
        return 200, {"results": page.pop("to"), **page}

    def associate(self, call: Call) -> tuple[int, Json]:
        """PUT /crm/v4/objects/{type}/{id}/associations/{to}/{to_id}, default or with types."""
        one, other = call.object_type, object_type(call.path["to"])
        self.account.associate(one, call.path["id"], other, call.path["to_id"])
        return 200, {
            "fromObjectTypeId": TYPE_IDS[one],
            "fromObjectId": int(call.path["id"]),
            "toObjectTypeId": TYPE_IDS[other],
            "toObjectId": int(call.path["to_id"]),
            "labels": [],
        }

    def dissociate(self, call: Call) -> tuple[int, None]:
        """DELETE /crm/v4/objects/{type}/{id}/associations/{to}/{to_id}."""
        self.account.dissociate(call.object_type, call.path["id"], object_type(call.path["to"]), call.path["to_id"])
        return 204, None

    def batch_associate(self, call: Call) -> tuple[int, Json]:
        """POST /crm/v4/associations/{from}/{to}/batch/create (or associate/default)."""
        one, other, results = object_type(call.path["type"]), object_type(call.path["to"]), []
        for given in call.inputs(MAX_ASSOCIATION_INPUTS):
            from_id, to_id = _ends(given)
            self.account.associate(one, from_id, other, to_id)
            results.append({"fromObjectTypeId": TYPE_IDS[one], "fromObjectId": int(from_id),
                            "toObjectTypeId": TYPE_IDS[other], "toObjectId": int(to_id), "labels": []})  # fmt: skip
        return 201, self._batch(results, [])[1]

    def batch_dissociate(self, call: Call) -> tuple[int, None]:
        """POST /crm/v4/associations/{from}/{to}/batch/archive."""
        one, other = object_type(call.path["type"]), object_type(call.path["to"])
        for given in call.inputs(MAX_ASSOCIATION_INPUTS):
            ends = given["to"] if isinstance(given["to"], list) else [given["to"]]
            for end in ends:
                self.account.dissociate(one, str(given["from"]["id"]), other, str(end["id"]))
        return 204, None

    # ---- the account

    def owners(self, call: Call) -> tuple[int, Json]:
        """GET /crm/v3/owners."""
        archived = call.query.get("archived", "false").lower() == "true"
        limit, after = int(call.query.get("limit", 100)), call.query.get("after", "")
        wanted = call.query.get("email")
        known = [
            each for each in self.account.owners.values() if each.archived is archived and wanted in (None, each.email)
        ]
        start = int(after) if after.isdigit() else 0
        body: Json = {"results": [answers.owner_json(each) for each in known[start : start + limit]]}
        if start + limit < len(known):
            body["paging"] = {"next": {"after": str(start + limit), "link": ""}}
        return 200, body

    def owner(self, call: Call) -> tuple[int, Json]:
        """GET /crm/v3/owners/{id}."""
        known = self.account.owners.get(call.path["id"])
        if known is None:
            raise HubSpotError.not_found()
        return 200, answers.owner_json(known)

    def all_pipelines(self, call: Call) -> tuple[int, Json]:
        """GET /crm/v3/pipelines/{type}."""
        known = self.account.pipelines.get(call.object_type, {})
        return 200, {"results": [answers.pipeline_json(each, place) for place, each in enumerate(known.values())]}

    def all_properties(self, call: Call) -> tuple[int, Json]:
        """GET /crm/v3/properties/{type}."""
        known = self.account.properties[call.object_type].values()
        archived = call.query.get("archived", "false").lower() == "true"
        return 200, {"results": [] if archived else [answers.property_json(each) for each in known if not each.hidden]}

    def one_property(self, call: Call) -> tuple[int, Json]:
        """GET /crm/v3/properties/{type}/{name}."""
        if not self.account.visible(call.object_type, call.path["name"]):
            raise HubSpotError.not_found()
        return 200, answers.property_json(self.account.properties[call.object_type][call.path["name"]])

    def account_details(self, _call: Call) -> tuple[int, Json]:
        """GET /account-info/v3/details."""
        account = self.account
        return 200, {
            "portalId": account.portal_id, "accountType": "STANDARD", "timeZone": account.time_zone,
            "companyCurrency": account.currency, "additionalCurrencies": [], "utcOffset": "+00:00",
            "utcOffsetMilliseconds": 0, "uiDomain": "app.hubspot.com", "dataHostingLocation": "eu1",
        }  # fmt: skip

    def daily_usage(self, _call: Call) -> tuple[int, Json]:
        """GET /account-info/v3/api-usage/daily/private-apps."""
        meter, now = self.account.meter, iso(millis(self.account.now()))
        usage = {"name": "private-apps-api-calls-daily", "usageLimit": meter.limits.daily or 0, "currentUsage": meter.used_today,
                 "collectedAt": now, "fetchStatus": "SUCCESS", "resetsAt": now}  # fmt: skip
        return 200, {"results": [usage]}

    def token(self, call: Call) -> tuple[int, Json]:
        """POST /oauth/v1/token."""
        return 200, cast("Json", self.account.tokens.refreshed(call.form))

    def token_info(self, call: Call) -> tuple[int, Json]:
        """GET /oauth/v1/access-tokens/{token}, and the same of a private app's."""
        return 200, cast("Json", self.account.tokens.described(call.path["token"]))

    def private_app_info(self, call: Call) -> tuple[int, Json]:
        """POST /oauth/v2/private-apps/get/access-token-info."""
        described = self.account.tokens.described(str(call.mapping().get("tokenKey")))
        return 200, {key: described[key] for key in ("hub_id", "app_id", "user_id", "scopes")} | {
            "hubId": described["hub_id"], "appId": described["app_id"], "userId": described["user_id"]
        }  # fmt: skip

    # ---- inside

    def _full(self, record: Record, names: Sequence[str], with_history: Sequence[str], to_types: Sequence[str]) -> Json:
        body = answers.record_json(record, names)
        if with_history:
            body["propertiesWithHistory"] = answers.history_json(record, with_history)
        if to_types:
            links = answers.inline_links(self.account, record, to_types)
            if links:
                body["associations"] = links
        return body

    def _seen(self, kind: str, names: Sequence[str]) -> list[str]:
        return [name for name in names if self.account.visible(kind, name)]

    def _create(self, kind: str, given: Mapping[str, Any], client: str) -> Json:
        properties = self._writable(kind, given.get("properties"))
        object_id = self.account.create(kind, properties, by=client, source="INTEGRATION")
        for link in given.get("associations") or ():
            to_id = str(link["to"]["id"])
            other = next((each for each in OBJECT_TYPES if to_id in self.account.records[each]), None)
            if other is not None:
                self.account.associate(kind, object_id, other, to_id)
        record = self.account.live(kind, object_id)
        return answers.record_json(record, answers.asked_names(self.account, kind, list(properties)))

    def _writable(self, kind: str, given: Any) -> dict[str, str | None]:
        """The properties of a write, as texts; HubSpotError (400) for unknown ones and values of another type."""
        if not isinstance(given, dict):
            raise HubSpotError(400, "Invalid input JSON: properties is missing", "VALIDATION_ERROR")
        properties: dict[str, str | None] = {}
        for name, value in given.items():
            definition = self.account.properties[kind].get(name)
            if definition is None or definition.hidden:
                raise HubSpotError(400, f'Property values were not valid: Property "{name}" does not exist',
                                   "VALIDATION_ERROR", errors=[{"message": f'Property "{name}" does not exist', "code": "PROPERTY_DOESNT_EXIST"}])  # fmt: skip
            text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            properties[name] = _checked(definition, text)
        return properties

    def _batch(self, results: list[Json], missing: list[str]) -> tuple[int, Json]:
        now = iso(millis(self.account.now()))
        body: Json = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
        if not missing:
            return 200, body
        errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects, they may be deleted or not exist.",
                   "context": {"ids": missing}, "errors": [], "links": {}}]  # fmt: skip
        return MULTI_STATUS, body | {"numErrors": 1, "errors": errors}


def _association_page(links: list[tuple[str, set[str]]], after: str, one: str, other: str) -> Json:
    ids = [int(to_id) for to_id, _ in links]
    start = bisect_right(ids, int(after)) if after.isdigit() else 0
    page = links[start : start + ASSOCIATIONS_A_PAGE]
    body: Json = {"to": [answers.association_json(to_id, labels, one, other) for to_id, labels in page]}
    if start + ASSOCIATIONS_A_PAGE < len(links):
        body["paging"] = {"next": {"after": page[-1][0], "link": ""}}
    return body


def _ends(given: Mapping[str, Any]) -> tuple[str, str]:
    end = given["to"][0] if isinstance(given["to"], list) else given["to"]
    return str(given["from"]["id"]), str(end["id"])


def _checked(definition: PropertyDefinition, value: str | None) -> str | None:
    """The value of a write in the form in which it is stored; HubSpotError (400) where it has another type."""
    if not value:
        return value
    try:
        if definition.type == "number":
            float(value)
        elif definition.type == "datetime":
            return iso(read_instant(value))
        elif definition.type == "date":
            return iso(read_instant(value))[:10]
    except ValueError:
        words = f"{value} was not a valid {definition.type}"
        raise HubSpotError(400, f"Property values were not valid: {words}", "VALIDATION_ERROR") from None
    return value


Handler = Callable[[Call], tuple[int, Json | None]]
