"""Calls about associations (v4): batches, pages, labels."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

from ros_sync.sandbox.hubspot import answers
from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.calls import CREATED, NO_CONTENT, OK, Answer, Call, Json, object_type, wrong
from ros_sync.sandbox.hubspot.definitions import PRIMARY, SINGULAR, TYPE_IDS, association_type
from ros_sync.sandbox.hubspot.errors import HubSpotError

MAX_READ_INPUTS, MAX_WRITE_INPUTS = 1_000, 2_000  # HubSpot, associations v4, limits of batches
PAGE_OF_BATCH, MAX_PAGE = 100, 500
Links = list[tuple[str, set[str]]]


class AssociationCalls:
    """Answers calls about the associations of one account."""

    account: HubSpotAccount

    def read_associations(self, call: Call) -> Answer:
        """POST /crm/v4/associations/{from}/{to}/batch/read; each `from` goes on at its own `after`.

        A record without associations is an error of the batch, as is one that does not exist.
        """
        one, other = call.object_type, object_type(call.path["to"])
        results, errors = [], []
        for given in call.inputs(MAX_READ_INPUTS):
            record = self.account.find(one, str(given["id"]))
            links = [] if record is None or record.archived_at is not None else self.account.links_of(record, other)
            if record is None or not links:
                errors.append(_none_found(one, other, str(given["id"])))
                continue
            page, after = _page(links, str(given.get("after") or ""), PAGE_OF_BATCH)
            result: Json = {"from": {"id": record.id}, "to": [_association(each, one, other, call) for each in page]}
            if after:
                where = f"crm/v4/objects/{TYPE_IDS[one]}/{record.id}/associations/{TYPE_IDS[other]}"
                result["paging"] = answers.paging(after, where)
            results.append(result)
        return answers.batch(self.account, results, errors)

    def list_associations(self, call: Call) -> Answer:
        """GET /crm/v4/objects/{type}/{id}/associations/{to}."""
        one, other = call.object_type, object_type(call.path["to"])
        record = self.account.live(one, call.path["id"])
        links = self.account.links_of(record, other)
        page, after = _page(links, call.query.get("after", ""), call.limit(MAX_PAGE, MAX_PAGE))
        body: Json = {"results": [_association(each, one, other, call) for each in page]}
        if after:
            body["paging"] = answers.paging(after, f"crm/v4/objects/{one}/{record.id}/associations/{other}")
        return OK, body

    def labels(self, call: Call) -> Answer:
        """GET /crm/v4/associations/{from}/{to}/labels."""
        one, other = call.object_type, object_type(call.path["to"])
        known = {"", PRIMARY, *self.account.labels.get((one, other), ())}
        return OK, {"results": [_kind(one, other, label) for label in sorted(known)]}

    def associate_default(self, call: Call) -> Answer:
        """PUT /crm/v4/objects/{type}/{id}/associations/default/{to}/{to_id}."""
        one, other = call.object_type, object_type(call.path["to"])
        self.account.associate(one, call.path["id"], other, call.path["to_id"])
        both = _default(one, other, call.path["id"], call.path["to_id"])
        return answers.batch(self.account, both)

    def associate(self, call: Call) -> Answer:
        """PUT /crm/v4/objects/{type}/{id}/associations/{to}/{to_id}, with types."""
        one, other = call.object_type, object_type(call.path["to"])
        from_id, to_id = call.path["id"], call.path["to_id"]
        return CREATED, self._associate(one, from_id, other, to_id, call.body or ())

    def dissociate(self, call: Call) -> Answer:
        """DELETE /crm/v4/objects/{type}/{id}/associations/{to}/{to_id}."""
        self.account.dissociate(call.object_type, call.path["id"], object_type(call.path["to"]), call.path["to_id"])
        return NO_CONTENT, None

    def batch_associate(self, call: Call) -> Answer:
        """POST /crm/v4/associations/{from}/{to}/batch/create; what cannot be associated is an error of the batch."""
        one, other, results, errors = call.object_type, object_type(call.path["to"]), [], []
        for given in call.inputs(MAX_WRITE_INPUTS):
            from_id, to_id = str(given["from"]["id"]), str(given["to"]["id"])
            try:
                results.append(self._associate(one, from_id, other, to_id, given.get("types") or ()))
            except HubSpotError as error:
                errors.append(answers.batch_error(str(error.category), error.message, {"ids": [from_id, to_id]}))
        return answers.batch(self.account, results, errors, status=CREATED)

    def batch_associate_default(self, call: Call) -> Answer:
        """POST /crm/v4/associations/{from}/{to}/batch/associate/default."""
        one, other, results = call.object_type, object_type(call.path["to"]), []
        for given in call.inputs(MAX_WRITE_INPUTS):
            from_id, to_id = str(given["from"]["id"]), str(given["to"]["id"])
            self.account.associate(one, from_id, other, to_id)
            results += _default(one, other, from_id, to_id)
        return answers.batch(self.account, results)

    def batch_dissociate(self, call: Call) -> Answer:
        """POST /crm/v4/associations/{from}/{to}/batch/archive."""
        one, other = call.object_type, object_type(call.path["to"])
        for given in call.inputs(MAX_WRITE_INPUTS):
            for end in given["to"]:
                self.account.dissociate(one, str(given["from"]["id"]), other, str(end["id"]))
        return NO_CONTENT, None

    def batch_take_labels(self, call: Call) -> Answer:
        """POST /crm/v4/associations/{from}/{to}/batch/labels/archive."""
        one, other = call.object_type, object_type(call.path["to"])
        for given in call.inputs(MAX_WRITE_INPUTS):
            for label in self._meant(one, other, given.get("types") or ()):
                self.account.take_label(one, str(given["from"]["id"]), other, str(given["to"]["id"]), label)
        return NO_CONTENT, None

    def _associate(self, one: str, from_id: str, other: str, to_id: str, types: Iterable[Mapping[str, Any]]) -> Json:
        labels = self._meant(one, other, types)
        for label in labels or [""]:
            self.account.associate(one, from_id, other, to_id, label=label or None)
        return {
            "fromObjectTypeId": TYPE_IDS[one], "fromObjectId": from_id,
            "toObjectTypeId": TYPE_IDS[other], "toObjectId": to_id, "labels": [label for label in labels if label],
        }  # fmt: skip

    def _meant(self, one: str, other: str, types: Iterable[Mapping[str, Any]]) -> list[str]:
        """The labels that type numbers stand for; HubSpotError (400) for numbers that stand for none."""
        known = {
            association_type(one, other, label): label
            for label in ("", PRIMARY, *self.account.labels.get((one, other), ()))
        }
        numbers = [int(each["associationTypeId"]) for each in types]
        unknown = [number for number in numbers if number not in known]
        if unknown:
            raise wrong(f"{unknown} are not association types from {SINGULAR[one]} to {SINGULAR[other]}")
        return [known[number] for number in numbers]


def _page(links: Links, after: str, limit: int) -> tuple[Links, str | None]:
    """A page of associations, and where the next one begins; HubSpotError (400) for an `after` that is none."""
    start = bisect_right([int(to_id) for to_id, _ in links], _place(after)) if after else 0
    page = links[start : start + limit]
    return page, _token(page[-1][0]) if start + limit < len(links) else None


def _token(to_id: str) -> str:
    return b64encode(f"0-2-{to_id}".encode()).decode()


def _place(after: str) -> int:
    try:
        return int(b64decode(after, validate=True).decode().rpartition("-")[2])
    except (NotBase64, ValueError):
        raise wrong(f"Invalid paging token {after}") from None


def _association(link: tuple[str, set[str]], one: str, other: str, call: Call) -> Json:
    """One association: every label with its type.

    In v4 alone the id of the other record is a number (hubspot-sdk has a text).
    """
    to_id, labels = link
    kinds = [_kind(one, other, label) for label in sorted(labels | {""})]
    return {"toObjectId": to_id if call.dated else int(to_id), "associationTypes": kinds}


def _kind(one: str, other: str, label: str) -> Json:
    category = "HUBSPOT_DEFINED" if label in ("", PRIMARY) else "USER_DEFINED"
    return {"category": category, "typeId": association_type(one, other, label), "label": label or None}


def _default(one: str, other: str, from_id: str, to_id: str) -> list[Json]:
    """The unlabelled association, told both ways."""
    return [
        {
            "from": {"id": here}, "to": {"id": there},
            "associationSpec": {"associationCategory": "HUBSPOT_DEFINED",
                                "associationTypeId": association_type(*kinds, "")},
        }
        for here, there, kinds in ((from_id, to_id, (one, other)), (to_id, from_id, (other, one)))
    ]  # fmt: skip


def _none_found(one: str, other: str, from_id: str) -> Json:
    error = answers.batch_error(
        "OBJECT_NOT_FOUND",
        f"No {SINGULAR[other]} is associated with {SINGULAR[one]} {from_id}.",
        {"fromObjectId": [from_id], "fromObjectType": [SINGULAR[one]], "toObjectType": [SINGULAR[other]]},
    )
    return error | {"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}
